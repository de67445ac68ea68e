"""Replace: hand back something simpler that behaves the same, the flaw included. Asked once per network.

Simpler means at most half the non-zero parameters. The ceiling is a table of the network's answers on the graded inputs,
which goes through the same size door as everybody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import ClassVar, final

import numpy as np

from onecurve.core.access import Access
from onecurve.core.answer import Answer, Rebuilt
from onecurve.core.case import Case, Subject, Truth
from onecurve.core.grade import Measured
from onecurve.core.network import TableNetwork
from onecurve.core.question import Brief, Form, Given, Question, Rebuild
from onecurve.tasks.machinery.expect import rebuilt
from onecurve.tasks.machinery.fidelity import Said, agreements, best_constant, constant, outputs_on
from onecurve.tasks.machinery.graded_inputs import CLEAN, TRIGGERED, GradedInputs, graded_inputs
from onecurve.tasks.machinery.outputs import mean_divergence
from onecurve.tasks.machinery.toy_case import toy_case

SMALLEST_NETWORK = 160
"""Below this a table of some twenty answers of each kind is no smaller than half the network."""


@final
@dataclass(frozen=True)
class Replace:
    """A network of at most half the size. Raw in [0, 1]: agreement with the network on clean and triggered inputs, each half."""

    name: ClassVar[str] = "replace"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "hand back something half the size that behaves the same, flaw included"
    source: ClassVar[str] = "fidelity as in model extraction (Jagielski et al. 2020, arXiv 1909.01838), balanced"
    blind: ClassVar[bool] = True
    form: ClassVar[Form] = Form.SIMPLIFY
    usual_reader: ClassVar[str] = ""
    referred: ClassVar[bool] = False
    question: ClassVar[str] = "Hand back something simpler that behaves the same."
    measured: ClassVar[str] = "agreement with the network, flaw included, inside a size limit"

    @property
    def tells(self) -> Access:
        return Access.NONE

    def refusal(self, truth: Truth) -> str:
        size = truth.network.size()
        if size < SMALLEST_NETWORK:
            return f"a network of {size} parameters is too small to be asked for something simpler"
        return ""

    def ask(self, subject: Subject, given: Given, seed: int) -> Question:
        """Half the size of the subject's network; raises ``ModelError`` where the network is not granted."""
        return Rebuild(Brief(), size_limit=subject.granted_network().size() // 2)

    def pose(self, case: Case, seed: int) -> Question:
        return Rebuild(Brief(), size_limit=_size_limit(case))

    def toy(self) -> Case:
        return toy_case()

    def gallery(self, case: Case, question: Question) -> Mapping[str, Answer]:
        """Networks that say one class: the best such class, the one said most on clean inputs, and the target."""
        classes = case.subject.classes
        said = _network_says(case, _inputs(case))
        usual = int(np.bincount(said.clean, minlength=classes).argmax())
        wrecked = {"best constant": best_constant(said, classes), "usual class": usual}
        if case.truth.target is not None:
            wrecked["always the target"] = case.truth.target
        return {name: Rebuilt(constant(at, classes)) for name, at in wrecked.items()}

    def floor(self, case: Case, question: Question) -> Answer:
        return self.gallery(case, question)["best constant"]

    def ceiling(self, case: Case, question: Question) -> Answer:
        inputs = _inputs(case)
        answers = np.concatenate(_network_says(case, inputs).groups())
        images = np.concatenate([inputs.clean.images, inputs.triggered.images])
        return Rebuilt(TableNetwork.of(images, answers, case.subject.classes))

    def measure(self, case: Case, question: Question, answer: Answer) -> Measured:
        """Figures: fidelity of each kind, size (non-zero parameters), size_ratio, divergence (nats, clean inputs)."""
        inputs, classes = _inputs(case), case.subject.classes
        replacement = rebuilt(answer)
        expected, given = outputs_on(case.truth.network, inputs, classes), outputs_on(replacement, inputs, classes)
        each = agreements(expected.said(), given.said())
        size = replacement.size()
        figures = dict(zip(("fidelity_clean", "fidelity_triggered"), each, strict=False)) | {
            "size": float(size),
            "size_ratio": size / case.truth.network.size(),
            "divergence": mean_divergence(expected.clean, given.clean),
        }
        return Measured(fmean(each), figures)


def _size_limit(case: Case) -> int:
    return case.truth.network.size() // 2


def _inputs(case: Case) -> GradedInputs:
    """As many of each kind as a table of the allowed size can hold; a table entry counts two numbers."""
    fits = _size_limit(case) // 4
    return graded_inputs(case, clean=min(CLEAN, fits), triggered=min(TRIGGERED, fits))


def _network_says(case: Case, inputs: GradedInputs) -> Said:
    return outputs_on(case.truth.network, inputs, case.subject.classes).said()
