"""Questions: the brief that a tool sees, and the two shapes of question that are answered."""

from dataclasses import dataclass
from typing import final

from onecurve.core.image.images import Floats, Ints


@final
@dataclass(frozen=True)
class Brief:
    """What a tool is told. Never the options, never the truth."""

    target: int | None = None
    """The suspected target class, where the task gives it."""
    suspects: Floats | None = None
    """float32 N x C x H x W in [0, 1]; inputs on which the flaw fires, where the task gives them."""


@final
@dataclass(frozen=True)
class Option:
    """One thing that the answer may name; shown to readers only."""

    name: str
    words: str
    """A description a person understands."""
    pictures: Floats
    """float32 P x C x h x w in [0, 1]; what it looks like."""


@final
@dataclass(frozen=True)
class Weigh:
    """Put non-negative weights on the options, one row per item. Reading it grants no network."""

    brief: Brief
    items: int
    """How many rows the answer has."""
    options: tuple[str, ...]
    """One column each: class names, option names, or pixels as `row,column`."""
    shown: tuple[Option, ...] = ()
    """What the options look like, where there is something to look at; in the order of ``options``."""
    inputs: Floats | None = None
    """float32 items x C x H x W in [0, 1]; the inputs asked about, where there are any."""
    labels: Ints | None = None
    """int64, items; the true classes of ``inputs``, where the task gives them."""
    shape: tuple[int, int] | None = None
    """Height and width when the options are the pixels of the input, row by row."""


@final
@dataclass(frozen=True)
class Rebuild:
    """Hand back a network."""

    brief: Brief
    size_limit: int | None = None
    """The most non-zero parameters that the network may have; None for no limit."""


Question = Weigh | Rebuild
