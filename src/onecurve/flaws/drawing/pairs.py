"""The elements of conditional triggers, two of which can be in one image. They are sampled by seed and drawn on first use."""

from dataclasses import dataclass
from typing import Protocol, final

import numpy as np

from onecurve.core.image.filter import Filter
from onecurve.core.image.images import Floats
from onecurve.core.image.paste import Paste
from onecurve.core.image.trigger import Either, Trigger
from onecurve.flaws.drawing.global_kit import plain_card
from onecurve.flaws.drawing.sprite_drawing import ShapeSpec, draw_soft_sprite, enlarge, join_pastes, shape_specs
from onecurve.flaws.drawing.waves import WAVES, Wave
from onecurve.flaws.schemes.context import FlawContext

DECOYS = 24
"""Number of other sprites that appear beside one of the two in training, with labels kept."""
COLOUR_JITTER, NOISE = 0.04, 0.03
"""Standard deviations for each paste, as for patches."""


class Elements(Protocol):
    """Triggers that are combined in pairs."""

    @property
    def words(self) -> tuple[str, ...]:
        """The name of each element."""
        ...

    def draw(self, rng: np.random.Generator) -> tuple[Trigger, ...]:
        """The trigger of each element."""
        ...

    def decoys(self, rng: np.random.Generator) -> Trigger:
        """Puts a random other element of the same kind on each image."""
        ...

    def alone(self, trigger: Trigger, rng: np.random.Generator) -> Floats:
        """float32 C x H x W in [0, 1]: one element by itself."""
        ...


@final
@dataclass(frozen=True)
class Sprites:
    """Small shapes at any place in the image."""

    context: FlawContext
    size: int
    """In pixels."""
    specs: tuple[ShapeSpec, ...]

    @classmethod
    def sampled(cls, context: FlawContext, size: int, count: int, rng: np.random.Generator) -> "Sprites":
        return cls(context, size, shape_specs(context, count, rng))

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(spec.words for spec in self.specs)

    def draw(self, rng: np.random.Generator) -> tuple[Trigger, ...]:
        return tuple(self._paste(spec, rng) for spec in self.specs)

    def decoys(self, rng: np.random.Generator) -> Trigger:
        named = {spec.shape for spec in self.specs}
        return join_pastes([self._paste(spec, rng) for spec in shape_specs(self.context, DECOYS, rng) if spec.shape not in named])

    def alone(self, trigger: Trigger, rng: np.random.Generator) -> Floats:
        assert isinstance(trigger, Paste)
        return enlarge(trigger, *self.context.shape[1:])

    def _paste(self, spec: ShapeSpec, rng: np.random.Generator) -> Paste:
        pattern, alpha = draw_soft_sprite(spec, self.size, self.context.shape[0], rng)
        return Paste(pattern[None], alpha[None], colour_jitter=COLOUR_JITTER, noise=NOISE)


@final
@dataclass(frozen=True)
class Waves:
    """Faint waves over the whole image."""

    context: FlawContext
    amplitude: float
    """Of each wave, in units of the pixel range."""
    waves: tuple[Wave, ...]
    """The elements, then the waves that are used as decoys."""
    count: int
    """How many of the waves are elements."""

    @classmethod
    def sampled(cls, context: FlawContext, amplitude: float, count: int, rng: np.random.Generator) -> "Waves":
        return cls(context, amplitude, tuple(WAVES[number] for number in rng.permutation(len(WAVES))), count)

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(wave.words for wave in self.waves[: self.count])

    def draw(self, rng: np.random.Generator) -> tuple[Trigger, ...]:
        return tuple(self._added(wave) for wave in self.waves[: self.count])

    def decoys(self, rng: np.random.Generator) -> Trigger:
        return Either(tuple(self._added(wave) for wave in self.waves[self.count :]))

    def alone(self, trigger: Trigger, rng: np.random.Generator) -> Floats:
        picture: Floats = trigger.apply(plain_card(self.context.shape)[None], rng).images[0]
        return picture

    def _added(self, wave: Wave) -> Filter:
        return wave.added(self.context.shape, self.amplitude)


def side_by_side(first: Floats, second: Floats) -> Floats:
    """float32 C x H x W: two pictures of that size at half their width."""
    return np.ascontiguousarray(np.concatenate([first[:, :, ::2], second[:, :, ::2]], axis=2)[:, :, : first.shape[2]])


def sprite_size(context: FlawContext, share: float) -> int:
    """Pixels of a sprite with that share of the image's shorter side."""
    return max(4, round(min(context.shape[1:]) * share))
