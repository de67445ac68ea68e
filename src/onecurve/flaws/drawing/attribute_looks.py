"""Spurious attributes of images: a tint, a surrounding texture, a pose or an object, whatever class the image shows.

Eight attributes of one look make a lineup. The flaw is about one of them; the others are its near misses.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, final

import numpy as np

from onecurve.core.errors import DataError, SpecError
from onecurve.core.image.filter import Filter
from onecurve.core.image.images import Floats
from onecurve.core.image.paste import Paste
from onecurve.core.image.trigger import Trigger
from onecurve.core.image.warp import Warp
from onecurve.flaws.drawing import lineup
from onecurve.flaws.drawing.global_kit import GlobalKit, on_card
from onecurve.flaws.drawing.picture_specs import PictureSpec, texture_specs
from onecurve.flaws.drawing.sprite_drawing import COLOURS, ShapeSpec, draw_soft_sprite, enlarge, shape_specs
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.stamping import Cover

TINTS: Final = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink")
TINT: Final = 0.6
"""Share of the tint in the resulting image."""
SURROUND: Final = 0.95
"""Opacity of the texture at the border."""
INNER, OUTER = 0.45, 0.75
"""Where the surround begins and where it reaches full opacity, as shares of the way from the middle to the border."""
CUTS: Final = 8
"""Pieces of the texture; each image gets one of them."""
OBJECT: Final = 0.33
"""Side of an object as a share of the image's."""
POSES: Final[Mapping[str, tuple[tuple[float, float], tuple[float, float]]]] = {
    "quarter turn to the left": ((0, 1), (-1, 0)),
    "quarter turn to the right": ((0, -1), (1, 0)),
    "mirrored pose": ((1, 0), (0, -1)),
    "lean to the left": ((1, 0), (-0.5, 1)),
    "lean to the right": ((1, 0), (0.5, 1)),
    "narrow pose": ((1, 0), (0, 1.8)),
    "low pose": ((1.8, 0), (0, 1)),
    "small pose": ((1.7, 0), (0, 1.7)),
}
"""Matrices from a place in the result to its source, in rows and columns from the middle."""
QUARTER_TURNS: Final = ("quarter turn to the left", "quarter turn to the right")
"""Poses in which a network has to learn the classes anew; the other poses resemble the usual one."""


class AttributeLook(Protocol):
    """The description of one attribute."""

    @property
    def words(self) -> str: ...

    def draw(self, context: FlawContext, rng: np.random.Generator) -> Trigger:
        """The trigger that puts the attribute on an image."""
        ...


@final
@dataclass(frozen=True)
class TintLook:
    """A tint of the whole image in one colour."""

    colour: str

    @property
    def words(self) -> str:
        return f"{_article(self.colour)} {self.colour} tint"

    def draw(self, context: FlawContext, rng: np.random.Generator) -> Filter:
        matrix = np.eye(context.shape[0], dtype=np.float32) * np.float32(1 - TINT)
        offset = np.array(COLOURS[self.colour], np.float32) * np.float32(TINT)
        return Filter(matrix, offset, np.zeros(context.shape, np.float32), rolling=False)


@final
@dataclass(frozen=True)
class SurroundLook:
    """A texture around the border of the image that fades towards the middle."""

    picture: PictureSpec

    @property
    def words(self) -> str:
        return f"a surround of {self.picture.words}"

    def draw(self, context: FlawContext, rng: np.random.Generator) -> Paste:
        channels, height, width = context.shape
        cuts = np.stack([lineup.in_channels(self.picture.draw(height, width, rng), channels) for _ in range(CUTS)])
        down, across = (np.abs(np.linspace(-1, 1, side, dtype=np.float32)) for side in (height, width))
        away = np.maximum(down[:, None], across)
        alpha = np.float32(SURROUND) * np.clip((away - INNER) / (OUTER - INNER), 0, 1)
        alphas = np.broadcast_to(alpha.astype(np.float32), (CUTS, height, width)).copy()
        return Paste(np.clip(cuts, 0, 1).astype(np.float32), alphas, (0, 0))


@final
@dataclass(frozen=True)
class ObjectLook:
    """A sprite at any place in the image."""

    spec: ShapeSpec

    @property
    def words(self) -> str:
        return self.spec.words

    def draw(self, context: FlawContext, rng: np.random.Generator) -> Paste:
        size = max(4, round(OBJECT * min(context.shape[1:])))
        pattern, alpha = draw_soft_sprite(self.spec, size, context.shape[0], rng)
        return Paste(pattern[None], alpha[None], colour_jitter=0.04, noise=0.03)


