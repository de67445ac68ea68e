"""What a report shows of a case, of a planting and of a calibration: records made by the grading side, read by pages."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, final

import numpy as np

from onecurve.core.image.images import Floats
from onecurve.core.image.trigger import Trigger
from onecurve.core.question import Option


@final
@dataclass(frozen=True)
class CaseDisplay:
    """Pictures and words of one case. P held-out examples, the same in every row of pictures."""

    case: str
    subject: str
    flaw: str
    words: str
    target: str
    """Name of the target class, empty for a clean network."""
    sources: tuple[str, ...]
    """Names of the source classes; empty for universal."""
    trigger: Trigger | None
    options: tuple[Option, ...]
    right: int | None
    clean: Floats
    """float32 P x C x H x W."""
    clean_labels: tuple[str, ...]
    clean_said: tuple[str, ...]
    """What the network says on each clean example."""
    triggered: Floats
    """float32 P x C x H x W, empty (0 x …) for a clean network."""
    triggered_labels: tuple[str, ...]
    triggered_said: tuple[str, ...]
    masks: np.ndarray
    """bool P x H x W, empty (0 x …) where the flaw has no place."""
    suspects: Floats
    """float32 N x C x H x W, the suspect inputs of `localise`, empty where there are none."""
    suspect_masks: np.ndarray
    """bool N x H x W, empty likewise."""


@final
@dataclass(frozen=True)
class PlantRecord:
    """One attempt at planting: admitted, or refused with its figures."""

    case: str
    subject: str
    flaw: str
    words: str
    admitted: bool
    reason: str
    """Why it was refused; empty if admitted."""
    strength: Mapping[str, float]
    """Fields of ``Strength``, those that were measured."""
    facts: Mapping[str, str | int | float] = field(default_factory=dict)
    seconds: float = 0.0

    def plain(self) -> dict[str, Any]:
        """Its fields as plain values, for JSON; ``PlantRecord(**plain)`` is the record again."""
        return {**asdict(self), "strength": dict(self.strength), "facts": dict(self.facts)}


LADDER = "ladder: "
"""Conditions of a calibration that are rungs of a ladder of damaged evidence begin with this."""


@final
@dataclass(frozen=True)
class Calibration:
    """A reader tried where the right answer is known."""

    reader: str
    condition: str
    """`true trigger`, `noise`, `clean network: cppn`, …"""
    flaw: str
    n: int
    correct: int
    """How many were read right (top option)."""
    mean_mass: float
    """Mean weight on the right option."""
    chance: float
    low: float
    high: float
    """95 % interval of the share read right."""

    @property
    def rung(self) -> str:
        """The rung of a reader's ladder that it is of; empty for the usual conditions."""
        return self.condition.removeprefix(LADDER) if self.condition.startswith(LADDER) else ""
