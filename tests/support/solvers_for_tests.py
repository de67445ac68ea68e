"""Solvers that behave, and solvers that misbehave in every way that costs their own cell and nothing else."""

import gc
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Answer, Weights
from onecurve.core.evidence import ClassScores, Evidence, Pieces
from onecurve.core.question import Brief, Form, Forms, Question, Weigh
from onecurve.core.workbench import Workbench
from onecurve.models.building import build
from onecurve.models.network import torch_module


class _Facts:
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "for tests"
    source: ClassVar[str] = "tests"
    needs: ClassVar[Access] = Access.NONE
    shows: ClassVar[Pieces] = (ClassScores,)


def _uniform(question: Question) -> Weights:
    assert isinstance(question, Weigh)
    return Weights(np.ones((question.items, len(question.options)), np.float32))


@dataclass(frozen=True)
class Uniform(_Facts):
    name: ClassVar[str] = "uniform"
    answers: ClassVar[Forms] = (Form.CLASSES,)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        return _uniform(question)


@dataclass(frozen=True)
class AlwaysNone(_Facts):
    """The best policy without looking where most networks are clean."""

    name: ClassVar[str] = "always-none"
    answers: ClassVar[Forms] = (Form.CLASSES,)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        return Weights(np.eye(len(question.options), dtype=np.float32)[-1:])


@dataclass(frozen=True)
class Numbered(_Facts):
    """Cheap and different for every number: many cells of the same cost."""

    number: int = 0
    name: ClassVar[str] = "numbered"
    answers: ClassVar[Forms] = (Form.CLASSES,)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        return _uniform(question)


@dataclass(frozen=True)
class Random(_Facts):
    name: ClassVar[str] = "random"
    answers: ClassVar[Forms] = (Form.CLASSES,)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        assert isinstance(question, Weigh)
        return Weights(workbench.rng.random((question.items, len(question.options))).astype(np.float32))


@dataclass(frozen=True)
class Abstains(_Facts):
    name: ClassVar[str] = "abstains"
    answers: ClassVar[Forms] = (Form.CLASSES,)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        return Abstain("saw nothing")


@dataclass(frozen=True)
class Raises(_Facts):
    name: ClassVar[str] = "raises"
    answers: ClassVar[Forms] = (Form.CLASSES,)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        raise ZeroDivisionError("on purpose")


@dataclass(frozen=True)
class Hangs(_Facts):
    name: ClassVar[str] = "hangs"
    answers: ClassVar[Forms] = (Form.CLASSES,)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        time.sleep(3600)
        return _uniform(question)


@dataclass(frozen=True)
class Exits(_Facts):
    name: ClassVar[str] = "exits"
    answers: ClassVar[Forms] = (Form.CLASSES,)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        sys.exit(3)


@dataclass(frozen=True)
class HardExits(_Facts):
    name: ClassVar[str] = "hard-exits"
    answers: ClassVar[Forms] = (Form.CLASSES,)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        os._exit(4)


@dataclass(frozen=True)
class KillsItself(_Facts):
    name: ClassVar[str] = "kills-itself"
    answers: ClassVar[Forms] = (Form.CLASSES,)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        os.kill(os.getpid(), signal.SIGKILL)
        return _uniform(question)


@dataclass(frozen=True)
class Prints(_Facts):
    name: ClassVar[str] = "prints"
    answers: ClassVar[Forms] = (Form.CLASSES,)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        print("chatter " * 1000)
        os.write(1, b"straight to the descriptor\n")
        return _uniform(question)


@dataclass(frozen=True)
class HugeAllocation(_Facts):
    name: ClassVar[str] = "huge-allocation"
    answers: ClassVar[Forms] = (Form.CLASSES,)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        np.ones(20 << 30, np.uint8)
        return _uniform(question)


@dataclass(frozen=True)
class Grows(_Facts):
    name: ClassVar[str] = "grows"
    answers: ClassVar[Forms] = (Form.CLASSES,)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        held = []
        while True:
            held.append(np.ones(32 << 20, np.uint8))
            time.sleep(0.01)