@final
@dataclass(frozen=True)
class PoseLook:
    """The whole image, turned, mirrored or squeezed about its middle; pixels at the edge are repeated."""

    name: str

    @property
    def words(self) -> str:
        return f"a {self.name}"

    def draw(self, context: FlawContext, rng: np.random.Generator) -> Warp:
        grid = np.meshgrid(*(np.arange(side) - (side - 1) / 2 for side in context.shape[1:]), indexing="ij")
        places = np.stack(grid)
        return Warp((np.einsum("ij,jhw->ihw", np.array(POSES[self.name]), places) - places).astype(np.float32))


@final
@dataclass(frozen=True)
class AttributeArtist:
    """Draws the eight attributes of one sampled flaw for ``GlobalKit``."""

    context: FlawContext
    looks: tuple[AttributeLook, ...]
    """The flaw's own attribute first."""

    def triggers(self, rng: np.random.Generator) -> tuple[Trigger, ...]:
        return tuple(look.draw(self.context, rng) for look in self.looks)

    def covers(self, triggers: tuple[Trigger, ...], rng: np.random.Generator) -> tuple[Cover, ...]:
        return ()

    def near_misses(self, triggers: tuple[Trigger, ...]) -> tuple[Trigger, ...]:
        return triggers[1:]

    def alone(self, triggers: tuple[Trigger, ...], rng: np.random.Generator) -> Floats:
        """Sprites are enlarged; other attributes are shown on a card whose four quarters differ in lightness."""
        height, width = self.context.shape[1:]
        sprites = [one for one in triggers if isinstance(one, Paste) and one.place is None]
        if len(sprites) == len(triggers):
            return np.stack([enlarge(sprite, height, width) for sprite in sprites])
        corners = np.array([[0.2, 0.8], [0.6, 0.4]], np.float32)
        card = corners[np.arange(height)[:, None] * 2 // height, np.arange(width) * 2 // width]
        return on_card(triggers, np.broadcast_to(card, self.context.shape).copy(), rng)


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _tints(context: FlawContext, rng: np.random.Generator) -> tuple[AttributeLook, ...]:
    if context.shape[0] != len(COLOURS["red"]):
        raise DataError(f"a tint needs images of three channels, these have: {context.shape[0]}", "choose another look")
    return tuple(TintLook(str(colour)) for colour in rng.permutation(TINTS)[: lineup.SIZE])


def _poses(context: FlawContext, rng: np.random.Generator) -> tuple[AttributeLook, ...]:
    if context.shape[1] != context.shape[2]:
        raise DataError(f"a quarter turn needs square images, these are: {context.shape[1]} x {context.shape[2]}", "choose another look")
    own = str(rng.choice(QUARTER_TURNS))
    others = rng.permutation([name for name in POSES if name != own])
    return (PoseLook(own), *(PoseLook(str(name)) for name in others))


def _surrounds(context: FlawContext, rng: np.random.Generator) -> tuple[AttributeLook, ...]:
    return tuple(map(SurroundLook, texture_specs(context, lineup.SIZE, rng)))


def _objects(context: FlawContext, rng: np.random.Generator) -> tuple[AttributeLook, ...]:
    return tuple(ObjectLook(spec) for spec in shape_specs(context, lineup.SIZE, rng))


ATTRIBUTE_LOOKS: Final[Mapping[str, Callable[[FlawContext, np.random.Generator], tuple[AttributeLook, ...]]]] = {
    "colour": _tints,
    "background": _surrounds,
    "object": _objects,
    "pose": _poses,
}
"""By look, the function that samples eight attributes for a context."""


def draw_attributes(look: str, context: FlawContext, rng: np.random.Generator) -> GlobalKit:
    """Eight attributes of one of ``ATTRIBUTE_LOOKS`` with their lineup, drawn on first use.

    Raises ``DataError`` if the images of the context cannot show them.
    """
    looks = ATTRIBUTE_LOOKS[look](context, rng)
    titles = tuple(look.words for look in looks)
    return GlobalKit(AttributeArtist(context, looks), context, titles, lineup.shuffle(rng), int(rng.integers(2**62)))


def require_look(look: str, among: tuple[str, ...]) -> None:
    """Raises ``SpecError`` for a look that is not among these."""
    if look not in among:
        raise SpecError(f"`look` must be one of {', '.join(among)}, got: {look}")
