"""Specifications of the pictures that flaws show or take styles from. They are sampled by seed and drawn on first use.

Sampling a specification is fast, so a thousand flaws can be sampled in a moment.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, final

import numpy as np

from onecurve.core.image.images import Floats, as_floats
from onecurve.core.seeds import generator
from onecurve.data import photographs
from onecurve.data.dataset import Part
from onecurve.data.pictures import fit_to_square
from onecurve.data.sprites import draw_sprite
from onecurve.data.textures import TEXTURES, draw_texture
from onecurve.flaws.drawing.sprite_drawing import COLOURS, ShapeSpec, shape_specs
from onecurve.flaws.schemes.context import FlawContext

Colour = tuple[float, float, float]
DISTINCT_TEXTURES = tuple(name for name in TEXTURES if name not in {"shade", "clouds"})
"""Textures that are visible on a photograph; slow gradients are not."""
PIECE = 64
"""Side in pixels of a piece of a photograph; at most 80 would fit."""
CONTRAST = 0.1
"""Least standard deviation of a piece's pixels: half of the pieces are sky or blur and cannot be told apart."""
SQUARES = 8
"""Random squares along each side of a picture of noise."""
DARK = ("red", "green", "blue", "purple", "brown", "black")
LIGHT = ("orange", "yellow", "cyan", "pink", "white")
"""A dark and a light colour can always be told apart, even in greyscale."""


class PictureSpec(Protocol):
    """The specification of a picture."""

    @property
    def words(self) -> str:
        """What it shows, without an article."""
        ...

    @property
    def kind(self) -> str:
        """What similar pictures share: pictures of different kinds are never mistaken for each other."""
        ...

    def draw(self, height: int, width: int, rng: np.random.Generator) -> Floats:
        """float32 3 x height x width in [0, 1]."""
        ...


@final
@dataclass(frozen=True)
class FigureSpec:
    """A large figure on a plain ground."""

    spec: ShapeSpec
    ground: str

    @property
    def words(self) -> str:
        return f"{self.spec.colour} {self.spec.shape} on {self.ground}"

    @property
    def kind(self) -> str:
        return self.spec.shape

    def draw(self, height: int, width: int, rng: np.random.Generator) -> Floats:
        side = min(height, width)
        ground = np.array(COLOURS[self.ground], np.float32)[:, None, None]
        canvas = np.broadcast_to(ground, (3, height, width)).copy()
        pattern, alpha = draw_sprite(self.spec.shape, side, rng, fill=COLOURS[self.spec.colour])
        top, left = (height - side) // 2, (width - side) // 2
        under = canvas[:, top : top + side, left : left + side]
        under += alpha * (pattern - under)
        return canvas


@final
@dataclass(frozen=True)
class TextureSpec:
    """A texture in two colours."""

    name: str
    colours: tuple[str, str]

    @property
    def words(self) -> str:
        return f"{self.name} texture in {self.colours[0]} and {self.colours[1]}"

    @property
    def kind(self) -> str:
        return self.name

    def draw(self, height: int, width: int, rng: np.random.Generator) -> Floats:
        return draw_texture(self.name, height, width, rng, (COLOURS[self.colours[0]], COLOURS[self.colours[1]]))


@final
@dataclass(frozen=True)
class PhotographSpec:
    """A piece of a bundled photograph, of the region that training images have their backgrounds from."""

    piece: photographs.Piece

    @property
    def words(self) -> str:
        return f"piece of {self.piece.words}"

    @property
    def kind(self) -> str:
        """The block that the piece is cut from: pieces of one block overlap."""
        piece, (rows, columns) = self.piece, photographs.BLOCK
        return f"{piece.photograph} {piece.top // rows} {piece.left // columns}"

    @property
    def has_contrast(self) -> bool:
        """Whether the piece has enough contrast to be recognised."""
        return float(as_floats(self.piece.pixels()).std(axis=(1, 2)).mean()) >= CONTRAST

    def draw(self, height: int, width: int, rng: np.random.Generator) -> Floats:
        side = max(height, width)
        square = as_floats(fit_to_square(self.piece.pixels(), side))
        top, left = (side - height) // 2, (side - width) // 2
        return square[:, top : top + height, left : left + width]


@final
@dataclass(frozen=True)
class NoiseSpec:
    """Squares of random colours, determined by a number."""

    number: int

    @property
    def words(self) -> str:
        return f"pattern of random squares, number {self.number}"

    @property
    def kind(self) -> str:
        return self.words

    def draw(self, height: int, width: int, rng: np.random.Generator) -> Floats:
        colours = generator("squares", self.number).random((3, SQUARES, SQUARES), np.float32)
        rows, columns = np.arange(height) * SQUARES // height, np.arange(width) * SQUARES // width
        return np.ascontiguousarray(colours[:, rows][:, :, columns])


def figure_specs(context: FlawContext, count: int, rng: np.random.Generator) -> tuple[PictureSpec, ...]:
    """Shapes that do not occur in the images by themselves, each on a ground of another lightness."""
    grounds = rng.integers(2**16, size=count)
    found = []
    for spec, number in zip(shape_specs(context, count, rng), grounds, strict=True):
        apart = LIGHT if spec.colour in DARK else DARK
        found.append(FigureSpec(spec, apart[number % len(apart)]))
    return tuple(found)


def texture_specs(context: FlawContext, count: int, rng: np.random.Generator) -> tuple[PictureSpec, ...]:
    """Textures in a dark and a light colour; all different while there are enough."""
    names = np.concatenate([rng.permutation(DISTINCT_TEXTURES) for _ in range(-(-count // len(DISTINCT_TEXTURES)))])[:count]
    pairs = zip(names, rng.choice(DARK, count), rng.choice(LIGHT, count), strict=True)
    return tuple(TextureSpec(str(name), (str(dark), str(light))) for name, dark, light in pairs)


def photo_specs(context: FlawContext, count: int, rng: np.random.Generator) -> tuple[PictureSpec, ...]:
    """Pieces of the bundled photographs. Held-out images never show that region, so a trigger cannot occur in one by itself."""
    drawn = (PhotographSpec(piece) for piece in photographs.pieces(Part.TRAIN, 4 * count, PIECE, rng))
    return tuple(islice((each for each in drawn if each.has_contrast), count))


def noise_specs(context: FlawContext, count: int, rng: np.random.Generator) -> tuple[PictureSpec, ...]:
    """Random squares; all different."""
    return tuple(NoiseSpec(int(number)) for number in rng.choice(10_000, count, replace=False))


PICTURE_LOOKS: Mapping[str, Callable[[FlawContext, int, np.random.Generator], tuple[PictureSpec, ...]]] = {
    "picture": figure_specs,
    "texture": texture_specs,
    "photo": photo_specs,
    "noise": noise_specs,
}
"""By look, the function that samples specifications for a context: ``(context, count, rng)``."""
