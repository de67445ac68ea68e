"""Confidence intervals of a mean over cases, and of a share.

Flaws of one network share its training, so whole networks are drawn again, not cases. A plain bootstrap is too narrow for
few or equal values. Here an interval needs at least two networks, intervals of small samples are stretched, and values that
are equal or nearly equal still give an interval with a width.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from onecurve.core.errors import OneCurveError
from onecurve.core.seeds import generator

Values = NDArray[np.float64]
LEVEL = 0.95
RESAMPLES = 2000
SAME = 1e-12
"""Values closer together than this count as equal."""
LEAST_SPREAD = 0.025
"""The standard deviation of skill between networks is never taken to be below this: few values that happen to lie close together
do not show that others do."""


class TooFewError(OneCurveError):
    """Too few values for the statistic. No other number replaces it."""

    @classmethod
    def of(cls, what: str, count: int, needed: int = 2, unit: str = "networks") -> "TooFewError":
        """The error for ``what`` that needs ``needed`` of the unit and has ``count``."""
        return cls(f"{what} needs at least {needed} {unit}, got: {count}", f"run more {unit}, or read the single results")


@final
@dataclass(frozen=True)
class Interval:
    """From ``low`` to ``high`` at the confidence ``level``."""

    low: float
    high: float
    level: float = LEVEL

    @property
    def width(self) -> float:
        return self.high - self.low

    def holds(self, value: float) -> bool:
        """Whether the value lies inside, ends included."""
        return self.low <= value <= self.high


def mean_interval(
    values: Sequence[float] | Values,
    strata: Sequence[Hashable] | None = None,
    *,
    networks: Sequence[Hashable] | None = None,
    seed: int = 0,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    span: tuple[float, float] = (0.0, 1.0),
    least_spread: float = LEAST_SPREAD,
) -> Interval:
    """Interval of the mean of ``values`` (one per case): a stratified percentile bootstrap of networks, stretched for small samples.

    ``networks`` names the network of each value; without it each value has its own. Networks are drawn again whole (Davison
    and Hinkley 1997, section 3.8), within the strata that their values have together (kinds of flaw); strata of one network
    are joined, since alone they would look certain. The percentiles are stretched about the mean by n/(n-1) and by Student's
    t over the normal, n being networks (Hesterberg, arXiv 1411.5279, there for one stratum).

    Nearly equal values: neither end is nearer to the mean than in a t-interval with the standard deviation ``least_spread`` (a
    floor under the spread, as in Tusher, Tibshirani and Chu 2001). Where all networks are equal, the interval holds what n
    networks cannot exclude: a share 1 - (alpha/2)**(1/n) of unseen ones at either end of ``span``, the range from floor to ceiling
    (for values of 0 and 1 the interval of Clopper and Pearson 1934).

    Raises ``TooFewError`` for fewer than two networks.
    """
    data = np.asarray(values, np.float64)
    clusters = _clusters(data, strata, networks)
    count = len(clusters.totals)
    if count < 2:
        raise TooFewError.of("an interval", count)
    mean = float(data.mean())
    if np.ptp(clusters.totals / clusters.sizes) < SAME:
        return _interval_of_equal(mean, count, level, span)
    residuals = clusters.totals - mean * clusters.sizes
    groups = _groups(count, clusters.strata)
    stretch, freedom = _stretch(residuals, groups)
    if stretch == 0:  # equal within every stratum: only the join of all shows how networks differ
        groups = [np.arange(count)]
        stretch, freedom = _stretch(residuals, groups)
    means = _resampled_means(clusters, groups, resamples, generator("bootstrap", seed))
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    quantile = float(t.ppf(1 - tail, freedom))
    factor = stretch * quantile / norm.ppf(1 - tail)
    least = quantile * least_spread / math.sqrt(count)
    below, above = float(factor * (mean - low)), float(factor * (high - mean))
    return Interval(mean - max(below, least), mean + max(above, least), level)


def interval_of_network_means(
    mean: float, deviation: float, count: int, *, level: float = LEVEL, span: tuple[float, float] = (0.0, 1.0)
) -> Interval:
    """Student's t-interval of a mean of network means, from their standard deviation: quick however many rows there are.

    As in ``mean_interval`` a deviation counts as at least ``LEAST_SPREAD``, and networks that are all equal give what they cannot
    exclude. Raises ``TooFewError`` for fewer than two networks.
    """
    if count < 2:
        raise TooFewError.of("an interval", count)
    if deviation < SAME:
        return _interval_of_equal(mean, count, level, span)
    half = _quantile((1 + level) / 2, count - 1) * max(deviation, LEAST_SPREAD) / math.sqrt(count)
    return Interval(mean - half, mean + half, level)


@lru_cache(maxsize=4096)
def _quantile(share: float, freedom: int) -> float:
    """Of Student's t; a report asks for few different ones thousands of times."""
    return float(t.ppf(share, freedom))


