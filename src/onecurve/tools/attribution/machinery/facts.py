"""Facts that many attribution methods share, to inherit from: what they need and show, and the parameter `sign`.

A method inherits facts only; its flow is its own ``look``. Each shows one map per suspect that the budget pays for, and nothing
without suspects.
"""

from dataclasses import dataclass
from typing import ClassVar

from onecurve.core.access import Access
from onecurve.core.evidence import HeatMap, Pieces, Text
from onecurve.core.validate import require_among
from onecurve.tools.attribution.machinery.map_checks import SIGNS, Sign


class QueryMaps:
    """Heat maps of suspects by a method that only queries the network."""

    needs: ClassVar[Access] = Access.QUERIES | Access.SUSPECTS
    shows: ClassVar[Pieces] = (HeatMap,)


class GradientMaps:
    """Heat maps of suspects by a method that reads weights, gradients or activations."""

    needs: ClassVar[Access] = Access.WEIGHTS | Access.SUSPECTS
    shows: ClassVar[Pieces] = (HeatMap,)


class ArchitectureMaps:
    """The same by a method that only some architectures allow; for others it shows a text that says so."""

    needs: ClassVar[Access] = Access.WEIGHTS | Access.SUSPECTS
    shows: ClassVar[Pieces] = (HeatMap, Text)


@dataclass(frozen=True)
class SignedGradientMaps(GradientMaps):
    """Gradient maps whose only parameter is what becomes of signs."""

    sign: Sign = "absolute"

    def __post_init__(self) -> None:
        require_among("sign", self.sign, SIGNS)
