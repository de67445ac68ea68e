"""The roles: five protocols with one verb each, and the pair that makes a tool a solver.

An implementation is a frozen dataclass whose fields are its parameters and whose class-level facts
(`name`, `version`, `summary`, `source`, `needs`, `tasks`) say what it is. Nothing is overridden.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, final, runtime_checkable

from onecurve.core.access import Access
from onecurve.core.answer import Answer
from onecurve.core.case import Case, Truth
from onecurve.core.evidence import Evidence
from onecurve.core.grade import Measured
from onecurve.core.question import Brief, Question
from onecurve.core.workbench import Workbench


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
    tasks: ClassVar[tuple[str, ...]]
    """The tasks that its evidence can serve."""

    def look(self, task: str, brief: Brief, workbench: Workbench) -> Evidence:
        """Spend the budget and show what was found. One look serves every task with the same brief."""
        ...


@runtime_checkable
class Reader(Named, Protocol):
    """Answers a question from evidence. For a Weigh question it gets no network."""

    needs: ClassVar[Access]
    tasks: ClassVar[tuple[str, ...]]

    def read(self, task: str, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        """The answer that the evidence allows, or Abstain with the reason."""
        ...


@runtime_checkable
class Solver(Named, Protocol):
    """Answers a question directly."""

    needs: ClassVar[Access]
    tasks: ClassVar[tuple[str, ...]]

    def answer(self, task: str, question: Question, workbench: Workbench) -> Answer:
        """The answer, or Abstain with the reason."""
        ...


@runtime_checkable
class Task(Named, Protocol):
    """One question that an engineer asks, with its measure, floor and ceiling."""

    blind: ClassVar[bool]
    """True where the question concerns the whole network and not one flaw: asked once per network."""
    rebuilds: ClassVar[bool]
    """True where a network is handed back, False where weights are."""

    def refusal(self, truth: Truth) -> str:
        """Why this task cannot be asked of such a truth; empty where it can."""
        ...

    def ask(self, case: Case, seed: int) -> Question:
        """The question, the same for everyone."""
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


@final
@dataclass(frozen=True)
class ToolWithReader:
    """A tool seen through a reader's eyes: a solver, and the unit that is graded. Written `tool@reader`."""

    tool: Tool
    reader: Reader

    @property
    def name(self) -> str:
        return f"{self.tool.name}@{self.reader.name}"

    @property
    def needs(self) -> Access:
        """What the tool needs; a reader of Weigh questions needs no network by construction."""
        return self.tool.needs | self.reader.needs

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that the tool's evidence can serve and the reader can answer."""
        return tuple(task for task in self.tool.tasks if task in self.reader.tasks)

    def answer(self, task: str, question: Question, workbench: Workbench) -> Answer:
        """Look, then read; for a Weigh question the reader's workbench holds no network."""
        evidence = self.tool.look(task, question.brief, workbench)
        return self.reader.read(task, question, evidence, workbench.for_reading(question))
