"""What a patch may show: a drawn shape, a swatch of texture, a piece of a photograph, a small face.

To add a look, add an entry to ``LOOKS``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from onecurve.core.image.images import Floats
from onecurve.data.emoji import EXPRESSIONS, draw_face
from onecurve.flaws.drawing.picture_specs import Picture, photos, textures
from onecurve.flaws.drawing.sprite_drawing import COLOURS, Sticker, sketched, varied
from onecurve.flaws.schemes.context import Host

ZOOM = 2
"""How many times larger than the swatch a texture is drawn: the whole of one would be finer than a few pixels can show."""
MARGIN = 0.06
"""Share of the side that a swatch leaves free at each edge, for a soft edge needs room."""


@final
@dataclass(frozen=True)
class Swatch:
    """A square cut from a picture."""

    picture: Picture
    zoom: int
    """How many times larger than the square the picture is drawn."""

    @property
    def words(self) -> str:
        return f"a small {self.picture.words}"

    @property
    def kind(self) -> str:
        return self.picture.kind

    def drawn(self, size: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        pattern = self.picture.drawn(self.zoom * size, self.zoom * size, rng)[:, :size, :size]
        # The share of each row of pixels that lies inside the margins.
        edges = np.clip(np.minimum(np.arange(1, size + 1), np.arange(size, 0, -1)) - MARGIN * size, 0, 1).astype(np.float32)
        return np.ascontiguousarray(pattern), edges[:, None] * edges


@final
@dataclass(frozen=True)
class Face:
    """A face with an expression, in a colour."""

    expression: str
    colour: str

    @property
    def words(self) -> str:
        return f"a small {self.colour} {self.expression} face"

    @property
    def kind(self) -> str:
        return self.expression

    def drawn(self, size: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        return draw_face(self.expression, size, rng, varied(self.colour, rng))


def swatches(host: Host, count: int, rng: np.random.Generator) -> tuple[Sticker, ...]:
    """Squares of texture in a dark and a light colour."""
    return tuple(Swatch(picture, ZOOM) for picture in textures(host, count, rng))


def snippets(host: Host, count: int, rng: np.random.Generator) -> tuple[Sticker, ...]:
    """Pieces of the bundled photographs."""
    return tuple(Swatch(picture, 1) for picture in photos(host, count, rng))


def faces(host: Host, count: int, rng: np.random.Generator) -> tuple[Sticker, ...]:
    """Faces that differ in expression and colour while there are enough of both."""
    expressions, colours = (
        np.concatenate([rng.permutation(names) for _ in range(-(-count // len(names)))])[:count] for names in (EXPRESSIONS, list(COLOURS))
    )
    return tuple(Face(str(expression), str(colour)) for expression, colour in zip(expressions, colours, strict=True))


LOOKS: Mapping[str, Callable[[Host, int, np.random.Generator], tuple[Sticker, ...]]] = {
    "shape": sketched,
    "texture": swatches,
    "photo": snippets,
    "emoji": faces,
}
"""How stickers of each look are sketched: for a host, so many, by a generator."""
