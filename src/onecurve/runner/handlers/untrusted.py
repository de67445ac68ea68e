"""Untrusted jobs: look, read, answer. They run other people's code, and are given a subject's folder and never the place of a truth."""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, final

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Rebuilt, Weights, checked, normalised
from onecurve.core.case import Subject
from onecurve.core.errors import ContractError, DataError
from onecurve.core.evidence import Evidence
from onecurve.core.evidence_limits import most_stored_bytes, require_within_limits
from onecurve.core.question import Brief, Question, Weigh
from onecurve.core.registry import Registry
from onecurve.core.roles import require_rebuilding
from onecurve.core.row import Role
from onecurve.core.seeds import seed_for
from onecurve.core.spec import spec_of
from onecurve.core.workbench import Workbench
from onecurve.models.granting import metered_workbench
from onecurve.models.network import TorchNetwork, torch_module
from onecurve.models.storage import LARGEST, load_subject, save_network
from onecurve.readers.catalog import READERS
from onecurve.repairs.catalog import SOLVERS
from onecurve.runner.isolation.reach import Reach, open_but
from onecurve.store.blobs import Blobs, is_key
from onecurve.tools.catalog import TOOLS


@final
@dataclass(frozen=True)
class SubjectPlace:
    """Where a job finds its subject and keeps what it makes, and on which device it runs."""

    subject: str
    """The subject's folder."""
    blobs: str
    """Where what it is handed is kept."""
    device: str = "cpu"
    reference: str = ""
    """The folder of a clean network of the same set and architecture; empty where none is granted."""
    made: str = ""
    """Where what it makes goes, from where it is taken over; empty for where the rest is kept."""
    network: bool = True
    """False for who answers a Weigh question: its process may not even read the network's file."""

    def output(self) -> Blobs:
        """Where what the job makes goes."""
        return Blobs(Path(self.made or self.blobs))

    def workbench(self, budget: float, seed: int, *, network: bool = True) -> Workbench:
        """A fresh copy of the network, and of the clean one, with a fresh meter: what one cell changes, no other sees."""
        if not (network and self.network):
            return metered_workbench(_without_network(self.subject), budget, seed, self.device)
        subject = _subject(self.subject)
        if self.reference:
            clean = _subject(self.reference).network
            subject = replace(subject, reference=clean, access=subject.access | Access.REFERENCE_NETWORK)
        # Other subjects, which earlier cells were asked about, came along when this process was forked.
        _subject.cache_clear()
        return metered_workbench(subject, budget, seed, self.device)


def warm(do: str, arguments: Mapping[str, Any]) -> None:
    """Have ready what a job will need that is our own, in the process from which each cell is forked: no tool's code runs here."""
    if "place" in arguments:
        here = SubjectPlace(**arguments["place"])
        for folder in filter(None, (here.subject, here.reference)):
            _subject(folder)
    if "subject" in arguments:
        # The cell reads lineups and is not handed the folder, in which the network lies.
        _subject(arguments["subject"])
    for who, known in (("tool", TOOLS), ("reader", READERS), ("solver", SOLVERS)):
        name = str(arguments.get(who, arguments.get("address", ""))).partition("[")[0]
        if name in known.names() and name in known.entries:
            known.load(name)


def reach(arguments: Mapping[str, Any], hidden: Sequence[Path]) -> Reach:
    """What the process of a job is handed to read: its subject, the records it is told of, and the folder of its author's own file.

    Where no network is granted, the subject's folder is not handed over either: what may be seen of it was loaded before.
    """
    handed = [Path(arguments["folder"])] if "folder" in arguments else []
    if "place" in arguments:
        here = SubjectPlace(**arguments["place"])
        handed += [Path(folder) for folder in (here.subject, here.reference) if folder and here.network]
        named = [arguments[name] for name in RECORDS if name in arguments]
        for folder in filter(None, (here.blobs, arguments.get("evidence_in"))):
            handed += [Blobs(Path(folder)).path(key) for key in (*named, *arguments.get("references", ()))]
    addresses = (str(arguments.get(name, "")).partition("[")[0].rpartition(":")[0] for name in (*STATED, "address"))
    files = [Path(file).resolve() for file in addresses if file.endswith(".py")]
    return Reach(tuple(handed)).plus(open_but([file.parent for file in files], hidden, dots=False))


def with_output(arguments: Mapping[str, Any], made: Path) -> dict[str, Any]:
    """The arguments of a job whose process writes there."""
    place = arguments.get("place")
    return {**arguments, "place": {**place, "made": str(made)}} if place else dict(arguments)


