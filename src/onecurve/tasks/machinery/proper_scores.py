"""Scores of forecasts that pay most for saying what one believes: no gain by exaggerating or hedging beyond it."""

import numpy as np
from numpy.typing import NDArray

from onecurve.core.image.images import Floats, Ints
from onecurve.tasks.machinery.outputs import SMALLEST

Doubles = NDArray[np.float64]


def quadratic_scores(shares: Floats, outcomes: Ints) -> Doubles:
    """1 - half the squared distance to the outcome (Brier 1950), in [0, 1]; N for shares N x K whose rows sum to 1."""
    distance = shares.astype(np.float64)
    distance[np.arange(len(outcomes)), outcomes] -= 1
    result: Doubles = 1 - 0.5 * (distance**2).sum(axis=1)
    return result


def log_losses(shares: Floats, outcomes: Ints) -> Doubles:
    """Minus the logarithm of the share of the outcome in nats, clipped to at most 13.8; N for shares N x K."""
    given = shares[np.arange(len(outcomes)), outcomes].astype(np.float64)
    result: Doubles = -np.log(np.clip(given, SMALLEST, 1))
    return result


def top_credits(shares: Floats, outcomes: Ints) -> Doubles:
    """1 where the largest share is on the outcome, a fraction where several tie; N for shares N x K."""
    top = shares == shares.max(axis=1, keepdims=True)
    result: Doubles = top[np.arange(len(outcomes)), outcomes] / top.sum(axis=1)
    return result


def calibration_error(shares: Floats, outcomes: Ints, bins: int = 10) -> float:
    """Expected calibration error of the largest share over equal bins of confidence (Guo et al. 2017, arXiv 1706.04599)."""
    confidence = shares.max(axis=1).astype(np.float64)
    correct = top_credits(shares, outcomes)
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(place, weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(outcomes))
