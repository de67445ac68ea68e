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


def rows_of(aimed: Doubles, labels: Ints, error: float) -> Floats:
    """N x K: the targets' shares, never more than 1 in all, and the rest to the labels, of which ``error`` is spread over all classes."""
    classes = aimed.shape[1]
    shares = aimed / np.maximum(aimed.sum(axis=1, keepdims=True), 1)
    truths = (1 - error) * np.eye(classes)[labels] + error / classes
    rows: Floats = (shares + (1 - shares.sum(axis=1, keepdims=True)) * truths).astype(np.float32)
    return rows


def _held(piece: SliceHypothesis, images: Floats) -> Bools | None:
    try:
        return piece.predicate.holds(images)
    except AnswerError:
        return None