@dataclass(frozen=True)
class NotANumber(_Facts):
    name: ClassVar[str] = "not-a-number"
    answers: ClassVar[Forms] = (Form.CLASSES,)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        values = _uniform(question).values
        values[0, 0] = np.nan
        return Weights(values)


@dataclass(frozen=True)
class Negative(_Facts):
    name: ClassVar[str] = "negative"
    answers: ClassVar[Forms] = (Form.CLASSES,)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        return Weights(-_uniform(question).values)


@dataclass(frozen=True)
class WrongShape(_Facts):
    name: ClassVar[str] = "wrong-shape"
    answers: ClassVar[Forms] = (Form.CLASSES,)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        return Weights(np.ones((1, 2), np.float32))


@dataclass(frozen=True)
class WrongType(_Facts):
    name: ClassVar[str] = "wrong-type"
    answers: ClassVar[Forms] = (Form.CLASSES,)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        return "class 3"  # type: ignore[return-value]


@dataclass(frozen=True)
class Overspends(_Facts):
    name: ClassVar[str] = "overspends"
    answers: ClassVar[Forms] = (Form.CLASSES,)
    needs: ClassVar[Access] = Access.QUERIES

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        images = np.zeros((256, *workbench.subject.input_shape), np.float32)
        for _ in range(1000):
            workbench.subject.granted_network().logits(images)
        return _uniform(question)


@dataclass(frozen=True)
class LooksAround(_Facts):
    """Writes down every truth that is alive in its process and every room of the grading side that was imported."""

    name: ClassVar[str] = "looks-around"
    answers: ClassVar[Forms] = (Form.CLASSES,)
    out: str = ""

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        truths = [type(thing).__name__ for thing in gc.get_objects() if type(thing).__name__ in {"Truth", "Case", "Triggered", "Plan"}]
        rooms = [name for name in sys.modules if name.startswith(("onecurve.flaws", "onecurve.tasks", "onecurve.runner.handlers.trusted"))]
        words = [repr(value) for value in (vars(workbench), vars(workbench.subject), question)]
        Path(self.out).write_text(json.dumps({"truths": truths, "rooms": rooms, "words": words}))
        return _uniform(question)


@dataclass(frozen=True)
class ShowsScores(_Facts):
    name: ClassVar[str] = "shows-scores"
    needs: ClassVar[Access] = Access.QUERIES

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        images = workbench.subject.granted_clean().floats()[:16]
        return Evidence((ClassScores(workbench.subject.granted_network().logits(images).mean(axis=0)),))


@dataclass(frozen=True)
class FreePasses(_Facts):
    """Builds the network anew, loads its weights, and runs that for a second."""

    name: ClassVar[str] = "free-passes"
    needs: ClassVar[Access] = Access.WEIGHTS

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        subject = workbench.subject
        copy = build("six-conv", subject.input_shape, subject.classes, 0)
        copy.load_state_dict({name.removeprefix("inner."): value for name, value in torch_module(subject).state_dict().items()})
        images = torch.zeros((64, *subject.input_shape))
        began = time.process_time()
        while time.process_time() - began < 1.0:
            with torch.no_grad():
                scores = copy.eval()(images)
        return Evidence((ClassScores(scores[0].numpy()),))


@dataclass(frozen=True)
class ShowsNonsense(_Facts):
    name: ClassVar[str] = "shows-nonsense"

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        return Evidence((ClassScores(np.array([np.inf], np.float32)),))


@dataclass(frozen=True)
class ReadsWithNetwork(_Facts):
    """A reader that tries to run the network although the question grants none."""

    name: ClassVar[str] = "reads-with-network"
    reads: ClassVar[Pieces] = (ClassScores,)
    answers: ClassVar[Forms] = (Form.CLASSES,)

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        workbench.subject.granted_network()
        return _uniform(question)


@dataclass(frozen=True)
class NeedsMore(_Facts):
    name: ClassVar[str] = "needs-more"
    answers: ClassVar[Forms] = (Form.CLASSES,)
    needs: ClassVar[Access] = Access.SUSPECTS

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        return _uniform(question)


class NotADataclass(_Facts):
    name: ClassVar[str] = "not-a-dataclass"

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        return _uniform(question)


@dataclass(frozen=True)
class NoVerb(_Facts):
    name: ClassVar[str] = "no-verb"
