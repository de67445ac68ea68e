"""The skill of a solver on a task: mean, interval, median, worst tenth, and the status of every cell.

Every number is over the cases attempted, a failed cell at the floor. The mean over successes stands beside it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean, median
from typing import final

from onecurve.core.grade import Status
from onecurve.core.row import Role, Row
from onecurve.statistics.cases import at_largest_budget, by_solver, case_scores, is_scored, median_clean_images
from onecurve.statistics.intervals import Interval, TooFewError, mean_interval


@final
@dataclass(frozen=True)
class Summary:
    """One solver on one task. Numbers are None where no case was attempted."""

    solver: str
    task: str
    role: Role
    n: int
    """Networks attempted: the unit of the interval."""
    cases: int
    """Cases attempted; repeats of a case count once."""
    scored: bool
    """Whether some cell was graded or abstained; a solver that failed everywhere allows no conclusion."""
    mean: float | None
    interval: Interval | None
    why_no_interval: str
    """In words; empty where there is an interval."""
    median: float | None
    worst_tenth: float | None
    """Mean of the lowest tenth of the cases, at least one."""
    mean_over_successes: float | None
    """Mean with failed cells left out: what the solver earns where it works. Never compare solvers by it."""
    counts: Mapping[Status, int]
    """Cells (not cases) by status, every status present."""
    cost: float | None
    """Median over cases, in forward-equivalents."""
    clean_images: float | None = None
    """Median number of clean images read, over the cases in which they were counted; None where they were in none."""


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


def interval_or_reason(rows: Sequence[Row], seed: int) -> tuple[Interval | None, str]:
    """The interval of the mean skill of one solver's rows, or None and the reason in words.

    Networks are resampled, stratified by kind of flaw.
    """
    if not is_scored(rows):
        return None, "no cell has a score"
    scores = case_scores(rows)
    skills, kinds, networks = zip(*((score.skill, score.flaw, score.network) for score in scores), strict=True)
    try:
        return mean_interval(skills, kinds, networks=networks, seed=seed), ""
    except TooFewError as error:
        return None, error.message


def worst_tenth(skills: Iterable[float]) -> float:
    """Mean of the lowest tenth, rounded up to at least one value; ``ValueError`` for none."""
    ordered = sorted(skills)
    return fmean(ordered[: ceil(len(ordered) / 10)])


def _summary(solver: str, task: str, rows: tuple[Row, ...], seed: int) -> Summary:
    scores = case_scores(rows)
    skills = [score.skill for score in scores]
    successes = [score.skill for score in case_scores(rows, successes=True)]
    interval, reason = interval_or_reason(rows, seed)
    counted = Counter(row.status for row in rows)
    return Summary(
        solver=solver,
        task=task,
        role=rows[0].role,
        n=len({score.network for score in scores}),
        cases=len(scores),
        scored=is_scored(rows),
        mean=fmean(skills) if skills else None,
        interval=interval,
        why_no_interval=reason,
        median=median(skills) if skills else None,
        worst_tenth=worst_tenth(skills) if skills else None,
        mean_over_successes=fmean(successes) if successes else None,
        counts={status: counted[status] for status in Status},
        cost=median(score.cost for score in scores) if scores else None,
        clean_images=median_clean_images(scores),
    )
