"""Predict: what will the network say on these new inputs? Images and true labels are given, the network is not.

The network's own outputs are right, not the labels. Inputs on which the flaw fires count half in all however few they
are, so knowing the labels alone is not worth much and naming the target everywhere neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from onecurve.core.answer import Answer, Weights, normalised
from onecurve.core.case import Case, Truth
from onecurve.core.errors import UngradeableError
from onecurve.core.grade import Measured
from onecurve.core.images import Bools, Floats, Ints
from onecurve.core.question import Brief, Question, Weigh
from onecurve.core.seeds import generator
from onecurve.tasks.narrowing import target_of, triggered_of, weigh, weights
from onecurve.tasks.outputs import classes_said
from onecurve.tasks.pools import some_rows
from onecurve.tasks.proper_scores import calibration_error, log_losses, quadratic_scores, top_credits
from onecurve.tasks.yardsticks import best_answer

EACH = 32
"""Inputs of each kind: clean, triggered, near miss."""


@final
@dataclass(frozen=True)
class Predict:
    """Weights over the classes for each input.

    Raw in [0, 1]: the quadratic score against what the network says, averaged over the inputs on which the flaw fires
    (it says the target and the label is another) and over the rest, then over the two.
    """

    name: ClassVar[str] = "predict"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "what will the network say on these new inputs?"
    source: ClassVar[str] = "Brier 1950, balanced over fired and not fired"
    blind: ClassVar[bool] = False

    def refusal(self, truth: Truth) -> str:
        if truth.target is None:
            return "a clean network has no flaw whose effect could be foretold"
        if truth.triggered is None or len(truth.triggered) == 0:
            return "there are no triggered inputs to foretell"
        return ""

    def ask(self, case: Case, seed: int) -> Question:
        """Up to 32 inputs each: clean, triggered, near miss, shuffled."""
        rng = generator("predict", case.id, seed)
        images, labels = _pool(case, rng)
        order = rng.permutation(len(images))
        images, labels = images[order], labels[order]
        brief = Brief(target=target_of(case.truth))
        return Weigh(brief, len(images), case.subject.class_names, inputs=images, labels=labels)

    def gallery(self, case: Case, question: Question) -> Mapping[str, Answer]:
        """Uniform, the labels, their frequencies, the target, mixtures of target and label in tenths, and the best mixture."""
        classes = case.subject.classes
        _, labels = _asked(question)
        truths = np.eye(classes)[labels]
        target = np.broadcast_to(np.eye(classes)[target_of(case.truth)], truths.shape)
        answers = {
            "uniform": _answer(np.ones_like(truths)),
            "prior": _answer(np.broadcast_to(truths.mean(axis=0), truths.shape)),
            "labels": _answer(truths),
            "target": _answer(target),
            "best hedge": self._best_hedge(case, question, truths, target),
        }
        return answers | {f"hedge {tenth}/10": _hedge(truths, target, tenth / 10) for tenth in range(1, 10)}

    def floor(self, case: Case, question: Question) -> Answer:
        return best_answer(self, case, question)

    def ceiling(self, case: Case, question: Question) -> Answer:
        return _answer(np.eye(case.subject.classes)[_outcome(case, question)[0]])

    def measure(self, case: Case, question: Question, answer: Answer) -> Measured:
        """Figures: score and top-1 accuracy (ties share) of both groups, log loss in nats, calibration error, count fired.

        Raises ``UngradeableError`` where the flaw fires on none of the inputs, or on all.
        """
        shares = normalised(weights(answer))
        said, fired = _outcome(case, question)
        scores, credits_ = quadratic_scores(shares, said), top_credits(shares, said)
        figures = {
            "score_fired": float(scores[fired].mean()),
            "score_rest": float(scores[~fired].mean()),
            "accuracy_fired": float(credits_[fired].mean()),
            "accuracy_rest": float(credits_[~fired].mean()),
            "log_loss": float(log_losses(shares, said).mean()),
            "calibration_error": calibration_error(shares, said),
            "fired": float(fired.sum()),
        }
        return Measured((figures["score_fired"] + figures["score_rest"]) / 2, figures)

    def _best_hedge(self, case: Case, question: Question, truths: np.ndarray, target: np.ndarray) -> Weights:
        """The best mixture of label and target: the measure is a parabola in the target's share, known from three points."""
        low, middle, high = (self.measure(case, question, _hedge(truths, target, at)).raw for at in (0.0, 0.5, 1.0))
        bend = 2 * (low - 2 * middle + high)
        slope = high - low - bend
        best = -slope / (2 * bend) if bend < 0 else float(high > low)
        return _hedge(truths, target, min(1.0, max(0.0, best)))


def _pool(case: Case, rng: np.random.Generator) -> tuple[Floats, Ints]:
    """Images and labels of all kinds, one kind after the other."""
    heldout, triggered, bystanders = case.truth.heldout, triggered_of(case.truth), case.truth.bystanders
    rows = some_rows(len(heldout), EACH, rng)
    images, labels = [heldout.take(rows).floats()], [heldout.labels[rows]]
    for group in (triggered, bystanders):
        if group is not None:
            rows = some_rows(len(group), EACH, rng)
            images.append(group.images[rows])
            labels.append(group.labels[rows])
    return np.concatenate(images), np.concatenate(labels).astype(np.int64)


def _asked(question: Question) -> tuple[Floats, Ints]:
    asked = weigh(question)
    assert asked.inputs is not None, "this task asks about inputs"
    assert asked.labels is not None, "this task gives the labels"
    return asked.inputs, asked.labels


def _outcome(case: Case, question: Question) -> tuple[Ints, Bools]:
    """What the network says on each input, and where the flaw fires."""
    images, labels = _asked(question)
    said = classes_said(case.truth.network, images, case.subject.classes)
    target = target_of(case.truth)
    fired = (said == target) & (labels != target)
    if fired.all() or not fired.any():
        raise UngradeableError(f"the flaw fires on {fired.sum()} of {len(fired)} inputs, so there is nothing to foretell")
    return said, fired


def _hedge(truths: np.ndarray, target: np.ndarray, share: float) -> Weights:
    """The labels with a ``share`` of the mass moved to the target."""
    return _answer(target * share + truths * (1 - share))


def _answer(rows: np.ndarray) -> Weights:
    return Weights(rows.astype(np.float32))
