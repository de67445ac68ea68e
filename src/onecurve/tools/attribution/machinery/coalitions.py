"""Coalitions of super-pixels, and the attributions that follow from the network's logits for them.

A game is a logit as a function of the set of visible cells. Shapley values distribute the gain of the full set over the empty one. All
suspects share the coalitions, so they are solved together.
"""

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from onecurve.core.image.images import Bools, Floats, Ints

Doubles = NDArray[np.float64]

WIDTH = 0.25
"""Of LIME's kernel in cosine distance: the paper's for images."""
RIDGE = 1.0
"""Of LIME's fit, where the heaviest set weighs 1: the penalty of the library that the paper's authors published with it."""

LENGTHS = (0.15, 0.3, 0.75, 1.5, 3.0)
"""How far apart coalitions must be, as a share of the cells, for their values to be unrelated: what the surrogate chooses from."""
NUGGET = 1e-3
"""Noise variance of the surrogate as a share of its signal variance; keeps the system solvable."""
PENALTIES = np.logspace(-4, 3, 36)
"""From almost no shrinkage to almost full shrinkage, in units of the mean squared length of a row along the directions that rows span."""
ROUNDING = 1e-8
"""Directions along which rows are shorter than this share of the longest are dropped."""


@final
@dataclass(frozen=True)
class Played:
    """Coalitions and the values that the network gave to them, for N suspects."""

    coalitions: Bools
    """bool S x M: which cells show."""
    values: Floats
    """N x S: target logits."""
    empty: Floats
    """N: target logit with no cell."""
    full: Floats
    """N: target logit with every cell."""

    def part(self, which: slice) -> "Played":
        """Some of the coalitions."""
        return replace(self, coalitions=self.coalitions[which], values=self.values[:, which])

    def halves(self) -> tuple["Played", "Played"]:
        """The first and the second half of the coalitions, pairs of complements kept together."""
        middle = len(self.coalitions) // 4 * 2
        return self.part(slice(middle)), self.part(slice(middle, None))


def orders(cells: int, pairs: int, rng: np.random.Generator) -> Ints:
    """int64 2P x M: random orders of the cells, each followed by its reverse.

    What two cells do together is then counted once for each of them, so it adds no noise (antithetic sampling, arXiv 2104.12199).
    """
    forward = rng.permuted(np.broadcast_to(np.arange(cells), (pairs, cells)), axis=1)
    both: Ints = np.stack([forward, forward[:, ::-1]], axis=1).reshape(-1, cells)
    return both


def prefixes(order: Ints) -> Bools:
    """bool (P * (M - 1)) x M: the sets of the first 1 .. M - 1 cells of each order (P x M)."""
    places = np.argsort(order, axis=1)
    sizes = np.arange(1, order.shape[1])
    sets: Bools = (places[:, None, :] < sizes[None, :, None]).reshape(-1, order.shape[1])
    return sets


def shapley_by_orders(order: Ints, played: Played) -> Floats:
    """float32 N x M: mean gain of the logit as each cell joins, over orders P x M whose prefixes were played in turn."""
    count, cells = len(played.values), order.shape[1]
    ends = (np.broadcast_to(end[:, None, None], (count, len(order), 1)) for end in (played.empty, played.full))
    empty, full = ends
    levels = np.concatenate([empty, played.values.reshape(count, len(order), cells - 1), full], axis=2)
    gains = np.zeros((count, cells))
    for number, each in enumerate(order):
        gains[:, each] += np.diff(levels[:, number], axis=1)
    return (gains / len(order)).astype(np.float32)


