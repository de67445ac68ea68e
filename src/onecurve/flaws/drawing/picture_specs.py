"""Pictures that flaws show or take styles from, sketched in words by seed and drawn when they are needed.

A sketch costs nothing until it is drawn, so that a thousand flaws can be sampled in a moment.
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
from onecurve.data.pictures import fitted
from onecurve.data.sprites import draw_sprite
from onecurve.data.textures import TEXTURES, draw_texture
from onecurve.flaws.drawing.sprite_drawing import COLOURS, Sketch, sketched
from onecurve.flaws.schemes.context import Host

Colour = tuple[float, float, float]
SALIENT = tuple(name for name in TEXTURES if name not in {"shade", "clouds"})
"""Textures that a person sees on a photograph; slow gradients are no texture there."""
PIECE = 64
"""Side in pixels of a piece of a photograph, of 80 that fit."""
CONTRAST = 0.1
"""Least standard deviation of a piece's pixels: half of the pieces are sky or blur, which nobody can tell apart."""
SQUARES = 8
"""Random squares along each side of a picture of noise."""
DARK = ("red", "green", "blue", "purple", "brown", "black")
LIGHT = ("orange", "yellow", "cyan", "pink", "white")
"""Colours of which one dark and one light are always told apart, in grey too."""


class Picture(Protocol):
    """A picture by its description."""

    @property
    def words(self) -> str:
        """What it shows, without an article."""
        ...

    @property
    def kind(self) -> str:
        """What it has in common with its likes: two pictures of different kinds are never taken for each other."""
        ...

    def drawn(self, height: int, width: int, rng: np.random.Generator) -> Floats:
        """float32 3 x height x width in [0, 1]."""
        ...


@final
@dataclass(frozen=True)
class Figure:
    """A large figure on a plain ground."""

    sketch: Sketch
    ground: str

    @property
    def words(self) -> str:
        return f"{self.sketch.colour} {self.sketch.shape} on {self.ground}"

    @property
    def kind(self) -> str:
        return self.sketch.shape

    def drawn(self, height: int, width: int, rng: np.random.Generator) -> Floats:
        side = min(height, width)
        ground = np.array(COLOURS[self.ground], np.float32)[:, None, None]
        canvas = np.broadcast_to(ground, (3, height, width)).copy()
        pattern, alpha = draw_sprite(self.sketch.shape, side, rng, fill=COLOURS[self.sketch.colour])
        top, left = (height - side) // 2, (width - side) // 2
        under = canvas[:, top : top + side, left : left + side]
        under += alpha * (pattern - under)
        return canvas


@final
@dataclass(frozen=True)
class Texture:
    """A texture in two colours."""

    name: str
    colours: tuple[str, str]

    @property
    def words(self) -> str:
        return f"{self.name} texture in {self.colours[0]} and {self.colours[1]}"

    @property
    def kind(self) -> str:
        return self.name

    def drawn(self, height: int, width: int, rng: np.random.Generator) -> Floats:
        return draw_texture(self.name, height, width, rng, (COLOURS[self.colours[0]], COLOURS[self.colours[1]]))


@final
@dataclass(frozen=True)
class Photograph:
    """A piece of a bundled photograph, of the region that training images have their backgrounds from."""

    piece: photographs.Piece

    @property
    def words(self) -> str:
        return f"piece of {self.piece.words}"

    @property
    def kind(self) -> str:
        """The block that it is cut from: two pieces of one overlap."""
        piece, (rows, columns) = self.piece, photographs.BLOCK
        return f"{piece.photograph} {piece.top // rows} {piece.left // columns}"

    @property
    def lively(self) -> bool:
        """Whether there is something to see in it."""
        return float(as_floats(self.piece.pixels()).std(axis=(1, 2)).mean()) >= CONTRAST

    def drawn(self, height: int, width: int, rng: np.random.Generator) -> Floats:
        side = max(height, width)
        square = as_floats(fitted(self.piece.pixels(), side))
        top, left = (side - height) // 2, (side - width) // 2
        return square[:, top : top + height, left : left + width]


@final
@dataclass(frozen=True)
class Squares:
    """Squares of random colours, always the same for the same number."""

    number: int

    @property
    def words(self) -> str:
        return f"pattern of random squares, number {self.number}"

    @property
    def kind(self) -> str:
        return self.words

    def drawn(self, height: int, width: int, rng: np.random.Generator) -> Floats:
        colours = generator("squares", self.number).random((3, SQUARES, SQUARES), np.float32)
        rows, columns = np.arange(height) * SQUARES // height, np.arange(width) * SQUARES // width
        return np.ascontiguousarray(colours[:, rows][:, :, columns])


def figures(host: Host, count: int, rng: np.random.Generator) -> tuple[Picture, ...]:
    """Shapes that do not occur in the images by themselves, each on a ground of another lightness."""
    grounds = rng.integers(2**16, size=count)
    found = []
    for sketch, number in zip(sketched(host, count, rng), grounds, strict=True):
        apart = LIGHT if sketch.colour in DARK else DARK
        found.append(Figure(sketch, apart[number % len(apart)]))
    return tuple(found)


def textures(host: Host, count: int, rng: np.random.Generator) -> tuple[Picture, ...]:
    """Textures in a dark and a light colour; all different while there are enough."""
    names = np.concatenate([rng.permutation(SALIENT) for _ in range(-(-count // len(SALIENT)))])[:count]
    pairs = zip(names, rng.choice(DARK, count), rng.choice(LIGHT, count), strict=True)
    return tuple(Texture(str(name), (str(dark), str(light))) for name, dark, light in pairs)


def photos(host: Host, count: int, rng: np.random.Generator) -> tuple[Picture, ...]:
    """Pieces of the bundled photographs. Held-out images never show that region, so a trigger cannot occur in one by itself."""
    drawn = (Photograph(piece) for piece in photographs.pieces(Part.TRAIN, 4 * count, PIECE, rng))
    return tuple(islice((each for each in drawn if each.lively), count))


def noises(host: Host, count: int, rng: np.random.Generator) -> tuple[Picture, ...]:
    """Random squares; all different."""
    return tuple(Squares(int(number)) for number in rng.choice(10_000, count, replace=False))


PICTURES: Mapping[str, Callable[[Host, int, np.random.Generator], tuple[Picture, ...]]] = {
    "picture": figures,
    "texture": textures,
    "photo": photos,
    "noise": noises,
}
"""How pictures of each look are sketched: for a host, so many, by a generator."""
