"""From rows to one score per case, the unit of every interval and comparison.

Repeats of one cell are averaged first, so that five repeats of one case do not count as five cases.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import final

from onecurve.core.grade import Status
from onecurve.core.row import Row

SCORED = (Status.GRADED, Status.ABSTAINED)
"""The statuses with a skill; abstaining earns the floor, 0."""


@final
@dataclass(frozen=True)
class CaseScore:
    """One solver on one case at one budget, averaged over repeats."""

    case: str
    flaw: str
    skill: float
    cost: float
    """Forward-equivalents, mean over repeats."""


def case_scores(rows: Iterable[Row], *, failures_as_floor: bool = False) -> tuple[CaseScore, ...]:
    """One score per case from rows of one solver, sorted by case.

    Failed repeats are left out, or count as skill 0 with ``failures_as_floor``; skipped and pending rows never count.
    """
    by_case: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.status in SCORED or (failures_as_floor and row.status is Status.FAILED):
            by_case[row.case].append(row)
    return tuple(_score(case, members) for case, members in sorted(by_case.items()))


def skill_or_floor(row: Row) -> float:
    """The row's skill; 0 for a failed row. Raises ``ValueError`` for a scored row without a skill."""
    if row.status is Status.FAILED:
        return 0.0
    if row.skill is None:
        raise ValueError(f"a {row.status} row must have a skill: {row.key}")
    return row.skill


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


def _score(case: str, rows: list[Row]) -> CaseScore:
    return CaseScore(case, rows[0].flaw, fmean(map(skill_or_floor, rows)), fmean(row.cost.equivalents for row in rows))
