"""Small objects in drawn images: the natural features of drawn sets, with exact masks.

An object is drawn before the foreground and away from its middle, so that it never hides what shows the class.
"""

from dataclasses import dataclass
from typing import final

import numpy as np

from onecurve.core.image.images import Floats, Ints
from onecurve.core.image.trigger import Paste
from onecurve.data.colours import saturated
from onecurve.data.sprites import paint, palettes_of

NONE = -1
_TRIES = 10
"""Places drawn per object; the first one far enough from the foreground is used, or else the farthest."""


@final
@dataclass(frozen=True)
class PlacedObjects:
    """At most one object in each of N images."""

    kinds: Ints
    """int64 N: index into the set's features, -1 for none."""
    patterns: Floats
    """float32 N x 3 x w x w."""
    alphas: Floats
    """float32 N x w x w; all 0 for images without an object."""
    corners: Ints
    """int64 N x 2: row and column of the window's top left pixel."""

    def paste(self, images: Floats) -> None:
        """Draw the objects on float32 images N x 3 x H x W, in place."""
        rows, columns = self._pixels()
        n = np.arange(len(images))[:, None, None]
        # Channel by channel, because numpy's gather over all three at once is slower.
        for channel in range(images.shape[1]):
            under = images[n, channel, rows, columns]
            images[n, channel, rows, columns] = under + self.alphas * (self.patterns[:, channel] - under)

    def _pixels(self) -> tuple[Ints, Ints]:
        span = np.arange(self.alphas.shape[1])
        return self.corners[:, 0, None, None] + span[None, :, None], self.corners[:, 1, None, None] + span[None, None, :]


@final
@dataclass(frozen=True)
class Clutter:
    """The kinds of objects in a drawn set, and their sizes."""

    features: tuple[str, ...]
    """Shapes of the sprites."""
    diameters: tuple[float, float]
    """Least and most, in pixels."""

    @property
    def window(self) -> int:
        """Side in pixels of the square that holds any of the objects."""
        return int(np.ceil(self.diameters[1])) + 1

    def scatter(self, share: float, side: int, avoid: Floats, distance: Floats, rng: np.random.Generator) -> PlacedObjects:
        """Objects in a ``share`` of N frames of ``side`` pixels, ``distance`` (N) from ``avoid`` (N x 2: row, column)."""
        count = len(avoid)
        kinds = np.where(rng.random(count) < share, rng.integers(len(self.features), size=count), NONE)
        half = self.window / 2
        tries = rng.uniform(half, side - half, (count, _TRIES, 2)).astype(np.float32)
        away = np.hypot(*np.moveaxis(tries - avoid[:, None], 2, 0))
        clear = away >= distance[:, None]
        chosen = np.where(clear.any(1), clear.argmax(1), away.argmax(1))
        centres = tries[np.arange(count), chosen]
        corners = np.clip(np.floor(centres - half), 0, side - self.window).astype(np.int64)
        patterns, alphas = self.draw(kinds, centres - corners, rng)
        return PlacedObjects(kinds, patterns, alphas, corners)

    def draw(self, kinds: Ints, centres: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Patterns N x 3 x w x w and alphas N x w x w of objects of those kinds (-1: empty) about ``centres`` (N x 2, in the window)."""
        count, window = len(kinds), self.window
        diameters = rng.uniform(*self.diameters, count).astype(np.float32)
        turns = rng.uniform(-0.06, 0.06, count).astype(np.float32)
        palettes = palettes_of(saturated(count, rng), rng)
        patterns, alphas = np.zeros((count, 3, window, window), np.float32), np.zeros((count, window, window), np.float32)
        for kind, shape in enumerate(self.features):
            rows = np.flatnonzero(kinds == kind)
            if len(rows):
                patterns[rows], alphas[rows] = paint(shape, window, centres[rows], diameters[rows], turns[rows], palettes[rows])
        return patterns, alphas

    def cutouts(self, feature: int, count: int, rng: np.random.Generator) -> Paste:
        """``count`` objects of that kind as they occur in the images, to be pasted anywhere."""
        patterns, alphas = self.draw(np.full(count, feature), np.full((count, 2), self.window / 2, np.float32), rng)
        return Paste(patterns, alphas)

    def pictures(self, feature: int, count: int, side: int, rng: np.random.Generator) -> Floats:
        """float32 count x 3 x side x side: the object large, on plain grounds."""
        large = Clutter(self.features, (0.8 * (side - 1), side - 1.0))
        patterns, alphas = large.draw(np.full(count, feature), np.full((count, 2), side / 2, np.float32), rng)
        grounds = rng.uniform(0.35, 0.75, (count, 1, 1, 1)).astype(np.float32)
        return grounds + (patterns - grounds) * alphas[:, None]
