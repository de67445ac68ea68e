"""The blank map: the constant baseline. Its average precision is the share of pixels that the ground truth marks."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from onecurve.core.evidence import Evidence
from onecurve.core.question import Brief
from onecurve.core.workbench import Workbench
from onecurve.tools.attribution.machinery.facts import BaselineMaps
from onecurve.tools.attribution.machinery.map_checks import shown


@final
@dataclass(frozen=True)
class Blank(BaselineMaps):
    """Every pixel the same; one heat map per suspect."""

    name: ClassVar[str] = "blank"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "a map that says nothing; does not ask the network"

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """One map per suspect; nothing where the brief has no suspects."""
        if brief.suspects is None:
            return Evidence()
        count, _, height, width = brief.suspects.shape
        return shown(np.ones((count, height, width), np.float32), "blank")
