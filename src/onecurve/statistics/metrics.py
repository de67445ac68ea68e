"""One set of answers under several metrics: which solver leads under each, and do the metrics agree?

Only cases that every ranked solver was asked about count, each solver at its largest budget. A missing answer counts as the blank
answer, whose figures are in every row.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, rankdata

from onecurve.core.row import Role, Row
from onecurve.statistics.cases import ATTEMPTED, at_largest_budget, by_solver
from onecurve.statistics.intervals import LEAST_SPREAD, SAME, Interval, TooFewError, mean_interval

BLANK = "blank"
Values = NDArray[np.float64]


@final
@dataclass(frozen=True)
class Metric:
    """A figure that ranks answers."""

    name: str
    """As in ``Row.figures``."""
    lower_is_better: bool = False
    span: tuple[float, float] = (0.0, 1.0)
    """The figure's range."""


@final
@dataclass(frozen=True)
class Placing:
    """One solver under one metric; baselines take part under their own names."""

    solver: str
    mean: float
    """Mean of the figure over cases."""
    interval: Interval | None
    rank: float
    """Mean rank over cases; 1 is best, ties share the average."""
    rank_interval: Interval | None
    n: int
    """Networks of the cases that all solvers were asked about."""


@final
@dataclass(frozen=True)
class AgainstBaseline:
    """How a solver compares with a baseline, case by case."""

    solver: str
    ahead: bool
    """Better on the mean over cases."""
    significant: bool
    """The 95 % interval of the paired difference lies on the better side of 0."""


@final
@dataclass(frozen=True)
class MetricTable:
    """A metric over the cases that all of its solvers were asked about."""

    metric: Metric
    solvers: tuple[str, ...]
    values: Values
    """Solvers x cases, as measured, means over repeats."""
    flaws: tuple[str, ...]
    """Of the cases: the strata of intervals."""
    networks: tuple[str, ...]
    """Of the cases: what intervals resample."""

    @property
    def better(self) -> Values:
        """Solvers x cases with the sign turned so that more is better."""
        turned: Values = -self.values if self.metric.lower_is_better else self.values
        return turned

    def placings(self, seed: int = 0) -> tuple[Placing, ...]:
        """Every solver, the best mean first."""
        ranks = rankdata(-self.better, axis=0)
        found = [
            Placing(
                solver,
                float(values.mean()),
                self._interval(values, self.metric.span, seed, float(np.ptp(self.values))),
                float(rank.mean()),
                self._interval(rank, (1.0, float(len(self.solvers))), seed, len(self.solvers) - 1.0),
                len(set(self.networks)),
            )
            for solver, values, rank in zip(self.solvers, self.values, ranks, strict=True)
        ]
        sign = 1 if self.metric.lower_is_better else -1
        return tuple(sorted(found, key=lambda placing: (sign * placing.mean, placing.solver)))

    def leaders(self) -> tuple[str, ...]:
        """The solvers with the best mean, several where it is shared."""
        means = self.better.mean(axis=1)
        return tuple(solver for solver, mean in zip(self.solvers, means, strict=True) if means.max() - mean < SAME)

    def against(self, baseline: str, seed: int = 0) -> tuple[AgainstBaseline, ...]:
        """Every other solver against the baseline; empty where the baseline is not there."""
        if baseline not in self.solvers:
            return ()
        base = self.better[self.solvers.index(baseline)]
        found = []
        for solver, values in zip(self.solvers, self.better, strict=True):
            if solver != baseline:
                width = self.metric.span[1] - self.metric.span[0]
                interval = self._interval(values - base, (-width, width), seed, float(np.ptp(self.values)))
                found.append(AgainstBaseline(solver, bool((values - base).mean() > 0), interval is not None and interval.low > 0))
        return tuple(found)

    def _interval(self, values: Values, span: tuple[float, float], seed: int, spread: float) -> Interval | None:
        """``spread`` is the range that all solvers together take up: a figure may use a small part of what it could."""
        try:
            found = mean_interval(values, self.flaws, networks=self.networks, seed=seed, span=span, least_spread=LEAST_SPREAD * spread)
        except TooFewError:
            return None
        # The stretch for few cases may leave the range, which no mean can.
        return Interval(max(found.low, span[0]), min(found.high, span[1]), found.level)


def metric_tables(rows: Iterable[Row], metrics: Sequence[Metric], baselines: Sequence[str]) -> tuple[MetricTable, ...]:
    """A table per metric that was measured, over methods, solvers that are baselines, and the plain answers named in ``baselines``.

    Every row holds the figures of each plain answer, under its name and an underscore. It takes part unless a solver's tool has its name.
    """
    contenders = [row for row in at_largest_budget(rows) if row.role in (Role.METHOD, Role.BASELINE) and row.status in ATTEMPTED]
    tables = (_table(contenders, metric, baselines) for metric in metrics)
    return tuple(table for table in tables if table is not None)


def kendall(first: MetricTable, second: MetricTable) -> float | None:
    """Kendall's tau-b between the orders of the solvers' means under two metrics; None where either leaves all of them equal."""
    shared = sorted(set(first.solvers) & set(second.solvers))
    if len(shared) < 2:
        return None
    orders = [[float(table.better[table.solvers.index(solver)].mean()) for solver in shared] for table in (first, second)]
    tau = float(kendalltau(*orders).statistic)
    return tau if np.isfinite(tau) else None


def _table(rows: Sequence[Row], metric: Metric, baselines: Sequence[str]) -> MetricTable | None:
    plain = {name: _by_case(rows, f"{name}_{metric.name}") for name in {BLANK, *baselines}}
    found: dict[str, Mapping[str, float]] = {}
    for (solver, _), members in by_solver(rows).items():
        unanswered = {row.case: plain[BLANK][row.case] for row in members if row.case in plain[BLANK]}
        if answered := _by_case(members, metric.name):
            found[solver] = {**unanswered, **answered}
    tools = {row.tool for row in rows}
    found |= {name: plain[name] for name in baselines if plain[name] and name not in tools}
    shared = sorted(set.intersection(*(set(figures) for figures in found.values()))) if found else []
    if not shared:
        return None
    of = {row.case: row for row in rows}
    values = np.array([[figures[case] for case in shared] for figures in found.values()])
    return MetricTable(metric, tuple(found), values, tuple(of[case].flaw for case in shared), tuple(of[case].subject for case in shared))


def _by_case(rows: Iterable[Row], figure: str) -> dict[str, float]:
    """The figure's mean over the repeats of each case; cases without it are left out."""
    groups: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if figure in row.figures:
            groups[row.case].append(row.figures[figure])
    return {case: fmean(values) for case, values in groups.items()}
