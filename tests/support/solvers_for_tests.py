"""Solvers that behave, and solvers that misbehave in every way that costs their own cell and nothing else.

Most are tool and reader in one class: they look at nothing, and behave or misbehave where they read.
"""

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
from onecurve.core.evidence import ClassScores, Evidence, Picture, Pieces
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


class _LooksAtNothing(_Facts):
    reads: ClassVar[Pieces] = (ClassScores,)
    answers: ClassVar[Forms] = (Form.CLASSES,)

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        return Evidence((ClassScores(np.zeros(workbench.subject.classes, np.float32)),))


def _uniform(question: Question) -> Weights:
    assert isinstance(question, Weigh)
    return Weights(np.ones((question.items, len(question.options)), np.float32))


@dataclass(frozen=True)
class Uniform(_LooksAtNothing):
    name: ClassVar[str] = "uniform"

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        return _uniform(question)


@dataclass(frozen=True)
class AlwaysNone(_LooksAtNothing):
    """The best policy without looking where most networks are clean."""

    name: ClassVar[str] = "always-none"

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        return Weights(np.eye(len(question.options), dtype=np.float32)[-1:])


@dataclass(frozen=True)
class Numbered(_LooksAtNothing):
    """Cheap and different for every number: many cells of the same cost."""

    number: int = 0
    name: ClassVar[str] = "numbered"

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        return _uniform(question)


@dataclass(frozen=True)
class Random(_LooksAtNothing):
    name: ClassVar[str] = "random"

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        assert isinstance(question, Weigh)
        return Weights(workbench.rng.random((question.items, len(question.options))).astype(np.float32))


@dataclass(frozen=True)
class Abstains(_LooksAtNothing):
    name: ClassVar[str] = "abstains"

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        return Abstain("saw nothing")


@dataclass(frozen=True)
class Raises(_LooksAtNothing):
    name: ClassVar[str] = "raises"

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        raise ZeroDivisionError("on purpose")


@dataclass(frozen=True)
class Hangs(_LooksAtNothing):
    name: ClassVar[str] = "hangs"

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        time.sleep(3600)
        return _uniform(question)


@dataclass(frozen=True)
class Exits(_LooksAtNothing):
    name: ClassVar[str] = "exits"

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        sys.exit(3)


@dataclass(frozen=True)
class HardExits(_LooksAtNothing):
    name: ClassVar[str] = "hard-exits"

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        os._exit(4)


@dataclass(frozen=True)
class KillsItself(_LooksAtNothing):
    name: ClassVar[str] = "kills-itself"

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        os.kill(os.getpid(), signal.SIGKILL)
        return _uniform(question)


@dataclass(frozen=True)
class Prints(_LooksAtNothing):
    name: ClassVar[str] = "prints"

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        print("chatter " * 1000)
        os.write(1, b"straight to the descriptor\n")
        return _uniform(question)


@dataclass(frozen=True)
class HugeAllocation(_LooksAtNothing):
    name: ClassVar[str] = "huge-allocation"

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        np.ones(20 << 30, np.uint8)
        return _uniform(question)


@dataclass(frozen=True)
class Grows(_LooksAtNothing):
    name: ClassVar[str] = "grows"

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        held = []
        while True:
            held.append(np.ones(32 << 20, np.uint8))
            time.sleep(0.01)


@dataclass(frozen=True)
class NotANumber(_LooksAtNothing):
    name: ClassVar[str] = "not-a-number"

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        values = _uniform(question).values
        values[0, 0] = np.nan
        return Weights(values)


@dataclass(frozen=True)
class Negative(_LooksAtNothing):
    name: ClassVar[str] = "negative"

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        return Weights(-_uniform(question).values)


@dataclass(frozen=True)
class WrongShape(_LooksAtNothing):
    name: ClassVar[str] = "wrong-shape"

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        return Weights(np.ones((1, 2), np.float32))


@dataclass(frozen=True)
class WrongType(_LooksAtNothing):
    name: ClassVar[str] = "wrong-type"

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        return "class 3"  # type: ignore[return-value]


@dataclass(frozen=True)
class Overspends(_LooksAtNothing):
    name: ClassVar[str] = "overspends"
    needs: ClassVar[Access] = Access.QUERIES

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        images = np.zeros((256, *workbench.subject.input_shape), np.float32)
        for _ in range(1000):
            workbench.subject.granted_network().logits(images)
        return Evidence()

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        return _uniform(question)


@dataclass(frozen=True)
class LooksAround(_LooksAtNothing):
    """Writes down every truth and network that is alive in its process, and every room of the grading side that was imported."""

    name: ClassVar[str] = "looks-around"
    out: str = ""

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        alive = [type(thing).__name__ for thing in gc.get_objects()]
        truths = [name for name in alive if name in {"Truth", "Case", "Triggered", "Plan"}]
        networks = [name for name in alive if name in {"TorchNetwork", "Metered", "Conv2d", "Linear"}]
        rooms = [name for name in sys.modules if name.startswith(("onecurve.flaws", "onecurve.tasks", "onecurve.runner.handlers.trusted"))]
        words = [repr(value) for value in (vars(workbench), vars(workbench.subject), question)]
        Path(self.out).write_text(json.dumps({"truths": truths, "networks": networks, "rooms": rooms, "words": words}))
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
class JudgesItself(_LooksAtNothing):
    """Switches off, in its own process, what its evidence is measured with, and shows a picture far larger than an input."""

    name: ClassVar[str] = "judges-itself"

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        vars(sys.modules["onecurve.runner.handlers.untrusted"])["require_within_limits"] = lambda *given: None
        return Evidence((ClassScores(np.zeros(workbench.subject.classes, np.float32)), Picture(np.zeros((3, 400, 400), np.float32))))

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        return _uniform(question)


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
class AnswersWithNetwork(_Facts):
    """A solver that would answer a Weigh question with the network at hand, which nobody may."""

    name: ClassVar[str] = "answers-with-network"
    answers: ClassVar[Forms] = (Form.REPAIR, Form.OUTCOMES)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        return _uniform(question)


@dataclass(frozen=True)
class NeedsMore(_LooksAtNothing):
    name: ClassVar[str] = "needs-more"
    needs: ClassVar[Access] = Access.SUSPECTS

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        return _uniform(question)


class NotADataclass(_LooksAtNothing):
    name: ClassVar[str] = "not-a-dataclass"

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        return _uniform(question)


@dataclass(frozen=True)
class NoVerb(_Facts):
    name: ClassVar[str] = "no-verb"
