"""Answers, and the one door through which each of them is checked."""

from dataclasses import dataclass, field
from typing import final

import numpy as np

from onecurve.core.errors import AnswerError
from onecurve.core.image.images import Floats
from onecurve.core.network import Network
from onecurve.core.question import Question, Rebuild, Weigh


@final
@dataclass(frozen=True)
class Weights:
    """Items x options, finite, non-negative, no row of zeros."""

    values: Floats = field(repr=False)
    note: str = ""
    """What a person should know, for instance that a map was constant."""


@final
@dataclass(frozen=True)
class Rebuilt:
    """A network handed back."""

    network: Network
    note: str = ""


@final
@dataclass(frozen=True)
class Abstain:
    """No answer, with the reason; graded as the floor and counted."""

    reason: str


Answer = Weights | Rebuilt | Abstain


def checked(question: Question, answer: object) -> Answer:
    """The answer with weights as float32, after checking it against the question.

    Raises ``AnswerError`` where the type, the shape or the numbers do not fit; floor, ceiling and
    every solver pass here.
    """
    if isinstance(answer, Abstain):
        return answer
    if isinstance(question, Weigh):
        if not isinstance(answer, Weights):
            raise AnswerError(f"this question wants Weights or Abstain, got: {type(answer).__name__}")
        return Weights(_checked_weights(question, np.asarray(answer.values)), answer.note)
    if not isinstance(answer, Rebuilt):
        raise AnswerError(f"this question wants Rebuilt or Abstain, got: {type(answer).__name__}")
    _check_size(question, answer)
    return answer


def normalised(weights: Weights) -> Floats:
    """Items x options with every row summing to 1, float64 inside so that huge weights do not overflow."""
    rows = weights.values.astype(np.float64)
    rows = rows / rows.max(axis=1, keepdims=True)
    shares: Floats = (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def _checked_weights(question: Weigh, values: np.ndarray) -> Floats:
    expected = (question.items, len(question.options))
    if values.shape != expected:
        raise AnswerError(f"weights must have shape {expected} (items x options), got: {values.shape}")
    if not np.issubdtype(values.dtype, np.number) or np.iscomplexobj(values):
        raise AnswerError(f"weights must be real numbers, got: {values.dtype}")
    bad = ~np.isfinite(values).all(axis=1) | (values < 0).any(axis=1)
    if bad.any():
        row = int(np.argmax(bad))
        worst = values[row][~np.isfinite(values[row]) | (values[row] < 0)][0]
        raise AnswerError(f"weights must be finite and non-negative; row {row} holds: {worst}")
    floats: Floats = np.clip(values, 0, np.finfo(np.float32).max).astype(np.float32)
    empty = floats.sum(axis=1, dtype=np.float64) <= 0
    if empty.any():
        raise AnswerError(f"weights must not be all zero in a row; row {int(np.argmax(empty))} is")
    return floats


def _check_size(question: Rebuild, answer: Rebuilt) -> None:
    if not isinstance(answer.network, Network):
        raise AnswerError(f"Rebuilt must hold a network with logits, size and relearned, got: {type(answer.network).__name__}")
    if question.size_limit is None:
        return
    size = answer.network.size()
    if size > question.size_limit:
        raise AnswerError(f"the stored network may have at most {question.size_limit} bits, got: {size}")
