"""Many candidate sprites of different sizes in one pair of arrays, and pasting chosen ones on chosen images.

A sprite lies in the top-left corner of its square canvas, and the rest of the canvas is transparent. So one array operation pastes sprites
of all sizes; `side` decides where a sprite fits.
"""

from dataclasses import dataclass
from typing import final

import numpy as np

from onecurve.core.image.images import Floats, Ints
from onecurve.core.image.trigger import Paste


@final
@dataclass(frozen=True)
class SpriteBank:
    """P square sprites on canvases of side S."""

    patterns: Floats
    """float32 P x C x S x S in [0, 1]."""
    sides: Ints
    """int64 P; the side of each sprite, at most S; opaque inside."""
    origins: Ints
    """int64 P; the class of the image that a sprite was cut from, -1 for a drawn one."""

    def __len__(self) -> int:
        return len(self.sides)

    def take(self, rows: Ints) -> "SpriteBank":
        """The chosen sprites, in the given order."""
        return SpriteBank(self.patterns[rows], self.sides[rows], self.origins[rows])

    def paste_of(self, row: int) -> Paste:
        """One sprite as a trigger, at any place."""
        side = int(self.sides[row])
        return Paste(self.patterns[row : row + 1, :, :side, :side], np.ones((1, side, side), np.float32))

    def pasted(self, images: Floats, which: Ints, rng: np.random.Generator) -> Floats:
        """Sprite ``which[n]`` at a random place of image n: float32 N x C x H x W for images of that shape."""
        count, channels, height, width = images.shape
        canvas = self.patterns.shape[-1]
        sides = self.sides[which]
        tops, lefts = rng.integers(height - sides + 1), rng.integers(width - sides + 1)
        frame = np.zeros((count, channels, height + canvas, width + canvas), np.float32)
        frame[:, :, :height, :width] = images
        image = np.arange(count)[:, None, None, None]
        channel = np.arange(channels)[None, :, None, None]
        row = tops[:, None, None, None] + np.arange(canvas)[None, None, :, None]
        column = lefts[:, None, None, None] + np.arange(canvas)[None, None, None, :]
        inside = np.arange(canvas) < sides[:, None]
        opaque = (inside[:, :, None] & inside[:, None, :])[:, None]
        frame[image, channel, row, column] = np.where(opaque, self.patterns[which], frame[image, channel, row, column])
        return frame[:, :, :height, :width]


def square_canvases(sprites: Floats, sides: Ints) -> Floats:
    """Sprites P x C x S x S with everything outside their sides set to zero."""
    inside = np.arange(sprites.shape[-1]) < sides[:, None]
    return (sprites * (inside[:, None, :, None] & inside[:, None, None, :])).astype(np.float32)
