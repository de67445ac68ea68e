"""Answers for the first images from many more samples than any contender is given, by what is estimated."""

from pathlib import Path

import numpy as np
from ground import CELLS, Ground, played
from ours import integrated, permuted
from torch import Tensor

from onecurve.core.image.images import Floats
from onecurve.tools.attribution.machinery.coalitions import Played, lime, lime_coalitions, orders, prefixes, shapley_by_orders

REFERRED = 4
"""Images."""
PAIRS, SETS, STEPS = 40, 2000, 100


def converged(whole: Ground, keep: Path | None = None) -> dict[str, Floats]:
    """Reference answers; `lime` is weighted as in the paper, `lime, unweighted` as captum's kernel of width 1,000 has it."""
    if keep is not None and keep.exists():
        with np.load(keep) as kept:
            return dict(kept)
    some, rng = whole.first(REFERRED), np.random.default_rng(99)
    order = orders(CELLS, PAIRS, rng)
    known = {
        "shapley": shapley_by_orders(order, played(some, prefixes(order))),
        "lime": lime(played(some, lime_coalitions(CELLS, SETS, rng)), 0.25, 1e-6),
        "lime, unweighted": _least_squares(played(some, rng.random((SETS, CELLS)) < 0.5)),
        "path": _mean_path(some, some.baseline[None]),
        "paths": _mean_path(some, some.others),
        "permutation": permuted(whole, len(whole.images) - 1)[:REFERRED],
    }
    if keep is not None:
        np.savez(keep, **known)
    return known


def _least_squares(game: Played) -> Floats:
    shown = game.coalitions - game.coalitions.mean(axis=0)
    fitted: Floats = np.linalg.lstsq(shown, (game.values - game.values.mean(axis=1, keepdims=True)).T, rcond=None)[0].T
    return fitted


def _mean_path(some: Ground, baselines: Tensor) -> Floats:
    mean: Floats = np.mean([integrated(some, STEPS, baseline) for baseline in baselines], axis=0)
    return mean
