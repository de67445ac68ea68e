"""Who enters: from the addresses of a suite to solvers, with the facts that planning needs."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from onecurve.core.errors import SpecError, UsageError
from onecurve.core.registry import parse_address
from onecurve.runner.engine.jobs import Room
from onecurve.runner.plan import FED, USUAL_READERS, Entrant, Facts
from onecurve.runner.session import Session
from onecurve.version import __version__

MAPPED = "localise"
"""The task whose evidence is maps of suspects."""


def entrants(session: Session) -> tuple[Entrant, ...]:
    """All solvers and controls of the suite; raises ``UsageError`` for one that cannot be built."""
    suite = session.suite
    session.display.phase("open the solvers", 0)
    found: dict[str, Entrant] = {}
    for address in (*suite.solvers, *suite.controls):
        for entrant in _of(session, address, suite.task_names):
            if entrant.name in found and found[entrant.name].key != entrant.key:
                raise SpecError(f"two different solvers are called: {entrant.name}", "give one of the classes another `name`")
            found[entrant.name] = entrant
    return tuple(found.values())


def _of(session: Session, address: str, tasks: Sequence[str]) -> list[Entrant]:
    tool, at, reader = address.partition("@")
    if tool in FED:
        if not at:
            raise SpecError(f"a control needs a reader: {address}", f"write {address}@unlearn, {address}@matcher, …")
        return [Entrant(None, _facts(session, reader, "reader"), tool)]
    looks = _shown_suspects(_facts(session, tool, ""), session.suite.tasks)
    if looks.kind == "solver":
        if at:
            raise SpecError(f"`{tool}` answers by itself and takes no reader: {address}")
        return [Entrant(looks, None)]
    if looks.kind == "reader":
        raise SpecError(f"`{tool}` is a reader and cannot enter alone", f"write a tool before it: cppn@{tool}")
    if at:
        return [Entrant(looks, _facts(session, reader, "reader"))]
    readers = dict.fromkeys(USUAL_READERS[task] for task in tasks if task in looks.tasks and task in USUAL_READERS)
    if not readers:
        raise SpecError(
            f"`{looks.name}` serves none of the tasks of this suite: {', '.join(tasks)}", f"it serves: {', '.join(looks.tasks)}"
        )
    return [Entrant(looks, _facts(session, name, "reader")) for name in readers]


def _shown_suspects(looks: Facts, addresses: Sequence[str]) -> Facts:
    """Who makes maps of suspects serves every task that shows some: `discover[suspects=16]`."""
    if MAPPED not in looks.tasks:
        return looks
    shown = [name for name, settings in map(parse_address, addresses) if settings.get("suspects") and name not in looks.tasks]
    return replace(looks, tasks=(*looks.tasks, *shown))


def _facts(session: Session, address: str, kind: str) -> Facts:
    key = f"facts:{address}:{_digest(address)}"
    found = session.store.prepared().get(key)
    if found is None:
        found = session.ask(Room.OPEN, "describe", f"`{address}`", {"address": address})
        session.store.prepare(key, found)
    facts = Facts(**{**found, "tasks": tuple(found["tasks"])})
    if kind and facts.kind != kind:
        raise UsageError(f"`{address}` is a {facts.kind}, wanted: a {kind}")
    return facts


def _digest(address: str) -> str:
    """Changes when the code behind an address may have."""
    path = Path(address.rpartition(":")[0].partition("[")[0])
    if path.suffix == ".py" and path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return __version__
