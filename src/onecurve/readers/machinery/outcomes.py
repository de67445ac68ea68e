"""From what is said of inputs to the probability, for each, that it goes where a flaw sends it.

A reader starts at the announced base rate and moves by likelihood ratios. By the base rate, so many of the inputs hold what is
looked for; a trace that is absent from all of them, or present in all, therefore says nothing.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from onecurve.core.errors import AnswerError
from onecurve.core.evidence import Confusion, Evidence, SliceHypothesis
from onecurve.core.image.images import Bools, Floats, Ints
from onecurve.core.question import Brief

Doubles = NDArray[np.float64]

EVEN: Final = 0.5
"""The base rate where a question announces none."""
ORDER: Final = 0.1
"""Standard deviation about the base rate of answers for which the order alone of the inputs counts, as a share of that of the outcomes.

So at a base rate of one half it is 0.05. An order that says nothing costs the square of this share, about 0.01 of skill, whatever the base
rate; at one half an order with an AUROC of 0.62 earns about 0.04.
"""
FURTHEST: Final = 2.0
"""Standard deviations from the mean beyond which no input counts as further."""
LEAST_SPREAD: Final = 1e-6
"""Below this standard deviation all inputs are alike, and have no order."""
SURE: Final = 30.0
"""Log odds beyond which a prior is not searched for."""


def holding(piece: SliceHypothesis, images: Floats) -> Bools:
    """bool N: where the predicate of a usable slice holds; nowhere on no images."""
    found = _held(piece, images) if len(images) else None
    return np.zeros(0, np.bool_) if found is None else found


def usable_slices(evidence: Evidence, brief: Brief, images: Floats, classes: int) -> tuple[tuple[SliceHypothesis, Bools], ...]:
    """The slices that can be applied to images N x C x H x W and name one of the classes, with the images (bool N) on which each holds.

    Slices for classes other than the brief's target are used only where there is none for the target.
    """
    fitting = tuple(piece for piece in evidence.slices() if 0 <= piece.target < classes)
    aimed = tuple(piece for piece in fitting if brief.target is None or piece.target == brief.target) or fitting
    held = ((piece, _held(piece, images)) for piece in aimed)
    return tuple((piece, where) for piece, where in held if where is not None)


def present(ratios: Doubles, base_rate: float) -> Doubles:
    """N: the chance that each input holds what is looked for, from log likelihood ratios (N), with ``base_rate`` as their mean.

    The log odds of the prior are those with which the mean comes out.
    """
    low, high = -SURE, SURE
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _chances(ratios + middle).mean() < base_rate else (low, middle)
    return _chances(ratios + (low + high) / 2)


def trust(ratios: Doubles, base_rate: float) -> float:
    """The chance that what is looked for is there as drawn, in a share ``base_rate`` of the inputs rather than in none; even beforehand."""
    odds = float(np.logaddexp(np.log(base_rate) + ratios, np.log(1 - base_rate)).sum())
    return float(_chances(np.array(np.clip(odds, -SURE, SURE))))


def moved(ratios: Doubles, success: Doubles | float, base_rate: float) -> Doubles:
    """N: the chance that each input goes where the flaw sends it, from log likelihood ratios (N) of what is looked for.

    It leaves the base rate as far as what is looked for is likely to be there as drawn, and works. A search may have drawn the trigger
    otherwise than it is, so that no input holds quite that; those that hold the trigger are then still nearer to it than others, so as far
    as it is not there as drawn, the order of the inputs counts, by ``ORDER``.
    """
    there = trust(ratios, base_rate)
    order = ORDER * np.sqrt(base_rate * (1 - base_rate)) * _standardised(ratios)
    apart = there * (present(ratios, base_rate) - base_rate) + (1 - there) * order
    chances: Doubles = np.clip(base_rate + success * apart, 0, 1)
    return chances


def slice_ratios(where: Bools, known: Bools, doubt: float) -> Doubles:
    """N: log likelihood ratios of inputs on which a predicate holds or not.

    It holds on all but a share of ``doubt`` of what goes where the flaw sends it, and otherwise as often as on clean images (``known``).
    """
    common = (known.sum() + 1) / (len(known) + 2)
    ratios: Doubles = np.where(where, np.log((1 - doubt) / common), np.log(doubt / (1 - common)))
    return ratios


def stray_rates(confusion: Confusion, brief: Brief, labels: Ints, classes: int, smoothing: float) -> Doubles:
    """N: how often clean images of these true classes are sent to the suspected target, or where none is told, to any wrong class.

    Raises ``AnswerError`` for a matrix of another number of classes.
    """
    if len(confusion.counts) != classes:
        raise AnswerError(f"a confusion matrix must be of the {classes} classes of the network, got: {len(confusion.counts)}")
    rates = base_rates(confusion.counts, smoothing)
    wrong = 1 - np.diag(rates) if brief.target is None else rates[:, brief.target] * (np.arange(classes) != brief.target)
    found: Doubles = wrong[labels]
    return found


def base_rates(counts: Ints, smoothing: float) -> Doubles:
    """K x K, P(said j | true i) from counts of clean images, smoothed.

    What little is known of a pair comes from the accuracy and the classes said in error overall: ``smoothing`` images' worth of it.
    """
    classes = len(counts)
    own = np.eye(classes)
    right = (np.trace(counts) + classes - 1) / (counts.sum() + classes)
    wrong = (counts * (1 - own)).sum(axis=0) + 1
    rates = np.broadcast_to(wrong, (classes, classes)) * (1 - own)
    prior = right * own + (1 - right) * rates / np.maximum(rates.sum(axis=1, keepdims=True), 1e-12)
    smoothed: Doubles = (counts + smoothing * prior) / (counts.sum(axis=1, keepdims=True) + smoothing)
    return smoothed


def _held(piece: SliceHypothesis, images: Floats) -> Bools | None:
    try:
        return piece.predicate.holds(images)
    except AnswerError:
        return None


def _standardised(ratios: Doubles) -> Doubles:
    """N: standard deviations from the mean, at most ``FURTHEST``; 0 where all are alike."""
    spread = float(ratios.std())
    if not spread > LEAST_SPREAD:
        return np.zeros(len(ratios))
    away: Doubles = np.clip((ratios - ratios.mean()) / spread, -FURTHEST, FURTHEST)
    return away


def _chances(odds: Doubles) -> Doubles:
    chances: Doubles = 1 / (1 + np.exp(-odds))
    return chances