def wilson(successes: int, count: int, level: float = LEVEL) -> Interval:
    """Wilson's score interval of a share (Wilson 1927); raises ``TooFewError`` for fewer than two trials."""
    if count < 2:
        raise TooFewError.of("the interval of a share", count, unit="trials")
    if not 0 <= successes <= count:
        raise ValueError(f"successes must be within 0..{count}, got: {successes}")
    z = float(norm.ppf((1 + level) / 2))
    share = successes / count
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return Interval(max(0.0, centre - half) if successes else 0.0, min(1.0, centre + half) if successes < count else 1.0, level)


def _interval_of_equal(value: float, count: int, level: float, span: tuple[float, float]) -> Interval:
    unseen = 1 - ((1 - level) / 2) ** (1 / count)
    low = value - unseen * max(0.0, value - span[0])
    high = value + unseen * max(0.0, span[1] - value)
    return Interval(low, high, level)


@final
@dataclass(frozen=True)
class _Clusters:
    """Sums and numbers of values by network, and the stratum of each network."""

    totals: Values
    sizes: Values
    strata: list[Hashable]


def _clusters(data: Values, strata: Sequence[Hashable] | None, networks: Sequence[Hashable] | None) -> _Clusters:
    for what, given in (("stratum", strata), ("network", networks)):
        if given is not None and len(given) != len(data):
            raise ValueError(f"one {what} per value is needed, got: {len(given)} for {len(data)}")
    members: dict[Hashable, list[int]] = {}
    for row, network in enumerate(range(len(data)) if networks is None else networks):
        members.setdefault(network, []).append(row)
    rows = list(members.values())
    totals = np.array([data[own].sum() for own in rows], np.float64)
    sizes = np.array([len(own) for own in rows], np.float64)
    return _Clusters(totals, sizes, [frozenset(strata[row] for row in own) if strata is not None else None for own in rows])


def _groups(count: int, strata: Sequence[Hashable]) -> list[NDArray[np.int64]]:
    """Numbers of the networks of each stratum; strata of one network are joined, with the smallest other one if need be."""
    members: dict[Hashable, list[int]] = {}
    for row, stratum in zip(range(count), strata, strict=True):
        members.setdefault(stratum, []).append(row)
    groups = sorted((rows for rows in members.values() if len(rows) > 1), key=len)
    single = [row for rows in members.values() if len(rows) == 1 for row in rows]
    if len(single) == 1 and groups:
        single += groups.pop(0)
    return [np.array(rows) for rows in (*groups, single) if rows]


def _stretch(data: Values, groups: list[NDArray[np.int64]]) -> tuple[float, int]:
    """How much the bootstrap's standard error must grow to be unbiased, and the degrees of freedom."""
    plain = sum(len(rows) * data[rows].var() for rows in groups)
    unbiased = sum(len(rows) * data[rows].var(ddof=1) for rows in groups)
    return (math.sqrt(unbiased / plain) if plain > 0 else 0.0), len(data) - len(groups)


def _resampled_means(clusters: _Clusters, groups: list[NDArray[np.int64]], resamples: int, rng: np.random.Generator) -> Values:
    total, size = np.zeros(resamples), np.zeros(resamples)
    for rows in groups:
        chunk = max(1, 2_000_000 // len(rows))  # bounds the memory of one draw to some 16 MB
        for start in range(0, resamples, chunk):
            stop = min(start + chunk, resamples)
            drawn = rows[rng.integers(len(rows), size=(stop - start, len(rows)))]
            total[start:stop] += clusters.totals[drawn].sum(axis=1)
            size[start:stop] += clusters.sizes[drawn].sum(axis=1)
    means: Values = total / size
    return means
