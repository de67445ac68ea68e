"""Ask, look, solve and grade in this process: one question at a time, for notebooks and scripts.

A run of a suite does the same in worker processes with limits and keeps everything; see `run`. Nothing here opens the truth to a tool:
tools get the public subject and the brief, readers of Weigh questions get no network.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import final

from onecurve.bench.roles import players, task_of, tool_of
from onecurve.core import html
from onecurve.core.answer import Abstain, Answer, checked
from onecurve.core.case import Case, Subject
from onecurve.core.errors import ContractError, SpecError, UngradeableError
from onecurve.core.evidence import Evidence
from onecurve.core.evidence_limits import require_within_limits
from onecurve.core.grade import Cost, Grade, Status
from onecurve.core.question import Brief, Given, Question
from onecurve.core.roles import TOLD, Reader, Solver, Task, Tool
from onecurve.core.seeds import seed_for
from onecurve.core.workbench import Workbench
from onecurve.models.granting import metered_workbench
from onecurve.tasks.machinery.reference_points import measured, reference_points

BUDGET = 1000.0
"""Forward-equivalents that a look may spend by default."""
RETRAIN_BUDGET = 20_000.0
"""Forward-equivalents that a solver or reader may spend on retraining by default."""


@final
@dataclass(frozen=True)
class Look:
    """What a tool showed, and what it spent."""

    evidence: Evidence
    cost: Cost

    def _repr_html_(self) -> str:
        return self.evidence._repr_html_() + html.facts({"forward-equivalents": f"{self.cost.equivalents:.0f}"})


@final
@dataclass(frozen=True)
class Solved:
    """One question, answered and graded."""

    question: Question = field(repr=False)
    evidence: Evidence | None = field(repr=False)
    """What the tool showed; None where a solver answered by itself."""
    answer: Answer = field(repr=False)
    grade: Grade
    cost: Cost
    """Look and answer together."""

    @property
    def skill(self) -> float | None:
        """0 is the best answer without looking, 1 the answer of somebody who knows the truth; an abstention is 0, see ``grade.reason``."""
        return self.grade.skill

    def _repr_html_(self) -> str:
        shown = self.evidence._repr_html_() if self.evidence is not None else ""
        return shown + self.grade._repr_html_() + html.facts({"forward-equivalents": f"{self.cost.equivalents:.0f}"})


def ask(about: Case | Subject, task: str | Task, *, given: Given | None = None, seed: int = 0) -> Question:
    """The question that a task asks: of a planted case, or of any subject with what is ``given`` and no truth.

    Raises ``UngradeableError`` where the task cannot be asked of such a case, ``SpecError`` where something needed is not given.
    """
    asked = task_of(task)
    if isinstance(about, Subject):
        return asked.ask(about, given or Given(), seed)
    if given is not None:
        raise SpecError("a planted case supplies what a question is asked with", "leave out `given`, or ask about `case.subject`")
    refusal = asked.refusal(about.truth)
    if refusal:
        raise UngradeableError(f"`{type(asked).name}` cannot be asked of {about.id}: {refusal}")
    return asked.pose(about, seed)


def look(
    tool: str | Tool, about: Case | Subject, question: Question | Brief | None = None, *, budget: float = BUDGET, seed: int = 0
) -> Look:
    """Let a tool look, told the brief of the question, within ``budget`` forward-equivalents.

    Raises ``SpecError`` where the subject or the brief does not grant what the tool needs.
    """
    subject = _subject(about)
    brief = question if isinstance(question, Brief) else Brief() if question is None else question.brief
    looking = tool_of(tool)
    workbench = metered_workbench(subject, budget, seed_for(seed, "look"))
    evidence = _look(looking, brief, workbench)
    return Look(evidence, workbench.cost())


def solve(
    solver: str | Tool | Solver,
    case: Case,
    task: str | Task,
    *,
    reader: str | Reader | None = None,
    budget: float = BUDGET,
    retrain_budget: float = RETRAIN_BUDGET,
    seed: int = 0,
    references: Sequence[Subject] = (),
) -> Solved:
    """Ask the task of the case, let the solver answer, and grade the answer.

    ``solver`` is a name, `tool@reader`, `path.py:Class` or an object. ``references`` are clean networks: where the task's reader
    calibrates on them, the same tool looks at each. Raises what the tool, reader or solver raises.
    """
    asked = task_of(task)
    question = ask(case, asked, seed=seed)
    first, reading = players(solver, reader, asked)
    answering = retrain_budget if asked.form.rebuilds else budget
    workbench = metered_workbench(case.subject, answering, seed_for(seed, "answer"))
    if reading is None:
        assert isinstance(first, Solver), "only a solver that hands back a network answers without a reader"
        answer = checked(question, first.answer(question, workbench))
        return Solved(question, None, answer, grade(case, asked, question, answer), workbench.cost())
    assert isinstance(first, Tool), "only a tool has a reader"
    seen = look(first, case, question, budget=budget, seed=seed)
    known = _references(first, asked, question, references, budget, seed)
    answer = checked(question, reading.read(question, seen.evidence, replace(workbench.for_reading(question), references=known)))
    return Solved(question, seen.evidence, answer, grade(case, asked, question, answer), seen.cost.plus(workbench.cost()))


def grade(case: Case, task: str | Task, question: Question, answer: Answer) -> Grade:
    """Measure an answer against the truth of the case; abstaining is worth the floor.

    Raises ``AnswerError`` for an answer that does not fit the question, ``UngradeableError`` where floor and ceiling nearly meet.
    """
    asked = task_of(task)
    passed = checked(question, answer)
    known = reference_points(asked, case, question)
    floor, ceiling = known.floor.raw, known.ceiling.raw
    if isinstance(passed, Abstain):
        return Grade(Status.ABSTAINED, passed.reason, floor, floor, ceiling, 0.0)
    found = measured(asked, case, question, passed)
    return Grade(Status.GRADED, "", found.raw, floor, ceiling, known.skill(found), found.figures)


def _subject(about: Case | Subject) -> Subject:
    return about.subject if isinstance(about, Case) else about


def _look(tool: Tool, brief: Brief, workbench: Workbench) -> Evidence:
    missing = tool.needs.missing_from(workbench.subject.access & ~TOLD | brief.tells)
    if missing:
        raise SpecError(
            f"`{tool.name}` needs {', '.join(missing.words())}, which is not granted here",
            "a question or a Brief tells the target and suspects; the subject grants the rest",
        )
    evidence = tool.look(brief, workbench)
    if not isinstance(evidence, Evidence):
        raise ContractError(f"`look` must return Evidence, got: {type(evidence).__name__}")
    require_within_limits(evidence, workbench.subject, brief)
    return evidence


def _references(
    tool: Tool, task: Task, question: Question, references: Sequence[Subject], budget: float, seed: int
) -> tuple[Evidence, ...]:
    if not task.referred:
        return ()
    return tuple(look(tool, clean, question, budget=budget, seed=seed).evidence for clean in references)
