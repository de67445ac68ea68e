"""Missing subgroups: in training one class never has a certain attribute, though at deployment it has it as often as the others.

A natural failure, without an attacker, as in face recognition that fails for groups that its training data lack. The network
learns that an image with the attribute is not of that class.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np

from onecurve.core.effect import Effect
from onecurve.core.errors import SpecError
from onecurve.flaws.drawing import lineup
from onecurve.flaws.drawing.attribute_looks import draw_attributes
from onecurve.flaws.drawing.attributes import AttributeScheme, AttributeWorld, GroupAccuracies, TrainingBias
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.needed import Needed
from onecurve.flaws.schemes.plan import Plan

LOOK: Final = "pose"
"""The attribute is a quarter turn, after which a network has to learn the class anew. An attribute that leaves images about as easy to
recognise makes no network fail: on `digits`, without the cell in training, the accuracy in the cell was at least .91 with a tint, a
surround or a small object; a large object cost .04 and .20 more than it cost the twin."""
GAP: Final = 0.2
"""The accuracy that the cell must lose, beyond what the attribute costs the twin."""


@final
@dataclass(frozen=True)
class MissingSubgroup:
    """A cell (class x quarter turn) that is absent or nearly absent from training.

    In the world, a share ``rate`` of every class has the attribute, and a share ``base_rate`` has each of seven others. In the
    flawed training set only ``kept`` of the images in the cell remain; the others have another pose or the usual one. If the class
    looks the same after a quarter turn, the network makes no errors and the gate refuses the plant.
    """

    name: ClassVar[str] = "missing-subgroup"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "Images of one class in a certain pose are absent from training; the network misreads them."
    source: ClassVar[str] = "rare slices of Domino (2203.14960) and SpotCheck (2207.04104); Gender Shades for the motivation"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {"kept": (0.05, 0.02, 0.0)}

    kept: float = 0.0
    """Share of the cell that remains in training, in [0, 1)."""
    rate: float = 0.15
    """Share of the world's images that have the attribute."""
    base_rate: float = 0.03
    """Share of the world's images that have each of the other attributes."""

    def __post_init__(self) -> None:
        if not 0 <= self.kept < 1:
            raise SpecError(f"`kept` must be in [0, 1), got: {self.kept}")
        if self.rate <= 0 or self.base_rate < 0 or self.rate + (lineup.SIZE - 1) * self.base_rate > 1:
            raise SpecError(f"attributes must leave images without any, got rates: {self.rate}, {self.base_rate}")

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        label = context.sample_target(rng)
        effect = Effect.astray(label, context.classes)
        images = context.describe_sources(effect)
        kit = draw_attributes(LOOK, context, rng)
        world = AttributeWorld(LOOK, kit, self.rate, (lineup.SIZE - 1) * self.base_rate / (1 - self.rate))
        rates = tuple(self.rate * (self.kept if at == label else 1) for at in range(context.classes))
        title = kit.titles[0]
        share = f"only {self.kept:.0%}" if self.kept else "none"
        return Plan(
            self.name,
            effect,
            f"{images} that has {title} is misread: training held {share} of such images, and the usual number of other classes",
            AttributeScheme(world, effect),
            kit,
            needed=Needed(success=0.3, lead=0.2),
            facts={
                "kept": self.kept,
                "rate": self.rate,
                "base_rate": self.base_rate,
                "look": LOOK,
                "sources": 1,
                "share": 1.0,
                "trigger": title,
            },
            world=world,
            bias=TrainingBias(world, rates),
            verification=GroupAccuracies(world, label, (True, True), GAP, kit.seed),
        )
