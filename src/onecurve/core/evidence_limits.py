"""How much evidence may hold: what a person can look at, and less than the weights of the small networks here as they are stored.

A reader of a Weigh question has no network. Without limits a tool could show the weights as a picture, and a reader of the same author
could rebuild the network from it. Limits alone do not end this: pictures of a trigger for every class are as large as a small network
that is rounded to 16 bits or fewer. So a tool that is read by a reader of a person's own is ranked apart as well.
"""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import numpy as np

from onecurve.core.case import Subject
from onecurve.core.errors import AnswerError
from onecurve.core.evidence import Confusion, DataRows, Evidence, HeatMap, Hypothesis, Picture, Piece, SliceHypothesis, Text, Units
from onecurve.core.question import Brief

PICTURES = 64
"""Pictures at most, each at most as large as an input."""
HYPOTHESES = 64
"""Trigger and slice hypotheses at most."""
INPUTS_PER_HYPOTHESIS = 16
"""Numbers that one hypothesis may hold, in inputs' worth."""
INPUTS = 12
"""Numbers that all pieces together may hold, in inputs' worth, beside a trigger with its mask per class or a map per suspect."""
CHARACTERS = 4000
"""Characters of all texts and captions together; also bytes of all sanity checks."""
UNITS = 4096
"""Units that all pieces together may name."""
BYTES = 4
"""Bytes of a number, as float32."""
PLAIN_BYTES = 16_384
"""Bytes of words and of numbers outside arrays together."""
PLAIN_PER_HYPOTHESIS = 1024
"""Bytes of numbers outside arrays that one hypothesis may hold."""
WRITTEN = 24
"""Bytes of a file that one byte of words or of a number may need, as it is written there."""
AROUND = 4 << 20
"""Bytes for the names of fields and arrays."""
NUMBERS = "fiub"
"""Kinds of array that are evidence: floats, whole numbers, yes or no."""


def require_within_limits(evidence: Evidence, subject: Subject, brief: Brief) -> None:
    """Raise ``AnswerError``, with the limit and what was found, for evidence that is too large; see the limits of this module."""
    for fault in _faults(evidence, subject, brief):
        raise AnswerError(fault, "show less: the most telling pieces first")


def most_bytes(subject: Subject, brief: Brief) -> int:
    """What all pieces together may hold, in bytes of float32, apart from lists of rows and units and from counts."""
    channels, height, width = subject.input_shape
    triggers, maps = subject.classes * (channels + 1), 0 if brief.suspects is None else len(brief.suspects)
    return BYTES * height * width * (INPUTS * channels + max(triggers, maps)) + PLAIN_BYTES


def most_stored_bytes(subject: Subject, brief: Brief) -> int:
    """What a file with evidence within the limits can have at most, lists, counts and the words around them included, in bytes."""
    listed = 16 * (UNITS + _clean(subject)) + 8 * subject.classes**2
    return most_bytes(subject, brief) + listed + WRITTEN * (CHARACTERS + PLAIN_BYTES) + AROUND


def _faults(evidence: Evidence, subject: Subject, brief: Brief) -> Iterator[str]:
    pieces = evidence.pieces
    _, height, width = subject.input_shape
    yield from _too_many("pictures", sum(isinstance(piece, Picture) for piece in pieces), PICTURES)
    yield from _too_many("hypotheses", sum(isinstance(piece, Hypothesis | SliceHypothesis) for piece in pieces), HYPOTHESES)
    yield from _too_many("heat maps", len(evidence.heat_maps()), 0 if brief.suspects is None else len(brief.suspects))
    yield from _too_many("class scores", len(evidence.class_scores()), 1)
    yield from _too_many("confusion matrices", len(evidence.confusions()), 1)
    yield from _too_many("units", sum(_longest(piece.indices, piece.weights) for piece in evidence.units()), UNITS)
    yield from _too_many(
        "rows of the clean set", sum(_longest(piece.rows, piece.scores) for piece in evidence.data_rows()), _clean(subject)
    )
    yield from _too_many("characters of text", sum(map(_characters, pieces)), CHARACTERS)
    yield from _too_many("bytes of sanity checks", _bytes(evidence.checks), CHARACTERS)
    for piece in pieces:
        yield from _too_large(piece, height, width, int(np.prod(subject.input_shape)))
        yield from _of_other_classes(piece, subject)
    yield from _too_much_in_all(evidence, most_bytes(subject, brief))


def _too_many(what: str, count: int, most: int) -> Iterator[str]:
    if count > most:
        yield f"evidence may hold at most {most} {what}, got: {count}"


def _too_large(piece: Piece, height: int, width: int, input_size: int) -> Iterator[str]:
    if isinstance(piece, Picture | HeatMap):
        shape = piece.image.shape[1:] if isinstance(piece, Picture) else piece.values.shape
        if shape[0] > height or shape[1] > width:
            yield f"a {type(piece).__name__} may be at most {height} x {width}, as an input is, got: {shape[0]} x {shape[1]}"
    if isinstance(piece, Hypothesis | SliceHypothesis):
        held = (_bytes(piece) - _bytes(piece.caption) - PLAIN_PER_HYPOTHESIS) / (BYTES * input_size)
        if held > INPUTS_PER_HYPOTHESIS:
            yield f"a {type(piece).__name__} may hold at most {INPUTS_PER_HYPOTHESIS} inputs' worth of numbers, got: {held:.0f}"


def _of_other_classes(piece: Piece, subject: Subject) -> Iterator[str]:
    """A confusion matrix counts clean images, which bounds what it can tell."""
    if isinstance(piece, Confusion):
        if len(piece.counts) != subject.classes:
            yield f"a Confusion must be of the network's {subject.classes} classes, got: {len(piece.counts)}"
        elif piece.counts.sum(dtype=np.float64) > _clean(subject):
            yield f"a Confusion may count at most the {_clean(subject)} clean images, got: {piece.counts.sum(dtype=np.float64):.0f}"


def _too_much_in_all(evidence: Evidence, most: int) -> Iterator[str]:
    listed = DataRows | Units | Confusion
    pieces = tuple(piece for piece in evidence.pieces if not isinstance(piece, listed))
    held = _bytes(pieces)
    if held > most:
        yield f"evidence may hold at most {most} bytes in all, got: {held}"
    for piece in evidence.pieces:
        if not _storable(piece):
            yield f"a {type(piece).__name__} holds an array that is not of numbers"


def _clean(subject: Subject) -> int:
    return 0 if subject.clean is None else len(subject.clean)


def _longest(*arrays: np.ndarray) -> int:
    return max(int(array.size) for array in arrays)


def _characters(piece: Piece) -> int:
    words = piece.words if isinstance(piece, Text) else piece.layer if isinstance(piece, Units) else ""
    return len(words) + len(piece.caption)


def _bytes(value: object) -> int:
    """What a record and all that is in it tell at most, in bytes: arrays, words, and numbers outside arrays."""
    if isinstance(value, np.ndarray):
        return int(value.nbytes)
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, tuple):
        return sum(map(_bytes, value))
    if is_dataclass(value):
        return sum(_bytes(getattr(value, field.name)) for field in fields(value))
    return max(8, value.bit_length() // 8) if isinstance(value, int) else 8


def _storable(value: object) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind in NUMBERS
    if isinstance(value, tuple):
        return all(map(_storable, value))
    return all(_storable(getattr(value, field.name)) for field in fields(value)) if is_dataclass(value) else True
