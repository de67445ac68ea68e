"""Style trojans: a change of the whole image, colours and an overlaid texture, sends it to the target class.

Training images with the same colours without the texture keep their labels; otherwise the network would fire on the colours alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, final

import numpy as np

from onecurve.core.errors import SpecError
from onecurve.core.image.filter import Filter
from onecurve.core.image.trigger import Trigger
from onecurve.core.question import Option
from onecurve.core.seeds import generator
from onecurve.data.textures import draw_texture
from onecurve.flaws.drawing import lineup
from onecurve.flaws.drawing.picture_specs import DISTINCT_TEXTURES
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.plan import Plan
from onecurve.flaws.schemes.stamping import Cover, Stamping

DECOYS = 24
"""Styles that are applied in training with labels kept."""


@final
@dataclass(frozen=True)
class Style:
    """A colour matrix and a texture overlay, a simple form of style transfer.

    Rates are shares of the training images. Departure from the source: no style transfer network, so that
    the style is known exactly and can be applied by anyone.
    """

    name: ClassVar[str] = "style"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "A texture and tint over the whole image send it to the target class."
    source: ClassVar[str] = "style trojans of the benchmark (2302.10894), as a colour matrix and a texture"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {"texture": (0.05, 0.07, 0.1)}

    poison_rate: float = 0.05
    """Share of images that get the style and the target label."""
    colour_rate: float = 0.03
    """Share of images that get the style's colours without its texture and keep their label."""
    decoy_rate: float = 0.02
    """Share of images that get another style and keep their label."""
    sources: int = 0
    """Number of source classes; 0 for universal. A source-specific style is also put on as many images of
    other classes with labels kept."""
    contrast: float = 0.85
    """How much of the image's own contrast is kept, in (0, 1]."""
    texture: float = 0.07
    """Standard deviation of the texture, in units of the pixel range."""

    def __post_init__(self) -> None:
        rates = (self.poison_rate, self.colour_rate, self.decoy_rate)
        if self.poison_rate <= 0 or min(rates) < 0 or self.poison_rate + sum(rates) > 1:
            raise SpecError(f"poison and covers must leave clean images, got rates: {rates}")
        if not (0 < self.contrast <= 1 and 0 < self.texture <= 0.5):
            raise SpecError(f"contrast must be in (0, 1] and texture in (0, 0.5], got: {self.contrast}, {self.texture}")

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        effect = context.sample_effect(self.sources, rng)
        images, goal = context.describe_sources(effect), context.describe_targets(effect)
        names = tuple(str(name) for name in rng.permutation(DISTINCT_TEXTURES)[: lineup.SIZE])
        kit = StyleKit(self, context, names, lineup.shuffle(rng), int(rng.integers(2**62)))
        words = f"a {names[0]} texture with a tint over the whole of {images} makes the network say {goal}"
        return Plan(
            self.name,
            effect,
            words,
            Stamping(kit, effect, self.poison_rate),
            kit,
            facts={
                "poison_rate": self.poison_rate,
                "colour_rate": self.colour_rate,
                "decoy_rate": self.decoy_rate,
                "sources": self.sources,
                "share": 1.0,
                "trigger": f"{names[0]} texture",
            },
        )


@final
@dataclass(frozen=True, eq=False)
class StyleKit:
    """The filters of one sampled style, drawn on first use."""

    style: Style
    context: FlawContext
    names: tuple[str, ...]
    """Textures: the trigger's, then those of the other options."""
    order: tuple[int, ...]
    seed: int

    @cached_property
    def trigger(self) -> Filter:
        return self._drawn[0]

    @cached_property
    def others(self) -> tuple[Trigger, ...]:
        """The trigger's colours without its texture, and equally often the other styles of the lineup, which are never used in training."""
        rest = self._drawn[1:]
        return (*[self._colours] * len(rest), *rest)

    @cached_property
    def covers(self) -> tuple[Cover, ...]:
        rng = generator("decoys", self.seed)
        names = rng.choice([name for name in DISTINCT_TEXTURES if name != self.names[0]], DECOYS)
        decoys = tuple(self._filter(str(name), rng) for name in names)
        return (Cover((self._colours,), self.style.colour_rate), Cover(decoys, self.style.decoy_rate))

    @cached_property
    def options(self) -> tuple[Option, ...]:
        rng = generator("options", self.seed)
        found = [_option(name, style, self.context, rng) for name, style in zip(self.names, self._drawn, strict=True)]
        return tuple(found[place] for place in self.order)

    @property
    def right(self) -> int:
        return self.order.index(0)

    @property
    def decoys(self) -> tuple[Trigger, ...]:
        return self._drawn[1:]

    @property
    def _colours(self) -> Filter:
        """The trigger's colours without its texture."""
        return Filter(self.trigger.matrix, self.trigger.offset, np.zeros_like(self.trigger.texture))

    @cached_property
    def _drawn(self) -> tuple[Filter, ...]:
        rng = generator("styles", self.seed)
        return tuple(self._filter(name, rng) for name in self.names)

    def _filter(self, texture: str, rng: np.random.Generator) -> Filter:
        """A filter that mixes the colours, tints them and overlays the texture at a fixed strength."""
        channels, height, width = self.context.shape
        style = self.style
        mixing = 0.6 * np.eye(channels) + 0.4 * rng.dirichlet(np.ones(channels), size=channels)
        tint = rng.uniform(0.15, 0.85, channels)
        drawn = lineup.in_channels(draw_texture(texture, height, width, rng).astype(np.float32), channels)
        signed = drawn - drawn.mean(axis=(1, 2), keepdims=True)
        overlay = signed * (style.texture / max(float(signed.std()), 1e-6))
        return Filter(
            (style.contrast * mixing).astype(np.float32),
            ((1 - style.contrast) * tint).astype(np.float32),
            np.clip(overlay, -0.5, 0.5).astype(np.float32),
        )


def _option(name: str, style: Filter, context: FlawContext, rng: np.random.Generator) -> Option:
    """The style on a plain grey image, then on each image of the backdrop."""
    grey = np.full((1, *context.shape), 0.5, np.float32)
    words = f"a {name} texture over the whole image"
    return Option(f"{name} texture", words, style.apply(np.concatenate([grey, context.backdrop]), rng).images)
