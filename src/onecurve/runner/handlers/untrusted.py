"""Untrusted jobs: look, read, answer. They run other people's code, and are given a subject's folder and never the place of a truth."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, final

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Rebuilt, Weights, checked, normalised
from onecurve.core.case import Subject
from onecurve.core.errors import ContractError
from onecurve.core.evidence import Evidence
from onecurve.core.evidence_limits import require_within_limits
from onecurve.core.question import Question, Weigh
from onecurve.core.row import Role
from onecurve.core.seeds import seed_for
from onecurve.core.spec import spec_of
from onecurve.core.workbench import Workbench
from onecurve.models.granting import metered_workbench
from onecurve.models.network import TorchNetwork, torch_module
from onecurve.models.storage import load_subject, save_network
from onecurve.readers.catalog import READERS
from onecurve.runner.solver_catalog import SOLVERS
from onecurve.store.blobs import Blobs
from onecurve.tools.catalog import TOOLS


@final
@dataclass(frozen=True)
class SubjectPlace:
    """Where a job finds its subject and keeps what it makes, and on which device it runs."""

    subject: str
    """The subject's folder."""
    blobs: str
    device: str = "cpu"
    reference: str = ""
    """The folder of a clean network of the same set and architecture; empty where none is granted."""

    def workbench(self, budget: float, seed: int, *, network: bool = True) -> Workbench:
        """A fresh copy of the network, and of the clean one, with a fresh meter: what one cell changes, no other sees."""
        subject = _subject(self.subject, self.device)
        if not network:
            return metered_workbench(subject.without_network(), budget, seed, self.device)
        if self.reference:
            clean = _subject(self.reference, self.device).network
            subject = replace(subject, reference=clean, access=subject.access | Access.REFERENCE_NETWORK)
        return metered_workbench(subject, budget, seed, self.device)


def warm(do: str, arguments: Mapping[str, Any]) -> None:
    """Have ready what a job will need that is our own, in the process from which each cell is forked: no tool's code runs here."""
    if "place" in arguments:
        here = SubjectPlace(**arguments["place"])
        if here.device == "cpu":  # a graphics card that is in use does not survive a fork
            for folder in filter(None, (here.subject, here.reference)):
                _subject(folder, here.device)
    for who, known in (("tool", TOOLS), ("reader", READERS), ("solver", SOLVERS)):
        name = str(arguments.get(who, arguments.get("address", ""))).partition("[")[0]
        if name in known.names() and name in known.entries:
            known.load(name)


@lru_cache(maxsize=4)
def _subject(folder: str, device: str) -> Subject:
    """The subject as it was planted; its images are made read-only, so that a tool that changes them by mistake is told."""
    subject = load_subject(Path(folder), device=device)
    if subject.clean is not None:
        subject.clean.images.flags.writeable = False
        subject.clean.labels.flags.writeable = False
    return subject


STATED = {"tool": ("needs", "shows"), "reader": ("needs", "reads", "answers"), "solver": ("needs", "answers")}
"""Class facts that planning must know, by role."""


def describe(address: str) -> dict[str, Any]:
    """The facts of a tool, reader or solver that planning and reporting need."""
    kind, thing = find(address)
    facts, spec = type(thing), spec_of(thing)
    for fact in STATED[kind]:
        if not hasattr(facts, fact):
            raise ContractError(f"`{address}` does not state `{fact}` at class level", "`onecurve check` says what else it lacks")
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
    }


def find(address: str) -> tuple[str, Any]:
    """The kind (`tool`, `reader`, `solver`) and the thing of an address, by name or `path.py:Class`.

    Raises ``UnknownNameError`` for no such name, ``ContractError`` for a class that plays no role.
    """
    name = address.partition("[")[0]
    if name in SOLVERS.names():
        return "solver", SOLVERS.make(address)
    if name in READERS.names():
        return "reader", READERS.make(address)
    thing = TOOLS.make(address)
    for kind, verb in (("tool", "look"), ("reader", "read"), ("solver", "answer")):
        if callable(getattr(thing, verb, None)):
            return kind, thing
    raise ContractError(f"`{address}` has none of `look`, `read`, `answer`", "see the README's example of a tool")


def look(place: Mapping[str, str], tool: str, brief: str, budget: float, seed: int) -> dict[str, Any]:
    """Let a tool look; returns the key of its evidence and what it spent."""
    here = SubjectPlace(**place)
    blobs = Blobs(Path(here.blobs))
    workbench = here.workbench(budget, seed)
    _, thing = find(tool)
    told = blobs.get(brief)
    evidence = thing.look(told, workbench)
    if not isinstance(evidence, Evidence):
        raise ContractError(f"`look` must return Evidence, got: {type(evidence).__name__}")
    require_within_limits(evidence, workbench.subject, told)
    return {"evidence": blobs.put(evidence), **_spent(workbench)}


def read(
    place: Mapping[str, str], reader: str, question: str, evidence: str, references: list[str], budget: float, seed: int
) -> dict[str, Any]:
    """Let a reader answer from evidence; for a Weigh question it is given no network."""
    here = SubjectPlace(**place)
    blobs = Blobs(Path(here.blobs))
    asked = blobs.get(question)
    workbench = here.workbench(budget, seed, network=not isinstance(asked, Weigh))
    seen = tuple(blobs.get(key) for key in references)
    _, thing = find(reader)
    return _answered(here, asked, workbench, lambda: thing.read(asked, blobs.get(evidence), replace(workbench, references=seen)))


def answer(place: Mapping[str, str], solver: str, question: str, budget: float, seed: int) -> dict[str, Any]:
    """Let a solver answer directly."""
    here = SubjectPlace(**place)
    asked = Blobs(Path(here.blobs)).get(question)
    workbench = here.workbench(budget, seed)
    _, thing = find(solver)
    return _answered(here, asked, workbench, lambda: thing.answer(asked, workbench))


def read_lineups(reader: str, subject: str, folder: str, seed: int, trials: list[list[Any]]) -> dict[str, Any]:
    """Let a reader read lineups, each given as number, question key and evidence key; the shares of the options, None for an abstention."""
    kept = Blobs(Path(folder))
    shown = _subject(subject, "cpu").without_network()
    _, thing = find(reader)
    return {"shares": [_shares(thing, kept, shown, seed_for(seed, number), (question, evidence)) for number, question, evidence in trials]}


def _shares(reader: Any, kept: Blobs, subject: Subject, seed: int, keys: tuple[str, str]) -> list[float] | None:
    question, evidence = (kept.get(key) for key in keys)
    answer = checked(question, reader.read(question, evidence, metered_workbench(subject, 0.0, seed)))
    return [float(share) for share in normalised(answer)[0]] if isinstance(answer, Weights) else None


def _answered(place: SubjectPlace, question: Question, workbench: Workbench, act: Callable[[], object]) -> dict[str, Any]:
    given = checked(question, act())
    spent = _spent(workbench)
    blobs = Blobs(Path(place.blobs))
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
    file = Path(mkdtemp(dir=blobs.folder)) / "network.safetensors"
    try:
        save_network(file, given.network, torch_module(subject))
        return blobs.adopt(file)
    finally:
        file.unlink(missing_ok=True)
        file.parent.rmdir()


def _spent(workbench: Workbench) -> dict[str, float]:
    spent = workbench.cost()
    return {"forward": spent.forward, "backward": spent.backward, "seconds": spent.seconds}


HANDLERS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "describe": describe,
    "look": look,
    "read": read,
    "answer": answer,
    "read_lineups": read_lineups,
}
