"""KernelSHAP here beside captum's, at few and at many coalitions, on networks that neither was tried on before.

    OMP_NUM_THREADS=1 python benchmarks/attribution/kernel_shap.py

A six-conv trained on drawn shapes and a vision transformer with random weights; 4 images, 64 super-pixels on grey. Figures are
mean correlations with Shapley values from 120 orders, over so many draws of the coalitions, and standard errors of these means. Plain
least squares, as the paper has it, is fitted to the same coalitions as ours, with the answer of least norm where they leave one open.
The table is printed and written to `kernel_shap.md`.
"""

from collections.abc import Iterator
from pathlib import Path

import captum.attr as ca
import captums
import numpy as np
import torch
from compare import correlation
from ground import CELLS, SHAPE, Ground, played
from torch import nn

from onecurve.core.image.images import Floats
from onecurve.data.catalog import open_data
from onecurve.data.dataset import Part
from onecurve.models.building import build
from onecurve.models.steps import TrainingRecipe
from onecurve.models.training import train
from onecurve.tools.attribution.machinery.coalitions import Played, kernel_coalitions, kernel_shap, orders, prefixes, shapley_by_orders

IMAGES, PAIRS = 4, 60
DRAWS = {24: 20, 128: 8, 512: 4}
"""How often coalitions are drawn, by how many."""


def grounds() -> Iterator[tuple[str, Ground]]:
    """The networks, with their images."""
    shapes, digits = open_data("shapes"), open_data("digits")
    convolutions = build("six-conv", SHAPE, len(shapes.class_names), 0)
    train(convolutions, shapes.draw(Part.TRAIN, 3000, 0), TrainingRecipe(3), 0)
    transformer = build("vit", SHAPE, len(digits.class_names), 0)
    for name, module, data in (("six-conv on shapes", convolutions, shapes), ("vit, random weights", transformer, digits)):
        images = torch.from_numpy(data.draw(Part.HELDOUT, IMAGES, 0).floats())
        with torch.no_grad():
            yield name, Ground(module.eval(), images, module(images).argmax(1), images)


def least_squares(game: Played) -> Floats:
    """The additive game nearest to the coalitions; of several the one of which the cells' values differ least."""
    shown = game.coalitions.astype(np.float64)
    share, gain = shown.mean(axis=1, keepdims=True), (game.full - game.empty)[:, None]
    rises = game.values - game.empty[:, None] - gain * share.T
    fitted: Floats = gain / CELLS + np.linalg.lstsq(shown - share, rises.T, rcond=1e-8)[0].T
    return fitted


def theirs(given: Ground, count: int) -> Floats:
    """Captum's, with as many coalitions; its count includes the full and the empty one."""
    return captums.cells(ca.KernelShap, baselines="grey", n_samples=count + 2, perturbations_per_eval=32)(given)


def figures(given: Ground, exact: Floats, count: int) -> list[str]:
    """Of ours, of least squares and of captum's."""
    found: list[list[float]] = [[], [], []]
    for draw in range(DRAWS[count]):
        game = played(given, kernel_coalitions(CELLS, count, np.random.default_rng([draw, count])))
        torch.manual_seed(draw)
        for several, values in zip(found, (kernel_shap(game), least_squares(game), theirs(given, count)), strict=True):
            several.append(correlation(values, exact))
    return [f"{np.mean(each):.3f} ± {np.std(each, ddof=1) / len(each) ** 0.5:.3f}" for each in found]


def main() -> None:
    """Measure, print, write."""
    lines = ["| network | coalitions | here | least squares | captum |", "|---|---|---|---|---|"]
    order = orders(CELLS, PAIRS, np.random.default_rng(99))
    for name, given in grounds():
        _frozen(given.module)
        exact = shapley_by_orders(order, played(given, prefixes(order)))
        for count in DRAWS:
            lines.append(f"| {name} | {count} | {' | '.join(figures(given, exact, count))} |")
            print(lines[-1], flush=True)
    Path(__file__).with_suffix(".md").write_text("\n".join(["# KernelSHAP at few coalitions", "", *lines, ""]))


def _frozen(module: nn.Module) -> None:
    for parameter in module.parameters():
        parameter.requires_grad = False


if __name__ == "__main__":
    main()
