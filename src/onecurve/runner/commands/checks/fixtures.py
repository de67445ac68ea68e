"""The toy subject and evidence that tools, readers and solvers are checked on, never graded on.

The questions are the tasks' own, posed of their toy cases. The network is untrained, so nothing can be learned from how well a tool
does here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from torch import nn

from onecurve.core.access import Access
from onecurve.core.case import Case, Subject
from onecurve.core.evidence import ClassScores, Confusion, DataRows, Evidence, HeatMap, Hypothesis, Picture, SliceHypothesis, Text, Units
from onecurve.core.image.paste import Paste
from onecurve.core.image.predicate import ColourRule
from onecurve.core.question import Question, Rebuild
from onecurve.core.roles import Task
from onecurve.core.seeds import generator
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.models.building import build
from onecurve.models.metering import Metered
from onecurve.models.network import TorchNetwork
from onecurve.tasks.catalog import TASKS

ARCHITECTURE = "six-conv"


@final
@dataclass(frozen=True)
class Posed:
    """One task with its toy case and the question that it poses of it."""

    task: Task
    case: Case
    question: Question

    @classmethod
    def of(cls, task: Task) -> "Posed":
        case = task.toy()
        return cls(task, case, task.pose(case, 0))

    @property
    def name(self) -> str:
        """The task's name."""
        return type(self.task).name

    def workbench(self, budget: float, seed: int) -> Workbench:
        """The toy subject with a fresh, metered and untrained torch network, and another one as the clean reference."""
        granted = Budget(budget)
        meter = Meter(granted)
        networks = [TorchNetwork(Metered(self._network(number), meter, self.case.subject.input_shape)) for number in range(2)]
        given = self.case.subject
        clean = meter.counting(given.clean)
        subject = Subject(given.id, networks[0], given.class_names, given.input_shape, ~Access.NONE, clean, networks[1])
        scores = generator("reference").normal(size=given.classes).astype(np.float32)
        return Workbench(subject, granted, meter, seed, (Evidence((ClassScores(scores),)),))

    def _network(self, seed: int) -> nn.Module:
        return build(ARCHITECTURE, self.case.subject.input_shape, self.case.subject.classes, seed)

    def evidence(self) -> Evidence:
        """Every type of piece that a reader may meet, made of noise."""
        rng = generator("toy evidence")
        subject, suspects = self.case.subject, self.question.brief.suspects
        channels, height, width = subject.input_shape
        target = self.question.brief.target or 0
        pattern = rng.uniform(0, 1, (1, channels, height // 5, width // 5)).astype(np.float32)
        maps = range(0 if suspects is None else len(suspects))
        rows = np.arange(4, dtype=np.int64)
        return Evidence(
            (
                Hypothesis(Paste(pattern, np.ones((1, height // 5, width // 5), np.float32)), target, 0.5),
                SliceHypothesis(ColourRule(np.ones(channels, np.float32), channels / 2), target, 0.5),
                Picture(rng.uniform(0, 1, subject.input_shape).astype(np.float32)),
                ClassScores(rng.normal(size=subject.classes).astype(np.float32)),
                Confusion(np.eye(subject.classes, dtype=np.int64)),
                Text("noise without a meaning"),
                Units(self._layer(), rows, np.ones(len(rows), np.float32)),
                DataRows(rows, np.ones(len(rows), np.float32)),
                *(HeatMap(rng.uniform(0, 1, (height, width)).astype(np.float32), item) for item in maps),
            )
        )

    def _layer(self) -> str:
        """The first layer with weights of the toy network."""
        return next(name.removesuffix(".weight") for name, _ in self._network(0).named_parameters() if name.endswith(".weight"))


def posed(extra: Sequence[Task] = ()) -> Iterator[Posed]:
    """All tasks of the catalog and ``extra`` ones, with their default parameters."""
    ours = [TASKS.make(name) for name in TASKS.names_in_order()]
    for task in (*ours, *extra):
        yield Posed.of(task)


def of_size(question: Posed, network_size: int) -> Posed:
    """A size-limited question with the limit that the toy's torch network would have."""
    asked = question.question
    if not isinstance(asked, Rebuild) or asked.size_limit is None:
        return question
    return replace(question, question=replace(asked, size_limit=network_size * asked.size_limit // question.case.truth.network.size()))
