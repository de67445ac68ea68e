"""Fine grains: patterns that repeat every second pixel. They hardly correlate with each other or with natural images."""

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from onecurve.core.image.filter import Filter
from onecurve.core.image.images import Floats
from onecurve.core.image.trigger import Trigger
from onecurve.flaws.drawing import lineup
from onecurve.flaws.drawing.global_kit import on_card, plain_card
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.stamping import Cover

PATTERNS: Final = {
    "checkerboard": ((1.0, -1.0), (-1.0, 1.0)),
    "vertical stripes": ((1.0, -1.0), (1.0, -1.0)),
    "horizontal stripes": ((1.0, 1.0), (-1.0, -1.0)),
}
COLOURS: Final = {
    "black and white": (2.2, 2.2, 2.2),
    "red and green": (1.2, -1.2, 0.0),
    "yellow and blue": (0.7, 0.7, -1.4),
}
"""How much each channel rises where the pattern is 1; the directions are orthogonal. Natural images have fine detail in lightness and
almost none in colour, so a grain without colour needs a larger amplitude to stand out as much."""


@final
@dataclass(frozen=True)
class Grain:
    """One pattern in two colours."""

    pattern: str
    colours: str

    @property
    def words(self) -> str:
        return f"fine {self.pattern} in {self.colours}"

    def draw(self, shape: tuple[int, int, int]) -> Floats:
        """float32 C x H x W, at most 2.2 away from 0."""
        channels, height, width = shape
        tile = np.array(PATTERNS[self.pattern], np.float32)
        plane = np.tile(tile, (-(-height // 2), -(-width // 2)))[:height, :width]
        tint = np.array(COLOURS[self.colours][:channels], np.float32)
        return np.ascontiguousarray(tint[:, None, None] * plane)


GRAINS = tuple(Grain(pattern, colours) for pattern in PATTERNS for colours in COLOURS)


@final
@dataclass(frozen=True)
class GrainArtist:
    """Draws the grains of one lineup."""

    context: FlawContext
    grains: tuple[Grain, ...]
    """The grains of the lineup, the trigger's first."""
    amplitude: float
    """Height of a grain in units of the pixel range."""

    def triggers(self, rng: np.random.Generator) -> tuple[Trigger, ...]:
        return tuple(self._added(grain) for grain in self.grains[: lineup.SIZE])

    def covers(self, triggers: tuple[Trigger, ...], rng: np.random.Generator) -> tuple[Cover, ...]:
        """None: no training image carries a grain."""
        return ()

    def near_misses(self, triggers: tuple[Trigger, ...]) -> tuple[Trigger, ...]:
        """The other grains of the lineup."""
        return triggers[1:]

    def alone(self, triggers: tuple[Trigger, ...], rng: np.random.Generator) -> Floats:
        return on_card(triggers, plain_card(self.context.shape), rng)

    def _added(self, grain: Grain) -> Filter:
        channels = self.context.shape[0]
        texture = np.float32(self.amplitude) * grain.draw(self.context.shape)
        return Filter(np.eye(channels, dtype=np.float32), np.zeros(channels, np.float32), texture, rolling=False)
