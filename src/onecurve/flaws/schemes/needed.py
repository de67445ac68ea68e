"""What a plant of one kind must reach to be admitted by the gate."""

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True)
class Needed:
    """What a plant of one kind must reach on held-out images."""

    success: float | None = 0.9
    """Least attack success rate (ASR); None for clean networks and controls, which have no effect."""
    lead: float = 0.0
    """By how much the ASR must exceed the clean twin's rate on the same images."""
    near_miss: float | None = None
    """Highest rate at which near misses may fire; None for the gate's own limit."""
