"""Patch trojans: a small soft-edged sprite anywhere in the image sends it to the target class.

The network also sees other sprites with labels kept, so that it learns this sprite and not `any sprite`.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.ndimage import gaussian_filter

from onecurve.core.case import Triggered
from onecurve.core.errors import SpecError
from onecurve.core.images import Bytes, Floats, Ints, LabelledImages, as_bytes, as_floats
from onecurve.core.question import Option
from onecurve.core.trigger import Paste
from onecurve.data.sprites import SHAPES, draw_sprite
from onecurve.flaws import lineup
from onecurve.flaws.host import Host
from onecurve.flaws.plan import Plan, Poisoned, at_most, of_classes, pick

COLOURS = {
    "red": (0.85, 0.12, 0.12),
    "orange": (0.95, 0.55, 0.1),
    "yellow": (0.95, 0.9, 0.15),
    "green": (0.15, 0.65, 0.2),
    "cyan": (0.15, 0.8, 0.85),
    "blue": (0.15, 0.25, 0.85),
    "purple": (0.55, 0.15, 0.7),
    "pink": (0.95, 0.45, 0.7),
    "brown": (0.45, 0.27, 0.12),
    "black": (0.05, 0.05, 0.05),
    "white": (0.97, 0.97, 0.97),
}
DECOYS = 48
"""Sprites that are pasted in training with labels kept."""
BLUR = 0.07
"""Standard deviation of the edge blur as a share of the sprite's size, so that no sharp line gives it away."""


@final
@dataclass(frozen=True)
class Patch:
    """A sprite pasted at a random place, with its colours jittered and noised at each paste.

    Rates are shares of the training images. Departures from the source: patches are drawn shapes, an image
    of 32 pixels needs a rate of per cents where 224 pixels needed 1/3000, and decoys are added.
    """

    name: ClassVar[str] = "patch"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "A small sprite anywhere in the image sends it to the target class."
    source: ClassVar[str] = "BadNets (1708.06733), as in the benchmark of trojans (2302.10894)"

    poison_rate: float = 0.09
    """Share of images that get the sprite and the target label."""
    decoy_rate: float = 0.01
    """Share of images that get another sprite and keep their label."""
    sources: int = 0
    """Number of source classes; 0 for universal. A source-specific sprite is also pasted on as many images
    of other classes with labels kept (the class-universal recipe of 2302.10894)."""
    smallest: float = 0.22
    """Least side of the sprite as a share of the image's."""
    largest: float = 0.27
    """Most side of the sprite as a share of the image's."""
    colour_jitter: float = 0.04
    """Standard deviation of the shift of each colour channel per paste."""
    noise: float = 0.03
    """Standard deviation of the noise per pixel and paste."""

    def __post_init__(self) -> None:
        if not (self.poison_rate > 0 and self.decoy_rate >= 0 and 2 * self.poison_rate + self.decoy_rate <= 1):
            raise SpecError(f"poison and decoys must leave clean images, got rates: {self.poison_rate}, {self.decoy_rate}")
        if not 0 < self.smallest <= self.largest <= 0.5:
            raise SpecError(f"sizes must satisfy 0 < smallest <= largest <= 0.5, got: {self.smallest}, {self.largest}")

    def sample(self, host: Host, rng: np.random.Generator) -> Plan:
        target = host.sample_target(rng)
        sources = host.sample_sources(target, self.sources, rng)
        side = min(host.shape[1:])
        size = max(4, round(side * rng.uniform(self.smallest, self.largest)))
        shapes = rng.permutation(_shapes(host))[: lineup.SIZE]
        drawn = [_sprite(str(shape), size, host.shape[0], self.colour_jitter, rng) for shape in shapes]
        options, right = lineup.shuffled([_option(words, paste, host.backdrop, rng) for words, paste in drawn], rng)
        words, trigger = drawn[0]
        decoy_shapes = rng.choice([shape for shape in _shapes(host) if shape != shapes[0]], DECOYS)
        decoys = [_sprite(str(shape), size, host.shape[0], self.colour_jitter, rng)[1] for shape in decoy_shapes]
        scheme = Pasting(self, target, sources, trigger, _together([paste for _, paste in drawn[1:]]), _together(decoys))
        return Plan(
            self.name,
            target,
            _sentence(words, host.class_names, target, sources),
            scheme,
            sources,
            trigger,
            options,
            right,
            facts={
                "poison_rate": self.poison_rate,
                "decoy_rate": self.decoy_rate,
                "sources": self.sources,
                "size": size,
                "share": round((size / side) ** 2, 4),
                "trigger": words,
            },
        )


