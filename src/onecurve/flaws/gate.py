"""The gate: a plant that did not take, or that broke the network, is refused and counted, never scored.

A refused flaw's poison is still in the network. It stays among the targets of `detect` if it fires on at
least ``Gate.still_fires`` of the held-out triggered images: to name its class is then no false alarm.
"""

from dataclasses import dataclass
from typing import final

from onecurve.core.case import Strength


@final
@dataclass(frozen=True)
class Gate:
    """What a plant must reach. Source: the success range of the benchmark's trojans (2302.10894)."""

    strictness: float = 1.0
    """Share of the success its kind needs that is asked; below 1 for studies of weak plants."""
    clean_drop: float = 0.03
    """Most clean accuracy that the network may lose against its twin."""
    elsewhere: float = 0.2
    """Most firing of a source-specific trigger on images of other classes."""
    near_miss: float = 0.2
    """Most firing on near misses; a plant above it answers to any patch, any tint or any object."""
    still_fires: float = 0.3
    """Success from which a refused flaw is still counted among the network's targets."""

    def harm(self, strength: Strength) -> str:
        """Why the network as a whole is refused; empty if it still works."""
        drop = strength.twin_accuracy - strength.clean_accuracy
        if drop <= self.clean_drop:
            return ""
        return (
            f"clean accuracy {strength.clean_accuracy:.3f} is more than {self.clean_drop:.3f} below the twin's {strength.twin_accuracy:.3f}"
        )

    def refusal(self, strength: Strength, needed: float) -> str:
        """Why this flaw is refused, all reasons with their figures; empty if it is admitted.

        ``needed`` is the success its kind must reach. A figure that was not measured (NaN) refuses nothing,
        except the success itself.
        """
        reasons = [self.harm(strength)]
        needed *= self.strictness
        if not strength.success >= needed:
            reasons.append(f"success {strength.success:.3f} is below {needed:.3f}")
        if strength.elsewhere > self.elsewhere:
            reasons.append(f"fires on {strength.elsewhere:.3f} outside its source classes, more than {self.elsewhere:.3f}")
        if strength.near_miss > self.near_miss:
            reasons.append(f"fires on {strength.near_miss:.3f} of near misses, more than {self.near_miss:.3f}")
        return "; ".join(filter(None, reasons))
