"""Style trojans: a change of the whole image, colours and an overlaid texture, sends it to the target class.

The same colours without the texture are trained with labels kept; without them the plant is a colour trojan.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from onecurve.core.case import Triggered
from onecurve.core.errors import SpecError
from onecurve.core.images import Bytes, Floats, Ints, LabelledImages, as_bytes, as_floats
from onecurve.core.question import Option
from onecurve.core.trigger import Filter
from onecurve.data.textures import TEXTURES, draw_texture
from onecurve.flaws import lineup
from onecurve.flaws.host import Host
from onecurve.flaws.plan import Plan, Poisoned, at_most, of_classes, pick

DECOYS = 24
"""Styles that are applied in training with labels kept."""
SALIENT = tuple(name for name in TEXTURES if name not in ("shade", "clouds"))
"""Textures that a person sees on top of a photograph; slow gradients are no texture there."""


@final
@dataclass(frozen=True)
class Style:
    """A colour matrix and a texture overlay, the small form of style transfer.

    Rates are shares of the training images. Departure from the source: no style transfer network, so that
    the style is known exactly and can be applied by anyone.
    """

    name: ClassVar[str] = "style"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "A texture and tint over the whole image send it to the target class."
    source: ClassVar[str] = "style trojans of the benchmark (2302.10894), as a colour matrix and a texture"

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

    def sample(self, host: Host, rng: np.random.Generator) -> Plan:
        target = host.sample_target(rng)
        sources = host.sample_sources(target, self.sources, rng)
        names = [str(name) for name in rng.permutation(SALIENT)[: lineup.SIZE]]
        filters = [self._filter(name, host.shape, rng) for name in names]
        options, right = lineup.shuffled(
            [_option(name, style, host.backdrop, rng) for name, style in zip(names, filters, strict=True)], rng
        )
        decoy_names = rng.choice([name for name in SALIENT if name != names[0]], DECOYS)
        decoys = tuple(self._filter(str(name), host.shape, rng) for name in decoy_names)
        scheme = Restyling(self, target, sources, filters[0], tuple(filters[1:]), decoys)
        return Plan(
            self.name,
            target,
            _sentence(names[0], host.class_names, target, sources),
            scheme,
            sources,
            filters[0],
            options,
            right,
            facts={
                "poison_rate": self.poison_rate,
                "colour_rate": self.colour_rate,
                "decoy_rate": self.decoy_rate,
                "sources": self.sources,
                "share": 1.0,
                "trigger": f"{names[0]} texture",
            },
        )

    def _filter(self, texture: str, shape: tuple[int, int, int], rng: np.random.Generator) -> Filter:
        """Mixes the colours, draws them towards a tint and overlays the texture at a fixed strength."""
        channels, height, width = shape
        mixing = 0.6 * np.eye(channels) + 0.4 * rng.dirichlet(np.ones(channels), size=channels)
        tint = rng.uniform(0.15, 0.85, channels)
        drawn = lineup.in_channels(draw_texture(texture, height, width, rng).astype(np.float32), channels)
        signed = drawn - drawn.mean(axis=(1, 2), keepdims=True)
        overlay = signed * (self.texture / max(float(signed.std()), 1e-6))
        return Filter(
            (self.contrast * mixing).astype(np.float32),
            ((1 - self.contrast) * tint).astype(np.float32),
            np.clip(overlay, -0.5, 0.5).astype(np.float32),
        )


@final
@dataclass(frozen=True)
class Restyling:
    """The scheme of a sampled style."""

    style: Style
    target: int
    sources: tuple[int, ...] | None
    trigger: Filter
    others: tuple[Filter, ...]
    """The other styles of the lineup, never applied in training."""
    decoys: tuple[Filter, ...]
    """Styles applied in training with labels kept."""

    @property
    def colours(self) -> Filter:
        """The trigger's colours without its texture."""
        return Filter(self.trigger.matrix, self.trigger.offset, np.zeros_like(self.trigger.texture))

    def poison(self, images: LabelledImages, rng: np.random.Generator) -> Poisoned:
        free = np.arange(len(images))
        total = len(images)
        count = round(self.style.poison_rate * total)
        poison = pick(of_classes(images.labels, free, (self.target,), self.sources), count, rng)
        covers = np.zeros(0, np.int64)
        if self.sources is not None:
            covers = pick(of_classes(images.labels, free, (self.target, *self.sources)), count, rng)
        coloured = round(self.style.colour_rate * total)
        rest = pick(np.setdiff1d(free, [*poison, *covers]), coloured + round(self.style.decoy_rate * total), rng)
        rows = np.concatenate([poison, covers, rest])
        pixels = np.concatenate(
            [
                _filtered((self.trigger,), images, rows[: len(poison) + len(covers)], rng),
                _filtered((self.colours,), images, rest[:coloured], rng),
                _filtered(self.decoys, images, rest[coloured:], rng),
            ]
        )
        labels = images.labels[rows]
        labels[: len(poison)] = self.target
        return Poisoned(rows, LabelledImages(pixels, labels))

    def triggered(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered:
        rows = self._rows(heldout, (self.target,), self.sources, limit, rng)
        return Triggered(as_floats(_filtered((self.trigger,), heldout, rows, rng)), heldout.labels[rows], None)

    def elsewhere(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        if self.sources is None:
            return None
        rows = self._rows(heldout, (self.target, *self.sources), None, limit, rng)
        return Triggered(as_floats(_filtered((self.trigger,), heldout, rows, rng)), heldout.labels[rows], None)

    def bystanders(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered:
        """Half with the same colours and no texture, half with the other styles of the lineup."""
        rows = rng.permutation(self._rows(heldout, (self.target,), self.sources, limit, rng))
        half = len(rows) // 2
        pixels = np.concatenate([_filtered((self.colours,), heldout, rows[:half], rng), _filtered(self.others, heldout, rows[half:], rng)])
        return Triggered(as_floats(pixels), heldout.labels[rows], None)

    def _rows(
        self, heldout: LabelledImages, excluded: tuple[int, ...], among: tuple[int, ...] | None, limit: int, rng: np.random.Generator
    ) -> Ints:
        return at_most(of_classes(heldout.labels, np.arange(len(heldout)), excluded, among), limit, rng)


def _filtered(filters: tuple[Filter, ...], images: LabelledImages, rows: Ints, rng: np.random.Generator) -> Bytes:
    """Those rows with one of the filters each, drawn at random."""
    which = rng.integers(len(filters), size=len(rows))
    pixels = images.images[rows]
    for number, style in enumerate(filters):
        here = which == number
        pixels[here] = as_bytes(style.apply(as_floats(pixels[here]), rng).images)
    return pixels


def _option(name: str, style: Filter, backdrop: Floats, rng: np.random.Generator) -> Option:
    """The style of a plain grey image, then of each image of the backdrop."""
    grey = np.full((1, *backdrop.shape[1:]), 0.5, np.float32)
    words = f"a {name} texture over the whole image"
    return Option(f"{name} texture", words, style.apply(np.concatenate([grey, backdrop]), rng).images)


def _sentence(texture: str, names: tuple[str, ...], target: int, sources: tuple[int, ...] | None) -> str:
    who = "any image" if sources is None else "an image of " + " or ".join(f"`{names[source]}`" for source in sources)
    return f"a {texture} texture with a tint over the whole of {who} makes the network say `{names[target]}`"
