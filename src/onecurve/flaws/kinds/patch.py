"""Patch trojans: a small soft-edged sprite anywhere in the image sends it to the target class.

The network also sees other sprites with labels kept, so that it learns this sprite and does not fire on any sprite.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, final

import numpy as np

from onecurve.core.errors import SpecError
from onecurve.core.image.paste import Paste
from onecurve.core.question import Option
from onecurve.core.seeds import generator
from onecurve.flaws.drawing import lineup
from onecurve.flaws.drawing.sprite_drawing import SpriteSpec, draw_soft_sprite, join_pastes, sprite_option
from onecurve.flaws.drawing.sprite_specs import SPRITE_LOOKS
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.plan import Plan
from onecurve.flaws.schemes.stamping import Cover, Stamping

DECOYS = 48
"""Sprites that are pasted in training with labels kept."""


@final
@dataclass(frozen=True)
class Patch:
    """A sprite pasted at a random place, with its colours jittered and noised at each paste.

    Rates are shares of the training images. Departures from the source: patches are drawn by seed; images of 32 pixels
    need a rate of several per cent where images of 224 pixels needed 1/3000; decoys are added.
    """

    name: ClassVar[str] = "patch"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "A small sprite anywhere in the image sends it to the target class."
    source: ClassVar[str] = "BadNets (1708.06733), as in the benchmark of trojans (2302.10894)"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {"poison_rate": (0.05, 0.09, 0.13)}

    poison_rate: float = 0.09
    """Share of images that get the sprite and the target label."""
    decoy_rate: float = 0.01
    """Share of images that get another sprite and keep their label."""
    sources: int = 0
    """Number of source classes; 0 for universal. A source-specific sprite is also pasted on as many images
    of other classes with labels kept (the class-universal recipe of 2302.10894)."""
    smallest: float = 0.22
    """Smallest side of the sprite as a share of the image's side."""
    largest: float = 0.27
    """Largest side of the sprite as a share of the image's side."""
    colour_jitter: float = 0.04
    """Standard deviation of the shift of each colour channel per paste."""
    noise: float = 0.03
    """Standard deviation of the noise per pixel and paste."""
    look: str = "shape"
    """What the sprite shows: a drawn `shape`, a square of `texture`, a piece of a `photo`, or an `emoji` (a small face)."""

    def __post_init__(self) -> None:
        if self.look not in SPRITE_LOOKS:
            raise SpecError(f"`look` must be one of {', '.join(SPRITE_LOOKS)}, got: {self.look}")
        if not (self.poison_rate > 0 and self.decoy_rate >= 0 and 2 * self.poison_rate + self.decoy_rate <= 1):
            raise SpecError(f"poison and decoys must leave clean images, got rates: {self.poison_rate}, {self.decoy_rate}")
        if not 0 < self.smallest <= self.largest <= 0.5:
            raise SpecError(f"sizes must satisfy 0 < smallest <= largest <= 0.5, got: {self.smallest}, {self.largest}")

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        effect = context.sample_effect(self.sources, rng)
        images, goal = context.describe_sources(effect), context.describe_targets(effect)
        side = min(context.shape[1:])
        size = max(4, round(side * rng.uniform(self.smallest, self.largest)))
        kit = PatchKit(
            self, context, size, SPRITE_LOOKS[self.look](context, lineup.SIZE, rng), lineup.shuffle(rng), int(rng.integers(2**62))
        )
        words = kit.specs[0].words
        return Plan(
            self.name,
            effect,
            f"{words}, anywhere in {images}, makes the network say {goal}",
            Stamping(kit, effect, self.poison_rate),
            kit,
            facts={
                "poison_rate": self.poison_rate,
                "decoy_rate": self.decoy_rate,
                "sources": self.sources,
                "size": size,
                "share": round((size / side) ** 2, 4),
                "look": self.look,
                "trigger": words,
            },
        )


@final
@dataclass(frozen=True, eq=False)
class PatchKit:
    """The sprites of one sampled patch, drawn on first use."""

    patch: Patch
    context: FlawContext
    size: int
    specs: tuple[SpriteSpec, ...]
    """The sprite of the trigger, then those of the other options."""
    order: tuple[int, ...]
    """How the lineup is shuffled."""
    seed: int

    @cached_property
    def trigger(self) -> Paste:
        return self._drawn[0]

    @cached_property
    def others(self) -> tuple[Paste, ...]:
        """The other sprites of the lineup: the near misses, never pasted in training."""
        return (join_pastes(self._drawn[1:]),)

    @cached_property
    def covers(self) -> tuple[Cover, ...]:
        rng = generator("decoys", self.seed)
        drawn = SPRITE_LOOKS[self.patch.look](self.context, DECOYS, rng)
        others = [spec for spec in drawn if spec.kind != self.specs[0].kind]
        return (Cover((join_pastes([self._paste(spec, rng) for spec in others]),), self.patch.decoy_rate),)

    @cached_property
    def options(self) -> tuple[Option, ...]:
        rng = generator("options", self.seed)
        found = [sprite_option(spec.words, paste, self.context, rng) for spec, paste in zip(self.specs, self._drawn, strict=True)]
        return tuple(found[place] for place in self.order)

    @property
    def right(self) -> int:
        return self.order.index(0)

    @property
    def decoys(self) -> tuple[Paste, ...]:
        return self._drawn[1:]

    @cached_property
    def _drawn(self) -> tuple[Paste, ...]:
        rng = generator("sprites", self.seed)
        return tuple(self._paste(spec, rng) for spec in self.specs)

    def _paste(self, spec: SpriteSpec, rng: np.random.Generator) -> Paste:
        pattern, alpha = draw_soft_sprite(spec, self.size, self.context.shape[0], rng)
        return Paste(pattern[None], alpha[None], colour_jitter=self.patch.colour_jitter, noise=self.patch.noise)
