"""Lineups for calibration: evidence and options never show one and the same picture."""

import numpy as np

from onecurve.runner.handlers.lineups import Conditions, trials_of
from onecurve.runner.recipes import recipe_of


def test_evidence_of_the_truth_shows_no_picture_of_the_lineup_itself() -> None:
    (trial, *_) = trials_of("warp", recipe_of({"data": "digits", "model": "six-conv"}), 0, Conditions(1, (), maps=False))
    options = np.concatenate([option.pictures for option in trial.question.shown])
    on_images = [picture.image for picture in trial.evidence.pictures()][1:]
    assert len(on_images) > 2, "the first picture is the warp on grey"
    assert min(np.abs(options - image).max(axis=(1, 2, 3)).min() for image in on_images) > 0.05
