"""Does the mean colour tell some images of a set from the others? If so, the rule that does."""

import numpy as np

from onecurve.core.image.images import Bools, Floats
from onecurve.core.image.predicate import ColourRule

FEWEST = 6
"""Images that a rule is fitted and tried on, half each."""
TELLING = 0.85
"""Balanced accuracy on images that the rule was not fitted on, from which it counts."""
RIDGE = 1e-4
"""Added to the variances of mean colours."""


def colour_rule(images: Floats, chosen: Bools, rng: np.random.Generator) -> ColourRule | None:
    """The rule for the ``chosen`` of images N x C x H x W; None where they are few or their colour does not tell on held-back images.

    Fisher's linear discriminant of the mean channel values, its threshold half way.
    """
    if min(chosen.sum(), (~chosen).sum()) < FEWEST:
        return None
    colours = images.mean(axis=(2, 3)).astype(np.float64)
    fitting = np.zeros(len(images), bool)
    for group in (np.flatnonzero(chosen), np.flatnonzero(~chosen)):
        fitting[rng.permutation(group)[: len(group) // 2]] = True
    inside, outside = colours[fitting & chosen], colours[fitting & ~chosen]
    spread = sum(np.atleast_2d(np.cov(each, rowvar=False)) for each in (inside, outside)) + RIDGE * np.eye(colours.shape[1])
    weights = np.linalg.solve(spread, inside.mean(axis=0) - outside.mean(axis=0))
    if not weights.any():
        return None
    weights /= np.abs(weights).max()
    threshold = float((inside.mean(axis=0) + outside.mean(axis=0)) @ weights / 2)
    holds = colours @ weights > threshold
    accuracy = (holds[~fitting & chosen].mean() + (~holds)[~fitting & ~chosen].mean()) / 2
    return ColourRule(weights.astype(np.float32), threshold) if accuracy >= TELLING else None
