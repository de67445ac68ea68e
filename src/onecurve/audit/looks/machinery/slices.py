"""Searches for a rule about measurable properties that gathers the mistakes of some classes: one property, or two together."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from onecurve.audit.looks.machinery.properties import NAMES, WORDS
from onecurve.core.image.images import Bools, Floats, Ints

SHARES: Final = (0.02, 0.03, 0.05, 0.07, 0.1, 0.13, 0.17, 0.22, 0.3, 0.4, 0.5)
"""Shares of a class at whose quantiles a rule may cut."""
FEWEST: Final = 4
"""Mistakes that a rule must gather on the search images."""


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


def best_slice(properties: Floats, labels: Ints, errors: Bools, classes: tuple[int, ...]) -> Slice | None:
    """The rule that gathers the mistakes of these classes best (N x P, N, N); None where no rule gathers ``FEWEST``.

    A second condition is added where it gathers the mistakes better by more than two standard deviations.
    """
    own = np.isin(labels, classes)
    some, marks, wrong = properties[own], labels[own], errors[own]
    if wrong.sum() < FEWEST:
        return None
    first = _best(some, marks, wrong, np.ones(len(some), bool))
    if first is None:
        return None
    second = _best(some, marks, wrong, first[0].holds(some))
    if second is not None and second[0].at != first[0].at and second[1] > first[1] + 2:
        return Slice(classes, (first[0], second[0]), second[1])
    return Slice(classes, (first[0],), first[1])


def _best(properties: Floats, labels: Ints, errors: Bools, within: Bools) -> tuple[Condition, float] | None:
    conditions = list(_conditions(properties[within]))
    members = np.stack([condition.holds(properties) & within for condition in conditions], axis=1)
    scores = _scores(members, labels, errors)
    at = int(scores.argmax())
    return (conditions[at], float(scores[at])) if scores[at] > 0 else None


def _conditions(properties: Floats) -> Iterator[Condition]:
    for at in range(properties.shape[1]):
        if np.ptp(properties[:, at]) == 0:
            continue
        for share in SHARES:
            low, high = np.quantile(properties[:, at], [share, 1 - share])
            yield Condition(at, above=False, cut=float(low))
            yield Condition(at, above=True, cut=float(high))


def _scores(members: Bools, labels: Ints, errors: Bools) -> Floats:
    """float64 R: the standard score of the errors that each of R sets (bool N x R) gathers; 0 where they are too few."""
    seen = errors.astype(np.float64) @ members
    expected, variance = np.zeros(members.shape[1]), np.zeros(members.shape[1])
    for label in np.unique(labels):
        own = labels == label
        count, share = int(own.sum()), float(errors[own].mean())
        inside = members[own].sum(axis=0)
        expected += inside * share
        variance += inside * share * (1 - share) * (count - inside) / max(1, count - 1)
    found: Floats = np.where((seen >= FEWEST) & (variance > 0), (seen - expected) / np.sqrt(np.maximum(variance, 1e-9)), 0)
    return found
