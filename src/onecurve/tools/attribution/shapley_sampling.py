"""Shapley values of super-pixels: by sampled orders, as they are usually estimated, and by a surrogate, at a third of the cost."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from onecurve.core.evidence import Evidence
from onecurve.core.image.images import Bools
from onecurve.core.question import Brief
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.tools.attribution.machinery.baseline_image import BaselineKind
from onecurve.tools.attribution.machinery.coalitions import kernel_coalitions, orders, prefixes, shapley_by_orders, shapley_by_surrogate
from onecurve.tools.attribution.machinery.facts import QueryMaps, require_grid_parameters
from onecurve.tools.attribution.machinery.map_checks import Sign
from onecurve.tools.attribution.machinery.sanity_checks import examined
from onecurve.tools.attribution.machinery.super_pixel_game import FEWEST_CELLS, Game, added_up, repeated

MOST = 2000
"""Coalitions that the surrogate is fitted to: solving takes time with their third power."""


@final
@dataclass(frozen=True)
class ShapleySampling(QueryMaps):
    """Mean gain of the target logit as a cell joins those before it in a random order (sampling as in arXiv 2104.12199, section 2).

    Orders come in pairs of opposites. The budget first pays for a finer grid, up to ``cells``, and then for more pairs.
    """

    name: ClassVar[str] = "shapley-sampling"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "mean gain of the target logit as super-pixels join in random orders"
    source: ClassVar[str] = "arXiv 2104.12199"

    cells: int = 64
    """The most cells, at least 4."""
    baseline: BaselineKind = "mean"
    sign: Sign = "positive"

    def __post_init__(self) -> None:
        require_grid_parameters(self.cells, FEWEST_CELLS, self.sign, self.baseline)

    @examined
    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """One map per suspect that the budget pays for; nothing without suspects or without budget for a 2 x 2 grid."""
        game = Game.of(brief, workbench, self.baseline, 2 * (FEWEST_CELLS - 1))
        if game is None:
            return Evidence()
        grid = game.grid(min(self.cells, game.each // 2 + 1))
        pairs = game.each // (2 * (grid.cells - 1))
        order = orders(grid.cells, pairs, workbench.rng)
        played = game.play(prefixes(order), grid)
        values = shapley_by_orders(order, played)
        checks = [added_up(values, played)]
        if pairs > 1:
            middle = pairs // 2 * 2
            cut = middle * (grid.cells - 1)
            first, second = played.part(slice(cut)), played.part(slice(cut, None))
            halves = shapley_by_orders(order[:middle], first), shapley_by_orders(order[middle:], second)
            checks.append(repeated(halves, grid, self.sign))
        return game.shown(values, grid, self.sign, f"Shapley values from {pairs} pairs of orders", *checks)


@final
@dataclass(frozen=True)
class ShapleySurrogate(QueryMaps):
    """Shapley values of a Gaussian process fitted to the game: a successor of sampling and of KernelSHAP (see ``shapley_by_surrogate``).

    Each cell is left out once; the rest of the budget pays for pairs of coalitions drawn by the Shapley kernel. The budget first
    pays for a finer grid, up to ``cells``, and then for more coalitions.
    """

    name: ClassVar[str] = "shapley-surrogate"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "Shapley values of a surrogate of the network, fitted to sets of super-pixels"
    source: ClassVar[str] = "after arXiv 1705.07874 and 2012.01536"

    cells: int = 64
    """The most cells, at least 4."""
    most: int = MOST
    """The most coalitions."""
    baseline: BaselineKind = "mean"
    sign: Sign = "positive"

    def __post_init__(self) -> None:
        require_grid_parameters(self.cells, FEWEST_CELLS, self.sign, self.baseline)
        require_within("most", self.most, 2 * FEWEST_CELLS)

    @examined
    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """One map per suspect that the budget pays for; nothing without suspects or without budget for a 2 x 2 grid."""
        game = Game.of(brief, workbench, self.baseline, FEWEST_CELLS)
        if game is None:
            return Evidence()
        each = min(self.most, game.each)
        grid = game.grid(min(self.cells, each))
        played = game.play(left_out_and_kernel(grid.cells, each, workbench.rng), grid)
        values = shapley_by_surrogate(played)
        caption = f"Shapley values of a surrogate of {len(played.coalitions)} coalitions"
        return game.shown(values, grid, self.sign, caption, added_up(values, played))


def left_out_and_kernel(cells: int, count: int, rng: np.random.Generator) -> Bools:
    """bool S x M, at most ``count``: every cell left out once, and pairs drawn by the Shapley kernel."""
    return np.concatenate([~np.eye(cells, dtype=bool), kernel_coalitions(cells, count - cells, rng)])
