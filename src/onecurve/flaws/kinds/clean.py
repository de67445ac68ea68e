"""Clean networks: any flaw that a tool reports on them is a false alarm."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from onecurve.core.case import Triggered
from onecurve.core.effect import Effect
from onecurve.core.errors import SpecError
from onecurve.core.image.images import LabelledImages
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.needed import Needed
from onecurve.flaws.schemes.plan import NoLineup, Plan, Poisoned, no_poison


@final
@dataclass(frozen=True)
class Clean:
    """A network without a flaw."""

    name: ClassVar[str] = "clean"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "No flaw: the same recipe with nothing planted."
    source: ClassVar[str] = "baseline"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {}

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        effect = Effect.nothing(len(context.class_names))
        return Plan(self.name, effect, "nothing was planted", NoPoison(), NoLineup(), needed=Needed(success=None), tried=False)


@final
@dataclass(frozen=True)
class NoPoison:
    """The scheme that changes no image. There is no trigger: ``triggered`` raises ``SpecError``."""

    def poison(self, images: LabelledImages, rng: np.random.Generator) -> Poisoned:
        return no_poison(images)

    def triggered(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered:
        raise SpecError("a clean network has no trigger")

    def elsewhere(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        return None

    def near_misses(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        return None
