"""Evidence: what a tool shows. Each piece can be looked at by a person and used by a program."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import final, get_args

import numpy as np

from onecurve.core import html
from onecurve.core.errors import AnswerError
from onecurve.core.image.images import Floats, Ints
from onecurve.core.image.predicate import KINDS as PREDICATES
from onecurve.core.image.predicate import Predicate
from onecurve.core.image.trigger import KINDS as TRIGGERS
from onecurve.core.image.trigger import Chain, Either, Trigger, sprites

LARGEST_NUMBER = 1 << 63
"""Whole numbers in evidence are smaller."""
MOST_ERRORS = 3
"""Kinds of error that the words for a confusion matrix name."""


@final
@dataclass(frozen=True)
class Picture:
    """One image: a visualisation, an exemplar, a crop."""

    image: Floats = field(repr=False)
    """float32 C x h x w in [0, 1]; C is 1 or 3."""
    caption: str = ""

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[0] not in (1, 3):
            raise AnswerError(f"a Picture must be C x h x w with 1 or 3 channels, got: {self.image.shape}")
        _require_finite("a Picture", self.image)

    def _repr_html_(self) -> str:
        return html.picture(self.image, self.caption)


@final
@dataclass(frozen=True)
class HeatMap:
    """How much each pixel of one suspect input matters."""

    values: Floats = field(repr=False)
    """float32 H x W, non-negative, any scale."""
    item: int
    """Which suspect input of the brief it belongs to, from 0."""
    caption: str = ""

    def __post_init__(self) -> None:
        if self.values.ndim != 2:
            raise AnswerError(f"a HeatMap must be H x W, got: {self.values.shape}")
        _require_finite("a HeatMap", self.values)
        if self.values.min() < 0:
            raise AnswerError(f"a HeatMap must be non-negative, got: {self.values.min():.3g}")

    def _repr_html_(self) -> str:
        return html.heat_map(self.values, self.caption or f"suspect {self.item}")


@final
@dataclass(frozen=True)
class Hypothesis:
    """A trigger that the tool believes in: adding it should send inputs to the target class."""

    trigger: Trigger = field(repr=False)
    target: int
    """The class that inputs are sent to."""
    success: float
    """The share of inputs that it sent there when the tool tried, in [0, 1]."""
    caption: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.success <= 1:
            raise AnswerError(f"the success of a Hypothesis must be in [0, 1], got: {self.success}")

    def _repr_html_(self) -> str:
        about = f"{self.caption or type(self.trigger).__name__}: to class {self.target}, attack success rate {self.success:.2f}"
        shown = sprites(self.trigger)
        return html.row(html.picture(sprite) for sprite in shown) + html.words(about)


@final
@dataclass(frozen=True)
class ClassScores:
    """How suspicious each class is as a target; higher is more suspicious, the scale is the tool's own."""

    values: Floats
    """float32 K."""
    caption: str = ""

    def __post_init__(self) -> None:
        if self.values.ndim != 1:
            raise AnswerError(f"ClassScores must be one number per class, got shape: {self.values.shape}")
        _require_finite("ClassScores", self.values)

    def _repr_html_(self) -> str:
        return html.words(self.caption) + html.facts({f"class {at}": f"{value:.3g}" for at, value in enumerate(self.values)})


@final
@dataclass(frozen=True)
class Text:
    """Words, for readers that read words."""

    words: str
    caption: str = ""

    def _repr_html_(self) -> str:
        return html.words(self.words)


@final
@dataclass(frozen=True)
class Units:
    """Units of a layer that the tool points at."""

    layer: str
    """The module's name in the network."""
    indices: Ints
    """int64; channels or features."""
    weights: Floats
    """float32, one per index, non-negative."""
    caption: str = ""

    def _repr_html_(self) -> str:
        listed = ", ".join(map(str, self.indices))
        return html.words(f"{self.caption} units of `{self.layer}`: {listed}".strip())


@final
@dataclass(frozen=True)
class DataRows:
    """Rows of the clean set that the tool points at."""

    rows: Ints
    """int64; indices into the subject's clean images."""
    scores: Floats
    """float32, one per row."""
    caption: str = ""

    def _repr_html_(self) -> str:
        listed = ", ".join(map(str, self.rows))
        return html.words(f"{self.caption} rows of the clean set: {listed}".strip())


@final
@dataclass(frozen=True)
class SliceHypothesis:
    """A group of inputs that the tool believes in: inputs on which the predicate holds go to the target class."""

    predicate: Predicate = field(repr=False)
    target: int
    """The class that such inputs are sent to."""
    success: float
    """The share of such inputs that went there when the tool tried, in [0, 1]."""
    caption: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.success <= 1:
            raise AnswerError(f"the success of a SliceHypothesis must be in [0, 1], got: {self.success}")

    def _repr_html_(self) -> str:
        about = self.caption or type(self.predicate).__name__
        return html.words(f"{about}: such inputs go to class {self.target}, share {self.success:.2f}")


