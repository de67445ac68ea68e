"""What searches for all classes at once share: which images meet which class in a step, and whether a trigger has worked lately."""

from dataclasses import dataclass
from typing import final

import numpy as np

from onecurve.core.image.images import Bools, Ints

WINDOW_IMAGES = 64
"""A trigger passes if this step did and the last steps did that together held about so many images per class."""


@final
@dataclass(frozen=True)
class Pairs:
    """P pairs of a class (position in the search) and an image."""

    classes: Ints
    images: Ints


def drawn_pairs(classes: Ints, labels: Ints, active: Bools, images: int, rng: np.random.Generator) -> Pairs:
    """Every active one of ``classes`` with every image of a fresh batch of that many that is not of that class."""
    positions = np.flatnonzero(active)
    usable = np.flatnonzero((classes[positions][:, None] != labels[None, :]).any(axis=0))
    batch = rng.choice(usable, size=min(images, len(usable)), replace=False)
    row, column = np.nonzero(classes[positions][:, None] != labels[batch][None, :])
    return Pairs(positions[row], batch[column])


@final
class RecentSuccess:
    """Shares of images that reached each class in the last steps."""

    def __init__(self, classes: int, images_per_step: int) -> None:
        self._memory = 1 - min(1, images_per_step / WINDOW_IMAGES)
        self._hits = np.zeros(classes)
        self._tried = np.zeros(classes)

    def after(self, hits: np.ndarray, counts: Ints) -> np.ndarray:
        """float64 K after a step in which ``hits`` of ``counts`` images per class reached it."""
        # A handful of images passes a threshold of .99 by luck, so that earlier steps must have passed too; these count
        # less and less, since the triggers have moved on.
        self._hits = self._memory * self._hits + hits
        self._tried = self._memory * self._tried + counts
        found: np.ndarray = np.minimum(self._hits / np.maximum(self._tried, 1e-9), hits / np.maximum(counts, 1))
        return found
