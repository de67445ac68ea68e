"""Facts of tasks by name, as the tasks state them themselves. Rows hold only the name of a task."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import final

from onecurve.core.errors import OneCurveError
from onecurve.core.question import Form
from onecurve.tasks.catalog import TASKS


@final
@dataclass(frozen=True)
class TaskFacts:
    """What a report needs to know of a task."""

    order: int
    """Its place in the order in which an engineer asks; tasks that are not installed come last."""
    blind: bool = False
    """Whether it concerns the whole network: asked under the network's first case and shown with every case of it."""
    question: str = ""
    """What is asked, in words."""
    measured: str = "the task's own metric"
    """The raw metric, in words."""
    form: Form | None = None
    """None for a task that is not installed."""


@cache
def task_facts(name: str) -> TaskFacts:
    """The facts of the task of that name, with defaults for a task that is not installed or does not load."""
    names = TASKS.names_in_order()
    last = TaskFacts(len(names))
    if name not in names:
        return last
    try:
        task = TASKS.load(name)
        return TaskFacts(names.index(name), task.blind, task.question, task.measured, task.form)
    except (OneCurveError, ImportError, AttributeError):  # a third party's task may be broken or of an older version
        return last


def ordered_tasks(tasks: Iterable[str]) -> tuple[str, ...]:
    """Tasks without repetition, in the order in which an engineer asks; tasks that are not installed follow by name."""
    return tuple(sorted(set(tasks), key=lambda task: (task_facts(task).order, task)))


def tasks_of(form: Form, tasks: Iterable[str]) -> tuple[str, ...]:
    """The tasks of that form among ``tasks``, in order."""
    return tuple(task for task in ordered_tasks(tasks) if task_facts(task).form is form)
