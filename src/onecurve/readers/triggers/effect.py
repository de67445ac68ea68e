"""Reads trigger hypotheses into predictions: is the trigger in this input, and then how often does it work?

The network is not asked. What is not explained by a trigger is the true label.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Answer, Weights
from onecurve.core.errors import AnswerError, SpecError
from onecurve.core.evidence import Evidence, HeatMap, Hypothesis, Pieces
from onecurve.core.question import Form, Forms, Question, Weigh
from onecurve.core.seeds import generator
from onecurve.core.workbench import Workbench
from onecurve.readers.machinery.detector import Detector, Examples, fitted
from onecurve.readers.machinery.proposals import usable, why_none
from onecurve.readers.machinery.trigger_features import described

CLEAN = 128
"""Clean images that detectors are fitted on at most."""
FEWEST = 8
"""Clean images below which no detector is fitted."""
TELLING = 0.95
"""Share of log 2 below which a detector's held-back loss must lie for its trigger to count as detectable."""


@final
@dataclass(frozen=True)
class Effect:
    """Hypotheses to weights over the classes for each input.

    Each hypothesis is applied to the subject's clean images and a logistic detector is fitted (see ``detector.fitted``). Its chance
    that the trigger is in the input, times the success that the tool measured, is the weight of the hypothesis's
    target; of several hypotheses for one target the largest counts. The rest goes to the true label.
    """

    name: ClassVar[str] = "effect"
    version: ClassVar[int] = 3
    summary: ClassVar[str] = "looks for the proposed trigger in each input"
    source: ClassVar[str] = "baseline"
    needs: ClassVar[Access] = Access.CLEAN_IMAGES
    reads: ClassVar[Pieces] = (Hypothesis, HeatMap)
    answers: ClassVar[Forms] = (Form.OUTCOMES,)

    error: float = 0.02
    """Share of the label's weight that is spread over the other classes, as no network is always right."""

    def __post_init__(self) -> None:
        if not 0 <= self.error < 1:
            raise SpecError(f"the share of error must be at least 0 and below 1, got: {self.error}")

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        """One row per input; Abstain where no hypothesis can be applied."""
        if not isinstance(question, Weigh) or question.inputs is None or question.labels is None:
            raise AnswerError("effect foretells classes of inputs with known labels; this question is of another form")
        clean = workbench.subject.granted_clean()
        rng = generator("effect", workbench.seed)
        images = clean.take(rng.permutation(len(clean))[:CLEAN]).floats()
        if len(images) < FEWEST:
            return Abstain(f"{len(images)} clean images are too few to learn what a trigger looks like")
        proposals = usable(evidence, question.brief, images, generator("maps", workbench.seed))
        if not proposals:
            return Abstain(f"the evidence holds {why_none(evidence)}")
        classes = len(question.options)
        aimed = np.zeros((question.items, classes))
        examples, inputs = Examples.of(images), described(question.inputs)
        notes = []
        for number, proposal in enumerate(proposals, start=1):
            detector = fitted(proposal.trigger, examples, rng)
            notes.append(_words(number, detector))
            if detector.loss < TELLING * math.log(2) and 0 <= proposal.target < classes:
                column = aimed[:, proposal.target]
                np.maximum(column, proposal.success * detector.chances(inputs), out=column)
        return Weights(_rows(aimed, question.labels, self.error), "; ".join(notes))


def _rows(aimed: NDArray[np.float64], labels: NDArray[np.int64], error: float) -> NDArray[np.float32]:
    """N x K: the targets' shares, never more than 1 in all, and the rest to the labels."""
    classes = aimed.shape[1]
    shares = aimed / np.maximum(aimed.sum(axis=1, keepdims=True), 1)
    truths = (1 - error) * np.eye(classes)[labels] + error / classes
    rows: NDArray[np.float32] = (shares + (1 - shares.sum(axis=1, keepdims=True)) * truths).astype(np.float32)
    return rows


def _words(number: int, detector: Detector) -> str:
    told = f"told by its {detector.descriptors} (held-back loss {detector.loss:.2f} nats)"
    return f"hypothesis {number}: {told if detector.loss < TELLING * math.log(2) else 'leaves no trace that can be told'}"