def kernel_coalitions(cells: int, count: int, rng: np.random.Generator) -> Bools:
    """bool S x M, S even and at most ``count``: random sets and their complements, sizes by the Shapley kernel.

    With complements the pairs are worth more than as many single draws (Covert & Lee, arXiv 2012.01536). Sizes are drawn
    systematically, so that even a few sets hold every size in proportion. Needs at least two cells.
    """
    sizes = np.arange(1, cells)
    return _paired(sizes, 1 / (sizes * (cells - sizes)), cells, count // 2, rng)


def _paired(sizes: Ints, weights: Doubles, cells: int, pairs: int, rng: np.random.Generator) -> Bools:
    edges = np.cumsum(weights / weights.sum())
    drawn = rng.permutation(sizes[np.minimum(np.searchsorted(edges, (np.arange(pairs) + rng.random()) / max(1, pairs)), len(sizes) - 1)])
    ranks = np.argsort(rng.random((pairs, cells)), axis=1)
    sets = ranks < drawn[:, None]
    both: Bools = np.stack([sets, ~sets], axis=1).reshape(-1, cells)
    return both


def kernel_shap(played: Played) -> Floats:
    """float32 N x M: the additive game nearest to the coalitions, exact at the empty and the full one (arXiv 1705.07874).

    Coalitions come from ``kernel_coalitions``, so each weighs the same, and each is followed by its complement. As values add up to
    what the full set gains, the two say the same of an additive game: a pair is one row, with half the difference of its logits,
    free of whatever even numbers of cells do together. What few pairs leave open is settled by ``likeliest_ridge`` about equal shares.
    """
    shown = played.coalitions[::2].astype(np.float64)
    share = shown.mean(axis=1, keepdims=True)
    gain = (played.full - played.empty).astype(np.float64)[:, None]
    rises = (played.values[:, ::2] - played.values[:, 1::2]) / 2 - gain * (share.T - 0.5)
    values: Floats = (gain / shown.shape[1] + likeliest_ridge(shown - share, rises.T).T).astype(np.float32)
    return values


def likeliest_ridge(rows: Doubles, rises: Doubles) -> Doubles:
    """M x N: coefficients of the rises S x N on the rows S x M, shrunk towards 0 as far as each suspect's own rises call for.

    The penalty is the one of ``PENALTIES`` under which the rises are likeliest, with coefficients and errors Gaussian and the scale
    of both left to the data (MacKay, Bayesian interpolation, Neural Computation 4(3), 1992). No constant is fitted to a network:
    plain least squares, which the paper has, is at its worst where there are about as many rows as coefficients.
    """
    left, scales, right = np.linalg.svd(rows, full_matrices=False)
    kept = scales > ROUNDING * scales[0]
    left, power, right = left[:, kept], scales[kept] ** 2, right[kept] * scales[kept, None]
    along = left.T @ rises
    beyond = np.maximum((rises**2).sum(axis=0) - (along**2).sum(axis=0), 0)
    best = np.full(rises.shape[1], np.inf)
    found = np.zeros((rows.shape[1], rises.shape[1]))
    for penalty in PENALTIES * power.mean():
        spread = np.maximum(beyond + penalty / (power + penalty) @ along**2, np.finfo(float).tiny)
        unlikely = len(rows) * np.log(spread) + np.log1p(power / penalty).sum()
        better = unlikely < best
        best[better] = unlikely[better]
        found[:, better] = right.T @ (along[:, better] / (power + penalty)[:, None])
    return found


def lime_coalitions(cells: int, count: int, rng: np.random.Generator) -> Bools:
    """bool ``count`` x M: random sets with every size from 0 to M - 1 as often, as in the paper."""
    sizes = rng.permutation(((np.arange(count) + rng.random()) * cells / count).astype(int) % cells)
    sets: Bools = np.argsort(rng.random((count, cells)), axis=1) < sizes[:, None]
    return sets


def lime(played: Played, width: float, ridge: float) -> Floats:
    """float32 N x M: coefficients of the linear model that fits best near the full set (arXiv 1602.04938).

    A set of s of the M cells weighs exp(-d^2 / width^2) with cosine distance d = 1 - sqrt(s / M), divided by how often its size
    was played, so that every size counts as often however the sets were drawn. ``ridge`` is the penalty where the heaviest set weighs 1.
    """
    shown = played.coalitions.astype(np.float64)
    size = played.coalitions.sum(axis=1)
    distance = 1 - np.sqrt(size / shown.shape[1])
    weights = np.exp(-((distance / width) ** 2)) / np.bincount(size)[size]
    weights /= weights.max()
    share = weights / weights.sum()
    centred = shown - share @ shown
    values = played.values.astype(np.float64)
    rises = values - (values @ share)[:, None]
    moment = (centred * weights[:, None]).T @ centred + ridge * np.eye(shown.shape[1])
    return np.linalg.solve(moment, (centred * weights[:, None]).T @ rises.T).T.astype(np.float32)


def shapley_by_surrogate(played: Played) -> Floats:
    """float32 N x M: Shapley values of a Gaussian process that was fitted to the game, from coalitions of any kind.

    The covariance of two coalitions is a constant, plus their overlap, plus exp(-differing cells / length), the length the
    likeliest of ``LENGTHS`` for each suspect. The posterior mean is a sum of products over cells, whose Shapley values have
    a closed form, so nothing is sampled twice: one evaluation is worth about three of those that permutations ask for.
    """
    coalitions, rises, cells = _anchored(played)
    best = np.full(len(rises), -np.inf)
    values = np.zeros((len(rises), cells))
    differing = _differing(coalitions)
    overlap = coalitions @ coalitions.T / cells
    for length in LENGTHS:
        decay = np.exp(-1 / (length * cells))
        covariance = 1 + overlap + decay**differing + NUGGET * np.eye(len(coalitions))
        factor = cho_factor(covariance, lower=True, overwrite_a=True, check_finite=False)
        weights = cho_solve(factor, rises.T, check_finite=False)
        spread = np.maximum(np.einsum("nc,cn->n", rises, weights), np.finfo(float).tiny)
        likelihood = -len(coalitions) / 2 * np.log(spread) - np.log(np.diag(factor[0])).sum()
        better = likelihood > best
        best[better] = likelihood[better]
        values[better] = _shapley_of(coalitions, weights[:, better], decay).T
    return _adding_up(values, played.full - played.empty)


def _anchored(played: Played) -> tuple[Doubles, Doubles, int]:
    """Coalitions with the empty and the full one, as numbers, and values less the empty one's; each coalition once."""
    cells = played.coalitions.shape[1]
    ends = np.array([np.zeros(cells, bool), np.ones(cells, bool)])
    every = np.concatenate([ends, played.coalitions])
    _, first = np.unique(every, axis=0, return_index=True)
    rises = np.column_stack([played.empty, played.full, played.values]) - played.empty[:, None]
    return every[first].astype(np.float64), rises[:, first].astype(np.float64), cells


def _differing(coalitions: Doubles) -> Doubles:
    sizes = coalitions.sum(axis=1)
    differing: Doubles = sizes[:, None] + sizes[None, :] - 2 * coalitions @ coalitions.T
    return differing


def _shapley_of(coalitions: Doubles, weights: Doubles, decay: float) -> Doubles:
    """M x N: Shapley values of sum_c weights[c] * (overlap with c / M + decay ** cells that differ from c), weights C x N."""
    cells = coalitions.shape[1]
    nodes, node_weights = np.polynomial.legendre.leggauss(cells // 2 + 1)
    share = (nodes[:, None] + 1) / 2
    sizes = np.arange(cells + 1)
    # A Shapley value is the mean over q in [0, 1] of the expected gain when every other cell shows with probability q.
    member, stranger = np.log(share + (1 - share) * decay), np.log(share * decay + 1 - share)
    joined = (1 - decay) * node_weights / 2 @ np.exp(member * (sizes - 1) + stranger * (cells - sizes))
    left_out = -(1 - decay) * node_weights / 2 @ np.exp(member * sizes + stranger * (cells - 1 - sizes))
    size = coalitions.sum(axis=1).astype(int)
    gained = coalitions.T @ (weights * (joined[size] + 1 / cells)[:, None])
    lost = (1 - coalitions).T @ (weights * left_out[size][:, None])
    total: Doubles = gained + lost
    return total


def _adding_up(values: Doubles, rises: Floats) -> Floats:
    missing = rises - values.sum(axis=1)
    exact: Floats = (values + missing[:, None] / values.shape[1]).astype(np.float32)
    return exact
