"""The edge detector: the baseline that every attribution method should beat.

It does not query the network, so its score comes from the images alone.
"""

from dataclasses import dataclass
from typing import ClassVar, final

from onecurve.core.evidence import Evidence, HeatMap
from onecurve.core.image.edges import edge_magnitude
from onecurve.core.question import Brief
from onecurve.core.workbench import Workbench
from onecurve.tools.attribution.machinery.facts import BaselineMaps


@final
@dataclass(frozen=True)
class Edges(BaselineMaps):
    """Sobel gradient magnitude, root of the sum of squares over channels; one heat map per suspect."""

    name: ClassVar[str] = "edges"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "Sobel edges of the input; does not ask the network"

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """One map per suspect; nothing where the brief has no suspects."""
        if brief.suspects is None:
            return Evidence()
        return Evidence(tuple(HeatMap(values, item, "Sobel edges") for item, values in enumerate(edge_magnitude(brief.suspects))))
