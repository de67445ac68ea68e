"""Searches for a rule about measurable properties that gathers the mistakes of some classes: one property, or two together."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from onecurve.auditing.looks.machinery.properties import NAMES, WORDS
from onecurve.core.image.images import Bools, Floats, Ints

SHARES: Final = (0.02, 0.03, 0.05, 0.07, 0.1, 0.13, 0.17, 0.22, 0.3, 0.4, 0.5)
"""Shares of a class at whose quantiles a rule may cut."""
FEWEST: Final = 4
"""Mistakes that a rule must gather on the search images."""


SHUFFLES: Final = 199
CHANCE: Final = 0.01
"""A rule must gather more mistakes than the best rule for shuffled mistakes does, but in this share of the shuffles."""


@final
@dataclass(frozen=True)
class Condition:
    """A property above or below a cut."""

    at: int
    """Which of ``NAMES``."""
    above: bool
    cut: float

    def holds(self, properties: Floats) -> Bools:
        """bool N for N x P properties."""
        values = properties[:, self.at]
        return values >= self.cut if self.above else values <= self.cut

    @property
    def words(self) -> str:
        return WORDS[NAMES[self.at]][int(self.above)]


@final
@dataclass(frozen=True)
class Slice:
    """Images of some classes that meet all conditions."""

    classes: tuple[int, ...]
    conditions: tuple[Condition, ...]
    score: float
    """How far the mistakes it gathers lie above what chance would give it within each class, in standard deviations."""

    def holds(self, properties: Floats, labels: Ints) -> Bools:
        """bool N."""
        found: Bools = np.isin(labels, self.classes)
        for condition in self.conditions:
            found &= condition.holds(properties)
        return found

    @property
    def words(self) -> str:
        return " and ".join(condition.words for condition in self.conditions)


def best_slice(properties: Floats, labels: Ints, errors: Bools, classes: tuple[int, ...], rng: np.random.Generator) -> Slice | None:
    """The rule that gathers the mistakes of these classes best (N x P, N, N).

    None where no rule gathers ``FEWEST``, or where the best rule for mistakes that are shuffled within each class gathers as many: of
    some hundred rules one fits any mistakes. A second condition is added where it gathers the mistakes better by more than two
    standard deviations, and passes the same test.
    """
    own = np.isin(labels, classes)
    some, marks, wrong = properties[own], labels[own], errors[own]
    first = _best(some, marks, wrong, rng)
    if first is None:
        return None
    inside = first[0].holds(some)
    second = _best(some[inside], marks[inside], wrong[inside], rng)
    if second is None or second[0].at == first[0].at:
        return Slice(classes, (first[0],), first[1])
    both = inside & second[0].holds(some)
    score = float(_scores(both[:, None], marks, wrong[None])[0, 0])
    return Slice(classes, (first[0], second[0]), score) if score > first[1] + 2 else Slice(classes, (first[0],), first[1])


def _best(properties: Floats, labels: Ints, errors: Bools, rng: np.random.Generator) -> tuple[Condition, float] | None:
    """The best condition and its score, None where shuffled mistakes give as high a one in more than ``CHANCE`` of the shuffles."""
    conditions = list(_conditions(properties)) if errors.sum() >= FEWEST else []
    if not conditions:
        return None
    members = np.stack([condition.holds(properties) for condition in conditions], axis=1)
    scores = _scores(members, labels, errors[None])[0]
    at = int(scores.argmax())
    if scores[at] <= 0:
        return None
    shuffled = _scores(members, labels, _shuffled(errors, labels, rng)).max(axis=1)
    by_chance = (1 + int((shuffled >= scores[at]).sum())) / (1 + SHUFFLES)
    return (conditions[at], float(scores[at])) if by_chance <= CHANCE else None


def _shuffled(errors: Bools, labels: Ints, rng: np.random.Generator) -> Bools:
    """bool ``SHUFFLES`` x N: the errors in random order within each class."""
    found = np.empty((SHUFFLES, len(errors)), bool)
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        found[:, own] = rng.permuted(np.broadcast_to(errors[own], (SHUFFLES, len(own))), axis=1)
    return found


def _conditions(properties: Floats) -> Iterator[Condition]:
    for at in range(properties.shape[1]):
        if np.ptp(properties[:, at]) == 0:
            continue
        for share in SHARES:
            low, high = np.quantile(properties[:, at], [share, 1 - share])
            yield Condition(at, above=False, cut=float(low))
            yield Condition(at, above=True, cut=float(high))


def _scores(members: Bools, labels: Ints, errors: Bools) -> Floats:
    """float64 E x R: the standard score of the errors (bool E x N) that each of R sets (bool N x R) gathers; 0 where they are too few.

    All rows of ``errors`` have the same number of errors in each class.
    """
    inside_all = members.astype(np.float32)
    seen = errors.astype(np.float32) @ inside_all
    expected, variance = np.zeros(members.shape[1]), np.zeros(members.shape[1])
    for label in np.unique(labels):
        own = labels == label
        count, share = int(own.sum()), float(errors[0, own].mean())
        inside = inside_all[own].sum(axis=0)
        expected += inside * share
        variance += inside * share * (1 - share) * (count - inside) / max(1, count - 1)
    found: Floats = np.where((seen >= FEWEST) & (variance > 0), (seen - expected) / np.sqrt(np.maximum(variance, 1e-9)), 0)
    return found
