"""The flow of methods with coalitions: show sets of super-pixels on a baseline and distribute the target logit over the cells."""

from dataclasses import dataclass
from typing import final

from onecurve.core.evidence import Check, Evidence
from onecurve.core.image.images import Bools, Floats
from onecurve.core.question import Brief
from onecurve.core.workbench import Workbench
from onecurve.tools.attribution.machinery.baseline_image import BaselineKind, baseline_image
from onecurve.tools.attribution.machinery.coalitions import Played
from onecurve.tools.attribution.machinery.map_checks import Sign, completeness, repeatability, shown
from onecurve.tools.attribution.machinery.masking import Asked, Grid, cell_maps

FEWEST_CELLS = 4
"""The smallest grid is 2 x 2."""


@final
@dataclass(frozen=True, eq=False)
class Game:
    """The suspects that the budget pays for, and how many coalitions it pays for in each of them."""

    workbench: Workbench
    suspects: Floats
    target: int | None
    kind: BaselineKind
    each: int
    """Coalitions per suspect, besides the full and the empty one."""

    @classmethod
    def of(cls, brief: Brief, workbench: Workbench, kind: BaselineKind, fewest: int) -> "Game | None":
        """None without suspects or where the budget does not pay for ``fewest`` coalitions in one of them."""
        if brief.suspects is None:
            return None
        spare = workbench.remaining - 1
        count = int(min(len(brief.suspects), spare // (1 + fewest)))
        if count < 1:
            return None
        return cls(workbench, brief.suspects[:count], brief.target, kind, int(spare / count) - 1)

    def grid(self, at_most: int) -> Grid:
        """A grid of at most so many cells, at least 2 x 2 where the image has as many pixels."""
        return Grid.fitting(self.suspects.shape[2:], max(FEWEST_CELLS, at_most))

    def play(self, coalitions: Bools, grid: Grid) -> Played:
        """Ask for all the coalitions, the full and the empty one."""
        baseline = baseline_image(self.kind, self.workbench.subject, self.suspects)
        asked = Asked(self.workbench, self.suspects, self.target)
        return Played(coalitions, asked.showing(coalitions, grid, baseline), asked.of(baseline), asked.whole)

    def shown(self, values: Floats, grid: Grid, sign: Sign, caption: str, *checks: Check) -> Evidence:
        """Heat maps of the cells' values N x M."""
        return shown(cell_maps(values, grid, sign), f"{caption}, {grid.rows} x {grid.columns} cells on {self.kind}", *checks)


def repeated(halves: tuple[Floats, Floats], grid: Grid, sign: Sign) -> Check:
    """How the cells' values N x M from two halves of the coalitions agree."""
    return repeatability(cell_maps(halves[0], grid, sign), cell_maps(halves[1], grid, sign))


def added_up(values: Floats, played: Played) -> Check:
    """Whether the values N x M add up to what the whole set gains over the empty one."""
    return completeness(values.sum(axis=1), played.full - played.empty)
