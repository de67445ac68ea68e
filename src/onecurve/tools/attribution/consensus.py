"""Consensus: the mean of many methods' maps. The methods share their passes, so it costs little more than the most expensive of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch

from onecurve.core.evidence import Evidence
from onecurve.core.image.images import Floats
from onecurve.core.question import Brief
from onecurve.core.workbench import Workbench
from onecurve.models.network import torch_module
from onecurve.tools.attribution.machinery.backward_rules import RuledNetwork
from onecurve.tools.attribution.machinery.baseline_image import BaselineKind, baseline_image
from onecurve.tools.attribution.machinery.facts import GradientMaps, require_grid_parameters
from onecurve.tools.attribution.machinery.gradients import FORWARD
from onecurve.tools.attribution.machinery.map_checks import Sign, shown, unsigned
from onecurve.tools.attribution.machinery.masking import cell_maps
from onecurve.tools.attribution.machinery.sanity_checks import examined
from onecurve.tools.attribution.machinery.shared_maps import ONE_PASS, one_pass_maps, pooled_values
from onecurve.tools.attribution.machinery.super_pixel_game import Game
from onecurve.tools.attribution.shapley_sampling import MOST, left_out_and_kernel
from onecurve.tools.machinery.sizes import chunks, images_per_gradient

FEWEST_CELLS = 9


@final
@dataclass(frozen=True)
class Consensus(GradientMaps):
    """Mean of the maps of up to twelve methods, each divided by its own mean first (AGG-Mean of Rieger & Hansen, arXiv 1903.00519).

    Gradient, input times gradient, guided backpropagation, deconvolution, DeepLift, relevance, Grad-CAM and guided Grad-CAM from one
    forward pass; what the budget has left pays for one pool of coalitions of super-pixels, two for each of at most ``cells`` cells
    at least, which gives feature ablation, KernelSHAP, LIME and Shapley values. Raises ``ModelError`` where the network cannot be
    normalised.
    """

    name: ClassVar[str] = "consensus"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "mean of the maps of twelve methods that share their passes"
    source: ClassVar[str] = "arXiv 1903.00519"

    cells: int = 64
    """The most cells, at least 9."""
    baseline: BaselineKind = "mean"
    sign: Sign = "positive"

    def __post_init__(self) -> None:
        require_grid_parameters(self.cells, FEWEST_CELLS, self.sign, self.baseline)

    @examined
    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        if brief.suspects is None or workbench.remaining < ONE_PASS + FORWARD:
            return Evidence()
        count = int(min(len(brief.suspects), (workbench.remaining - FORWARD) / ONE_PASS))
        some = Brief(brief.target, np.ascontiguousarray(brief.suspects[:count]))
        maps = self._one_pass(some, workbench)
        maps += self._pooled(some, workbench)
        return shown(_mean(maps), f"mean of {len(maps)} maps")

    def _one_pass(self, brief: Brief, workbench: Workbench) -> list[Floats]:
        assert brief.suspects is not None
        shape = workbench.subject.input_shape
        images, baseline = (
            torch.from_numpy(each).to(workbench.device)
            for each in (brief.suspects, baseline_image(self.baseline, workbench.subject, brief.suspects))
        )
        network = RuledNetwork(torch_module(workbench.subject), shape, workbench.meter)
        network.set_baseline(baseline)
        parts = [
            {name: unsigned(values, self.sign) for name, values in one_pass_maps(network, images[part], brief.target, baseline).items()}
            for part in chunks(len(images), images_per_gradient(shape[1], shape[2], workbench.device))
        ]
        return [np.concatenate([part[name] for part in parts]) for name in parts[0]]

    def _pooled(self, brief: Brief, workbench: Workbench) -> list[Floats]:
        assert brief.suspects is not None
        game = Game.of(brief, workbench, self.baseline, 2 * FEWEST_CELLS)
        if game is None or len(game.suspects) < len(brief.suspects):
            return []
        each = min(MOST, game.each)
        grid = game.grid(min(self.cells, each // 2))
        values = pooled_values(game.play(left_out_and_kernel(grid.cells, each, workbench.rng), grid))
        return [cell_maps(each, grid, self.sign) for each in values.values()]


def _mean(maps: Iterable[Floats]) -> Floats:
    """N x H x W: the mean of maps N x H x W, each divided by its own mean; one that is all zero adds nothing."""
    scaled = []
    for each in maps:
        means = each.mean(axis=(1, 2), keepdims=True)
        scaled.append(np.divide(each, means, out=np.zeros_like(each), where=means > 0))
    mean: Floats = np.mean(scaled, axis=0, dtype=np.float32)
    return mean
