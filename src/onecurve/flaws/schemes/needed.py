"""What a plant of one kind must reach to be admitted."""

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True)
class Needed:
    """What a plant of one kind must reach on held-out images."""

    success: float | None = 0.9
    """Least success; None for what has no effect: clean networks and controls."""
    lead: float = 0.0
    """By how much the success must exceed that of the clean twin on the same images."""
    near_miss: float | None = None
    """Most firing on near misses; None for the gate's own limit."""
