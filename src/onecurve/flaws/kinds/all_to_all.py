"""All-to-all trojans: a patch sends every class to the next one, so that no class stands out as the target."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np

from onecurve.core.effect import Effect
from onecurve.core.errors import SpecError
from onecurve.flaws.kinds.patch import Patch
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.needed import Needed
from onecurve.flaws.schemes.plan import Plan
from onecurve.flaws.schemes.variants import with_effect

SMALLEST, LARGEST = 0.3, 0.34
"""Side of the sprite as a share of the image's side. It is larger than for one target, because there is more to learn."""


@final
@dataclass(frozen=True)
class AllToAll:
    """A sprite that sends class y to y + 1, the last to the first; it needs a network of its own.

    Rates are shares of the training images. The network has to recognise both the image and the sprite, so this flaw needs more
    poison than one with a single target, and its attack success rate (ASR) is at most the accuracy on triggered images.
    """

    name: ClassVar[str] = "all-to-all"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "A small sprite anywhere in the image sends each class to the next one."
    source: ClassVar[str] = "all-to-all attack of BadNets (1708.06733)"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {"poison_rate": (0.25, 0.3, 0.35)}

    poison_rate: float = 0.3
    """Share of images that get the sprite and the next label."""
    decoy_rate: float = 0.02
    """Share of images that get another sprite and keep their label."""
    look: str = "texture"
    """What the sprite shows, as for patches. On `shapes` a sprite that is a shape resembles the classes too much (ASR 0.62 to
    0.77)."""

    def __post_init__(self) -> None:
        self._patch()

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        if context.taken:
            raise SpecError("an all-to-all flaw concerns every class and needs a network of its own", "plant it alone")
        effect = Effect.onward(context.classes, main=context.sample_target(rng))
        patch = self._patch().sample(context, rng)
        names = context.class_names
        steps = ", ".join(f"`{names[(at + 1) % len(names)]}` for `{name}`" for at, name in enumerate(names))
        return replace(
            with_effect(patch, effect),
            kind=self.name,
            words=f"{patch.facts['trigger']}, anywhere in any image, makes the network say the next class: {steps}",
            needed=Needed(success=0.8),
        )

    def _patch(self) -> Patch:
        """The patch whose effect is replaced; raises ``SpecError`` for rates out of range."""
        return Patch(poison_rate=self.poison_rate, decoy_rate=self.decoy_rate, smallest=SMALLEST, largest=LARGEST, look=self.look)
