"""A mixture over images by their features, labels and predictions: the error-aware mixture of Domino (arXiv 2203.14960).

Images of one component look alike to the network, have like labels, and are said to be the same.
"""

import numpy as np

from onecurve.core.image.images import Floats, Ints

ROUNDS = 60
"""Rounds of expectation and maximisation."""
DIMENSIONS = 16
"""Principal components of the features that are kept at most."""
VARIANCE = 0.05
"""Added to the variances of standardised features: a component of a few images must not shrink to a point."""
BLUR = 0.3
"""Largest random share by which an image starts out in other components than that of its label and prediction."""


def principal(features: Floats) -> Floats:
    """float64 N x P: principal components, P at most ``DIMENSIONS``, scaled so that the first has variance 1."""
    centred = features.astype(np.float64) - features.mean(axis=0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    kept = (left * values)[:, :DIMENSIONS]
    scaled: Floats = kept / max(float(kept[:, 0].std()), 1e-9)
    return scaled


def memberships(points: Floats, labels: Ints, shares: Floats, components: int, weight: float, rng: np.random.Generator) -> Floats:
    """float64 N x R: how far each image belongs to each component; rows sum to 1.

    ``points`` are N x P, ``shares`` N x K what the network says. Labels and predictions count with ``weight``, as gamma in the paper.
    It starts from the most frequent cells of the confusion matrix, blurred.
    """
    classes = shares.shape[1]
    own = np.eye(classes)[labels]
    belongs = _started(labels * classes + shares.argmax(axis=1), components, rng)
    for _ in range(ROUNDS):
        sizes = belongs.sum(axis=0) + 1e-9
        means = belongs.T @ points / sizes[:, None]
        variances = np.maximum(belongs.T @ points**2 / sizes[:, None] - means**2, 0) + VARIANCE
        of_labels, of_shares = ((belongs.T @ each + 0.1 / classes) / (sizes[:, None] + 0.1) for each in (own, shares))
        distance = (points**2) @ (1 / variances).T - 2 * points @ (means / variances).T + (means**2 / variances).sum(axis=1)
        chances = np.log(sizes) - 0.5 * (distance + np.log(variances).sum(axis=1))
        chances += weight * (own @ np.log(of_labels).T + shares @ np.log(of_shares).T)
        chances = np.exp(chances - chances.max(axis=1, keepdims=True))
        belongs = chances / chances.sum(axis=1, keepdims=True)
    return belongs


def _started(cells: Ints, components: int, rng: np.random.Generator) -> Floats:
    names, counts = np.unique(cells, return_counts=True)
    kept = names[np.argsort(-counts, kind="stable")][:components]
    place = {int(cell): at for at, cell in enumerate(kept)}
    start = BLUR * rng.random((len(cells), components))
    for row, cell in enumerate(cells):
        start[row, place.get(int(cell), int(rng.integers(components)))] += 1
    found: Floats = start / start.sum(axis=1, keepdims=True)
    return found
