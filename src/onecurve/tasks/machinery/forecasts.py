"""Forecasts of what a network says, scored apart where the flaw fires and where it does not.

Pooling both would let whichever is more frequent among the inputs decide.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from onecurve.core.errors import UngradeableError
from onecurve.core.grade import Measured
from onecurve.core.image.images import Bools, Floats, Ints
from onecurve.tasks.machinery.proper_scores import calibration_error, log_losses, quadratic_scores, top_credits

Doubles = NDArray[np.float64]


@final
@dataclass(frozen=True)
class Outcome:
    """What came true on N inputs; raises ``UngradeableError`` where the flaw fires on none of them, or on all."""

    said: Ints
    """int64 N; the class that the network says."""
    fired: Bools
    """bool N; what it says is the flaw's doing."""

    def __post_init__(self) -> None:
        if self.fired.all() or not self.fired.any():
            raise UngradeableError(f"the flaw fires on {self.fired.sum()} of {len(self.fired)} inputs, so there is nothing to foretell")


def forecast_measured(shares: Floats, outcome: Outcome) -> Measured:
    """The balanced quadratic score of ``shares`` (N x K, rows summing to 1), in [0, 1].

    Figures: score and top-1 accuracy (ties share) where the flaw fired and on the rest, log loss in nats, calibration
    error, and the number of inputs on which it fired.
    """
    said, fired = outcome.said, outcome.fired
    scores, hits = quadratic_scores(shares, said), top_credits(shares, said)
    figures = {
        "score_fired": float(scores[fired].mean()),
        "score_rest": float(scores[~fired].mean()),
        "accuracy_fired": float(hits[fired].mean()),
        "accuracy_rest": float(hits[~fired].mean()),
        "log_loss": float(log_losses(shares, said).mean()),
        "calibration_error": calibration_error(shares, said),
        "fired": float(fired.sum()),
    }
    return Measured((figures["score_fired"] + figures["score_rest"]) / 2, figures)


def hedge(labels: Doubles, target: Doubles, share: float) -> Doubles:
    """Forecasts N x K: the labels with a ``share`` of the mass moved to the target."""
    return target * share + labels * (1 - share)


def best_share(labels: Doubles, target: Doubles, outcome: Outcome) -> float:
    """The share of mass on the target that measures most: the measure is a parabola in it, known from three points."""
    low, middle, high = (forecast_measured(hedge(labels, target, at).astype(np.float32), outcome).raw for at in (0.0, 0.5, 1.0))
    bend = 2 * (low - 2 * middle + high)
    slope = high - low - bend
    best = -slope / (2 * bend) if bend < 0 else float(high > low)
    return min(1.0, max(0.0, best))
