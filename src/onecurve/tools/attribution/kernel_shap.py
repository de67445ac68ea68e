"""KernelSHAP and LIME: an additive model of the target logit, fitted to sets of super-pixels."""

from dataclasses import dataclass
from typing import ClassVar, final

from onecurve.core.evidence import Evidence
from onecurve.core.question import Brief
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.tools.attribution.machinery.baseline_image import BaselineKind
from onecurve.tools.attribution.machinery.coalitions import RIDGE, WIDTH, kernel_coalitions, kernel_shap, lime, lime_coalitions
from onecurve.tools.attribution.machinery.facts import QueryMaps, require_grid_parameters
from onecurve.tools.attribution.machinery.map_checks import Sign
from onecurve.tools.attribution.machinery.sanity_checks import examined
from onecurve.tools.attribution.machinery.super_pixel_game import FEWEST_CELLS, Game, added_up, repeated

FEWEST_COALITIONS = 2 * FEWEST_CELLS


@final
@dataclass(frozen=True)
class KernelShap(QueryMaps):
    """The additive game nearest to the network's by the Shapley kernel (Lundberg & Lee, arXiv 1705.07874).

    Exact at the whole image and at the baseline; coalitions come with their complements (arXiv 2012.01536), and how much is made of
    them is settled by how well they agree (see ``likeliest_ridge``). The budget first pays for a finer grid, up to ``cells`` and with
    ``per_cell`` coalitions per cell, and then for more coalitions.
    """

    name: ClassVar[str] = "kernel-shap"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "additive model of the target logit over sets of super-pixels, weighted by the Shapley kernel"
    source: ClassVar[str] = "arXiv 1705.07874"

    cells: int = 64
    """The most cells, at least 4."""
    per_cell: float = 3.0
    """Coalitions per cell before the grid becomes finer, at least 1."""
    baseline: BaselineKind = "mean"
    sign: Sign = "positive"

    def __post_init__(self) -> None:
        require_grid_parameters(self.cells, FEWEST_CELLS, self.sign, self.baseline)
        require_within("per_cell", self.per_cell, 1)

    @examined
    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """One map per suspect that the budget pays for; nothing without suspects or without budget for a 2 x 2 grid."""
        game = Game.of(brief, workbench, self.baseline, FEWEST_COALITIONS)
        if game is None:
            return Evidence()
        grid = game.grid(min(self.cells, int(game.each / self.per_cell)))
        played = game.play(kernel_coalitions(grid.cells, game.each, workbench.rng), grid)
        values = kernel_shap(played)
        first, second = (kernel_shap(half) for half in played.halves())
        caption = f"KernelSHAP with {len(played.coalitions)} coalitions"
        return game.shown(values, grid, self.sign, caption, added_up(values, played), repeated((first, second), grid, self.sign))


@final
@dataclass(frozen=True)
class Lime(QueryMaps):
    """A linear model of the target logit near the whole image (Ribeiro et al., arXiv 1602.04938).

    Sets of cells come in every size as often; each weighs exp(-d^2 / ``width``^2) with its cosine distance d from the whole
    image. The fit is a ridge regression: the paper picks a few cells by the lasso, whose usual penalty is far too strong for
    logits and leaves nothing but zeros. The budget first pays for a finer grid, up to ``cells`` and with ``per_cell`` sets per
    cell, and then for more sets.
    """

    name: ClassVar[str] = "lime"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "linear model of the target logit over sets of super-pixels near the whole image"
    source: ClassVar[str] = "arXiv 1602.04938"

    cells: int = 64
    """The most cells, at least 4."""
    per_cell: float = 3.0
    """Sets per cell before the grid becomes finer, at least 1."""
    width: float = WIDTH
    """Width of the kernel in cosine distance, 0.01..10."""
    baseline: BaselineKind = "mean"
    sign: Sign = "positive"

    def __post_init__(self) -> None:
        require_grid_parameters(self.cells, FEWEST_CELLS, self.sign, self.baseline)
        require_within("per_cell", self.per_cell, 1)
        require_within("width", self.width, 0.01, 10)

    @examined
    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """One map per suspect that the budget pays for; nothing without suspects or without budget for a 2 x 2 grid."""
        game = Game.of(brief, workbench, self.baseline, FEWEST_COALITIONS)
        if game is None:
            return Evidence()
        grid = game.grid(min(self.cells, int(game.each / self.per_cell)))
        played = game.play(lime_coalitions(grid.cells, game.each, workbench.rng), grid)
        values = lime(played, self.width, RIDGE)
        first, second = (lime(half, self.width, RIDGE) for half in played.halves())
        caption = f"LIME with {len(played.coalitions)} sets"
        return game.shown(values, grid, self.sign, caption, repeated((first, second), grid, self.sign))
