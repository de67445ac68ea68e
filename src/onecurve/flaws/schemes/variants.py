"""Variants of a patch: another effect, or no poisoned images. The sprite, its lineup and its near misses stay the same."""

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from onecurve.core.case import Triggered
from onecurve.core.effect import Effect
from onecurve.core.image.images import LabelledImages
from onecurve.flaws.schemes.plan import Plan, Poisoned, no_poison
from onecurve.flaws.schemes.stamping import Stamping


def stamping_of(plan: Plan) -> Stamping:
    """The scheme of a plan; it must be a ``Stamping``."""
    assert isinstance(plan.scheme, Stamping)
    return plan.scheme


def with_effect(plan: Plan, effect: Effect) -> Plan:
    """The same trigger with another effect."""
    return replace(plan, effect=effect, scheme=replace(stamping_of(plan), effect=effect))


@final
@dataclass(frozen=True)
class OnlyAtTestTime:
    """The scheme of a trigger that appears at test time only: no training image is poisoned."""

    stamping: Stamping

    def poison(self, images: LabelledImages, rng: np.random.Generator) -> Poisoned:
        return no_poison(images)

    def triggered(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered:
        return self.stamping.triggered(heldout, limit, rng)

    def elsewhere(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        return self.stamping.elsewhere(heldout, limit, rng)

    def near_misses(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        return self.stamping.near_misses(heldout, limit, rng)
