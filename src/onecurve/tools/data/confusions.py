"""The baseline of a confusion matrix: run the network on the clean data and answer from its errors alone.

The solver never runs the network on the inputs that a question asks about; for `predict` that would give the ground truth.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Answer, Weights
from onecurve.core.errors import AnswerError
from onecurve.core.image.images import Floats
from onecurve.core.question import Form, Forms, Question, Weigh
from onecurve.core.row import Role
from onecurve.core.workbench import Workbench

Doubles = NDArray[np.float64]

STANDS_OUT = 3.5
"""Robust z-score at which a class weighs as much as `none` (the usual cut of the modified z-score, Iglewicz and Hoaglin 1993)."""
STEEPNESS = 2.0
"""Powers of e by which a class's weight rises per unit of its z-score."""
MOST = 20.0
"""Cap of z-scores, so that weights stay finite."""


@final
@dataclass(frozen=True)
class TestSet:
    """The confusion matrix of the clean set.

    `detect`: a class is suspicious if images of other classes give it unusually much probability (robust z-score of the
    log of the mean). `predict`: an input of true class i gets the row i of the confusion matrix, smoothed.
    """

    __test__: ClassVar[bool] = False  # not a test class, whatever its name
    name: ClassVar[str] = "test-set"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "the confusion matrix of the clean set"
    source: ClassVar[str] = "baseline"
    role: ClassVar[Role] = Role.BASELINE
    needs: ClassVar[Access] = Access.QUERIES | Access.CLEAN_IMAGES | Access.CLEAN_LABELS
    answers: ClassVar[Forms] = (Form.CLASSES, Form.OUTCOMES)

    smoothing: float = 1.0
    """Images' worth of the overall rates added to each row of the confusion matrix."""

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        """Weights from the clean set; Abstain where the budget pays for no image."""
        if not isinstance(question, Weigh):
            raise AnswerError("test-set weighs options; this question asks for a network")
        clean = workbench.subject.granted_clean()
        count = workbench.affordable(1, len(clean))
        if count == 0:
            return Abstain("the budget pays for no clean image")
        seen = clean.take(workbench.rng.permutation(len(clean))[:count])
        shares = _softmax(workbench.subject.granted_network().logits(seen.floats()))
        classes = workbench.subject.classes
        if question.options == (*workbench.subject.class_names, "none"):
            return Weights(_suspicion(shares, seen.labels, classes)[None], f"{count} clean images")
        if question.labels is None or len(question.options) != classes:
            raise AnswerError("test-set weighs classes of inputs whose labels are known; this question is of another form")
        rows = _confusion(shares.argmax(axis=1), seen.labels, classes, self.smoothing)
        return Weights(rows[question.labels], f"{count} clean images")


def _suspicion(shares: Doubles, labels: np.ndarray, classes: int) -> Floats:
    """K + 1 weights: the probability that each class draws from images of others, against that of its peers."""
    foreign = np.eye(classes, dtype=bool)[labels]
    drawn = np.log(np.ma.masked_array(shares, foreign).mean(axis=0).filled(1e-6) + 1e-6)
    centre = np.median(drawn)
    spread = 1.4826 * np.median(np.abs(drawn - centre))
    scores = np.clip((drawn - centre) / max(float(spread), 1e-3), -MOST, MOST)
    return np.exp(STEEPNESS * (np.append(scores, STANDS_OUT) - STANDS_OUT)).astype(np.float32)


def _confusion(said: np.ndarray, labels: np.ndarray, classes: int, smoothing: float) -> Floats:
    """K x K, P(said j | true i). What little is known of a pair comes from the accuracy and the classes said in error overall."""
    counts = np.zeros((classes, classes))
    np.add.at(counts, (labels, said), 1)
    right = (np.trace(counts) + classes - 1) / (counts.sum() + classes)
    wrong = (counts * (1 - np.eye(classes))).sum(axis=0) + 1
    rates = np.broadcast_to(wrong, (classes, classes)) * (1 - np.eye(classes))
    prior = right * np.eye(classes) + (1 - right) * rates / np.maximum(rates.sum(axis=1, keepdims=True), 1e-12)
    mixed = (counts + smoothing * prior) / (counts.sum(axis=1, keepdims=True) + smoothing)
    rows: Floats = mixed.astype(np.float32)
    return rows


def _softmax(logits: Floats) -> Doubles:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    shares: Doubles = powers / powers.sum(axis=1, keepdims=True)
    return shares
