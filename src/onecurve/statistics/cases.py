"""From rows to one score per case, and from cases to networks, the unit of every interval and comparison.

Repeats of one cell are averaged first, so that five repeats of one case do not count as five cases. A failed cell counts as
the floor, so that failing never pays.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, median
from typing import final

from onecurve.core.grade import Status
from onecurve.core.row import Row

SCORED = (Status.GRADED, Status.ABSTAINED)
"""The statuses with a skill; abstaining earns the floor, 0."""
ATTEMPTED = (*SCORED, Status.FAILED)
"""The statuses of cells that count in a mean; failing earns the floor, 0."""


@final
@dataclass(frozen=True)
class CaseScore:
    """One solver on one case at one budget, averaged over repeats."""

    case: str
    network: str
    flaw: str
    skill: float
    cost: float
    """Forward-equivalents, mean over repeats."""
    passes: float | None = None
    """Processor seconds as passes of the network, mean over repeats; None where a repeat was not measured."""
    clean_images: float | None = None
    """Clean images read, mean over the repeats in which they were counted: a cell that failed has no count. None where none was."""


def case_scores(rows: Iterable[Row], *, successes: bool = False) -> tuple[CaseScore, ...]:
    """One score per attempted case from rows of one solver, sorted by case; a failed repeat counts as skill 0.

    With ``successes`` failed repeats are left out. Skipped, pending, waiting and lost rows never count.
    """
    counting = SCORED if successes else ATTEMPTED
    by_case: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.status in counting:
            by_case[row.case].append(row)
    return tuple(_score(case, members) for case, members in sorted(by_case.items()))


def is_scored(rows: Iterable[Row]) -> bool:
    """Whether some cell has a score; without one nothing can be said of a solver but that it failed."""
    return any(row.status in SCORED for row in rows)


def skill_or_floor(row: Row) -> float:
    """The row's skill; 0 for a failed row. Raises ``ValueError`` for a scored row without a skill."""
    if row.status is Status.FAILED:
        return 0.0
    if row.skill is None:
        raise ValueError(f"a {row.status} row must have a skill: {row.key}")
    return row.skill


def median_clean_images(scores: Iterable[CaseScore]) -> float | None:
    """The median over the cases in which clean images were counted; None where they were in none."""
    counted = [score.clean_images for score in scores if score.clean_images is not None]
    return median(counted) if counted else None


def by_solver(rows: Iterable[Row]) -> Mapping[tuple[str, str], tuple[Row, ...]]:
    """Rows by (solver, task), in sorted order of both."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.solver, row.task].append(row)
    return {key: tuple(groups[key]) for key in sorted(groups)}


def by_budget(rows: Iterable[Row]) -> Mapping[tuple[float, float], tuple[Row, ...]]:
    """Rows by (budget, retrain budget), the smallest sum first."""
    groups: dict[tuple[float, float], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.budget, row.retrain_budget].append(row)
    return {key: tuple(groups[key]) for key in sorted(groups, key=lambda pair: (sum(pair), pair))}


def at_largest_budget(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Of each solver on each task, the rows at its largest budget (looking and retraining together)."""
    return tuple(row for group in by_solver(rows).values() for row in tuple(by_budget(group).values())[-1])


def scores_by_case(rows: Iterable[Row]) -> Mapping[tuple[str, str], Mapping[str, CaseScore]]:
    """Case to score by (solver, task), each solver at its largest budget."""
    groups = by_solver(at_largest_budget(rows))
    return {key: {score.case: score for score in case_scores(own)} for key, own in groups.items()}


def _score(case: str, rows: list[Row]) -> CaseScore:
    if len(rows) == 1:  # nearly always, and a report asks a million times
        only, row = skill_or_floor(rows[0]), rows[0]
        return CaseScore(case, row.subject, row.flaw, only, row.cost.equivalents, row.passes, row.clean_images)
    skill, cost = fmean(map(skill_or_floor, rows)), fmean(row.cost.equivalents for row in rows)
    passes = [row.passes for row in rows if row.passes is not None]
    clean = [row.clean_images for row in rows if row.clean_images is not None]
    known = fmean(clean) if clean else None
    return CaseScore(case, rows[0].subject, rows[0].flaw, skill, cost, fmean(passes) if len(passes) == len(rows) else None, known)
