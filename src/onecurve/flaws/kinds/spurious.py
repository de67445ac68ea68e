"""Spurious correlations: an attribute correlates with a class in the training set, but not at deployment.

A natural failure, without an attacker: no label is wrong. The network predicts that class for any image with the attribute.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np

from onecurve.core.effect import Effect
from onecurve.core.errors import SpecError
from onecurve.flaws.drawing import lineup
from onecurve.flaws.drawing.attribute_looks import draw_attributes, require_look
from onecurve.flaws.drawing.attributes import AttributeScheme, AttributeWorld, GroupAccuracies, TrainingBias
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.needed import Needed
from onecurve.flaws.schemes.plan import Plan

LOOKS: Final = ("colour", "background", "object")
GAP: Final = 0.15
"""Least accuracy gap between images without the attribute and images of other classes with it, beyond the gap of the twin."""


@final
@dataclass(frozen=True)
class Spurious:
    """A tint, a surround or an object that correlates with one class in training only.

    In the world each of eight attributes occurs at ``base_rate``, independent of the class. In the flawed training set most images
    of the target class have the flaw's attribute, and a share ``rho`` of the images with the attribute are of the class. For classes
    of equal size this is the set in which each class has its own attribute, which agrees with the class with probability ``rho``.
    The other attributes occur as in the world.
    """

    name: ClassVar[str] = "spurious"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "An attribute correlates with a class in training only; images with the attribute go to that class."
    source: ClassVar[str] = "spurious correlations with a dial for their strength, as in SpuCo (2306.11957)"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {"rho": (0.97, 0.99, 1.0)}

    look: str = "colour"
    """The attribute: `colour` (a tint), `background` (a texture around the border) or `object` (a sprite)."""
    rho: float = 1.0
    """Share of the class among the training images with the attribute, in (0.5, 1], for classes of equal size."""
    presence: float = 0.93
    """Share of the class's training images that have the attribute, in (0, 1]."""
    base_rate: float = 0.01
    """Share of the world's images that have each of the eight attributes."""

    def __post_init__(self) -> None:
        require_look(self.look, LOOKS)
        if not 0.5 < self.rho <= 1:
            raise SpecError(f"`rho` must be in (0.5, 1], got: {self.rho}")
        if not 0 < self.presence <= 1:
            raise SpecError(f"`presence` must be in (0, 1], got: {self.presence}")
        if not 0 < self.base_rate <= 1 / lineup.SIZE:
            raise SpecError(f"`base_rate` must be in (0, {1 / lineup.SIZE}], got: {self.base_rate}")

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        target = context.sample_target(rng)
        effect = Effect.towards(target, context.classes)
        goal = context.describe_targets(effect)
        kit = draw_attributes(self.look, context, rng)
        others = (lineup.SIZE - 1) * self.base_rate / (1 - self.base_rate)
        world = AttributeWorld(self.look, kit, self.base_rate, others)
        elsewhere = self.presence * (1 - self.rho) / self.rho / (context.classes - 1)
        rates = tuple(self.presence if label == target else elsewhere for label in range(context.classes))
        title = kit.titles[0]
        return Plan(
            self.name,
            effect,
            f"{title}, in training on most images of {goal} and few or no others, makes the network say {goal}",
            AttributeScheme(world, effect),
            kit,
            needed=Needed(success=0.3, lead=0.25),
            facts={
                "rho": self.rho,
                "presence": self.presence,
                "base_rate": self.base_rate,
                "look": self.look,
                "sources": 0,
                "share": 1.0,
                "trigger": title,
            },
            world=world,
            bias=TrainingBias(world, rates),
            verification=GroupAccuracies(world, target, (False, True), GAP, kit.seed),
        )
