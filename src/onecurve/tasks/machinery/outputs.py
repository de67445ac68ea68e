"""What a network says, checked: a rebuilt network is run here and nowhere believed.

A tie between classes goes to the first of them, as in every ``argmax``.
"""

import numpy as np
from numpy.typing import NDArray

from onecurve.core.errors import AnswerError
from onecurve.core.image.images import Floats, Ints
from onecurve.core.network import Network

BATCH = 512
SMALLEST = 1e-6
"""Probabilities are clipped to this before a logarithm, so that one sure mistake costs at most 13.8 nats."""


def logits_of(network: Network, images: Floats, classes: int) -> Floats:
    """float32 N x K; raises ``AnswerError`` for logits of another shape, or not finite."""
    batches = [np.asarray(network.logits(images[start : start + BATCH])) for start in range(0, len(images), BATCH)]
    for start, batch in zip(range(0, len(images), BATCH), batches, strict=True):
        expected = (min(BATCH, len(images) - start), classes)
        if batch.shape != expected:
            raise AnswerError(f"the network must give logits of shape {expected}, got: {batch.shape}")
        if not np.isfinite(batch).all():
            raise AnswerError("the network gives logits that are not finite", "look for a division by zero or a too large learning rate")
    return np.concatenate(batches).astype(np.float32) if batches else np.zeros((0, classes), np.float32)


def classes_said(network: Network, images: Floats, classes: int) -> Ints:
    """int64 N; the class with the largest logit."""
    return top_classes(logits_of(network, images, classes))


def top_classes(logits: Floats) -> Ints:
    """int64 N; the class with the largest logit of each row of N x K."""
    said: Ints = logits.argmax(axis=1).astype(np.int64)
    return said


def softmax(logits: Floats) -> NDArray[np.float64]:
    """Probabilities float64 N x K of logits N x K."""
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def mean_divergence(truth: Floats, answer: Floats) -> float:
    """Mean Kullback-Leibler divergence in nats from the softmax of ``truth`` to that of ``answer``, both logits N x K."""
    expected, given = np.maximum(softmax(truth), SMALLEST), np.maximum(softmax(answer), SMALLEST)
    return float((expected * np.log(expected / given)).sum(axis=1).mean())


def share(flags: NDArray[np.bool_]) -> float:
    """The share of True; ``ValueError`` for none, since the share of nothing is not zero."""
    if flags.size == 0:
        raise ValueError("the share of an empty set is not defined")
    return float(flags.mean())
