"""The roles: protocols with one verb each.

An implementation is a frozen dataclass whose fields are its parameters and whose class-level facts
(`name`, `version`, `summary`, `source`, `needs`, …) say what it is. Nothing is overridden. Nobody but a task names a task:
a tool serves a task if the task's brief grants what the tool needs and the task's reader reads a piece that the tool shows.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol, runtime_checkable

from onecurve.core.access import Access
from onecurve.core.answer import Answer
from onecurve.core.case import Case, Subject, Truth
from onecurve.core.errors import ContractError
from onecurve.core.evidence import Evidence, Pieces
from onecurve.core.grade import Measured
from onecurve.core.question import Brief, Form, Forms, Given, Question
from onecurve.core.workbench import Workbench

TOLD = Access.TARGET | Access.SUSPECTS
"""Grants that come with a question's brief, not with a subject."""


class Named(Protocol):
    """The facts that every entry of a catalog states at class level."""

    name: ClassVar[str]
    """Lower case with dashes; the key in rows."""
    version: ClassVar[int]
    """Raised when results change; old rows stay readable and are never averaged with new ones."""
    summary: ClassVar[str]
    """One line."""
    source: ClassVar[str]
    """Paper with arXiv id, or `baseline`."""


@runtime_checkable
class Tool(Named, Protocol):
    """Looks at a subject and shows evidence; never answers."""

    needs: ClassVar[Access]
    shows: ClassVar[Pieces]
    """The types of piece that its evidence may hold."""

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """Spend the budget and show what was found. One look serves every task with the same brief."""
        ...


@runtime_checkable
class Reader(Named, Protocol):
    """Answers a question from evidence. For a Weigh question it gets no network."""

    needs: ClassVar[Access]
    reads: ClassVar[Pieces]
    """The types of piece that it can use."""
    answers: ClassVar[Forms]
    """The forms of question that it can answer."""

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        """The answer that the evidence allows, or Abstain with the reason."""
        ...


@runtime_checkable
class Solver(Named, Protocol):
    """Answers a Rebuild question directly. Who answers a Weigh question has no network: that takes a look and a read."""

    needs: ClassVar[Access]
    answers: ClassVar[Forms]
    """The forms of question that it can answer: repaired, simplified or both."""

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        """The answer, or Abstain with the reason."""
        ...


@runtime_checkable
class Task(Named, Protocol):
    """One question that an engineer asks, with its measure, floor and ceiling."""

    form: ClassVar[Form]
    """The form of its questions."""
    blind: ClassVar[bool]
    """True where the question concerns the whole network and not one flaw: asked once per network."""
    usual_reader: ClassVar[str]
    """Who reads a tool's evidence where nobody names a reader; empty where the task has none."""
    referred: ClassVar[bool]
    """True where the reader is handed the same tool's looks at clean networks, to calibrate on."""
    question: ClassVar[str]
    """What is asked, in one sentence, for reports."""
    measured: ClassVar[str]
    """What the raw measure is, in words, for reports."""

    @property
    def tells(self) -> Access:
        """What its brief tells: a part of ``TOLD``."""
        ...

    def refusal(self, truth: Truth) -> str:
        """Why this task cannot be asked of such a truth; empty where it can."""
        ...

    def ask(self, subject: Subject, given: Given, seed: int) -> Question:
        """The question about a subject, from what is given and without any truth. Raises ``SpecError`` for what is lacking."""
        ...

    def pose(self, case: Case, seed: int) -> Question:
        """The question about a planted case: draws what is given from the case, and asks. The same for everyone."""
        ...

    def toy(self) -> Case:
        """A small case without torch that the task can be posed of, for `onecurve check`."""
        ...

    def gallery(self, case: Case, question: Question) -> Mapping[str, Answer]:
        """Answers given without looking, by name."""
        ...

    def floor(self, case: Case, question: Question) -> Answer:
        """An answer worth what the best of the gallery is worth."""
        ...

    def ceiling(self, case: Case, question: Question) -> Answer:
        """The answer of one who knows the truth."""
        ...

    def measure(self, case: Case, question: Question, answer: Answer) -> Measured:
        """The raw measure and the usual figures of a checked answer; never called with Abstain."""
        ...


def serves(needs: Access, shows: Pieces, reads: Pieces, tells: Access) -> bool:
    """Whether a tool's look can serve a task through a reader: the brief tells what the tool needs, and the reader reads what it shows."""
    return not needs & TOLD & ~tells and bool(set(shows) & set(reads))


def require_rebuilding(name: str, answers: Sequence[object]) -> None:
    """Raise ``ContractError``, with what to write instead, for a solver called ``name`` that states a form of Weigh question."""
    weighed = [str(form) for form in answers if isinstance(form, Form) and not form.rebuilds]
    if weighed:
        raise ContractError(
            f"`{name}` has the network at hand and may hand back networks only, but states the form: {', '.join(weighed)}",
            "write `look`, which shows evidence, and `read`, which answers from it without a network; one class may have both",
        )
