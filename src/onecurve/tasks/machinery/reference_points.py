"""Floor and ceiling of a case: both go through the same door and the same measure as everybody.

The floor is worth what the best answer without looking is worth; which answer that is may differ from case to case.
"""

from dataclasses import dataclass
from typing import final

from onecurve.core.answer import Abstain, Answer, checked
from onecurve.core.case import Case
from onecurve.core.grade import Measured, require_room, skill_of
from onecurve.core.question import Question
from onecurve.core.roles import Task


@final
@dataclass(frozen=True)
class ReferencePoints:
    """What floor and ceiling measure on one case."""

    floor: Measured
    ceiling: Measured

    def skill(self, measured: Measured) -> float:
        """The one curve, never clipped."""
        return skill_of(measured.raw, self.floor.raw, self.ceiling.raw)


def reference_points(task: Task, case: Case, question: Question) -> ReferencePoints:
    """Both measures; raises ``UngradeableError`` where they are too close to separate answers."""
    floor = measured(task, case, question, task.floor(case, question))
    ceiling = measured(task, case, question, task.ceiling(case, question))
    require_room(floor.raw, ceiling.raw)
    return ReferencePoints(floor, ceiling)


def measured(task: Task, case: Case, question: Question, answer: Answer) -> Measured:
    """The measure of an answer that has been through the door; raises ``AnswerError`` for one that does not fit."""
    passed = checked(question, answer)
    assert not isinstance(passed, Abstain), "abstaining is graded as the floor, not measured"
    return task.measure(case, question, passed)


def best_answer(task: Task, case: Case, question: Question) -> Answer:
    """The answer of the gallery that measures most; of equals the first."""
    gallery = task.gallery(case, question)
    return max(gallery.values(), key=lambda answer: measured(task, case, question, answer).raw)
