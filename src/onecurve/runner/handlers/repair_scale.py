"""Floor and ceiling of repairs, made beside the truth: noise that is unlearned at the same budget, and clean networks trained apart.

Stamping random patches with true labels repairs a part of every network, so what a finding adds begins above that. And no repair can
agree with the twin more than a clean network of another seed does, but for chance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Final, final

from onecurve.core.answer import Abstain, Rebuilt, checked
from onecurve.core.case import Case
from onecurve.core.grade import Measured, require_room
from onecurve.core.question import Question
from onecurve.core.roles import Task
from onecurve.core.seeds import seed_for
from onecurve.models.granting import metered_workbench
from onecurve.models.storage import load_subject
from onecurve.readers.catalog import READERS
from onecurve.tasks.machinery.controls import noise_evidence
from onecurve.tasks.machinery.reference_points import ReferencePoints, measured

DRAWS: Final = 3
"""Draws of noise that a floor is the mean of."""
NETWORKS: Final = 4
"""Clean networks that a ceiling is the mean of, at most."""
COUNT: Final = "independent_networks"
"""The figure of the ceiling that says how many there were; 0 where the twin stands in."""


@final
@dataclass(frozen=True)
class Trained:
    """What floors and ceilings of repairs are made of."""

    budgets: Sequence[float]
    """Forward-equivalents for retraining; a floor is made at each."""
    clean: Sequence[str]
    """Folders of other networks of the run that carry no flaw, of the same set and architecture."""
    device: str


@final
@dataclass(frozen=True)
class RepairScale:
    """The floor at each retrain budget, and one ceiling."""

    floors: Mapping[float, Measured]
    ceiling: Measured


def repair_scale(task: Task, case: Case, question: Question, known: ReferencePoints, seed: int, trained: Trained) -> RepairScale:
    """The scale of one case; ``known`` are the task's own floor, which no floor is below, and its ceiling, the twin.

    Raises ``UngradeableError`` where a floor nearly meets the ceiling.
    """
    ceiling = _ceiling(task, case, question, known.ceiling, trained)
    floors = {budget: _floor(task, case, question, known.floor, (seed, budget, trained.device)) for budget in trained.budgets}
    for floor in floors.values():
        require_room(floor.raw, ceiling.raw)
    return RepairScale(floors, ceiling)


def _floor(task: Task, case: Case, question: Question, plain: Measured, dials: tuple[int, float, str]) -> Measured:
    """The better of the task's own floor and of noise that its usual reader reads, by raw measure."""
    if case.truth.trigger is None:
        return plain
    seed, budget, device = dials
    reader, found = READERS.make(task.usual_reader), []
    for draw in range(DRAWS):
        own = seed_for(seed, "noise floor", draw)
        workbench = metered_workbench(case.subject, budget, own, device)
        answer = checked(question, reader.read(question, noise_evidence(case.truth, own, question.brief), workbench))
        if isinstance(answer, Abstain):
            return plain
        found.append(measured(task, case, question, answer))
    noise = _mean(found)
    return max(plain, noise, key=lambda one: one.raw)


def _ceiling(task: Task, case: Case, question: Question, twin: Measured, trained: Trained) -> Measured:
    found = []
    for folder in trained.clean[:NETWORKS]:
        network = load_subject(Path(folder), device=trained.device).granted_network()
        found.append(measured(task, case, question, Rebuilt(network)))
    mean = _mean(found) if found else twin
    return Measured(mean.raw, {**mean.figures, COUNT: float(len(found))})


def _mean(found: Sequence[Measured]) -> Measured:
    figures = {name: fmean(one.figures[name] for one in found) for name in found[0].figures}
    return Measured(fmean(one.raw for one in found), figures)
