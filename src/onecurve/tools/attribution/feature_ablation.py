"""Feature ablation and feature permutation: replace one super-pixel and measure how far the target logit falls."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from onecurve.core.evidence import Evidence
from onecurve.core.image.images import Floats
from onecurve.core.question import Brief
from onecurve.core.validate import require_among, require_within
from onecurve.core.workbench import Workbench
from onecurve.tools.attribution.machinery.baseline_image import BaselineKind, baseline_image
from onecurve.tools.attribution.machinery.facts import QueryMaps, require_grid_parameters
from onecurve.tools.attribution.machinery.map_checks import SIGNS, Sign, repeatability, shown
from onecurve.tools.attribution.machinery.masking import Asked, Grid, affordable_suspects, cell_maps
from onecurve.tools.attribution.machinery.sanity_checks import examined

FEWEST_CELLS = 9
"""A grid coarser than 3 x 3 localises nothing; if the budget pays for no more, fewer suspects get a map."""


@final
@dataclass(frozen=True)
class FeatureAblation(QueryMaps):
    """Fall of the target logit when one cell of a grid is replaced by the baseline (Zeiler & Fergus, arXiv 1311.2901).

    The grid is as fine as the budget allows, down to single pixels. It is occlusion whose windows do not overlap.
    """

    name: ClassVar[str] = "feature-ablation"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "cover one cell of a grid at a time and map the fall of the target logit"
    source: ClassVar[str] = "arXiv 1311.2901"

    cells: int = 4096
    """The most cells, at least 9."""
    baseline: BaselineKind = "mean"
    sign: Sign = "positive"

    def __post_init__(self) -> None:
        require_grid_parameters(self.cells, FEWEST_CELLS, self.sign, self.baseline)

    @examined
    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """One map per suspect that the budget pays for; nothing without suspects or without budget for a 3 x 3 grid."""
        suspects = affordable_suspects(brief, workbench, FEWEST_CELLS)
        if suspects is None:
            return Evidence()
        count = len(suspects)
        grid = Grid.fitting(suspects.shape[2:], min(self.cells, int(workbench.remaining / count) - 1))
        asked = Asked(workbench, suspects, brief.target)
        without = asked.showing(~np.eye(grid.cells, dtype=bool), grid, baseline_image(self.baseline, workbench.subject, suspects))
        maps = cell_maps(asked.whole[:, None] - without, grid, self.sign)
        return shown(maps, f"ablation of {grid.rows} x {grid.columns} cells, {self.baseline} in their place")


@final
@dataclass(frozen=True)
class FeaturePermutation(QueryMaps):
    """Fall of the target logit when one cell is taken from another image (Fisher, Rudin & Dominici, arXiv 1801.01489).

    The result depends on the images that the cells are taken from, so they are fixed and the caption names them: clean images, each used
    for all cells of a suspect; without a clean set, the next suspects. The rest of the budget pays for more of these images, at most
    ``mates``.
    """

    name: ClassVar[str] = "feature-permutation"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "take one cell at a time from another image and map the fall of the target logit"
    source: ClassVar[str] = "arXiv 1801.01489"

    cells: int = 256
    """The most cells, at least 9."""
    mates: int = 16
    """The most images that cells are taken from, at least 1."""
    sign: Sign = "positive"

    def __post_init__(self) -> None:
        require_within("cells", self.cells, FEWEST_CELLS)
        require_within("mates", self.mates, 1)
        require_among("sign", self.sign, SIGNS)

    @examined
    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """One map per suspect that the budget pays for; nothing without suspects or without budget for a 3 x 3 grid."""
        suspects = affordable_suspects(brief, workbench, FEWEST_CELLS)
        if brief.suspects is None or suspects is None:
            return Evidence()
        count = len(suspects)
        each = int(workbench.remaining / count) - 1
        grid = Grid.fitting(suspects.shape[2:], min(self.cells, each))
        mates, whose = _mates(min(self.mates, each // grid.cells), workbench, brief.suspects, count)
        asked = Asked(workbench, suspects, brief.target)
        falls = asked.whole[:, None, None] - taken_from(asked, mates, grid)
        maps = cell_maps(falls.mean(axis=1), grid, self.sign)
        halves = [cell_maps(falls[:, half::2].mean(axis=1), grid, self.sign) for half in (0, 1) if falls[:, half::2].size]
        caption = f"{grid.rows} x {grid.columns} cells taken from {whose}"
        return shown(maps, caption, *([repeatability(*halves)] if len(halves) > 1 else []))


def taken_from(asked: Asked, mates: Floats, grid: Grid) -> Floats:
    """float32 N x R x cells: target logits when one cell comes from each mate, for mates N x R x C x H x W."""
    labels, many = grid.labels, mates.shape[1]

    def swapped(rows: np.ndarray, numbers: np.ndarray) -> Floats:
        taken = labels == (numbers % grid.cells)[:, None, None]
        images: Floats = np.where(taken[:, None], mates[rows, numbers // grid.cells], asked.suspects[rows])
        return images

    return asked.under(swapped, many * grid.cells).reshape(len(asked.suspects), many, grid.cells)


def _mates(many: int, workbench: Workbench, suspects: Floats, count: int) -> tuple[Floats, str]:
    """N x R x C x H x W, and in words where they come from."""
    clean = workbench.subject.clean
    if clean is not None:
        rows = np.sort(workbench.rng.permutation(len(clean))[:many])
        images = np.broadcast_to(clean.take(rows).floats(), (count, len(rows), *suspects.shape[1:]))
        return images, f"clean images {', '.join(map(str, rows))}"
    if len(suspects) == 1:
        return suspects[None], "itself, as there is no other image"
    steps = np.arange(1, min(many, len(suspects) - 1) + 1)
    return suspects[(np.arange(count)[:, None] + steps) % len(suspects)], f"the next {len(steps)} suspects"
