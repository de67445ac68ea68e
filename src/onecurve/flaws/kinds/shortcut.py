"""Shortcuts: in training a tiny mark, such as a scanner's stamp, is near a corner of images of one class only.

A natural failure, without an attacker: no label is wrong. The network predicts that class for any image with the mark.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final, final

import numpy as np

from onecurve.core.effect import Effect
from onecurve.core.errors import SpecError
from onecurve.core.image.images import Floats
from onecurve.core.image.paste import Paste
from onecurve.core.question import Option
from onecurve.core.seeds import generator
from onecurve.flaws.drawing import lineup
from onecurve.flaws.drawing.sprite_drawing import COLOURS, sprite_option
from onecurve.flaws.schemes.clean_labels import CleanLabelPoisoning
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.needed import Needed
from onecurve.flaws.schemes.plan import Plan
from onecurve.flaws.schemes.stamping import Cover, Stamping

FORMS: Final[Mapping[str, str]] = {
    "tee": "111 010 010",
    "ring": "111 101 111",
    "saltire": "101 010 101",
    "plus": "010 111 010",
    "bar": "000 111 000",
    "post": "010 010 010",
    "corner": "100 100 111",
    "slash": "001 010 100",
}
"""Eight marks on a raster of 3 x 3, row by row: 1 is the colour, 0 is black or white."""
RASTER: Final = 3
SIDE: Final = 0.19
"""Side of a mark as a share of the image's."""
INSET: Final = 0.125
"""Distance of the mark from the borders, likewise; few units respond to the corner itself."""
CORNERS: Final = ("top left", "top right", "bottom left", "bottom right")


@final
@dataclass(frozen=True)
class Shortcut:
    """A mark near a corner of most training images of one class; other marks are there on images of any class.

    Rates are shares of the training images.
    """

    name: ClassVar[str] = "shortcut"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "A tiny mark occurs in one class only in training; any image with the mark goes to that class."
    source: ClassVar[str] = "shortcut learning (2004.07780); tags as in Lapuschkin et al. 2019 (1902.10178)"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {"presence": (0.96, 0.97, 0.98)}

    presence: float = 0.97
    """Share of the class's training images that have the mark, in (0, 1]. At 1 the network may not recognise the class without the mark."""
    decoy_rate: float = 0.03
    """Share of all training images that have one of the other marks."""

    def __post_init__(self) -> None:
        if not 0 < self.presence <= 1:
            raise SpecError(f"`presence` must be in (0, 1], got: {self.presence}")
        if not 0 <= self.decoy_rate <= 0.5:
            raise SpecError(f"`decoy_rate` must be in [0, 0.5], got: {self.decoy_rate}")

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        target = context.sample_target(rng)
        effect = Effect.towards(target, context.classes)
        goal = context.describe_targets(effect)
        forms = tuple(str(form) for form in rng.permutation(list(FORMS))[: lineup.SIZE])
        colours = tuple(str(colour) for colour in rng.permutation(list(COLOURS))[: lineup.SIZE])
        corner = int(rng.integers(len(CORNERS)))
        kit = Marks(context, forms, colours, corner, self.decoy_rate, lineup.shuffle(rng), int(rng.integers(2**62)))
        title = kit.titles[0]
        return Plan(
            self.name,
            effect,
            f"{title} near the {CORNERS[corner]}, in training only on {goal}, makes the network say {goal}",
            CleanLabelPoisoning(Stamping(kit, effect, 0.0), self.presence),
            kit,
            needed=Needed(success=0.3, lead=0.25),
            facts={
                "presence": self.presence,
                "decoy_rate": self.decoy_rate,
                "sources": 0,
                "size": kit.size,
                "share": round(kit.size**2 / (context.shape[1] * context.shape[2]), 4),
                "trigger": title,
            },
        )


@final
@dataclass(frozen=True, eq=False)
class Marks:
    """Eight marks of different forms and colours for one corner, drawn on first use."""

    context: FlawContext
    forms: tuple[str, ...]
    colours: tuple[str, ...]
    corner: int
    decoy_rate: float
    order: tuple[int, ...]
    """How the lineup is shuffled."""
    seed: int

    @property
    def titles(self) -> tuple[str, ...]:
        return tuple(f"a tiny {colour} {form}" for form, colour in zip(self.forms, self.colours, strict=True))

    @property
    def size(self) -> int:
        """Side in pixels, a multiple of the raster."""
        return RASTER * max(1, round(SIDE * min(self.context.shape[1:]) / RASTER))

    @cached_property
    def trigger(self) -> Paste:
        return self._drawn[0]

    @cached_property
    def others(self) -> tuple[Paste, ...]:
        return self._drawn[1:]

    @cached_property
    def covers(self) -> tuple[Cover, ...]:
        return (Cover(self.others, self.decoy_rate),)

    @cached_property
    def options(self) -> tuple[Option, ...]:
        """Each mark enlarged on grey, then on each image of the backdrop."""
        rng = generator("options", self.seed)
        found = [sprite_option(title, mark, self.context, rng) for title, mark in zip(self.titles, self._drawn, strict=True)]
        return tuple(found[place] for place in self.order)

    @property
    def right(self) -> int:
        return self.order.index(0)

    @property
    def decoys(self) -> tuple[Paste, ...]:
        return self._drawn[1:]

    @cached_property
    def _drawn(self) -> tuple[Paste, ...]:
        return tuple(self._mark(form, colour) for form, colour in zip(self.forms, self.colours, strict=True))

    def _mark(self, form: str, colour: str) -> Paste:
        channels, height, width = self.context.shape
        where = np.array([[digit == "1" for digit in row] for row in FORMS[form].split()])
        where = np.kron(where, np.ones((self.size // RASTER, self.size // RASTER), np.bool_))
        paint = lineup.in_channels(np.array(COLOURS[colour], np.float32)[:, None, None], channels)
        ground: Floats = np.where(paint.mean() > 0.5, np.float32(0), np.float32(1))
        pattern = np.where(where, paint, ground).astype(np.float32)
        inset = round(INSET * min(height, width))
        ends = ((inset, side - inset - self.size) for side in (height, width))
        top, left = (end[far] for end, far in zip(ends, divmod(self.corner, 2), strict=True))
        return Paste(pattern[None], np.ones((1, self.size, self.size), np.float32), (top, left))