def take_over(arguments: Mapping[str, Any], value: Mapping[str, Any], made: Path) -> None:
    """Keep what a process left in its folder and its reply names.

    What the process itself said of it counts for nothing: raises ``DataError`` for what is not there, too large, or not what it is
    called, ``AnswerError`` for evidence beyond its limits.
    """
    if "place" not in arguments:
        return
    kept, left = Blobs(Path(arguments["place"]["blobs"])), Blobs(made)
    for name in MADE_HERE:
        key = value.get(name)
        if isinstance(key, str) and is_key(key):
            _take(name, key, arguments, kept, left)


def _take(name: str, key: str, arguments: Mapping[str, Any], kept: Blobs, left: Blobs) -> None:
    if name == "network":
        kept.take(key, left, LARGEST)
    elif name == "answer":
        kept.take(key, left, LARGEST_ANSWER, lambda given: _require_kind(given, Weights | Abstain))
    else:
        subject, told = _subject(arguments["place"]["subject"]), kept.get(arguments["brief"])
        kept.take(key, left, most_stored_bytes(subject, told), lambda shown: _require_evidence(shown, subject, told))


def _require_evidence(shown: object, subject: Subject, told: Brief) -> None:
    _require_kind(shown, Evidence)
    assert isinstance(shown, Evidence)
    require_within_limits(shown, subject, told)


def _require_kind(record: object, kind: Any) -> None:
    if not isinstance(record, kind):
        raise DataError(f"what was handed over is no such record: {type(record).__name__}")


@lru_cache(maxsize=4)
def _subject(folder: str) -> Subject:
    """The subject as it was planted; its images are made read-only, so that a tool that changes them by mistake is told.

    Its network is in main memory: each cell moves its own copy to the device, as a graphics card in use does not survive a fork.
    """
    subject = load_subject(Path(folder))
    if subject.clean is not None:
        subject.clean.images.flags.writeable = False
        subject.clean.labels.flags.writeable = False
    return subject


RECORDS = ("brief", "question", "evidence")
"""Arguments that are keys of records."""
LARGEST_ANSWER = 16 << 20
"""Bytes of a stored answer that is no network, at most."""
MADE_HERE = ("evidence", "answer", "network")
"""Names in a reply that are keys of what was made."""


def _without_network(folder: str) -> Subject:
    """The subject, with no network left in the process: what was loaded for other cells goes, so that no reader finds it in memory."""
    subject = _subject(folder).without_network()
    _subject.cache_clear()
    gc.collect()
    return subject


VERBS = {"tool": "look", "reader": "read", "solver": "answer"}
"""What each role does. A class with `look` and `read` is a tool and a reader."""
STATED = {"tool": ("needs", "shows"), "reader": ("needs", "reads", "answers"), "solver": ("needs", "answers")}
"""Class facts that planning must know, by role."""


def describe(address: str, wanted: str = "") -> dict[str, Any]:
    """The facts of a tool, reader or solver that planning and reporting need.

    Raises ``ContractError`` for facts that are not stated and for a solver that would answer a Weigh question.
    """
    kind, thing = find(address, wanted)
    facts, spec = type(thing), spec_of(thing)
    for fact in STATED[kind]:
        if not hasattr(facts, fact):
            raise ContractError(f"`{address}` does not state `{fact}` at class level", "`onecurve check` says what else it lacks")
    if kind == "solver":
        require_rebuilding(spec.name, facts.answers)
    return {
        "kind": kind,
        "name": spec.name,
        "version": spec.version,
        "key": spec.key,
        "address": address,
        "parameters": {name: str(value) for name, value in spec.parameters.items()},
        "summary": getattr(facts, "summary", ""),
        "source": getattr(facts, "source", ""),
        "needs": facts.needs.value,
        "shows": [piece.__name__ for piece in getattr(facts, "shows", ())],
        "reads": [piece.__name__ for piece in getattr(facts, "reads", ())],
        "answers": [str(form) for form in getattr(facts, "answers", ())],
        "role": str(getattr(facts, "role", Role.METHOD)),
        "budgeted": bool(getattr(facts, "budgeted", True)),
        "reads_itself": kind == "tool" and "reader" in roles_of(thing),
    }


def find(address: str, wanted: str = "") -> tuple[str, Any]:
    """The kind (`tool`, `reader`, `solver`) and the thing of an address, by name or `path.py:Class`.

    A class with `look` and `read` is a tool, and a reader where one is ``wanted``. Raises ``UnknownNameError`` for no such name,
    ``ContractError`` for a class that plays no role.
    """
    name = address.partition("[")[0]
    named: dict[str, Registry[Any]] = {"solver": SOLVERS, "tool": TOOLS, "reader": READERS}
    order = sorted(named, key=lambda kind: kind != wanted)
    thing = next((named[kind] for kind in order if name in named[kind].names()), TOOLS).make(address)
    roles = roles_of(thing)
    if not roles:
        raise ContractError(f"`{address}` has none of `look`, `read`, `answer`", "see the README's example of a tool")
    return wanted if wanted in roles else roles[0], thing


