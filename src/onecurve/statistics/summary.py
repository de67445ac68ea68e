"""The skill of a solver on a task: mean, interval, median, worst tenth, and the status of every cell.

The mean leaves failed cells out. Their number and the mean with failures at the floor are reported with it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from statistics import fmean, median
from typing import final

from onecurve.core.grade import Status
from onecurve.core.row import Role, Row
from onecurve.statistics.cases import CaseScore, at_largest_budget, by_solver, case_scores
from onecurve.statistics.intervals import Interval, TooFewError, mean_interval


@final
@dataclass(frozen=True)
class Summary:
    """One solver on one task. Numbers are None where no case has a score."""

    solver: str
    task: str
    role: Role
    n: int
    """Cases with a score (graded or abstained); repeats of a case count once."""
    mean: float | None
    interval: Interval | None
    why_no_interval: str
    """In words; empty where there is an interval."""
    median: float | None
    worst_tenth: float | None
    """Mean of the lowest tenth of the cases, at least one."""
    mean_with_failures_as_floor: float | None
    """Mean over attempted cases where a failed cell earns 0."""
    counts: Mapping[Status, int]
    """Cells (not cases) by status, every status present."""
    cost: float | None
    """Median over cases, in forward-equivalents."""


def summarise(rows: Iterable[Row], *, seed: int = 0) -> tuple[Summary, ...]:
    """One summary per (solver, task), each at the solver's largest budget, sorted by task and solver."""
    groups = by_solver(at_largest_budget(rows))
    summaries = [_summary(solver, task, members, seed) for (solver, task), members in groups.items()]
    return tuple(sorted(summaries, key=lambda summary: (summary.task, summary.solver)))


def summarise_flaws(rows: Iterable[Row], *, seed: int = 0) -> Mapping[str, tuple[Summary, ...]]:
    """``summarise`` for each kind of flaw alone."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.flaw, []).append(row)
    return {flaw: summarise(groups[flaw], seed=seed) for flaw in sorted(groups)}


def interval_or_reason(scores: Iterable[CaseScore], seed: int) -> tuple[Interval | None, str]:
    """The interval of the mean skill, stratified by kind of flaw, or None and the reason in words."""
    listed = tuple(scores)
    try:
        return mean_interval([score.skill for score in listed], [score.flaw for score in listed], seed=seed), ""
    except TooFewError as error:
        return None, error.message


def worst_tenth(skills: Iterable[float]) -> float:
    """Mean of the lowest tenth, rounded up to at least one value; ``ValueError`` for none."""
    ordered = sorted(skills)
    return fmean(ordered[: ceil(len(ordered) / 10)])


def _summary(solver: str, task: str, rows: tuple[Row, ...], seed: int) -> Summary:
    scores = case_scores(rows)
    skills = [score.skill for score in scores]
    strict = [score.skill for score in case_scores(rows, failures_as_floor=True)]
    interval, reason = interval_or_reason(scores, seed)
    counted = Counter(row.status for row in rows)
    return Summary(
        solver=solver,
        task=task,
        role=rows[0].role,
        n=len(scores),
        mean=fmean(skills) if skills else None,
        interval=interval,
        why_no_interval=reason,
        median=median(skills) if skills else None,
        worst_tenth=worst_tenth(skills) if skills else None,
        mean_with_failures_as_floor=fmean(strict) if strict else None,
        counts={status: counted[status] for status in Status},
        cost=median(score.cost for score in scores) if scores else None,
    )