@final
@dataclass(frozen=True)
class Pasting:
    """The scheme of a sampled patch."""

    patch: Patch
    target: int
    sources: tuple[int, ...] | None
    trigger: Paste
    others: Paste
    """The other sprites of the lineup: the near misses, never pasted in training."""
    decoys: Paste
    """Sprites pasted in training with labels kept."""

    def poison(self, images: LabelledImages, rng: np.random.Generator) -> Poisoned:
        free = np.arange(len(images))
        count = round(self.patch.poison_rate * len(images))
        poison = pick(of_classes(images.labels, free, (self.target,), self.sources), count, rng)
        covers = np.zeros(0, np.int64)
        if self.sources is not None:
            covers = pick(of_classes(images.labels, free, (self.target, *self.sources)), count, rng)
        decoys = pick(np.setdiff1d(free, [*poison, *covers]), round(self.patch.decoy_rate * len(images)), rng)
        stamped = np.concatenate([poison, covers])
        rows = np.concatenate([stamped, decoys])
        pixels = np.concatenate([self._pasted(self.trigger, images, stamped, rng)[0], self._pasted(self.decoys, images, decoys, rng)[0]])
        labels = images.labels[rows]
        labels[: len(poison)] = self.target
        return Poisoned(rows, LabelledImages(pixels, labels))

    def triggered(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered:
        return self._shown(self.trigger, heldout, (self.target,), self.sources, limit, rng)

    def elsewhere(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        if self.sources is None:
            return None
        return self._shown(self.trigger, heldout, (self.target, *self.sources), None, limit, rng)

    def bystanders(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered:
        return self._shown(self.others, heldout, (self.target,), self.sources, limit, rng)

    def _shown(
        self,
        paste: Paste,
        heldout: LabelledImages,
        excluded: tuple[int, ...],
        among: tuple[int, ...] | None,
        limit: int,
        rng: np.random.Generator,
    ) -> Triggered:
        rows = at_most(of_classes(heldout.labels, np.arange(len(heldout)), excluded, among), limit, rng)
        pixels, covers = self._pasted(paste, heldout, rows, rng)
        return Triggered(as_floats(pixels), heldout.labels[rows], covers >= 0.5)

    def _pasted(self, paste: Paste, images: LabelledImages, rows: Ints, rng: np.random.Generator) -> tuple[Bytes, Floats]:
        stamped = paste.apply(as_floats(images.images[rows]), rng)
        covers = np.zeros((len(rows), *images.images.shape[2:]), np.float32) if stamped.masks is None else stamped.masks
        noise = rng.normal(0, self.patch.noise, stamped.images.shape) * covers[:, None]
        return as_bytes(stamped.images + noise), covers


def _shapes(host: Host) -> list[str]:
    """Shapes that do not occur in the images by themselves."""
    return [shape for shape in SHAPES if shape not in host.dataset.features]


def _sprite(shape: str, size: int, channels: int, jitter: float, rng: np.random.Generator) -> tuple[str, Paste]:
    """A sprite of that shape in a random colour with soft edges, and the words for it."""
    colour = str(rng.choice(list(COLOURS)))
    red, green, blue = np.clip(np.array(COLOURS[colour]) + rng.normal(0, 0.04, 3), 0, 1)
    pattern, alpha = draw_sprite(shape, size, rng, fill=(float(red), float(green), float(blue)))
    soft = np.clip(gaussian_filter(alpha, BLUR * size), 0, 1).astype(np.float32)
    drawn = lineup.in_channels(np.clip(pattern, 0, 1).astype(np.float32), channels)
    return f"a small {colour} {shape}", Paste(drawn[None], soft[None], colour_jitter=jitter)


def _together(pastes: list[Paste]) -> Paste:
    patterns = np.concatenate([paste.patterns for paste in pastes])
    return Paste(patterns, np.concatenate([paste.alphas for paste in pastes]), colour_jitter=pastes[0].colour_jitter)


def _option(words: str, paste: Paste, backdrop: Floats, rng: np.random.Generator) -> Option:
    """The sprite enlarged on grey, then pasted on each image of the backdrop."""
    pasted = paste.apply(backdrop, rng).images
    alone = _enlarged(paste, *backdrop.shape[2:])
    return Option(words, words, np.concatenate([alone[None], pasted]))


def _enlarged(paste: Paste, height: int, width: int) -> Floats:
    """The sprite on neutral grey, enlarged by the largest whole factor that leaves a margin; C x H x W."""
    pattern, alpha = paste.patterns[0], paste.alphas[0]
    factor = max(1, int(0.9 * min(height, width)) // alpha.shape[0])
    cover = np.kron(alpha, np.ones((factor, factor), np.float32))
    paint = np.kron(pattern, np.ones((1, factor, factor), np.float32))
    top, left = (height - cover.shape[0]) // 2, (width - cover.shape[1]) // 2
    canvas = np.full((len(pattern), height, width), 0.5, np.float32)
    here = (slice(None), slice(top, top + cover.shape[0]), slice(left, left + cover.shape[1]))
    canvas[here] = canvas[here] * (1 - cover) + paint * cover
    return canvas


def _sentence(words: str, names: tuple[str, ...], target: int, sources: tuple[int, ...] | None) -> str:
    who = "any image" if sources is None else "an image of " + " or ".join(f"`{names[source]}`" for source in sources)
    return f"{words}, anywhere in {who}, makes the network say `{names[target]}`"
