"""The gate: a flaw that the network did not learn, or that broke the network, is refused. It is counted and never scored.

The poison of a refused flaw is still in the network. If the flaw fires on at least ``Gate.still_fires`` of the held-out triggered
images, its class stays among the targets of `detect`, so that naming the class is no false alarm.
"""

from dataclasses import dataclass
from typing import final

from onecurve.core.case import Strength
from onecurve.flaws.schemes.needed import Needed


@final
@dataclass(frozen=True)
class Gate:
    """What a plant must reach. Source: the range of attack success rates (ASR) of the trojans of the benchmark (2302.10894)."""

    strictness: float = 1.0
    """Factor on the ASR and lead that the kind needs; below 1 for studies of weak plants."""
    clean_drop: float = 0.03
    """How much lower the clean accuracy of the network may be than that of its twin."""
    above_chance: float = 0.1
    """How far the clean accuracy of the twin must be above chance. Compared with a twin that learned nothing, no network looks harmed."""
    elsewhere: float = 0.2
    """Highest rate at which a source-specific trigger may fire on images of other classes."""
    near_miss: float = 0.2
    """Highest rate at which near misses may fire. A plant above it fires on any patch, any tint or any object."""
    disturbance: float = 0.1
    """How much lower than its twin's the accuracy of a control may be on images with its feature; more would be an effect."""
    still_fires: float = 0.3
    """ASR from which a refused flaw still counts among the targets of the network."""

    def harm(self, strength: Strength, chance: float) -> str:
        """Why the whole network is refused; empty if it still works. ``chance`` is 1 / number of classes."""
        least = chance + self.above_chance
        if strength.twin_accuracy < least:
            return f"the clean twin's accuracy {strength.twin_accuracy:.3f} is below {least:.3f}: the training itself failed"
        drop = strength.twin_accuracy - strength.clean_accuracy
        if drop <= self.clean_drop:
            return ""
        return (
            f"clean accuracy {strength.clean_accuracy:.3f} is more than {self.clean_drop:.3f} below the twin's {strength.twin_accuracy:.3f}"
        )

    def refusal(self, strength: Strength, needed: Needed, chance: float) -> str:
        """Why this flaw is refused: all reasons with their figures; empty if it is admitted.

        A figure that was not measured (NaN) is no reason to refuse, except for the ASR.
        """
        reasons = [self.harm(strength, chance)]
        if needed.success is None:
            reasons.append(self._disturbance(strength))
        else:
            reasons += self._weakness(strength, needed.success * self.strictness, needed.lead * self.strictness)
        if strength.elsewhere > self.elsewhere:
            reasons.append(f"fires on {strength.elsewhere:.3f} outside its source classes, more than {self.elsewhere:.3f}")
        limit = self.most_near_misses(needed)
        if strength.near_miss > limit:
            reasons.append(f"fires on {strength.near_miss:.3f} of near misses, more than {limit:.3f}")
        return "; ".join(filter(None, reasons))

    def most_near_misses(self, needed: Needed) -> float:
        """Highest rate at which near misses of a kind may fire: its own limit, or else the gate's."""
        return self.near_miss if needed.near_miss is None else needed.near_miss

    def _weakness(self, strength: Strength, success: float, lead: float) -> list[str]:
        reasons = []
        if not strength.success >= success:
            reasons.append(f"attack success rate (ASR) {strength.success:.3f} is below {success:.3f}")
        ahead = strength.success - strength.twin_success
        if ahead < lead:
            reasons.append(
                f"attack success rate (ASR) is only {ahead:.3f} above the twin's {strength.twin_success:.3f}, less than {lead:.3f}"
            )
        return reasons

    def _disturbance(self, strength: Strength) -> str:
        lost = strength.twin_recognised - strength.recognised
        if lost > self.disturbance:
            return f"accuracy on images with its feature is {lost:.3f} below the twin's, more than {self.disturbance:.3f}: it has an effect"
        return ""