@final
@dataclass(frozen=True)
class Confusion:
    """How the network sends clean images: a confusion matrix of counts."""

    counts: Ints = field(repr=False)
    """int64 K x K, non-negative: images of class i (row) that the network sends to class j (column)."""
    caption: str = ""

    def __post_init__(self) -> None:
        if self.counts.ndim != 2 or self.counts.shape[0] != self.counts.shape[1] or self.counts.size == 0:
            raise AnswerError(f"a Confusion must be classes x classes, got: {self.counts.shape}")
        if not np.issubdtype(self.counts.dtype, np.integer) or self.counts.min() < 0:
            raise AnswerError(f"a Confusion must hold counts: whole numbers of at least 0, got: {self.counts.dtype}, {self.counts.min()}")

    def _repr_html_(self) -> str:
        return html.words(self.caption) + html.words(self.words())

    def words(self, names: Sequence[str] = ()) -> str:
        """The share that is right and the most frequent errors, in words; ``names`` are those of the classes, in order."""
        named = [names[at] if at < len(names) else f"class {at}" for at in range(len(self.counts))]
        wrong = self.counts * (1 - np.eye(len(self.counts), dtype=np.int64))
        order = [int(at) for at in np.argsort(-wrong, axis=None, kind="stable")[:MOST_ERRORS] if wrong.flat[at] > 0]
        errors = ", ".join(f"{named[at // len(named)]} as {named[at % len(named)]} {wrong.flat[at]} times" for at in order)
        right = f"{np.trace(self.counts)} of {self.counts.sum()} clean images are sent to their own class"
        return f"{right}; most often {errors}" if errors else right


Piece = Picture | HeatMap | Hypothesis | SliceHypothesis | ClassScores | Confusion | Text | Units | DataRows
Pieces = tuple[type[Piece], ...]
"""Types of piece: what a tool shows, what a reader reads."""
PIECES: Pieces = get_args(Piece)
"""All types of piece."""


@final
@dataclass(frozen=True)
class Check:
    """Something that ought to hold of a tool's answer whatever the truth is, and how far it does: shown beside the score, never in it."""

    name: str
    """What ought to hold, in one word: `complete`, `repeatable`, `sound`, …"""
    value: float
    """The figure that decides; what it is, ``words`` say."""
    holds: bool
    words: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.value, int | float | np.number) or not np.isfinite(float(self.value)):
            raise AnswerError(f"the value of a Check must be finite, got: {self.value}")


@final
@dataclass(frozen=True)
class Evidence:
    """An ordered tuple of pieces, the most telling first; may be empty, which means: nothing found.

    Raises ``AnswerError`` for anything else in it, and for a text that is none.
    """

    pieces: tuple[Piece, ...] = ()
    checks: tuple[Check, ...] = ()
    """What the tool found out about its own answer, each name once."""

    def __post_init__(self) -> None:
        for what, found, kinds in (("pieces", self.pieces, PIECES), ("checks", self.checks, (Check,))):
            if not isinstance(found, tuple) or not all(type(each) in kinds for each in found):
                raise AnswerError(f"the {what} of Evidence must be a tuple of: {', '.join(kind.__name__ for kind in kinds)}")
            for each in found:
                _require_plain(each)

    def pictures(self) -> tuple[Picture, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, Picture))

    def heat_maps(self) -> tuple[HeatMap, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, HeatMap))

    def hypotheses(self) -> tuple[Hypothesis, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, Hypothesis))

    def slices(self) -> tuple[SliceHypothesis, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, SliceHypothesis))

    def texts(self) -> tuple[Text, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, Text))

    def units(self) -> tuple[Units, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, Units))

    def data_rows(self) -> tuple[DataRows, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, DataRows))

    def class_scores(self) -> tuple[ClassScores, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, ClassScores))

    def confusions(self) -> tuple[Confusion, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, Confusion))

    def _repr_html_(self) -> str:
        if not self.pieces:
            return html.words("nothing found")
        pictured = tuple(piece for piece in self.pieces if isinstance(piece, Picture | HeatMap))
        others = tuple(piece for piece in self.pieces if not isinstance(piece, Picture | HeatMap))
        return html.row(piece._repr_html_() for piece in pictured) + "".join(piece._repr_html_() for piece in others[: html.MOST])


def _require_plain(thing: Piece | Check) -> None:
    """Whoever reads or prints it later relies on what its fields hold."""
    for item in fields(thing):
        value, wanted = getattr(thing, item.name), _WORDS.get(item.type, "array of numbers")
        if not _is_plain(value, item.type):
            raise AnswerError(f"`{item.name}` of a {type(thing).__name__} must be: {wanted}, got: {type(value).__name__}")
        if isinstance(thing, Units | DataRows) and isinstance(value, np.ndarray) and value.ndim != 1:
            raise AnswerError(f"`{item.name}` of {type(thing).__name__} must be one number each, got shape: {value.shape}")


_WORDS: dict[object, str] = {
    str: "text that can be stored",
    bool: "bool",
    int: "whole number",
    float: "number",
    Trigger: "trigger",
    Predicate: "predicate",
    Ints: "array of whole numbers",
}


def _is_plain(value: object, kind: object) -> bool:
    if kind is str:
        return isinstance(value, str) and not any(0xD800 <= ord(letter) <= 0xDFFF for letter in value)
    if kind is int:
        return isinstance(value, int | np.integer) and abs(int(value)) < LARGEST_NUMBER
    if kind is Trigger:
        return _is_trigger(value)
    if kind in _CLASSES:
        return isinstance(value, _CLASSES[kind])
    return isinstance(value, np.ndarray) and (kind is not Ints or np.issubdtype(value.dtype, np.integer))


_CLASSES: dict[object, tuple[type, ...]] = {bool: (bool, np.bool_), float: (int, float, np.number, np.bool_), Predicate: PREDICATES}


def _is_trigger(value: object) -> bool:
    return all(map(_is_trigger, value.parts)) if isinstance(value, Chain | Either) else isinstance(value, TRIGGERS)


def _require_finite(what: str, values: Floats) -> None:
    if values.size == 0 or not np.isfinite(values).all():
        raise AnswerError(f"{what} must be finite and not empty")
