"""From groups of inputs that go to a class to weights over the classes for each input."""

import numpy as np
from numpy.typing import NDArray

from onecurve.core.errors import AnswerError
from onecurve.core.evidence import Evidence, SliceHypothesis
from onecurve.core.image.images import Bools, Floats, Ints
from onecurve.core.question import Brief

Doubles = NDArray[np.float64]


def usable_slices(evidence: Evidence, brief: Brief, images: Floats, classes: int) -> tuple[tuple[SliceHypothesis, Bools], ...]:
    """The slices that can be applied to images N x C x H x W and name one of the classes, with the images (bool N) on which each holds.

    Slices for classes other than the brief's target are used only where there is none for the target.
    """
    fitting = tuple(piece for piece in evidence.slices() if 0 <= piece.target < classes)
    aimed = tuple(piece for piece in fitting if brief.target is None or piece.target == brief.target) or fitting
    held = ((piece, _held(piece, images)) for piece in aimed)
    return tuple((piece, where) for piece, where in held if where is not None)


def add_slices(aimed: Doubles, slices: tuple[tuple[SliceHypothesis, Bools], ...]) -> None:
    """Raise the targets' shares in ``aimed`` (N x K) to each slice's success where it holds."""
    for piece, where in slices:
        column = aimed[:, piece.target]
        np.maximum(column, piece.success * where, out=column)


def mixed(aimed: Doubles, otherwise: Doubles) -> Floats:
    """N x K: the targets' shares, never more than 1 in all, and the rest as in ``otherwise`` (N x K, rows of sum 1)."""
    shares = aimed / np.maximum(aimed.sum(axis=1, keepdims=True), 1)
    rows: Floats = (shares + (1 - shares.sum(axis=1, keepdims=True)) * otherwise).astype(np.float32)
    return rows


def label_rates(classes: int, error: float) -> Doubles:
    """K x K: each class to itself, of which ``error`` is spread over all classes."""
    rates: Doubles = (1 - error) * np.eye(classes) + error / classes
    return rates


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
