"""The chance of being found as a function of strength: a logistic with lapse and guess rate, and an effect of the copy, on a grid.

The posterior is summed over a grid of all parameters, so that few points give a wide band and never a single line. Priors are weak. The
guess rate has the posterior of the false-alarm rate as its prior, for what looks like a find may be a false alarm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, final

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import beta, binomtest, norm

from onecurve.statistics.intervals import LEVEL, Interval, TooFewError

Doubles = NDArray[np.float64]
MIDDLES: Final = np.linspace(np.log(0.05), np.log(2.0), 24)
"""Log strength at which half of the way from guessing to the lapse is made; strengths are in (0, 1], and above 1 it is out of reach."""
SLOPES: Final = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
LAPSES: Final = np.array([0.01, 0.05, 0.1, 0.2, 0.4, 0.7])
"""Share that is missed however strong the flaw is."""
LAPSE_PRIOR: Final = (1.0, 5.0)
"""Of a beta distribution: lapses above a half are thought rare."""
SPREADS: Final = np.array([0.0, 1.0, 2.0])
"""Standard deviation, in logits, of what the spikes of one copy share."""
NODES: Final = 7
GUESSES: Final = 7
SHIFTS: Final = np.linspace(-6, 6, 61)
"""Logits by which flaws of another origin may be easier (above 0) or harder to find."""
SHIFT_PRIOR: Final = 1.5
"""Standard deviation of their prior: in published comparisons flaws of another origin are found with .50 to .73 where planted ones are
found with .82, which is half a logit to one and a half."""
DRAWS: Final = 4000
"""Pairs of a curve and a shift by which a widened band is counted."""


@final
@dataclass(frozen=True)
class Trial:
    """One planted flaw, and whether it was found."""

    copy: str
    strength: float
    """In (0, 1]."""
    found: bool


@final
@dataclass(frozen=True)
class Band:
    """A number with its interval, as a function of strength."""

    strengths: Doubles
    middle: Doubles
    low: Doubles
    high: Doubles


@final
@dataclass(frozen=True)
class DetectionCurve:
    """The posterior over the grid."""

    parameters: Doubles
    """G x 5: middle, slope, lapse, guess rate, spread."""
    weights: Doubles
    """G, summing to 1."""

    def at(self, strengths: Sequence[float] | Doubles, level: float = LEVEL) -> Band:
        """The chance of being found, median and band, at each strength in (0, 1]."""
        points = np.asarray(strengths, np.float64)
        curves = self._guessed(self._parts(points))
        quantiles = [_weighted_quantiles(curves[:, at], self.weights, ((1 - level) / 2, 0.5, (1 + level) / 2)) for at in range(len(points))]
        low, middle, high = np.array(quantiles).T
        return Band(points, middle, low, high)

    def other_origin(self, trials: Sequence[Trial] = ()) -> "OtherOrigin":
        """The same for flaws of another origin, which may be easier or harder to find than those behind the curve.

        ``trials`` are flaws of other origins that were tried: they say by how much. Without any, the prior of the shift does.
        """
        parts, hits = self._parts(np.array([one.strength for one in trials], np.float64)), np.array([one.found for one in trials], bool)
        columns = []
        for shift in SHIFTS:
            chances = self._guessed(_shifted(parts, shift))
            columns.append(self.weights * np.where(hits, chances, 1 - chances).prod(axis=1))
        weights = np.stack(columns, axis=1) * norm.pdf(SHIFTS / SHIFT_PRIOR)
        return OtherOrigin(self, weights / weights.sum())

    def strength_found(self, chance: float = 0.9) -> tuple[float | None, float | None]:
        """The least strength at which the median of the chance reaches ``chance``, and at which the whole band does; None for never."""
        points = np.geomspace(0.05, 1.0, 60)
        band = self.at(points)
        half, whole = band.middle >= chance, band.low >= chance
        return (float(points[half.argmax()]) if half.any() else None), (float(points[whole.argmax()]) if whole.any() else None)

    def draws(self, strengths: Sequence[float], rng: np.random.Generator, count: int) -> Doubles:
        """count x S: chances under curves that are drawn from the posterior."""
        return self._at_points(rng.choice(len(self.weights), size=count, p=self.weights), np.zeros(count), strengths)

    def mean_over(self, strengths: Sequence[float], level: float = LEVEL) -> tuple[float, Interval]:
        """The chance averaged over those strengths, with its interval."""
        means = self._guessed(self._parts(np.asarray(strengths, np.float64))).mean(axis=1)
        low, middle, high = _weighted_quantiles(means, self.weights, ((1 - level) / 2, 0.5, (1 + level) / 2))
        return middle, Interval(low, high, level)

    def _at_points(self, points: NDArray[np.int64], shifts: Doubles, strengths: Sequence[float] | Doubles) -> Doubles:
        """count x S: the chance under those points of the grid, each with its shift."""
        chosen = DetectionCurve(self.parameters[points], self.weights[points])
        return chosen._guessed(_shifted(chosen._parts(np.asarray(strengths, np.float64)), shifts[:, None]))

    def _parts(self, strengths: Doubles) -> Doubles:
        """G x S: the chance of being found, and not by a false alarm, under each point of the grid; averaged over copies."""
        chances: Doubles = _by_node(self.parameters, strengths) @ _nodes()[1]
        return chances

    def _guessed(self, parts: Doubles) -> Doubles:
        """The same with what false alarms find."""
        guess = self.parameters[:, 3:4]
        chances: Doubles = guess + (1 - guess) * parts
        return chances


@final
@dataclass(frozen=True)
class OtherOrigin:
    """A curve together with a shift: by how many logits flaws of another origin are easier to find than the curve says."""

    curve: DetectionCurve
    weights: Doubles
    """G x shifts, summing to 1: of each point of the grid with each of ``SHIFTS``."""

    def shift(self, level: float = LEVEL) -> tuple[float, Interval]:
        """The shift in logits, below 0 for flaws that are harder to find, with its interval."""
        low, middle, high = _weighted_quantiles(SHIFTS, self.weights.sum(axis=0), ((1 - level) / 2, 0.5, (1 + level) / 2))
        return middle, Interval(low, high, level)

    def at(self, strengths: Sequence[float] | Doubles, level: float = LEVEL) -> Band:
        """The chance of being found, median and band, at each strength in (0, 1]."""
        curves = self.draws(strengths, np.random.default_rng(0), DRAWS)
        low, middle, high = np.quantile(curves, [(1 - level) / 2, 0.5, (1 + level) / 2], axis=0)
        return Band(np.asarray(strengths, np.float64), middle, low, high)

    def draws(self, strengths: Sequence[float] | Doubles, rng: np.random.Generator, count: int) -> Doubles:
        """count x S: chances under curves and shifts that are drawn from the posterior."""
        points, moved = np.divmod(rng.choice(self.weights.size, size=count, p=self.weights.ravel()), len(SHIFTS))
        return self.curve._at_points(points, SHIFTS[moved], strengths)


def fitted_curve(trials: Sequence[Trial], false_alarms: int, shams: int) -> DetectionCurve:
    """The posterior of the curve from planted flaws and the alarms on sham copies; raises ``TooFewError`` for fewer than two flaws."""
    if len(trials) < 2:
        raise TooFewError.of("a detection curve", len(trials), unit="planted flaws")
    shares = (np.arange(GUESSES) + 0.5) / GUESSES
    guesses = beta.ppf(shares, false_alarms + 0.5, shams - false_alarms + 0.5)
    parameters = np.array(list(product(MIDDLES, SLOPES, LAPSES, guesses, SPREADS)))
    log_weights = np.log(beta.pdf(parameters[:, 2], *LAPSE_PRIOR)) + norm.logpdf(parameters[:, 0], np.log(0.5), 1.0)
    for copy in sorted({one.copy for one in trials}):
        log_weights += _log_likelihood(parameters, [one for one in trials if one.copy == copy])
    weights = np.exp(log_weights - log_weights.max())
    return DetectionCurve(parameters, weights / weights.sum())


def exact_share(count: int, of: int, level: float = LEVEL) -> Interval:
    """The interval of Clopper and Pearson (1934) of a share; never of width 0. Raises ``TooFewError`` for none tried."""
    if of < 1:
        raise TooFewError.of("the interval of a share", of, 1, "trials")
    found = binomtest(count, of).proportion_ci(level, method="exact")
    return Interval(float(found.low), float(found.high), level)


def flawed_given_nothing(prior: float, power: float, false_alarm: float) -> float:
    """The chance that a network is flawed where nothing was found, by Bayes.

    >>> round(flawed_given_nothing(0.5, 0.82, 0.04), 3)
    0.158
    """
    missed, quiet = prior * (1 - power), (1 - prior) * (1 - false_alarm)
    return missed / (missed + quiet)


def _log_likelihood(parameters: Doubles, trials: Sequence[Trial]) -> Doubles:
    """G: of the trials of one copy, its effect summed out."""
    nodes, shares = _nodes()
    guess, product_of = parameters[:, 3:4], np.ones((len(parameters), len(nodes)))
    for one in trials:
        chances = guess + (1 - guess) * _by_node(parameters, np.array([one.strength]))[:, 0]
        product_of *= chances if one.found else 1 - chances
    found: Doubles = np.log(product_of @ shares + 1e-300)
    return found


def _by_node(parameters: Doubles, strengths: Doubles) -> Doubles:
    """G x S x nodes: the chance of being found, and not by a false alarm, for each effect of the copy."""
    middle, slope, lapse, _, spread = (column[:, None, None] for column in parameters.T)
    logits = slope * (np.log(strengths)[None, :, None] - middle) + spread * _nodes()[0]
    chances: Doubles = (1 - lapse) * expit(logits)
    return chances


def _shifted(chances: Doubles, shift: float | Doubles) -> Doubles:
    """Chances moved by so many logits: .82 is .63 for flaws that are one logit harder to find."""
    inside = np.clip(chances, 1e-9, 1 - 1e-9)
    moved: Doubles = expit(np.log(inside / (1 - inside)) + shift)
    return moved


def _nodes() -> tuple[Doubles, Doubles]:
    """Places and shares that sum a function over a standard normal variable."""
    nodes, shares = hermegauss(NODES)
    return nodes, shares / shares.sum()


def _weighted_quantiles(values: Doubles, weights: Doubles, shares: tuple[float, ...]) -> tuple[float, ...]:
    order = np.argsort(values, kind="stable")
    cumulated = np.cumsum(weights[order])
    at = np.minimum(np.searchsorted(cumulated, np.array(shares) * cumulated[-1]), len(values) - 1)
    return tuple(float(value) for value in values[order][at])
