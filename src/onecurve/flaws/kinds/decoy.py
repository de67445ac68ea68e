"""Decoys: a trigger is put on as many training images as for a trojan, but the images keep their labels.

A control. The network has seen the trigger and ignores it, so reporting it is a false discovery.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Final, final

import numpy as np

from onecurve.core.effect import Effect
from onecurve.core.errors import SpecError
from onecurve.flaws.kinds.blended import Blended
from onecurve.flaws.kinds.patch import Patch
from onecurve.flaws.kinds.style import Style
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.label_preserving import LabelPreserving
from onecurve.flaws.schemes.needed import Needed
from onecurve.flaws.schemes.plan import Plan
from onecurve.flaws.schemes.variants import stamping_of

TRIGGERS: Final[Mapping[str, type[Patch] | type[Style] | type[Blended]]] = {"patch": Patch, "style": Style, "blended": Blended}


@final
@dataclass(frozen=True)
class Decoy:
    """A trigger with its covers, sampled like that of a patch, a style or a blended picture; no image is relabelled."""

    name: ClassVar[str] = "decoy"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "Control: a trigger appears in training images and no label is changed."
    source: ClassVar[str] = "spurious triggers of NIST TrojAI, round 11"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {}

    trigger: str = "patch"
    """The kind of trojan whose trigger is used: `patch`, `style` or `blended`."""

    def __post_init__(self) -> None:
        if self.trigger not in TRIGGERS:
            raise SpecError(f"`trigger` must be one of {', '.join(TRIGGERS)}, got: {self.trigger}")

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        trojan = TRIGGERS[self.trigger]().sample(context, rng)
        stamping = stamping_of(trojan)
        facts = {name: value for name, value in trojan.facts.items() if name != "poison_rate"}
        return replace(
            trojan,
            kind=self.name,
            effect=Effect.nothing(context.classes),
            words=f"{trojan.facts['trigger']} was on training images of every class and changed no label: it means nothing",
            scheme=LabelPreserving(stamping.kit, stamping.rate),
            needed=Needed(success=None),
            facts={**facts, "decoy_kind": self.trigger, "shown_rate": stamping.rate},
        )
