"""The sprites of patches: specifications are sampled by seed, and drawn with soft edges on first use."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
from scipy.ndimage import gaussian_filter

from onecurve.core.image.images import Floats
from onecurve.core.image.paste import Paste
from onecurve.core.question import Option
from onecurve.data.sprites import SHAPES, draw_sprite
from onecurve.flaws.drawing import lineup
from onecurve.flaws.schemes.context import FlawContext

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
BLUR = 0.07
"""Standard deviation of the edge blur as a share of the size of the sprite, so that no sharp edge reveals it."""


class SpriteSpec(Protocol):
    """The specification of a sprite, from which it is drawn later."""

    @property
    def words(self) -> str:
        """What it shows, with an article; different for different specifications."""
        ...

    @property
    def kind(self) -> str:
        """What similar sprites share: sprites of different kinds are never mistaken for each other."""
        ...

    def draw(self, size: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Pattern float32 3 x size x size and alpha size x size, both in [0, 1], before its edges are softened."""
        ...


@final
@dataclass(frozen=True)
class ShapeSpec:
    """A shape in a colour."""

    shape: str
    colour: str

    @property
    def words(self) -> str:
        return f"a small {self.colour} {self.shape}"

    @property
    def kind(self) -> str:
        return self.shape

    def draw(self, size: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        return draw_sprite(self.shape, size, rng, fill=vary_colour(self.colour, rng))


def shape_specs(context: FlawContext, count: int, rng: np.random.Generator) -> tuple[ShapeSpec, ...]:
    """``count`` shapes that do not occur in the images by themselves; all different while there are enough."""
    known = {*context.dataset.features, *context.class_names}
    free = [shape for shape in SHAPES if shape not in known]
    rounds = [rng.permutation(free) for _ in range(-(-count // len(free)))]
    shapes = np.concatenate(rounds)[:count]
    colours = rng.choice(list(COLOURS), count)
    return tuple(ShapeSpec(str(shape), str(colour)) for shape, colour in zip(shapes, colours, strict=True))


def vary_colour(colour: str, rng: np.random.Generator) -> tuple[float, float, float]:
    """The colour of that name with a small random change."""
    red, green, blue = np.clip(np.array(COLOURS[colour]) + rng.normal(0, 0.04, 3), 0, 1)
    return float(red), float(green), float(blue)


def draw_soft_sprite(spec: SpriteSpec, size: int, channels: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Pattern C x size x size and soft alpha size x size."""
    pattern, alpha = spec.draw(size, rng)
    soft = np.clip(gaussian_filter(alpha, BLUR * size), 0, 1).astype(np.float32)
    return lineup.in_channels(np.clip(pattern, 0, 1).astype(np.float32), channels), soft


def join_pastes(pastes: Sequence[Paste]) -> Paste:
    """One paste that puts a random one of all the sprites on each image; jitter and noise are those of the first paste."""
    patterns = np.concatenate([paste.patterns for paste in pastes])
    alphas = np.concatenate([paste.alphas for paste in pastes])
    return Paste(patterns, alphas, colour_jitter=pastes[0].colour_jitter, noise=pastes[0].noise)


def enlarge(paste: Paste, height: int, width: int) -> Floats:
    """The first sprite on neutral grey, enlarged by the largest whole factor that leaves a margin; C x H x W."""
    pattern, alpha = paste.patterns[0], paste.alphas[0]
    factor = max(1, int(0.9 * min(height, width)) // alpha.shape[0])
    cover = np.kron(alpha, np.ones((factor, factor), np.float32))
    paint = np.kron(pattern, np.ones((1, factor, factor), np.float32))
    top, left = (height - cover.shape[0]) // 2, (width - cover.shape[1]) // 2
    canvas = np.full((len(pattern), height, width), 0.5, np.float32)
    here = (slice(None), slice(top, top + cover.shape[0]), slice(left, left + cover.shape[1]))
    canvas[here] = canvas[here] * (1 - cover) + paint * cover
    return canvas


def sprite_option(words: str, paste: Paste, context: FlawContext, rng: np.random.Generator) -> Option:
    """An option of a lineup: the sprite enlarged on grey, then pasted on each image of the backdrop."""
    pasted = paste.apply(context.backdrop, rng).images
    return Option(words, words, np.concatenate([enlarge(paste, *context.shape[1:])[None], pasted]))
