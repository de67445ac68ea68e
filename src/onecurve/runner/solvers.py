"""Who enters: from the addresses of a suite to solvers, with the facts that planning needs."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from onecurve.core.errors import SpecError, UsageError
from onecurve.core.roles import Task
from onecurve.readers.catalog import READERS
from onecurve.repairs.catalog import SOLVERS
from onecurve.runner.engine.jobs import Trust
from onecurve.runner.plan import FED, Facts, PlannedSolver
from onecurve.runner.session import Session
from onecurve.runner.suite import Suite
from onecurve.tasks.catalog import TASKS
from onecurve.tools.catalog import TOOLS
from onecurve.version import __version__

RESERVED = ("floor", "ceiling", *FED)
"""Rows under these names are the grading side's."""


FactsOf = Callable[[str, str], Facts]
"""The facts of an address of the kind that is wanted, or of any kind for an empty one."""


def planned_solvers(session: Session) -> tuple[PlannedSolver, ...]:
    """All solvers and controls of the suite; raises ``UsageError`` for one that cannot be built."""
    session.display.phase("open the solvers", 0)
    return solvers_of(session.suite, lambda address, kind: _facts(session, address, kind))


def solvers_of(suite: Suite, facts: FactsOf) -> tuple[PlannedSolver, ...]:
    """All solvers and controls of a suite, whoever describes them."""
    tasks = tuple(TASKS.make(task) for task in suite.tasks)
    found: dict[str, PlannedSolver] = {}
    for address in (*suite.solvers, *suite.controls):
        for solver in _of(facts, address, tasks):
            if solver.name in found and _identity(found[solver.name]) != _identity(solver):
                raise SpecError(f"two different solvers are called: {solver.name}", "give one of the classes another `name`")
            found[solver.name] = solver
    return tuple(found.values())


def _identity(solver: PlannedSolver) -> tuple[str, ...]:
    """Its key and the names of its classes: two classes of one file may share all that goes into a key."""
    halves = [half.address.partition("[")[0] for half in (solver.looks, solver.reads) if half is not None]
    return (solver.key, *(address.rpartition(":")[2] for address in halves))


def _of(facts: FactsOf, address: str, tasks: Sequence[Task]) -> list[PlannedSolver]:
    tool, at, reader = address.partition("@")
    if tool in FED:
        if not at:
            raise SpecError(f"a control needs a reader: {address}", f"write {address}@unlearn, {address}@matcher, …")
        return [PlannedSolver(None, facts(reader, "reader"), tool)]
    looks = facts(tool, "")
    if looks.kind == "solver":
        if at:
            raise SpecError(f"`{tool}` hands back a network by itself and takes no reader: {address}")
        return [PlannedSolver(looks, None)]
    if looks.kind == "reader":
        raise SpecError(f"`{tool}` is a reader and cannot enter alone", f"write a tool before it: cppn@{tool}")
    if at:
        return [PlannedSolver(looks, facts(reader, "reader"))]
    if looks.reads_itself:
        return [PlannedSolver(looks, facts(tool, "reader"))]
    pairs = {task.usual_reader: PlannedSolver(looks, facts(task.usual_reader, "reader")) for task in tasks if task.usual_reader}
    serving = [pair for pair in pairs.values() if any(pair.serves(task) and pair.is_told_enough(task) for task in tasks)]
    if not serving:
        raise SpecError(
            f"no usual reader of this suite's tasks can use what `{looks.name}` shows: {', '.join(looks.shows)}",
            f"name a reader: {looks.name}@READER; `onecurve list readers` says what each one reads",
        )
    return serving


def _facts(session: Session, address: str, kind: str) -> Facts:
    key = f"facts:{address}:{kind}:{_digest(address)}"
    found = session.store.prepared().get(key)
    if found is None:
        found = session.ask(Trust.UNTRUSTED, "describe", f"`{address}`", {"address": address, "wanted": kind})
        session.store.prepare(key, found)
    return checked_facts(address, kind, found)


def checked_facts(address: str, kind: str, found: Mapping[str, Any]) -> Facts:
    """The facts that a description holds; raises ``UsageError`` for a name that is taken or another kind than is wanted.

    Whose it is follows from the address and not from the description, in whose making the person's own code has a part.
    """
    if ".py:" in address and found["name"] in {*RESERVED, *TOOLS.names(), *READERS.names(), *SOLVERS.names()}:
        raise SpecError(f"`{address}` is called `{found['name']}`, which OneCurve's own entries are", "give the class another `name`")
    ours = address.partition("[")[0] in {**TOOLS.entries, **READERS.entries, **SOLVERS.entries}
    facts = Facts(**{**found, **{name: tuple(found[name]) for name in ("shows", "reads", "answers")}, "ours": ours})
    if kind and facts.kind != kind:
        raise UsageError(f"`{address}` is a {facts.kind}, wanted: a {kind}")
    return facts


def _digest(address: str) -> str:
    """Changes when the code behind an address may have."""
    path = Path(address.rpartition(":")[0].partition("[")[0])
    if path.suffix == ".py" and path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return __version__
