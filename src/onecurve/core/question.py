"""Questions: the brief that a tool sees, the two types of question, and the forms by which readers and solvers know what is asked."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import final

from onecurve.core import html
from onecurve.core.access import Access
from onecurve.core.image.images import Floats, Ints


class Form(StrEnum):
    """What kind of answer a question wants. Readers and solvers state the forms they answer, so they name no task."""

    CLASSES = "classes"
    """Weights over classes, and perhaps `none`; one item."""
    LINEUP = "lineup"
    """Weights over options that are shown as pictures and words; one item."""
    PIXELS = "pixels"
    """Weights over the pixels of each input."""
    OUTCOMES = "outcomes"
    """For each labelled input, whether it goes where a flaw sends it."""
    REPAIR = "repaired"
    """A network, of any size."""
    SIMPLIFY = "simplified"
    """A network within a size limit."""

    @property
    def rebuilds(self) -> bool:
        """Whether a network is handed back."""
        return self in (Form.REPAIR, Form.SIMPLIFY)

    @property
    def noise_floored(self) -> bool:
        """Whether the floor is what the task's usual reader makes of noise, at the same retrain budget."""
        return self is Form.REPAIR

    @property
    def withheld(self) -> Access:
        """What is never granted to who answers such a question, whatever the suite has: it would be the answer itself."""
        return Access.REFERENCE_NETWORK if self is Form.REPAIR else Access.NONE


Forms = tuple[Form, ...]


@final
@dataclass(frozen=True)
class Brief:
    """What a tool is told. Never the options, never the truth."""

    target: int | None = None
    """The suspected target class, where the task gives it."""
    suspects: Floats | None = field(default=None, repr=False)
    """float32 N x C x H x W in [0, 1]; inputs on which the flaw fires, where the task gives them."""

    @property
    def tells(self) -> Access:
        """What it grants: the target, suspects, both or nothing."""
        told = Access.NONE if self.target is None else Access.TARGET
        return told if self.suspects is None else told | Access.SUSPECTS

    def _repr_html_(self) -> str:
        told = "" if self.target is None else html.words(f"Suspected target: class {self.target}.")
        suspects = self.suspects if self.suspects is not None else ()
        return told + html.row(html.picture(image, f"suspect {number}") for number, image in enumerate(suspects))


@final
@dataclass(frozen=True)
class Option:
    """One thing that the answer may name; shown to readers only."""

    name: str
    words: str
    """A description a person understands."""
    pictures: Floats = field(repr=False)
    """float32 P x C x h x w in [0, 1]; what it looks like."""


@final
@dataclass(frozen=True)
class Weigh:
    """Put non-negative weights on the options, one row per item. Reading it grants no network."""

    brief: Brief
    items: int
    """How many rows the answer has."""
    options: tuple[str, ...] = field(repr=False)
    """One column each: class names, option names, or pixels as `row,column`."""
    shown: tuple[Option, ...] = field(default=(), repr=False)
    """What the options look like, where there is something to look at; in the order of ``options``."""
    inputs: Floats | None = field(default=None, repr=False)
    """float32 items x C x H x W in [0, 1]; the inputs asked about, where there are any."""
    labels: Ints | None = field(default=None, repr=False)
    """int64, items; the true classes of ``inputs``, where the task gives them."""
    shape: tuple[int, int] | None = None
    """Height and width when the options are the pixels of the input, row by row."""
    base_rate: float | None = None
    """Share of the items for which the first option is right by design, where the question announces one."""
    prior: tuple[float, ...] | None = None
    """The chance of each option to be right by design, summing to 1, where the question announces it."""

    @property
    def form(self) -> Form:
        """Follows from what the question holds."""
        if self.shape is not None:
            return Form.PIXELS
        if self.shown:
            return Form.LINEUP
        return Form.CLASSES if self.inputs is None else Form.OUTCOMES

    def _repr_html_(self) -> str:
        about = f"Weights for {self.items} item{'s' if self.items != 1 else ''} over {len(self.options)} options."
        options = html.row(html.picture(option.pictures[0], option.words) for option in self.shown)
        inputs = self.inputs if self.inputs is not None else ()
        return html.words(about) + self.brief._repr_html_() + options + html.row(html.picture(image) for image in inputs)


@final
@dataclass(frozen=True)
class Rebuild:
    """Hand back a network."""

    brief: Brief
    size_limit: int | None = None
    """The most bits that the stored network may have; None for no limit."""

    @property
    def form(self) -> Form:
        """Follows from whether there is a size limit."""
        return Form.REPAIR if self.size_limit is None else Form.SIMPLIFY

    def _repr_html_(self) -> str:
        limit = "" if self.size_limit is None else f" of at most {self.size_limit} bits"
        return html.words(f"Hand back a network{limit}.") + self.brief._repr_html_()


Question = Weigh | Rebuild


@final
@dataclass(frozen=True)
class Given:
    """What a question is asked with beside the subject: drawn from a planted case, or supplied by whoever audits a network."""

    target: int | None = None
    """The suspected target class."""
    suspects: Floats | None = None
    """float32 N x C x H x W in [0, 1]; inputs on which the flaw is believed to fire."""
    options: tuple[Option, ...] = ()
    """The lineup."""
    inputs: Floats | None = None
    """float32 M x C x H x W in [0, 1]; the inputs asked about."""
    labels: Ints | None = None
    """int64, M; their true classes."""

    @property
    def brief(self) -> Brief:
        """What a tool is told of it."""
        return Brief(self.target, self.suspects)
