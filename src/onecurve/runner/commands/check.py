"""The contract checker: what we ask of every tool, reader, solver and task, ours and others', on toy cases, in seconds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from onecurve.core.access import Access
from onecurve.core.errors import ContractError
from onecurve.core.evidence import PIECES
from onecurve.core.question import Form
from onecurve.core.roles import Task, require_rebuilding
from onecurve.core.spec import spec_of
from onecurve.runner.commands.checks.findings import Check, Finding, tried
from onecurve.runner.commands.checks.solvers import pair_checks, reader_checks, solver_checks, tool_checks
from onecurve.runner.commands.checks.tasks import task_checks
from onecurve.runner.handlers.untrusted import find, roles_of
from onecurve.tasks.catalog import TASKS

NAMED: Mapping[str, type] = {"name": str, "version": int, "summary": str, "source": str}
FACTS: Mapping[str, Mapping[str, type]] = {
    "tool": {**NAMED, "needs": Access, "shows": tuple},
    "reader": {**NAMED, "needs": Access, "reads": tuple, "answers": tuple},
    "solver": {**NAMED, "needs": Access, "answers": tuple},
    "task": {**NAMED, "form": Form, "blind": bool, "usual_reader": str, "referred": bool, "question": str, "measured": str},
}
"""What each role states at class level."""


def check_address(address: str, tasks: Sequence[str] = ()) -> tuple[Finding, ...]:
    """All findings for a name or `path.py:Class`; ``tasks`` are addresses of further tasks to try it on.

    A class with `look` and `read` is tried as a tool, as a reader, and as the two together.

    Raises ``UsageError`` if something cannot be found or built.
    """
    kinds, thing = _found(address)
    extra = tuple(TASKS.make(task) for task in tasks)
    findings = tuple(dict.fromkeys(finding for kind in kinds for finding in check_thing(kind, thing, extra)))
    if len(kinds) == 1 or not all(finding.passed for finding in findings):
        return findings
    return (*findings, *tried(pair_checks(thing, extra)))


def check_thing(kind: str, thing: Any, tasks: Sequence[Task] = ()) -> tuple[Finding, ...]:
    """All findings for a `tool`, `reader`, `solver` or `task`."""
    facts = tried(_fact_checks(kind, thing))
    if not all(finding.passed for finding in facts):
        return facts
    return (*facts, *tried(_checks(kind, thing, tasks)))


def _found(address: str) -> tuple[tuple[str, ...], Any]:
    if address.partition("[")[0] in TASKS.names():
        return ("task",), TASKS.make(address)
    if ".py:" in address:
        thing = TASKS.make(address)
        if callable(getattr(thing, "pose", None)):
            return ("task",), thing
    kind, thing = find(address)
    return ("tool", "reader") if kind == "tool" and "reader" in roles_of(thing) else (kind,), thing


def _checks(kind: str, thing: Any, tasks: Sequence[Task]) -> Iterable[Check]:
    if kind == "task":
        return task_checks(thing)
    return {"tool": tool_checks, "reader": reader_checks, "solver": solver_checks}[kind](thing, tasks)


def _fact_checks(kind: str, thing: Any) -> Iterator[Check]:
    for name, wanted in FACTS[kind].items():
        yield f"states `{name}`", partial(_states, thing, name, wanted)
    if kind == "solver":
        yield "answers Rebuild questions only", partial(_rebuilds_only, thing)
    yield "can be named, stored and built again", partial(_rebuilds, thing)


def _states(thing: Any, name: str, wanted: type) -> str:
    value = getattr(type(thing), name, None)
    if not isinstance(value, wanted):
        return f"wanted {wanted.__name__} at class level, got: {value!r}"
    if name in ("shows", "reads") and isinstance(value, tuple):
        return _pieces(value)
    if name == "answers" and isinstance(value, tuple):
        strangers = [str(form) for form in value if not isinstance(form, Form)]
        return f"no form of question: {', '.join(strangers)}" if strangers else "" if value else "no form of question"
    return ""


def _pieces(value: tuple[object, ...]) -> str:
    strangers = [str(piece) for piece in value if piece not in PIECES]
    return f"no type of piece: {', '.join(strangers)}" if strangers else "" if value else "no type of piece"


def _rebuilds_only(thing: Any) -> str:
    try:
        require_rebuilding(type(thing).name, type(thing).answers)
    except ContractError as error:
        return f"{error.message}; {error.hint}"
    return ""


def _rebuilds(thing: Any) -> str:
    again = replace(thing)
    return "" if spec_of(again).key == spec_of(thing).key and again == thing else "a copy with the same parameters differs"
