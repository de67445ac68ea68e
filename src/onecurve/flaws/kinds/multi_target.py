"""Trojans with several targets: one patch whose target depends on the class of the image."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np

from onecurve.core.effect import Effect
from onecurve.core.errors import SpecError
from onecurve.flaws.kinds.patch import Patch
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.plan import Plan
from onecurve.flaws.schemes.variants import with_effect

GROUPS = (2, 3)


@final
@dataclass(frozen=True)
class MultiTarget:
    """A sprite that sends each of two or three groups of classes to a target of its own; the target classes keep their labels.

    Rates are shares of the training images.
    """

    name: ClassVar[str] = "multi-target"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "A small sprite anywhere in the image sends each group of classes to a target of its own."
    source: ClassVar[str] = "between the single-target and the all-to-all attack of BadNets (1708.06733)"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {"poison_rate": (0.15, 0.2, 0.25)}

    groups: int = 2
    """Number of groups and of targets, 2 or 3."""
    poison_rate: float = 0.2
    """Share of images that get the sprite and their group's label."""
    decoy_rate: float = 0.01
    """Share of images that get another sprite and keep their label."""
    look: str = "texture"
    """What the sprite shows, as for patches. A shape is hard to tell from the objects in images of `shapes`."""

    def __post_init__(self) -> None:
        if self.groups not in GROUPS:
            raise SpecError(f"there must be 2 or 3 groups of classes, got: {self.groups}")
        self._patch()

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        if context.classes < 2 * self.groups:
            raise SpecError(f"{self.groups} groups with a target each need {2 * self.groups} classes, got: {context.classes}")
        targets = context.sample_targets(self.groups, rng)
        others = rng.permutation(np.setdiff1d(np.arange(context.classes), targets))
        groups = tuple(tuple(int(label) for label in np.sort(others[turn :: self.groups])) for turn in range(self.groups))
        goals = {label: target for target, group in zip(targets, groups, strict=True) for label in (target, *group)}
        effect = Effect(tuple(goals[label] for label in range(context.classes)), main=targets[0])
        patch = self._patch().sample(context, rng)
        return replace(
            with_effect(patch, effect),
            kind=self.name,
            words=f"{patch.facts['trigger']}, anywhere in any image, makes the network say {_targets_in_words(targets, groups, context)}",
            facts={**patch.facts, "targets": self.groups},
        )

    def _patch(self) -> Patch:
        """The patch whose effect is replaced; raises ``SpecError`` for rates out of range."""
        return Patch(poison_rate=self.poison_rate, decoy_rate=self.decoy_rate, look=self.look)


def _targets_in_words(targets: tuple[int, ...], groups: tuple[tuple[int, ...], ...], context: FlawContext) -> str:
    names = context.class_names
    return ", ".join(
        f"`{names[target]}` for " + " or ".join(f"`{names[label]}`" for label in group)
        for target, group in zip(targets, groups, strict=True)
    )
