"""How many networks a significant difference between two solvers needs, from the spread of their paired differences.

The observed difference is itself uncertain, so a number of networks computed from it is an order of magnitude.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isnan, sqrt
from statistics import fmean, stdev
from typing import final

from scipy.optimize import brentq
from scipy.stats import nct, t

from onecurve.core.row import Row
from onecurve.statistics.compare import paired_differences
from onecurve.statistics.intervals import LEVEL, TooFewError

POWER = 0.8
MOST_NETWORKS = 1_000_000


@final
@dataclass(frozen=True)
class Power:
    """The power of a paired comparison of two solvers on one task."""

    first: str
    second: str
    task: str
    n: int
    """Networks of the shared cases."""
    difference: float
    """Mean over networks of the mean paired difference of each."""
    deviation: float
    """Standard deviation of these means."""
    detectable: float
    """The smallest true difference that n networks show with the wanted power."""
    needed: int | None
    """Networks to show the observed difference with the wanted power; None above a million."""


def power_of_comparison(rows: Iterable[Row], first: str, second: str, task: str, *, power: float = POWER) -> Power:
    """The power of comparing two solvers, each at its largest budget.

    Raises ``TooFewError`` for fewer than three shared networks, or where all differences are equal, because the spread is then unknown.
    """
    differences = paired_differences(rows, first, second, task).means()
    if len(differences) < 3:
        raise TooFewError.of("power", len(differences), needed=3)
    deviation = stdev(differences)
    if deviation == 0:
        raise TooFewError(f"the paired differences of all {len(differences)} networks are equal, so their spread is unknown")
    difference = fmean(differences)
    return Power(
        first=first,
        second=second,
        task=task,
        n=len(differences),
        difference=difference,
        deviation=deviation,
        detectable=detectable_difference(len(differences), deviation, power=power),
        needed=networks_needed(difference, deviation, power=power),
    )


def power_at(count: int, difference: float, deviation: float, *, level: float = LEVEL) -> float:
    """Probability that a two-sided paired t-test on ``count`` networks shows a true ``difference``, from the noncentral t."""
    if count < 2:
        raise TooFewError.of("power", count)
    edge = float(t.ppf((1 + level) / 2, count - 1))
    shift = abs(difference) / deviation * sqrt(count)
    if shift > 35:  # the noncentral t is numerically void there, and the power is 1 to any precision
        return 1.0
    wrong_side = float(nct.cdf(-edge, count - 1, shift))
    return float(nct.sf(edge, count - 1, shift)) + (0.0 if isnan(wrong_side) else wrong_side)  # NaN stands for a vanishing tail


def networks_needed(difference: float, deviation: float, *, power: float = POWER, level: float = LEVEL) -> int | None:
    """The least number of networks with that power, at least 2; None where a million do not suffice."""
    low, high = 1, 2
    while power_at(high, difference, deviation, level=level) < power:
        low, high = high, high * 2
        if high > MOST_NETWORKS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if power_at(middle, difference, deviation, level=level) < power:
            low = middle
        else:
            high = middle
    return high


def detectable_difference(count: int, deviation: float, *, power: float = POWER, level: float = LEVEL) -> float:
    """The true difference that ``count`` networks show with that power."""
    top = 1.0
    while power_at(count, top, 1.0, level=level) < power:
        top *= 2
    found = float(brentq(lambda effect: power_at(count, effect, 1.0, level=level) - power, 0, top))
    return found * deviation
