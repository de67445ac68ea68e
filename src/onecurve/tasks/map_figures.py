"""The field's usual figures of heat maps against masks; all take maps N x P (non-negative) and masks N x P and give N numbers.

A map's scale is its author's own: where a figure needs one, the map is divided by its largest value.
"""

import numpy as np
from numpy.typing import NDArray

from onecurve.core.images import Bools
from onecurve.tasks.average_precision import Doubles, tied_ranking


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
    """Mean absolute difference in [0, 1] between the mask and the map divided by its largest value; lower is better."""
    scaled = maps.astype(np.float64) / maps.max(axis=1, keepdims=True)
    result: Doubles = np.abs(scaled - masks).mean(axis=1)
    return result


def pointing(maps: NDArray[np.floating], masks: Bools) -> Doubles:
    """The pointing game (Zhang et al. 2016, arXiv 1608.00507) without a margin: is the top pixel in the mask? Ties share."""
    return tied_ranking(maps, masks).chance[:, 0]


def iou_at_area(maps: NDArray[np.floating], masks: Bools) -> Doubles:
    """Intersection over union of the mask and as many top pixels as it has; ties enter by their expected overlap."""
    ranking = tied_ranking(maps, masks)
    area = ranking.positives.astype(np.int64)
    overlap = ranking.found[np.arange(len(maps)), area - 1]
    result: Doubles = overlap / (2 * area - overlap)
    return result


def auroc(maps: NDArray[np.floating], masks: Bools) -> Doubles:
    """Probability that a mask pixel is above a pixel outside, ties counting half; masks must be neither empty nor full."""
    ranking = tied_ranking(maps, masks)
    outside = masks.shape[1] - ranking.positives
    wins = ((1 - ranking.chance) * (ranking.better + ranking.tied / 2)).sum(axis=1)
    result: Doubles = wins / (ranking.positives * outside)
    return result


def relevance_mass(maps: NDArray[np.floating], masks: Bools) -> Doubles:
    """Share of the map's sum that lies in the mask (Arras et al. 2022, arXiv 2003.07258), in [0, 1]."""
    values = maps.astype(np.float64) / maps.max(axis=1, keepdims=True)
    result: Doubles = (values * masks).sum(axis=1) / values.sum(axis=1)
    return result
