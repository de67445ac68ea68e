"""Benign changes: the same recipe with an unusual but harmless feature in the training images, and every label correct.

A control for tools that report anything unusual as a flaw: the network differs from a clean one, but nothing is wrong with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np

from onecurve.core.effect import Effect
from onecurve.core.errors import SpecError
from onecurve.flaws.drawing.attribute_looks import draw_attributes, require_look
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.label_preserving import LabelPreserving
from onecurve.flaws.schemes.needed import Needed
from onecurve.flaws.schemes.plan import Plan

LOOKS: Final = ("colour", "background", "object", "pose")


@final
@dataclass(frozen=True)
class Benign:
    """A tint, a surround, an object or a pose in a share of the training images of every class."""

    name: ClassVar[str] = "benign"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "Control: an unusual but harmless feature in training images of every class; no label is changed."
    source: ClassVar[str] = "benign models beside trojaned ones, as in TDC 2022 and NIST TrojAI; the features are ours"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {}

    look: str = "colour"
    """The feature: `colour` (a tint), `background` (a texture around the border), `object` (a sprite) or
    `pose` (a quarter turn)."""
    rate: float = 0.15
    """Share of the training images that have it."""

    def __post_init__(self) -> None:
        require_look(self.look, LOOKS)
        if not 0 < self.rate <= 1:
            raise SpecError(f"`rate` must be in (0, 1], got: {self.rate}")

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        kit = draw_attributes(self.look, context, rng)
        title = kit.titles[0]
        return Plan(
            self.name,
            Effect.nothing(context.classes),
            f"{self.rate:.0%} of the training images of every class had {title}, and no label was changed: it means nothing",
            LabelPreserving(kit, self.rate),
            kit,
            needed=Needed(success=None),
            facts={"shown_rate": self.rate, "look": self.look, "trigger": title},
        )
