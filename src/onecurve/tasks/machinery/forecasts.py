"""Forecasts of whether an input goes where a flaw sends it, scored by Brier's rule."""

import numpy as np

from onecurve.core.grade import Measured
from onecurve.core.image.images import Floats
from onecurve.tasks.machinery.contests import Contest
from onecurve.tasks.machinery.proper_scores import calibration_error, log_losses, quadratic_scores, top_credits


def forecast_measured(shares: Floats, asked: Contest) -> Measured:
    """The mean quadratic score of ``shares`` (N x 2: goes, stays; rows summing to 1), in [0, 1]; 0.75 for one half everywhere.

    Figures: score and top-1 accuracy (ties share) on the inputs with the trigger and on their rivals, auroc (within pairs of which
    one goes and the other does not; 0.5 where there is no such pair), log loss in nats, calibration error, and how many inputs go.
    """
    outcomes, trigger = np.where(asked.goes, 0, 1), asked.kind == 0
    scores, hits = quadratic_scores(shares, outcomes), top_credits(shares, outcomes)
    figures = {
        "score_trigger": float(scores[trigger].mean()),
        "score_rival": float(scores[~trigger].mean()),
        "accuracy_trigger": float(hits[trigger].mean()),
        "accuracy_rival": float(hits[~trigger].mean()),
        "auroc": auroc_within_pairs(shares[:, 0], asked),
        "log_loss": float(log_losses(shares, outcomes).mean()),
        "calibration_error": calibration_error(shares, outcomes),
        "fired": float(asked.goes.sum()),
    }
    return Measured(float(scores.mean()), figures)


def auroc_within_pairs(chances: Floats, asked: Contest) -> float:
    """How often, of two inputs of a pair, the one that goes has the higher chance; ties count half."""
    won = []
    for pair in np.unique(asked.pair):
        here = asked.pair == pair
        gone, stayed = chances[here & asked.goes], chances[here & ~asked.goes]
        won += [float((one > other) + (one == other) / 2) for one in gone for other in stayed]
    return float(np.mean(won)) if won else 0.5
