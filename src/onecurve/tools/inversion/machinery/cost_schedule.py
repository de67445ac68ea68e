"""The weight of the mask size in Neural Cleanse, one per class, and the memory of the best mask: plain arithmetic, no network.

All classes are updated at once, each by its own history. The best mask of a class is the smallest whose success passed the threshold; a
class that never passed has none.
"""

from dataclasses import dataclass
from typing import final

import numpy as np

from onecurve.core.image.images import Bools, Floats
from onecurve.core.validate import require_within


@final
@dataclass(frozen=True)
class ScheduleConstants:
    """Constants of Neural Cleanse as its authors' code has them (Wang et al., IEEE S&P 2019)."""

    threshold: float = 0.99
    """Share of images that must reach the class."""
    initial_cost: float = 1e-3
    """Weight of the mask size in pixels of a 32 x 32 image, set after ``patience`` successful checks."""
    multiplier: float = 2.0
    """Factor on the cost after ``patience`` successes in a row; after as many failures it is divided by this to the power 1.5."""
    patience: int = 5
    stop_patience: int = 25
    """Checks without a smaller mask after which a class is finished, once its cost has moved both ways."""
    stop_ratio: float = 0.99
    """A mask counts as smaller only below this share of the smallest so far."""

    def __post_init__(self) -> None:
        require_within("threshold", self.threshold, 0, 1)
        require_within("initial_cost", self.initial_cost, 0)
        require_within("multiplier", self.multiplier, 1)
        require_within("patience", self.patience, 1)
        require_within("stop_patience", self.stop_patience, 1)
        require_within("stop_ratio", self.stop_ratio, 0, 1)


@final
class CostSchedule:
    """The state of K classes: cost and best mask size so far, both float64 K."""

    def __init__(self, classes: int, constants: ScheduleConstants) -> None:
        self._constants = constants
        self.cost = np.zeros(classes)
        self.best_norm = np.full(classes, np.inf)
        """Infinite for a class that never passed the threshold."""
        self._successes = np.zeros(classes, np.int64)
        self._failures = np.zeros(classes, np.int64)
        self._stale = np.zeros(classes, np.int64)
        self._raised = np.zeros(classes, bool)
        self._lowered = np.zeros(classes, bool)

    def update(self, success: np.ndarray, norm: np.ndarray, checked: Bools) -> Bools:
        """Take one check (float K each; only classes ``checked`` count) and say which classes have a new best mask."""
        passed = checked & (success >= self._constants.threshold)
        improved = passed & (norm < self.best_norm)
        clearly = passed & (norm < self._constants.stop_ratio * self.best_norm)
        self._stale = np.where(checked & np.isfinite(self.best_norm), self._stale + 1, self._stale)
        self._stale[clearly] = 0
        self.best_norm = np.where(improved, norm, self.best_norm)
        self._move_costs(passed, checked & ~passed)
        return improved

    def finished(self) -> Bools:
        """Classes whose mask has stopped shrinking although their cost was both raised and lowered."""
        return self._raised & self._lowered & (self._stale >= self._constants.stop_patience)

    def _move_costs(self, passed: Bools, failed: Bools) -> None:
        constants = self._constants
        self._successes = np.where(passed, self._successes + 1, np.where(failed, 0, self._successes))
        self._failures = np.where(failed, self._failures + 1, np.where(passed, 0, self._failures))
        unset = self.cost == 0
        enough, too_many = self._successes >= constants.patience, self._failures >= constants.patience
        raised, lowered = enough & ~unset, too_many & ~unset
        self.cost = np.where(enough & unset, constants.initial_cost, self.cost)
        self.cost = np.where(raised, self.cost * constants.multiplier, self.cost)
        self.cost = np.where(lowered, self.cost / constants.multiplier**1.5, self.cost)
        self._raised |= raised
        self._lowered |= lowered
        self._successes[enough] = 0
        self._failures[too_many] = 0


def scores_of_sizes(sizes: np.ndarray, whole: float) -> Floats:
    """float32 K: log(``whole`` / size), higher is more suspicious; 0, the lowest there is, where nothing was found (infinite size)."""
    scores: Floats = np.log(whole / np.clip(sizes, 0.1, whole)).astype(np.float32)
    return scores
