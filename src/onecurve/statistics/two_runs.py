"""One solver on one task in two runs: paired where both looked at the same networks, else the difference of two means."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import hypot
from statistics import fmean
from typing import final

from onecurve.core.row import Role, Row
from onecurve.statistics.cases import CaseScore, scores_by_case
from onecurve.statistics.compare import differences_of
from onecurve.statistics.intervals import Interval, TooFewError, mean_interval
from onecurve.statistics.summary import Summary, summarise


@final
@dataclass(frozen=True)
class RunsCompared:
    """``here`` minus ``there``."""

    task: str
    solver: str
    role: Role
    here: Summary
    there: Summary
    difference: float
    interval: Interval | None
    """95 %, over networks; without correction for the number of solvers and tasks."""
    shared: int
    """Cases that are the same in both runs; the difference is over these. 0: it is of the means over different networks."""
    networks: int
    """Networks of the shared cases."""


def compare_runs(here: Iterable[Row], there: Iterable[Row], *, seed: int = 0) -> tuple[RunsCompared, ...]:
    """Every solver and task with a score in both runs, by task and solver, each at its largest budget there."""
    first, second = tuple(here), tuple(there)
    ones = {(one.task, one.solver): one for one in summarise(first, seed=seed) if one.scored}
    others = {(one.task, one.solver): one for one in summarise(second, seed=seed) if one.scored}
    same = same_cases(first, second)
    scores = [scores_by_case(rows) for rows in (first, second)]
    return tuple(
        _compared(ones[key], others[key], *(some[key[::-1]] for some in scores), same=same, seed=seed)
        for key in sorted(ones.keys() & others.keys())
    )


def same_cases(here: Sequence[Row], there: Sequence[Row]) -> frozenset[str]:
    """Cases that are the same in both: equal in name, flaw, data, architecture and all facts, among them what the network measures."""
    known = [{row.case: _identity(row) for row in rows} for rows in (here, there)]
    return frozenset(case for case in known[0].keys() & known[1].keys() if known[0][case] == known[1][case])


def _identity(row: Row) -> tuple[object, ...]:
    return (row.flaw, row.data, row.model, *sorted((name, repr(value)) for name, value in row.facts.items()))


def _compared(
    here: Summary, there: Summary, ones: Mapping[str, CaseScore], others: Mapping[str, CaseScore], *, same: frozenset[str], seed: int
) -> RunsCompared:
    shared = differences_of({case: score for case, score in ones.items() if case in same}, others)
    if not shared.differences:
        difference = (here.mean or 0.0) - (there.mean or 0.0)
        return RunsCompared(here.task, here.solver, here.role, here, there, difference, _apart(here, there), 0, 0)
    try:
        found = mean_interval(shared.differences, shared.flaws, networks=shared.networks, seed=seed, span=(-1.0, 1.0))
    except TooFewError:
        found = None
    difference, networks = fmean(shared.differences), len(set(shared.networks))
    return RunsCompared(here.task, here.solver, here.role, here, there, difference, found, len(shared.differences), networks)


def _apart(here: Summary, there: Summary) -> Interval | None:
    """The interval of a difference of two independent means from their intervals (Zou and Donner 2008, Statistics in Medicine 27)."""
    if here.interval is None or there.interval is None or here.mean is None or there.mean is None:
        return None
    difference = here.mean - there.mean
    down = hypot(here.mean - here.interval.low, there.interval.high - there.mean)
    up = hypot(here.interval.high - here.mean, there.mean - there.interval.low)
    return Interval(difference - down, difference + up)
