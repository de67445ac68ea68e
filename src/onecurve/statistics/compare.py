"""Does one solver beat another? A paired test over the cases that both attempted, with Holm's correction across tests.

Only shared cases count, so a solver gains nothing by skipping hard cases. A failed cell counts as the floor. Flaws of one
network share its training, so signs are flipped for whole networks.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import fmean
from typing import final

import numpy as np
from numpy.typing import NDArray

from onecurve.core.row import Row
from onecurve.core.seeds import generator
from onecurve.statistics.cases import CaseScore, scores_by_case
from onecurve.statistics.intervals import Interval, TooFewError, mean_interval

EXACT_UP_TO = 14
"""Up to so many networks all sign patterns are tried; beyond, ``FLIPS`` random ones."""
FLIPS = 20_000


@final
@dataclass(frozen=True)
class SolverComparison:
    """``first`` minus ``second`` on one task, each at its largest budget."""

    first: str
    second: str
    task: str
    n: int
    """Networks of the shared cases: the unit of interval and test."""
    cases: int
    """Shared cases."""
    difference: float | None
    """Mean over shared cases of the difference of skill; None where none is shared."""
    interval: Interval | None
    p: float | None
    """Two-sided sign-flip permutation test of the mean difference, by network."""
    p_adjusted: float | None
    """``p`` after Holm's correction across the comparisons made together."""
    wins: int
    """Cases where ``first`` has the higher skill."""
    losses: int
    ties: int
    why_no_interval: str = ""

    def separated(self, level: float = 0.05) -> bool:
        """Whether the difference is significant at that level after the correction."""
        return self.p_adjusted is not None and self.p_adjusted <= level


@final
@dataclass(frozen=True)
class PairedDifferences:
    """Differences over shared cases, in order of case."""

    differences: tuple[float, ...]
    flaws: tuple[str, ...]
    networks: tuple[str, ...]

    def totals(self) -> tuple[float, ...]:
        """Sum of the differences of each network, in order of network."""
        return tuple(math.fsum(own) for own in self._by_network())

    def means(self) -> tuple[float, ...]:
        """Mean of the differences of each network, in order of network."""
        return tuple(map(fmean, self._by_network()))

    def _by_network(self) -> list[list[float]]:
        found: dict[str, list[float]] = defaultdict(list)
        for network, difference in zip(self.networks, self.differences, strict=True):
            found[network].append(difference)
        return [found[network] for network in sorted(found)]


def compare(rows: Iterable[Row], first: str, second: str, task: str, *, seed: int = 0) -> SolverComparison:
    """The comparison of two solvers on one task; with fewer than two shared networks it has no test and states the reason."""
    shared = paired_differences(rows, first, second, task)
    differences = shared.differences
    interval, p, reason = _tested(shared, seed)
    return SolverComparison(
        first=first,
        second=second,
        task=task,
        n=len(set(shared.networks)),
        cases=len(differences),
        difference=fmean(differences) if differences else None,
        interval=interval,
        p=p,
        p_adjusted=p,
        wins=sum(value > 0 for value in differences),
        losses=sum(value < 0 for value in differences),
        ties=sum(value == 0 for value in differences),
        why_no_interval=reason,
    )


def compare_many(rows: Iterable[Row], couples: Sequence[tuple[str, str]], task: str, *, seed: int = 0) -> tuple[SolverComparison, ...]:
    """All those (first, second) comparisons on one task, with Holm's correction across them."""
    listed = tuple(rows)
    plain = [compare(listed, first, second, task, seed=seed) for first, second in couples]
    tested = [at for at, comparison in enumerate(plain) if comparison.p is not None]
    adjusted = holm([p for comparison in plain if (p := comparison.p) is not None])
    for at, p in zip(tested, adjusted, strict=True):
        plain[at] = replace(plain[at], p_adjusted=p)
    return tuple(plain)


def paired_differences(rows: Iterable[Row], first: str, second: str, task: str) -> PairedDifferences:
    """Differences of skill over the cases that both solvers attempted, failures as floor, each at its largest budget."""
    scores = scores_by_case(row for row in rows if row.task == task and row.solver in (first, second))
    return differences_of(*(scores.get((solver, task), {}) for solver in (first, second)))


def differences_of(one: Mapping[str, CaseScore], other: Mapping[str, CaseScore]) -> PairedDifferences:
    """The same from the scores of two solvers by case."""
    shared = sorted(one.keys() & other.keys())
    return PairedDifferences(
        tuple(one[case].skill - other[case].skill for case in shared),
        tuple(one[case].flaw for case in shared),
        tuple(one[case].network for case in shared),
    )


def sign_flip_p(differences: Sequence[float], *, seed: int = 0) -> float:
    """Two-sided p of the mean difference when the sign of each is a coin toss; exact for few differences, one per network.

    Raises ``TooFewError`` for fewer than two. With n networks p is at least 2 / 2**n, so that fewer than six cannot reach 0.05.
    """
    data = np.asarray(differences, np.float64)
    if len(data) < 2:
        raise TooFewError.of("a paired test", len(data))
    return float(flip_shares(data[:, None], seed=seed)[0])


def flip_shares(columns: NDArray[np.float64], *, seed: int = 0) -> NDArray[np.float64]:
    """The p of ``sign_flip_p`` for each column of (networks, tests), all under the same sign patterns."""
    exact = len(columns) <= EXACT_UP_TO
    signs = _all_signs(len(columns)) if exact else _random_signs(len(columns), seed)
    reached = (np.abs(signs @ columns) >= np.abs(columns.sum(axis=0)) - 1e-12).sum(axis=0)
    shares: NDArray[np.float64] = reached / len(signs) if exact else (1 + reached) / (1 + FLIPS)
    return shares


def holm(ps: Sequence[float]) -> tuple[float, ...]:
    """Holm's step-down correction (Holm 1979), in the given order.

    >>> holm([0.01, 0.04])
    (0.02, 0.04)
    """
    adjusted = [0.0] * len(ps)
    largest = 0.0
    for rank, at in enumerate(sorted(range(len(ps)), key=lambda at: ps[at])):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[at]))
        adjusted[at] = largest
    return tuple(adjusted)


def _tested(shared: PairedDifferences, seed: int) -> tuple[Interval | None, float | None, str]:
    try:
        interval = mean_interval(shared.differences, shared.flaws, networks=shared.networks, seed=seed, span=(-1.0, 1.0))
        return interval, sign_flip_p(shared.totals(), seed=seed), ""
    except TooFewError as error:
        return None, None, error.message


@lru_cache(maxsize=4)
def _random_signs(count: int, seed: int) -> NDArray[np.int8]:
    return generator("sign flips", seed).choice(np.array([-1, 1], np.int8), (FLIPS, count))


@lru_cache(maxsize=4)
def _all_signs(count: int) -> NDArray[np.int8]:
    bits = np.arange(2**count)[:, None] >> np.arange(count) & 1
    signs: NDArray[np.int8] = (2 * bits - 1).astype(np.int8)
    return signs
