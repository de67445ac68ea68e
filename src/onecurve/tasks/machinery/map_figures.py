"""The field's usual figures of heat maps against masks; all take maps N x P (non-negative) and masks N x P and give N numbers.

A map's scale is its author's own: a share of its sum needs none, and where it is compared with the mask value by value it is
brought to [0, 1] first.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from onecurve.core.image.images import Bools
from onecurve.tasks.machinery.average_precision import Doubles, TiedRanking, expected_precision, tied_ranking

METRICS = ("average_precision", "pearson", "l1", "pointing", "iou")
"""The figures by which maps are ranked; of ``l1`` the least is best, of the others the most."""
LOWER_IS_BETTER = ("l1",)
BASELINES = ("blank", "edges")
"""Plain maps whose figures stand beside those of every answer, the two baselines of arXiv 2302.10894; in rows, prefixes of figures."""


def metrics(maps: NDArray[np.floating], masks: Bools) -> Mapping[str, Doubles]:
    """Every figure of ``METRICS`` by name, one number per map; masks must be neither empty nor full."""
    ranking = tied_ranking(maps, masks)
    return {
        "average_precision": expected_precision(ranking),
        "pearson": pearson(maps, masks),
        "l1": l1(maps, masks),
        "pointing": _pointing(ranking),
        "iou": _iou(ranking),
    }


def others(maps: NDArray[np.floating], masks: Bools) -> Mapping[str, Doubles]:
    """Further figures beside the metrics: auroc and relevance_mass."""
    return {"auroc": auroc(maps, masks), "relevance_mass": relevance_mass(maps, masks)}


def unit_range(maps: NDArray[np.floating]) -> Doubles:
    """Each map less its least value and divided by what is then its largest; a constant map, which marks nothing, is 0 everywhere."""
    least = maps.min(axis=1, keepdims=True).astype(np.float64)
    spread = maps.max(axis=1, keepdims=True) - least
    result: Doubles = (maps - least) / np.where(spread > 0, spread, 1)
    return result


def pearson(maps: NDArray[np.floating], masks: Bools) -> Doubles:
    """Pearson's correlation of map and mask in [-1, 1]; 0 for a constant map."""
    values = maps.astype(np.float64)
    values -= values.mean(axis=1, keepdims=True)
    flags = masks - masks.mean(axis=1, keepdims=True)
    scale = np.sqrt((values**2).sum(axis=1) * (flags**2).sum(axis=1))
    constant = np.ptp(maps, axis=1) == 0
    result: Doubles = np.where(constant, 0, (values * flags).sum(axis=1) / np.where(constant | (scale == 0), 1, scale))
    return result


def l1(maps: NDArray[np.floating], masks: Bools) -> Doubles:
    """Mean absolute difference in [0, 1] between the mask and the map brought to [0, 1]; lower is better.

    The measure of arXiv 2302.10894v1, which scales maps likewise. A map that marks nothing earns the mask's share of the pixels,
    which is little: a map that marks much outside a small mask is worse than one that marks nothing.
    """
    result: Doubles = np.abs(unit_range(maps) - masks).mean(axis=1)
    return result


def pointing(maps: NDArray[np.floating], masks: Bools) -> Doubles:
    """The pointing game (Zhang et al. 2016, arXiv 1608.00507) without a margin: is the top pixel in the mask? Ties share."""
    return _pointing(tied_ranking(maps, masks))


def iou_at_area(maps: NDArray[np.floating], masks: Bools) -> Doubles:
    """Intersection over union of the mask and as many top pixels as it has; ties enter by their expected overlap."""
    return _iou(tied_ranking(maps, masks))


def auroc(maps: NDArray[np.floating], masks: Bools) -> Doubles:
    """Probability that a mask pixel is above a pixel outside, ties counting half; masks must be neither empty nor full."""
    ranking = tied_ranking(maps, masks)
    outside = masks.shape[1] - ranking.positives
    wins = ((1 - ranking.chance) * (ranking.better + ranking.tied / 2)).sum(axis=1)
    result: Doubles = wins / (ranking.positives * outside)
    return result


def auroc_between(maps: NDArray[np.floating], positive: Bools, negative: Bools) -> Doubles:
    """Probability that a pixel of ``positive`` is above one of ``negative``, ties counting half; neither may be empty in a row.

    Pixels of neither do not count.
    """
    return np.array([_wins(values[one], values[other]) for values, one, other in zip(maps, positive, negative, strict=True)])


def relevance_mass(maps: NDArray[np.floating], masks: Bools) -> Doubles:
    """Share of the map's sum that lies in the mask (Arras et al. 2022, arXiv 2003.07258), in [0, 1]."""
    values = maps.astype(np.float64) / maps.max(axis=1, keepdims=True)
    result: Doubles = (values * masks).sum(axis=1) / values.sum(axis=1)
    return result


def _wins(higher: NDArray[np.floating], lower: NDArray[np.floating]) -> float:
    ordered = np.sort(lower)
    below = np.searchsorted(ordered, higher, "left") + np.searchsorted(ordered, higher, "right")
    return float(below.mean() / (2 * len(ordered)))


def _pointing(ranking: TiedRanking) -> Doubles:
    return ranking.chance[:, 0]


def _iou(ranking: TiedRanking) -> Doubles:
    area = ranking.positives.astype(np.int64)
    overlap = ranking.found[np.arange(len(area)), area - 1]
    result: Doubles = overlap / (2 * area - overlap)
    return result
