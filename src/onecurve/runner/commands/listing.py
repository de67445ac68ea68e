"""What there is, for `onecurve list`: the facts that each entry of a catalog states."""

from collections import Counter
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from onecurve.core.access import Access
from onecurve.core.evidence import Pieces
from onecurve.core.registry import Registry
from onecurve.core.roles import Task, serves
from onecurve.data.catalog import DATA
from onecurve.flaws.catalog import FLAWS
from onecurve.flaws.zoo.manifest import manifest, zoo_names
from onecurve.models.catalog import MODELS
from onecurve.readers.catalog import READERS
from onecurve.repairs.catalog import SOLVERS
from onecurve.runner.commands.examples import kind_facts
from onecurve.runner.suite import load_suite, suite_names
from onecurve.tasks.catalog import TASKS
from onecurve.tools.catalog import TOOLS

REGISTRIES: dict[str, Registry[Any]] = {
    "flaws": FLAWS,
    "tools": TOOLS,
    "solvers": SOLVERS,
    "readers": READERS,
    "tasks": TASKS,
    "data": DATA,
    "models": MODELS,
}


def entries(kind: str) -> list[dict[str, Any]]:
    """One object per entry of that kind (`flaws`, `tools`, … `suites`, `zoos`), sorted by name; of flaws the `kind_facts` too."""
    if kind == "suites":
        return [_suite(name) for name in suite_names()]
    if kind == "zoos":
        return [_zoo(name) for name in zoo_names()]
    registry = REGISTRIES[kind]
    found = [_entry(name, registry.load(name)) for name in registry.names()]
    return [{**entry, **kind_facts(entry["name"])} for entry in found] if kind == "flaws" else found


def _entry(name: str, kind: type) -> dict[str, Any]:
    parameters = fields(kind) if is_dataclass(kind) else ()
    return {
        "name": name,
        "version": getattr(kind, "version", 1),
        "summary": getattr(kind, "summary", ""),
        "source": getattr(kind, "source", ""),
        "needs": list(getattr(kind, "needs", Access.NONE).words()),
        "tasks": list(_tasks_of(kind)),
        "shows": _names(getattr(kind, "shows", ())),
        "reads": _names(getattr(kind, "reads", ())),
        "answers": [str(form) for form in getattr(kind, "answers", ())],
        "role": str(getattr(kind, "role", "")),
        "parameters": {field.name: repr(field.default) for field in parameters if field.default is not MISSING},
    }


def _names(pieces: Pieces) -> list[str]:
    return [piece.__name__ for piece in pieces]


def _tasks_of(kind: type) -> tuple[str, ...]:
    """The tasks, with their default parameters, that an entry can serve through their usual readers or answer by itself."""
    return tuple(task_name for task_name in TASKS.names_in_order() if _serves(kind, TASKS.make(task_name)))


def _serves(kind: type, task: Task) -> bool:
    answers, shows = getattr(kind, "answers", None), getattr(kind, "shows", None)
    if answers is not None:
        return task.form in answers
    if shows is None or not task.usual_reader:
        return False
    return serves(kind.needs, shows, READERS.load(task.usual_reader).reads, task.tells)  # type: ignore[attr-defined]


def _suite(name: str) -> dict[str, Any]:
    suite = load_suite(name)
    parameters = {"networks": suite.count, "solvers": len(suite.solvers), "data and models": ", ".join(suite.addresses)}
    return {**_plain(name, suite.summary), "tasks": list(suite.tasks), "parameters": parameters}


def _zoo(name: str) -> dict[str, Any]:
    shelf = manifest(name)
    counts = Counter(one.kind for one in shelf.examined)
    kinds = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    summary = f"{len(shelf.examined)} planted networks that come with OneCurve ({kinds}) and {len(shelf.references)} references"
    parameters = {"data and models": f"{shelf.recipe['data']}, {shelf.recipe['model']}", **counts}
    return {**_plain(name, summary), "parameters": parameters}


def _plain(name: str, summary: str) -> dict[str, Any]:
    """The fields of an entry that is no class."""
    empty: dict[str, Any] = {field: [] for field in ("needs", "tasks", "shows", "reads", "answers")}
    return {"name": name, "version": 1, "summary": summary, "source": "", **empty, "role": "", "parameters": {}}
