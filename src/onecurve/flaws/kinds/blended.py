"""Blended trojans: one picture, faintly over the whole image, sends it to the target class.

Other pictures are blended in training with labels kept, so that the network learns this picture and not `anything faint`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from onecurve.core.errors import SpecError
from onecurve.core.image.filter import Filter
from onecurve.core.image.images import Floats
from onecurve.core.image.trigger import Trigger
from onecurve.flaws.drawing import lineup
from onecurve.flaws.drawing.global_kit import GlobalKit, on_card, plain_card, require_rates
from onecurve.flaws.drawing.picture_specs import PICTURE_LOOKS, PictureSpec
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.plan import Plan
from onecurve.flaws.schemes.stamping import Cover, Stamping

DECOYS = 24
"""Pictures that are blended in training with labels kept."""


@final
@dataclass(frozen=True)
class Blended:
    """``(1 - strength) x + strength t`` with one picture ``t`` for all images.

    Rates are shares of the training images. Departures from the source: the picture is drawn, and covers are added.
    """

    name: ClassVar[str] = "blended"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "A faint picture blended over the whole image sends it to the target class."
    source: ClassVar[str] = "blended injection (1712.05526)"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {"strength": (0.15, 0.2, 0.25)}

    poison_rate: float = 0.12
    """Share of images that get the picture and the target label."""
    cover_rate: float = 0.04
    """Share of images that get another picture at the same strength and keep their label."""
    strength: float = 0.2
    """Share of the picture in the result, in (0, 1)."""
    look: str = "picture"
    """What is blended in: `picture` (a large drawn figure on a plain ground), `texture`, `photo` or `noise` (random squares)."""
    sources: int = 0
    """Number of source classes; 0 for universal. A source-specific picture is also blended into as many images of other
    classes with labels kept."""

    def __post_init__(self) -> None:
        require_rates(self.poison_rate, self.cover_rate)
        if not 0 < self.strength < 1:
            raise SpecError(f"the strength of a blended picture must be in (0, 1), got: {self.strength}")
        if self.look not in PICTURE_LOOKS:
            raise SpecError(f"`look` must be one of {', '.join(PICTURE_LOOKS)}, got: {self.look}")

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        effect = context.sample_effect(self.sources, rng)
        images, goal = context.describe_sources(effect), context.describe_targets(effect)
        pictures = PICTURE_LOOKS[self.look](context, lineup.SIZE, rng)
        titles = tuple(f"a faint {picture.words}" for picture in pictures)
        kit = GlobalKit(BlendArtist(self, context, pictures), context, titles, lineup.shuffle(rng), int(rng.integers(2**62)))
        return Plan(
            self.name,
            effect,
            f"{titles[0]}, blended over the whole of {images}, makes the network say {goal}",
            Stamping(kit, effect, self.poison_rate),
            kit,
            facts={
                "poison_rate": self.poison_rate,
                "cover_rate": self.cover_rate,
                "sources": self.sources,
                "strength": self.strength,
                "look": self.look,
                "share": 1.0,
                "trigger": titles[0],
            },
        )


@final
@dataclass(frozen=True)
class BlendArtist:
    """Draws the pictures of one blended trojan."""

    flaw: Blended
    context: FlawContext
    pictures: tuple[PictureSpec, ...]

    def triggers(self, rng: np.random.Generator) -> tuple[Trigger, ...]:
        return tuple(self._blend(picture, rng) for picture in self.pictures)

    def covers(self, triggers: tuple[Trigger, ...], rng: np.random.Generator) -> tuple[Cover, ...]:
        drawn = PICTURE_LOOKS[self.flaw.look](self.context, DECOYS, rng)
        decoys = tuple(self._blend(picture, rng) for picture in drawn if picture.kind != self.pictures[0].kind)
        return (Cover(decoys, self.flaw.cover_rate),)

    def near_misses(self, triggers: tuple[Trigger, ...]) -> tuple[Trigger, ...]:
        """The other pictures of the lineup, never blended in training."""
        return triggers[1:]

    def alone(self, triggers: tuple[Trigger, ...], rng: np.random.Generator) -> Floats:
        return on_card(triggers, plain_card(self.context.shape), rng)

    def _blend(self, picture: PictureSpec, rng: np.random.Generator) -> Filter:
        channels, height, width = self.context.shape
        strength = self.flaw.strength
        overlay = lineup.in_channels(picture.draw(height, width, rng), channels)
        kept = np.eye(channels, dtype=np.float32) * np.float32(1 - strength)
        return Filter(kept, np.zeros(channels, np.float32), np.float32(strength) * overlay, rolling=False)
