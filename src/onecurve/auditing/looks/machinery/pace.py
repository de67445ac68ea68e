"""How many images a look can pass through the network in the time it has."""

import time
from typing import Final

from onecurve.auditing.examined import Allowance, Examined

TIMED: Final = 8
"""Images that are passed to see how long one takes."""
KEPT: Final = 0.8
"""Share of the time that is planned with; the rest is for claims."""


def affordable(examined: Examined, allowance: Allowance, wanted: int, passes: int = 1) -> int:
    """At most ``wanted``: how many images can be passed so many times in ``KEPT`` of the time that is left, by the pace of a few."""
    images = examined.search.take(slice(0, TIMED)).floats()
    began = time.monotonic()
    examined.network.logits(images)
    each = (time.monotonic() - began) / len(images)
    return min(wanted, int(KEPT * allowance.left / max(each * passes, 1e-9)))