def roles_of(thing: object) -> tuple[str, ...]:
    """The roles that an object can play, by the verbs that it has."""
    return tuple(kind for kind, verb in VERBS.items() if callable(getattr(thing, verb, None)))


def look(place: Mapping[str, Any], tool: str, brief: str, budget: float, seed: int) -> dict[str, Any]:
    """Let a tool look; returns the key of its evidence and what it spent."""
    here = SubjectPlace(**place)
    blobs = Blobs(Path(here.blobs))
    workbench = here.workbench(budget, seed)
    _, thing = find(tool, "tool")
    told = blobs.get(brief)
    evidence = thing.look(told, workbench)
    if not isinstance(evidence, Evidence):
        raise ContractError(f"`look` must return Evidence, got: {type(evidence).__name__}")
    require_within_limits(evidence, workbench.subject, told)
    return {"evidence": here.output().put(evidence), **_spent(workbench)}


def read(
    place: Mapping[str, Any],
    reader: str,
    question: str,
    evidence: str,
    references: list[str],
    budget: float,
    seed: int,
    evidence_in: str = "",
) -> dict[str, Any]:
    """Let a reader answer from evidence; for a Weigh question it is given no network, whatever its place says.

    Evidence made from the ground truth lies in another folder than the rest: ``evidence_in``.
    """
    here = SubjectPlace(**place)
    blobs = Blobs(Path(here.blobs))
    asked = blobs.get(question)
    workbench = here.workbench(budget, seed, network=not isinstance(asked, Weigh))
    seen = tuple(blobs.get(key) for key in references)
    shown = Blobs(Path(evidence_in or here.blobs)).get(evidence)
    _, thing = find(reader, "reader")
    return _answered(here, asked, workbench, lambda: thing.read(asked, shown, replace(workbench, references=seen)))


def answer(place: Mapping[str, Any], solver: str, question: str, budget: float, seed: int) -> dict[str, Any]:
    """Let a solver hand back a network; raises ``ContractError`` for any other question, before the solver sees it."""
    here = SubjectPlace(**place)
    asked = Blobs(Path(here.blobs)).get(question)
    require_rebuilding(solver, (asked.form,))
    workbench = here.workbench(budget, seed)
    _, thing = find(solver, "solver")
    return _answered(here, asked, workbench, lambda: thing.answer(asked, workbench))


def read_lineups(reader: str, subject: str, folder: str, seed: int, trials: list[list[Any]]) -> dict[str, Any]:
    """Let a reader read lineups, each given as number, question key and evidence key; the shares of the options, None for an abstention."""
    kept = Blobs(Path(folder))
    shown = _without_network(subject)
    _, thing = find(reader, "reader")
    return {"shares": [_shares(thing, kept, shown, seed_for(seed, number), (question, evidence)) for number, question, evidence in trials]}


def _shares(reader: Any, kept: Blobs, subject: Subject, seed: int, keys: tuple[str, str]) -> list[float] | None:
    question, evidence = (kept.get(key) for key in keys)
    answer = checked(question, reader.read(question, evidence, metered_workbench(subject, 0.0, seed)))
    return [float(share) for share in normalised(answer)[0]] if isinstance(answer, Weights) else None


def _answered(place: SubjectPlace, question: Question, workbench: Workbench, act: Callable[[], object]) -> dict[str, Any]:
    given = checked(question, act())
    spent = _spent(workbench)
    blobs = place.output()
    if isinstance(given, Abstain):
        return {"abstained": given.reason, "answer": blobs.put(given), **spent}
    if isinstance(given, Rebuilt):
        return {"network": _kept(given, workbench.subject, blobs), "note": given.note, **spent}
    return {"answer": blobs.put(given), "note": given.note, **spent}


def _kept(given: Rebuilt, subject: Subject, blobs: Blobs) -> str:
    if not isinstance(given.network, TorchNetwork):
        raise ContractError(
            f"a solver must hand back a TorchNetwork, got: {type(given.network).__name__}", "wrap the module: TorchNetwork(module)"
        )
    blobs.folder.mkdir(parents=True, exist_ok=True)
    file = Path(mkdtemp(dir=blobs.folder)) / "network.safetensors"
    try:
        save_network(file, given.network, torch_module(subject))
        return blobs.adopt(file)
    finally:
        file.unlink(missing_ok=True)
        file.parent.rmdir()


def _spent(workbench: Workbench) -> dict[str, float | None]:
    spent = workbench.cost()
    return {"forward": spent.forward, "backward": spent.backward, "seconds": spent.seconds, "clean_images": spent.clean_images}


HANDLERS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "describe": describe,
    "look": look,
    "read": read,
    "answer": answer,
    "read_lineups": read_lineups,
}
