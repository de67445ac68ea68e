"""The contract of a task, tried on its own toy case: what is asked, floor and ceiling, and that knowing more never earns less."""

import math
from collections.abc import Iterator
from functools import partial
from itertools import pairwise

from onecurve.core.answer import Answer, Weights, checked, normalised
from onecurve.core.codec import digest
from onecurve.core.question import Given, Question, Weigh
from onecurve.core.roles import TOLD, Task
from onecurve.readers.catalog import READERS
from onecurve.runner.commands.checks.findings import Check
from onecurve.runner.commands.checks.fixtures import Posed
from onecurve.tasks.machinery.reference_points import ReferencePoints, measured, reference_points

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Mixtures of ceiling and floor, by the ceiling's share."""
SLACK = 1e-6


def task_checks(task: Task) -> Iterator[Check]:
    """Every promise that the runner and the report rely on."""
    yield "has a usual reader that answers its form of question", partial(_reader, task)
    yield "poses a question of the form that it states", partial(_form, task)
    yield "poses the same question again with the same seed", partial(_same, task)
    yield "tells in its brief what `tells` states", partial(_tells, task)
    yield "asks without a truth", partial(_asks, task)
    yield "is not refused for its toy case", lambda: task.refusal(task.toy().truth)
    yield "has answers without looking that fit the question", partial(_gallery, task)
    yield "earns 0 for its floor and 1 for its ceiling, which lie apart", partial(_ends, task)
    yield "measures no less where the answer is nearer to the ceiling", partial(_mixed, task)
    yield "measures finite figures, the same each time", partial(_figures, task)


def _reader(task: Task) -> str:
    name = task.usual_reader
    if not name:
        return ""
    reader = READERS.load(name)
    return "" if task.form in reader.answers else f"`{name}` answers {', '.join(reader.answers)}, not {task.form}"


def _form(task: Task) -> str:
    question = Posed.of(task).question
    digest(question)
    return "" if question.form is task.form else f"it states {task.form} and poses a question of form {question.form}"


def _same(task: Task) -> str:
    digests = {digest(Posed.of(task).question) for _ in range(2)}
    return "" if len(digests) == 1 else "the questions differ"


def _tells(task: Task) -> str:
    told = Posed.of(task).question.brief.tells
    return "" if told == task.tells & TOLD else f"`tells` states {task.tells.words()}, the brief of the toy case tells {told.words()}"


def _asks(task: Task) -> str:
    toy = Posed.of(task)
    question = task.ask(toy.case.subject, _given(toy.question), 0)
    return "" if question.form is task.form else f"`ask` gives a question of form {question.form}"


def _given(question: Question) -> Given:
    target, suspects = question.brief.target, question.brief.suspects
    if not isinstance(question, Weigh):
        return Given(target, suspects)
    return Given(target, suspects, question.shown, question.inputs, question.labels)


def _gallery(task: Task) -> str:
    toy = Posed.of(task)
    answers = task.gallery(toy.case, toy.question)
    for answer in answers.values():
        checked(toy.question, answer)
    return "" if answers else "the gallery is empty"


def _ends(task: Task) -> str:
    toy = Posed.of(task)
    known = reference_points(task, toy.case, toy.question)
    floor, ceiling = (_skill(toy, known, answer) for answer in (_floor(toy), _ceiling(toy)))
    return "" if floor == 0 and ceiling == 1 else f"they earn {floor:.3f} and {ceiling:.3f}"


def _mixed(task: Task) -> str:
    toy = Posed.of(task)
    floor, ceiling = _floor(toy), _ceiling(toy)
    if not isinstance(floor, Weights) or not isinstance(ceiling, Weights):
        return ""
    known = reference_points(task, toy.case, toy.question)
    ends = normalised(floor), normalised(ceiling)
    skills = [_skill(toy, known, Weights(ends[0] * (1 - share) + ends[1] * share)) for share in SHARES]
    falls = [later - earlier for earlier, later in pairwise(skills) if later < earlier - SLACK]
    return f"on the way from floor to ceiling the skill falls by {-min(falls):.3f}" if falls else ""


def _figures(task: Task) -> str:
    toy = Posed.of(task)
    first, second = (measured(task, toy.case, toy.question, _ceiling(toy)) for _ in range(2))
    wrong = [name for name, value in {"raw": first.raw, **first.figures}.items() if not math.isfinite(value)]
    if wrong:
        return f"these are not finite: {', '.join(wrong)}"
    return "" if first == second else "the measures differ"


def _floor(toy: Posed) -> Answer:
    return toy.task.floor(toy.case, toy.question)


def _ceiling(toy: Posed) -> Answer:
    return toy.task.ceiling(toy.case, toy.question)


def _skill(toy: Posed, known: ReferencePoints, answer: Answer) -> float:
    return known.skill(measured(toy.task, toy.case, toy.question, answer))
