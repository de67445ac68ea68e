"""What a patch may show: a drawn shape, a swatch of texture, a piece of a photograph, or a small face.

To add a look, add an entry to ``SPRITE_LOOKS``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from onecurve.core.image.images import Floats
from onecurve.data.emoji import EXPRESSIONS, draw_face
from onecurve.flaws.drawing.picture_specs import PictureSpec, photo_specs, texture_specs
from onecurve.flaws.drawing.sprite_drawing import COLOURS, SpriteSpec, shape_specs, vary_colour
from onecurve.flaws.schemes.context import FlawContext

ZOOM = 2
"""Textures are drawn this many times larger than the swatch, because a whole texture is too fine for a few pixels."""
MARGIN = 0.06
"""Share of the side that a swatch leaves free at each edge to make room for the soft edge."""


@final
@dataclass(frozen=True)
class SwatchSpec:
    """A square cut from a picture."""

    picture: PictureSpec
    zoom: int
    """How many times larger than the square the picture is drawn."""

    @property
    def words(self) -> str:
        return f"a small {self.picture.words}"

    @property
    def kind(self) -> str:
        return self.picture.kind

    def draw(self, size: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        pattern = self.picture.draw(self.zoom * size, self.zoom * size, rng)[:, :size, :size]
        # The share of each row of pixels that lies inside the margins.
        edges = np.clip(np.minimum(np.arange(1, size + 1), np.arange(size, 0, -1)) - MARGIN * size, 0, 1).astype(np.float32)
        return np.ascontiguousarray(pattern), edges[:, None] * edges


@final
@dataclass(frozen=True)
class FaceSpec:
    """A face with an expression, in a colour."""

    expression: str
    colour: str

    @property
    def words(self) -> str:
        return f"a small {self.colour} {self.expression} face"

    @property
    def kind(self) -> str:
        return self.expression

    def draw(self, size: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        return draw_face(self.expression, size, rng, vary_colour(self.colour, rng))


def swatch_specs(context: FlawContext, count: int, rng: np.random.Generator) -> tuple[SpriteSpec, ...]:
    """Squares of texture in a dark and a light colour."""
    return tuple(SwatchSpec(picture, ZOOM) for picture in texture_specs(context, count, rng))


def snippet_specs(context: FlawContext, count: int, rng: np.random.Generator) -> tuple[SpriteSpec, ...]:
    """Pieces of the bundled photographs."""
    return tuple(SwatchSpec(picture, 1) for picture in photo_specs(context, count, rng))


def face_specs(context: FlawContext, count: int, rng: np.random.Generator) -> tuple[SpriteSpec, ...]:
    """Faces that differ in expression and colour while there are enough of both."""
    expressions, colours = (
        np.concatenate([rng.permutation(names) for _ in range(-(-count // len(names)))])[:count] for names in (EXPRESSIONS, list(COLOURS))
    )
    return tuple(FaceSpec(str(expression), str(colour)) for expression, colour in zip(expressions, colours, strict=True))


SPRITE_LOOKS: Mapping[str, Callable[[FlawContext, int, np.random.Generator], tuple[SpriteSpec, ...]]] = {
    "shape": shape_specs,
    "texture": swatch_specs,
    "photo": snippet_specs,
    "emoji": face_specs,
}
"""By look, the function that samples specifications for a context: ``(context, count, rng)``."""
