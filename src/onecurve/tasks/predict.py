"""Predict: what will the network say on these new inputs? Images and true labels are given, the network is not.

The network's own outputs are right, not the labels. Inputs on which the flaw fires count half in all however few they
are, so knowing the labels alone is not worth much and naming the target everywhere neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np

from onecurve.core.access import Access
from onecurve.core.answer import Answer, Weights, normalised
from onecurve.core.case import Case, Subject, Truth
from onecurve.core.errors import SpecError
from onecurve.core.grade import Measured
from onecurve.core.image.images import Floats, Ints
from onecurve.core.question import Brief, Form, Given, Question, Weigh
from onecurve.core.seeds import generator
from onecurve.tasks.machinery.expect import triggered_of, weigh, weights
from onecurve.tasks.machinery.forecasts import Outcome, best_share, forecast_measured, hedge
from onecurve.tasks.machinery.outputs import classes_said
from onecurve.tasks.machinery.rows import some_rows
from onecurve.tasks.machinery.suspects import given_with, require_suspects, told, unseen
from onecurve.tasks.machinery.toy_case import toy_case

EACH = 32
"""Inputs of each kind: clean, triggered, near miss."""


@final
@dataclass(frozen=True)
class Predict:
    """Weights over the classes for each input.

    Raw in [0, 1]: the quadratic score against what the network says, averaged over the inputs on which the flaw fires
    (it says what the flaw makes of the label) and over the rest, then over the two.
    """

    name: ClassVar[str] = "predict"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "what will the network say on these new inputs?"
    source: ClassVar[str] = "Brier 1950, balanced over fired and not fired"
    blind: ClassVar[bool] = False
    form: ClassVar[Form] = Form.OUTCOMES
    usual_reader: ClassVar[str] = "effect"
    referred: ClassVar[bool] = False
    question: ClassVar[str] = "What will the network say on these new inputs?"
    measured: ClassVar[str] = "balanced proper score against what the network really says"

    suspects: int = 0
    """How many suspects, inputs on which the flaw fires, are shown beside the target; they are never graded on."""

    def __post_init__(self) -> None:
        require_suspects(self.suspects)

    @property
    def tells(self) -> Access:
        return told(self.suspects)

    def refusal(self, truth: Truth) -> str:
        if not truth.effect.any:
            return "nothing was planted that has an effect to be foretold"
        if truth.triggered is None or len(truth.triggered) == 0:
            return "there are no triggered inputs to foretell"
        return ""

    def ask(self, subject: Subject, given: Given, seed: int) -> Question:
        """Weights over the classes for each given input, in the order given; raises ``SpecError`` where inputs or labels are lacking."""
        if given.inputs is None or given.labels is None or len(given.inputs) == 0:
            raise SpecError("`predict` needs inputs with their true labels to ask about")
        return Weigh(given.brief, len(given.inputs), subject.class_names, inputs=given.inputs, labels=given.labels)

    def pose(self, case: Case, seed: int) -> Question:
        """Up to 32 inputs each: clean, triggered, near miss, shuffled."""
        rng = generator("predict", case.id, seed)
        told_of = given_with(case, self.suspects, seed)
        images, labels = _pool(case, told_of.brief, rng)
        order = rng.permutation(len(images))
        return self.ask(case.subject, replace(told_of, inputs=images[order], labels=labels[order]), seed)

    def toy(self) -> Case:
        return toy_case()

    def gallery(self, case: Case, question: Question) -> Mapping[str, Answer]:
        """Uniform, the labels, their frequencies, the target, mixtures of target and label in tenths, and the best mixture.

        Where there is no target, a uniform row stands in its place.
        """
        return _gallery(case, question, _outcome(case, question))

    def floor(self, case: Case, question: Question) -> Answer:
        outcome = _outcome(case, question)
        return max(_gallery(case, question, outcome).values(), key=lambda answer: forecast_measured(normalised(answer), outcome).raw)

    def ceiling(self, case: Case, question: Question) -> Answer:
        return _answer(np.eye(case.subject.classes)[_outcome(case, question).said])

    def measure(self, case: Case, question: Question, answer: Answer) -> Measured:
        """Figures: see ``forecasts``. Raises ``UngradeableError`` where the flaw fires on none of the inputs, or on all."""
        return forecast_measured(normalised(weights(answer)), _outcome(case, question))


def _gallery(case: Case, question: Question, outcome: Outcome) -> Mapping[str, Weights]:
    classes = case.subject.classes
    truths = np.eye(classes)[_asked(question)[1]]
    told = case.truth.target
    target = np.broadcast_to(np.full(classes, 1 / classes) if told is None else np.eye(classes)[told], truths.shape)
    hedges = {f"hedge {tenth}/10": _answer(hedge(truths, target, tenth / 10)) for tenth in range(1, 10)}
    return {
        "uniform": _answer(np.ones_like(truths)),
        "prior": _answer(np.broadcast_to(truths.mean(axis=0), truths.shape)),
        "labels": _answer(truths),
        "target": _answer(target),
        "best hedge": _answer(hedge(truths, target, best_share(truths, target, outcome))),
        **hedges,
    }


def _pool(case: Case, brief: Brief, rng: np.random.Generator) -> tuple[Floats, Ints]:
    """Images and labels of all kinds, one kind after the other; none that the brief shows."""
    heldout, triggered, bystanders = case.truth.heldout, triggered_of(case.truth), case.truth.bystanders
    rows = some_rows(len(heldout), EACH, rng)
    images, labels = [heldout.take(rows).floats()], [heldout.labels[rows]]
    for group in (triggered, bystanders):
        if group is not None:
            allowed = np.flatnonzero(unseen(case.truth, brief)) if group is triggered else np.arange(len(group))
            rows = allowed[some_rows(len(allowed), EACH, rng)]
            images.append(group.images[rows])
            labels.append(group.labels[rows])
    return np.concatenate(images), np.concatenate(labels).astype(np.int64)


def _asked(question: Question) -> tuple[Floats, Ints]:
    asked = weigh(question)
    assert asked.inputs is not None, "this task asks about inputs"
    assert asked.labels is not None, "this task gives the labels"
    return asked.inputs, asked.labels


def _outcome(case: Case, question: Question) -> Outcome:
    images, labels = _asked(question)
    said = classes_said(case.truth.network, images, case.subject.classes)
    return Outcome(said, case.truth.effect.fired(said, labels))


def _answer(rows: np.ndarray) -> Weights:
    return Weights(rows.astype(np.float32))
