"""The edge detector: the baseline that any localising tool has to beat.

It never asks the network, so whatever it earns is earned by the images alone.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.ndimage import correlate1d

from onecurve.core.access import Access
from onecurve.core.evidence import Evidence, HeatMap
from onecurve.core.images import Floats
from onecurve.core.question import Brief
from onecurve.core.row import Role
from onecurve.core.workbench import Workbench


@final
@dataclass(frozen=True)
class Edges:
    """Sobel gradient magnitude, root of the sum of squares over channels; one heat map per suspect."""

    name: ClassVar[str] = "edges"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "Sobel edges of the input; does not ask the network"
    source: ClassVar[str] = "baseline"
    role: ClassVar[Role] = Role.BASELINE
    needs: ClassVar[Access] = Access.SUSPECTS
    tasks: ClassVar[tuple[str, ...]] = ("localise",)

    def look(self, task: str, brief: Brief, workbench: Workbench) -> Evidence:
        """One map per suspect; nothing where the brief has no suspects."""
        if brief.suspects is None:
            return Evidence()
        return Evidence(tuple(HeatMap(values, item, "Sobel edges") for item, values in enumerate(edge_magnitude(brief.suspects))))


def edge_magnitude(images: Floats) -> Floats:
    """float32 N x H x W, non-negative, for images float32 N x C x H x W; borders are mirrored."""
    # Axis by axis: scipy's `sobel` would smooth over images and channels as well.
    along, smooth = (-1, 0, 1), (1, 2, 1)
    down = correlate1d(correlate1d(images, along, axis=2, mode="reflect"), smooth, axis=3, mode="reflect")
    across = correlate1d(correlate1d(images, along, axis=3, mode="reflect"), smooth, axis=2, mode="reflect")
    magnitude: Floats = np.sqrt((down**2 + across**2).sum(axis=1)).astype(np.float32)
    return magnitude
