"""Confidence intervals of a mean over cases, and of a share.

A plain bootstrap is too narrow for few or equal values. Here an interval needs at least two cases, intervals of small
samples are stretched, and values that are all equal still give an interval with a width.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
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


class TooFewError(OneCurveError):
    """Too few values for the statistic. No other number replaces it."""

    @classmethod
    def of(cls, what: str, count: int, needed: int = 2) -> "TooFewError":
        """The error for ``what`` that needs ``needed`` values and has ``count``."""
        return cls(f"{what} needs at least {needed} cases, got: {count}", "run more cases, or read the single results")


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
    seed: int = 0,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    span: tuple[float, float] = (0.0, 1.0),
) -> Interval:
    """Interval of the mean of ``values`` (one per case): the stratified percentile bootstrap, stretched for small samples.

    Cases are drawn again within their stratum (a kind of flaw); strata of one case are joined, since alone they would
    look certain. The percentiles are stretched about the mean by n/(n-1) and by Student's t over the normal
    (Hesterberg, arXiv 1411.5279, there for one stratum). Where all values are equal the interval holds what n cases
    cannot exclude: a share 1 - (alpha/2)**(1/n) of unseen cases at either end of ``span``, the range from floor to ceiling.

    Raises ``TooFewError`` for fewer than two values.
    """
    data = np.asarray(values, np.float64)
    if len(data) < 2:
        raise TooFewError.of("an interval", len(data))
    if np.ptp(data) < SAME:  # no measured skill is finer, and a spread below it would round to a width of zero
        return _interval_of_equal(float(data[0]), len(data), level, span)
    groups = _groups(len(data), strata)
    stretch, freedom = _stretch(data, groups)
    if stretch == 0:  # equal within every stratum: only the join of all shows how cases differ
        groups = [np.arange(len(data))]
        stretch, freedom = _stretch(data, groups)
    means = _resampled_means(data, groups, resamples, generator("bootstrap", seed))
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    factor = stretch * t.ppf(1 - tail, freedom) / norm.ppf(1 - tail)
    mean = data.mean()
    return Interval(float(mean + factor * (low - mean)), float(mean + factor * (high - mean)), level)


def wilson(successes: int, count: int, level: float = LEVEL) -> Interval:
    """Wilson's score interval of a share (Wilson 1927); raises ``TooFewError`` for fewer than two trials."""
    if count < 2:
        raise TooFewError.of("the interval of a share", count)
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


def _groups(count: int, strata: Sequence[Hashable] | None) -> list[NDArray[np.int64]]:
    """Row numbers of each stratum; strata of one case are joined, with the smallest other one if need be."""
    if strata is None:
        return [np.arange(count)]
    if len(strata) != count:
        raise ValueError(f"one stratum per value is needed, got: {len(strata)} for {count}")
    members: dict[Hashable, list[int]] = {}
    for row, stratum in enumerate(strata):
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


def _resampled_means(data: Values, groups: list[NDArray[np.int64]], resamples: int, rng: np.random.Generator) -> Values:
    total = np.zeros(resamples)
    for rows in groups:
        chunk = max(1, 2_000_000 // len(rows))  # bounds the memory of one draw to some 16 MB
        for start in range(0, resamples, chunk):
            size = min(chunk, resamples - start)
            total[start : start + size] += data[rows[rng.integers(len(rows), size=(size, len(rows)))]].sum(axis=1)
    means: Values = total / len(data)
    return means
