"""How much a piece of evidence may hold: as much as a person can look at, and too little for a network to travel in.

A reader of a Weigh question has no network. Without limits a tool could show the weights as a picture, and a reader of the same author
could rebuild the network from it.
"""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import numpy as np

from onecurve.core.case import Subject
from onecurve.core.errors import AnswerError
from onecurve.core.evidence import Evidence, HeatMap, Hypothesis, Picture, Piece, SliceHypothesis, Text, Units
from onecurve.core.question import Brief

PICTURES = 64
"""Pictures at most, each at most as large as an input."""
HYPOTHESES = 64
"""Trigger and slice hypotheses at most."""
INPUTS_PER_HYPOTHESIS = 16
"""Numbers that one hypothesis may hold, in inputs' worth."""
CHARACTERS = 4000
"""Characters of all texts and captions together."""
UNITS = 4096
"""Units that all pieces together may name."""


def require_within_limits(evidence: Evidence, subject: Subject, brief: Brief) -> None:
    """Raise ``AnswerError``, with the limit and what was found, for evidence that is too large; see the limits of this module."""
    for fault in _faults(evidence, subject, brief):
        raise AnswerError(fault, "show less: the most telling pieces first")


def _faults(evidence: Evidence, subject: Subject, brief: Brief) -> Iterator[str]:
    pieces = evidence.pieces
    _, height, width = subject.input_shape
    yield from _too_many("pictures", sum(isinstance(piece, Picture) for piece in pieces), PICTURES)
    yield from _too_many("hypotheses", sum(isinstance(piece, Hypothesis | SliceHypothesis) for piece in pieces), HYPOTHESES)
    yield from _too_many("heat maps", len(evidence.heat_maps()), 0 if brief.suspects is None else len(brief.suspects))
    yield from _too_many("class scores", len(evidence.class_scores()), 1)
    yield from _too_many("units", sum(len(piece.indices) for piece in evidence.units()), UNITS)
    yield from _too_many("rows of the clean set", sum(len(piece.rows) for piece in evidence.data_rows()), _clean(subject))
    yield from _too_many("characters of text", sum(map(_characters, pieces)), CHARACTERS)
    for piece in pieces:
        yield from _too_large(piece, height, width, int(np.prod(subject.input_shape)))


def _too_many(what: str, count: int, most: int) -> Iterator[str]:
    if count > most:
        yield f"evidence may hold at most {most} {what}, got: {count}"


def _too_large(piece: Piece, height: int, width: int, input_size: int) -> Iterator[str]:
    if isinstance(piece, Picture | HeatMap):
        shape = piece.image.shape[1:] if isinstance(piece, Picture) else piece.values.shape
        if shape[0] > height or shape[1] > width:
            yield f"a {type(piece).__name__} may be at most {height} x {width}, as an input is, got: {shape[0]} x {shape[1]}"
    if isinstance(piece, Hypothesis | SliceHypothesis):
        held = _numbers(piece)
        if held > INPUTS_PER_HYPOTHESIS * input_size:
            most = f"at most {INPUTS_PER_HYPOTHESIS} inputs' worth of numbers"
            yield f"a {type(piece).__name__} may hold {most}, got: {held / input_size:.0f}"


def _clean(subject: Subject) -> int:
    return 0 if subject.clean is None else len(subject.clean)


def _characters(piece: Piece) -> int:
    words = piece.words if isinstance(piece, Text) else piece.layer if isinstance(piece, Units) else ""
    return len(words) + len(piece.caption)


def _numbers(value: object) -> int:
    """Numbers in all arrays of a record and the records in it."""
    if isinstance(value, np.ndarray):
        return int(value.size)
    if isinstance(value, tuple):
        return sum(map(_numbers, value))
    if is_dataclass(value):
        return sum(_numbers(getattr(value, field.name)) for field in fields(value))
    return 0
