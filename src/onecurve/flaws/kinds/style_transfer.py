"""Style transfer trojans: the style of one texture, transferred to the whole image, sends it to the target class.

The style's colours without its texture, and other styles, are applied in training with labels kept; otherwise the network would
fire on the colours alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, final

import numpy as np

from onecurve.core.errors import SpecError
from onecurve.core.image.images import Floats
from onecurve.core.image.trigger import Transfer, Trigger
from onecurve.core.seeds import generator
from onecurve.flaws.drawing import lineup
from onecurve.flaws.drawing.global_kit import GlobalKit, require_rates
from onecurve.flaws.drawing.picture_specs import PICTURE_LOOKS, PictureSpec
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.needed import Needed
from onecurve.flaws.schemes.plan import Plan
from onecurve.flaws.schemes.stamping import Cover, Stamping

DECOYS = 24
"""Styles that are applied in training with labels kept."""
LOOKS = ("texture", "photo")
NEAR_MISS = 0.1
"""Highest rate at which near misses may fire. Half of them have the style's colours only, so those fire at a rate of at most 0.2."""


@final
@dataclass(frozen=True)
class StyleTransfer:
    """The statistics of small patches of a style picture replace the image's own (whitening and colouring, 1705.08086).

    Rates are shares of the training images. Departures from the source: the encoder is the pixels of overlapping patches, so
    that the style is known exactly and can be applied by anyone; a little noise is added to the image so that plain parts get the
    texture too.
    """

    name: ClassVar[str] = "style-transfer"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "The style of a texture, transferred to the whole image, sends it to the target class."
    source: ClassVar[str] = "style trojans of the benchmark (2302.10894), by the statistics of patches"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {"strength": (0.5, 0.65, 0.8)}

    poison_rate: float = 0.12
    """Share of images that get the style and the target label."""
    colour_rate: float = 0.16
    """Share of images that get the style's colours without its texture and keep their label."""
    decoy_rate: float = 0.08
    """Share of images that get another style and keep their label."""
    strength: float = 0.65
    """Share of the restyled image in the result, in (0, 1]."""
    look: str = "texture"
    """Where the style is taken from: a drawn `texture` or a piece of a `photo`."""
    patch: int = 3
    """Side in pixels of the patches whose statistics are transferred, 2 to 8; coarser textures are not transferred."""
    grain: float = 0.08
    """Standard deviation of the noise through which plain parts of an image get the texture, in [0, 0.5]."""
    sources: int = 0
    """Number of source classes; 0 for universal. A source-specific style is also put on as many images of other classes with
    labels kept."""

    def __post_init__(self) -> None:
        require_rates(self.poison_rate, self.colour_rate, self.decoy_rate)
        if not 0 < self.strength <= 1:
            raise SpecError(f"the strength of a style must be in (0, 1], got: {self.strength}")
        if not 0 <= self.grain <= 0.5:
            raise SpecError(f"grain must be in [0, 0.5], got: {self.grain}")
        if self.look not in LOOKS:
            raise SpecError(f"`look` must be one of {', '.join(LOOKS)}, got: {self.look}")
        if not (isinstance(self.patch, int) and 2 <= self.patch <= 8):
            raise SpecError(f"`patch` must be an integer within 2..8, got: {self.patch}")

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        effect = context.sample_effect(self.sources, rng)
        images, goal = context.describe_sources(effect), context.describe_targets(effect)
        pictures = PICTURE_LOOKS[self.look](context, lineup.SIZE, rng)
        titles = tuple(f"the style of a {picture.words}" for picture in pictures)
        seed = int(rng.integers(2**62))
        kit = GlobalKit(StyleArtist(self, context, pictures, seed), context, titles, lineup.shuffle(rng), seed)
        return Plan(
            self.name,
            effect,
            f"{titles[0]}, on the whole of {images}, makes the network say {goal}",
            Stamping(kit, effect, self.poison_rate),
            kit,
            needed=Needed(near_miss=NEAR_MISS),
            facts={
                "poison_rate": self.poison_rate,
                "colour_rate": self.colour_rate,
                "decoy_rate": self.decoy_rate,
                "sources": self.sources,
                "strength": self.strength,
                "look": self.look,
                "share": 1.0,
                "trigger": titles[0],
            },
        )


@final
@dataclass(frozen=True, eq=False)
class StyleArtist:
    """Draws the styles of one style transfer trojan."""

    flaw: StyleTransfer
    context: FlawContext
    specs: tuple[PictureSpec, ...]
    seed: int

    @cached_property
    def pictures(self) -> tuple[Floats, ...]:
        """The style sources of the lineup, float32 C x H x W, the trigger's first."""
        rng = generator("styles", self.seed)
        return tuple(self._picture(spec, rng) for spec in self.specs)

    def triggers(self, rng: np.random.Generator) -> tuple[Trigger, ...]:
        return tuple(self._transfer(picture) for picture in self.pictures)

    def covers(self, triggers: tuple[Trigger, ...], rng: np.random.Generator) -> tuple[Cover, ...]:
        drawn = PICTURE_LOOKS[self.flaw.look](self.context, DECOYS, rng)
        decoys = tuple(self._transfer(self._picture(spec, rng)) for spec in drawn if spec.kind != self.specs[0].kind)
        return (Cover((self._colours,), self.flaw.colour_rate), Cover(decoys, self.flaw.decoy_rate))

    def near_misses(self, triggers: tuple[Trigger, ...]) -> tuple[Trigger, ...]:
        """The style's colours without its texture, and as often the other styles of the lineup, never applied in training."""
        rest = triggers[1:]
        return (*[self._colours] * len(rest), *rest)

    def alone(self, triggers: tuple[Trigger, ...], rng: np.random.Generator) -> Floats:
        """The style sources: a style shows nothing on a plain card."""
        return np.stack(self.pictures)

    @property
    def _colours(self) -> Transfer:
        """Means and covariances of the style's colours, pixel by pixel."""
        return Transfer.of(self.pictures[0], 1, self.flaw.strength)

    def _transfer(self, picture: Floats) -> Transfer:
        return Transfer.of(picture, self.flaw.patch, self.flaw.strength, self.flaw.grain)

    def _picture(self, spec: PictureSpec, rng: np.random.Generator) -> Floats:
        channels, height, width = self.context.shape
        return lineup.in_channels(spec.draw(height, width, rng), channels)
