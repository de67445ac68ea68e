"""Average precision that ties cannot fool: it takes the mean over all orders of equal values.

Breaking ties by position pays a constant map full marks when the mask comes first. Breaking them at random and averaging
still pays a constant more than chance, by about log(n)/n. Here precision and recall are each averaged over all orders of
the tied values, rank by rank, and then multiplied: a constant earns exactly the share of pixels in the mask.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from onecurve.core.image.images import Bools

Doubles = NDArray[np.float64]


@final
@dataclass(frozen=True)
class TiedRanking:
    """Each row's values from the highest down; expectations are over all orders of tied values."""

    found: Doubles
    """N x P; expected number of positives among the first 1..P ranks."""
    chance: Doubles
    """N x P; probability that the value at each rank is positive."""
    better: Doubles
    """N x P; positives whose value is strictly higher than the one at each rank."""
    tied: Doubles
    """N x P; positives whose value is the same as the one at each rank, itself included."""
    positives: Doubles
    """N; positives per row."""


def tied_ranking(values: NDArray[np.floating], positive: Bools) -> TiedRanking:
    """The ranking of ``values`` (N x P) with respect to ``positive`` (N x P)."""
    count = values.shape[1]
    order = np.argsort(-values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=1)
    total = np.zeros((len(values), count + 1))
    np.cumsum(np.take_along_axis(positive, order, axis=1), axis=1, out=total[:, 1:])
    starts, ends = _tie_bounds(ordered)
    before, after = np.take_along_axis(total, starts, axis=1), np.take_along_axis(total, ends, axis=1)
    chance = (after - before) / (ends - starts)
    found = before + chance * (np.arange(1, count + 1) - starts)
    return TiedRanking(found, chance, before, after - before, total[:, -1])


def average_precision(values: NDArray[np.floating], positive: Bools) -> Doubles:
    """Tie-aware average precision in [0, 1] of each row; N for inputs N x P.

    Without ties it is the usual mean of the precision at each positive. ``ValueError`` for a row without positives.
    """
    if not positive.any(axis=1).all():
        raise ValueError("average precision needs at least one positive in every row")
    return expected_precision(tied_ranking(values, positive))


def expected_precision(ranking: TiedRanking) -> Doubles:
    """``average_precision`` of rows that are ranked already; none may be without positives."""
    precision = ranking.found / np.arange(1, ranking.found.shape[1] + 1)
    result: Doubles = (ranking.chance * precision).sum(axis=1) / ranking.positives
    return result


def _tie_bounds(ordered: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each place of sorted rows: where its run of equal values starts, and where the next run starts."""
    count = ordered.shape[1]
    new = np.ones(ordered.shape, np.bool_)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    starts = np.maximum.accumulate(np.where(new, np.arange(count), 0), axis=1)
    following = np.full(ordered.shape, count)
    following[:, :-1] = np.where(new[:, 1:], np.arange(1, count), count)
    ends = np.minimum.accumulate(following[:, ::-1], axis=1)[:, ::-1]
    return starts, ends
