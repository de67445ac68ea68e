"""Facts that many attribution methods share, to inherit from: what they need and show, and the parameter `sign`.

A method inherits facts only; its flow is its own ``look``. Each shows one map per suspect that the budget pays for, and nothing
without suspects.
"""

from dataclasses import dataclass
from typing import ClassVar

from onecurve.core.access import Access
from onecurve.core.evidence import HeatMap, Pieces, Text
from onecurve.core.row import Role
from onecurve.core.validate import require_among, require_within
from onecurve.tools.attribution.machinery.baseline_image import BASELINES, BaselineKind
from onecurve.tools.attribution.machinery.map_checks import SIGNS, Sign


class BaselineMaps:
    """Heat maps of suspects without asking the network: what any method has to beat."""

    source: ClassVar[str] = "baseline"
    role: ClassVar[Role] = Role.BASELINE
    needs: ClassVar[Access] = Access.SUSPECTS
    shows: ClassVar[Pieces] = (HeatMap,)


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


def require_map_parameters(sign: Sign, baseline: BaselineKind) -> None:
    """Raise ``SpecError`` unless sign and baseline are known ones."""
    require_among("sign", sign, SIGNS)
    require_among("baseline", baseline, BASELINES)


def require_grid_parameters(cells: int, fewest: int, sign: Sign, baseline: BaselineKind) -> None:
    """The same, and that a grid of super-pixels may have at least ``fewest`` cells."""
    require_within("cells", cells, fewest)
    require_map_parameters(sign, baseline)
