"""Replace: hand back something simpler that behaves the same, every flaw included. Asked once per network.

Simpler means at most a sixteenth of the bits of the stored network. The ceiling is a table of the network's answers on the graded
inputs, which goes through the same size door as everybody.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import fmean
from typing import ClassVar, final

import numpy as np

from onecurve.core.access import Access
from onecurve.core.answer import Answer, Rebuilt
from onecurve.core.case import Case, Subject, Truth
from onecurve.core.grade import Measured
from onecurve.core.network import ENTRY_BITS, Packable, TableNetwork
from onecurve.core.question import Brief, Form, Given, Question, Rebuild
from onecurve.tasks.machinery.expect import rebuilt
from onecurve.tasks.machinery.fidelity import Said, agreements, best_constant, constant, outputs_on
from onecurve.tasks.machinery.graded_inputs import CLEAN, TRIGGERED, GradedInputs, Inputs, graded_inputs
from onecurve.tasks.machinery.outputs import mean_divergence
from onecurve.tasks.machinery.toy_case import toy_case

SHARE = 16
"""The limit is the network's bits divided by this: under two bits for each weight, so rounding the weights alone does not do."""
LEAST_ANSWERS = 40
"""Answers that a table of the allowed size must hold."""


@final
@dataclass(frozen=True)
class Replace:
    """A network of a sixteenth of the bits. Raw in [0, 1]: agreement with the network on clean and triggered inputs, each half.

    The triggered inputs are of all flaws of the network, as many of each.
    """

    name: ClassVar[str] = "replace"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "hand back something a sixteenth the size that behaves the same, flaws included"
    source: ClassVar[str] = "fidelity as in model extraction (Jagielski et al. 2020, arXiv 1909.01838), balanced"
    blind: ClassVar[bool] = True
    form: ClassVar[Form] = Form.SIMPLIFY
    usual_reader: ClassVar[str] = ""
    referred: ClassVar[bool] = False
    question: ClassVar[str] = "Hand back something simpler that behaves the same."
    measured: ClassVar[str] = "agreement with the network, all its flaws included, inside a limit in bits"

    @property
    def tells(self) -> Access:
        return Access.NONE

    def refusal(self, truth: Truth) -> str:
        size = truth.network.size()
        if size // SHARE < LEAST_ANSWERS * ENTRY_BITS:
            return f"a network of {size} bits is too small to be asked for something simpler"
        return ""

    def ask(self, subject: Subject, given: Given, seed: int) -> Question:
        """A sixteenth of the size of the subject's network; raises ``ModelError`` where the network is not granted."""
        return Rebuild(Brief(), size_limit=subject.granted_network().size() // SHARE)

    def pose(self, case: Case, seed: int) -> Question:
        return Rebuild(Brief(), size_limit=_size_limit(case))

    def toy(self) -> Case:
        return toy_case()

    def gallery(self, case: Case, question: Question) -> Mapping[str, Answer]:
        """The network with its weights rounded to fit, and networks that say one class: the best, the usual one, the target."""
        classes = case.subject.classes
        said = _network_says(case, _inputs(case))
        usual = int(np.bincount(said.clean, minlength=classes).argmax())
        wrecked = {"best constant": best_constant(said, classes), "usual class": usual}
        if case.truth.target is not None:
            wrecked["always the target"] = case.truth.target
        gallery: dict[str, Answer] = {name: Rebuilt(constant(at, classes)) for name, at in wrecked.items()}
        packed = case.truth.network.packed(_size_limit(case)) if isinstance(case.truth.network, Packable) else None
        return gallery if packed is None else {**gallery, "packed": Rebuilt(packed)}

    def floor(self, case: Case, question: Question) -> Answer:
        """The best of the gallery by agreement."""
        inputs, classes = _inputs(case), case.subject.classes
        said = _network_says(case, inputs)
        return max(
            self.gallery(case, question).values(),
            key=lambda answer: fmean(agreements(said, outputs_on(rebuilt(answer), inputs, classes).said())),
        )

    def ceiling(self, case: Case, question: Question) -> Answer:
        inputs = _inputs(case)
        answers = np.concatenate(_network_says(case, inputs).groups())
        images = np.concatenate([inputs.clean.images, inputs.triggered.images])
        return Rebuilt(TableNetwork.of(images, answers, case.subject.classes))

    def measure(self, case: Case, question: Question, answer: Answer) -> Measured:
        """Figures: fidelity of each kind, size (bits), size_ratio, divergence (nats, clean inputs)."""
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
    return case.truth.network.size() // SHARE


def _inputs(case: Case) -> GradedInputs:
    """As many of each kind as a table of the allowed size can hold; the triggered ones of all flaws, as many of each."""
    fits = _size_limit(case) // (2 * ENTRY_BITS)
    truths = (case.truth, *case.truth.beside)
    each = min(TRIGGERED, fits) // len(truths)
    groups = [graded_inputs(replace(case, truth=truth), clean=min(CLEAN, fits), triggered=each) for truth in truths]
    triggered = [group.triggered for group in groups]
    together = Inputs(np.concatenate([one.images for one in triggered]), np.concatenate([one.labels for one in triggered]))
    return replace(groups[0], triggered=together)


def _network_says(case: Case, inputs: GradedInputs) -> Said:
    return outputs_on(case.truth.network, inputs, case.subject.classes).said()
