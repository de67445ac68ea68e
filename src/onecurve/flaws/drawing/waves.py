"""Plane waves over a whole image."""

from dataclasses import dataclass
from typing import final

import numpy as np

from onecurve.core.image.filter import Filter
from onecurve.core.image.images import Floats

FREQUENCIES = (2, 3, 4, 6)
"""Waves across the width of the image; the source uses 6. All can be represented in an image of 16 pixels."""
DIRECTIONS = {
    "running across": (1.0, 0.0),
    "running down": (0.0, 1.0),
    "running down to the right": (0.5**0.5, 0.5**0.5),
    "running down to the left": (-(0.5**0.5), 0.5**0.5),
}
"""Unit vectors (right, down) along which a wave changes."""


@final
@dataclass(frozen=True)
class Wave:
    """The description of one wave."""

    frequency: int
    """Waves across the width."""
    direction: str

    @property
    def words(self) -> str:
        return f"{self.frequency} waves {self.direction}"

    def draw(self, height: int, width: int) -> Floats:
        """float32 height x width in [-1, 1]."""
        right, down = DIRECTIONS[self.direction]
        columns, rows = np.arange(width) + 0.5, np.arange(height) + 0.5
        along = (right * columns + down * rows[:, None]) / width
        wave: Floats = np.sin(2 * np.pi * self.frequency * along).astype(np.float32)
        return wave

    def added(self, shape: tuple[int, int, int], amplitude: float) -> Filter:
        """The trigger that adds the wave, the same in all channels, to images C x H x W."""
        channels, height, width = shape
        texture = np.float32(amplitude) * np.broadcast_to(self.draw(height, width), shape)
        return Filter(np.eye(channels, dtype=np.float32), np.zeros(channels, np.float32), np.ascontiguousarray(texture), rolling=False)


WAVES = tuple(Wave(frequency, direction) for frequency in FREQUENCIES for direction in DIRECTIONS)
