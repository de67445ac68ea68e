"""Reads hypotheses into predictions: is the trigger in this input, or does it belong to the slice, and how often does that work?

The reader does not query the network. Whatever no hypothesis explains goes where clean images of that class go.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Answer, Weights
from onecurve.core.errors import AnswerError, SpecError
from onecurve.core.evidence import Confusion, Evidence, HeatMap, Hypothesis, Pieces, SliceHypothesis
from onecurve.core.image.images import Floats
from onecurve.core.question import Brief, Form, Forms, Question, Weigh
from onecurve.core.seeds import generator
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.readers.machinery.detector import Detector, Examples, fitted
from onecurve.readers.machinery.outcomes import add_slices, base_rates, label_rates, mixed, usable_slices
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
    """Turns hypotheses into weights over the classes for each input.

    Each hypothesis is applied to the subject's clean images and a logistic detector is fitted (see ``detector.fitted``). Its chance
    that the trigger is in the input, times the success that the tool measured, is the weight of the hypothesis's
    target; of several hypotheses for one target the largest counts. An input on which the predicate of a slice hypothesis holds
    goes to its target with the success that the tool measured. The rest goes where clean images of the same class go, by the
    confusion matrix of the evidence, and to the true label where the evidence holds none.
    """

    name: ClassVar[str] = "effect"
    version: ClassVar[int] = 3
    summary: ClassVar[str] = "looks for the proposed trigger in each input"
    source: ClassVar[str] = "baseline"
    needs: ClassVar[Access] = Access.CLEAN_IMAGES
    reads: ClassVar[Pieces] = (Hypothesis, HeatMap, SliceHypothesis, Confusion)
    answers: ClassVar[Forms] = (Form.OUTCOMES,)

    error: float = 0.02
    """Share of the label's weight that is spread over the other classes, as no network is always right, where nothing was counted."""
    smoothing: float = 1.0
    """Images' worth of the overall rates added to each row of a confusion matrix."""

    def __post_init__(self) -> None:
        if not 0 <= self.error < 1:
            raise SpecError(f"the share of error must be at least 0 and below 1, got: {self.error}")
        require_within("smoothing", self.smoothing, 1e-6, 1e6)

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        """One row per input; Abstain where no hypothesis can be applied and no clean image was counted."""
        if not isinstance(question, Weigh) or question.inputs is None or question.labels is None:
            raise AnswerError("effect foretells classes of inputs with known labels; this question is of another form")
        aimed = np.zeros((question.items, len(question.options)))
        slices = usable_slices(evidence, question.brief, question.inputs, len(question.options))
        fault, notes = _add_triggers(aimed, question.inputs, evidence, question.brief, workbench)
        counted = next((piece.counts for piece in evidence.confusions() if piece.counts.any()), None)
        if counted is not None and len(counted) != len(question.options):
            raise AnswerError(f"a confusion matrix must be of the {len(question.options)} classes asked about, got: {len(counted)}")
        if fault and not slices and counted is None:
            return Abstain(fault)
        add_slices(aimed, slices)
        notes += [f"a slice holds on {int(where.sum())} of {question.items} inputs" for _, where in slices]
        if counted is None:
            return Weights(mixed(aimed, label_rates(len(question.options), self.error)[question.labels]), "; ".join(notes))
        notes.append(f"{int(counted.sum())} clean images")
        return Weights(mixed(aimed, base_rates(counted, self.smoothing)[question.labels]), "; ".join(notes))


def _add_triggers(
    aimed: NDArray[np.float64], inputs: Floats, evidence: Evidence, brief: Brief, workbench: Workbench
) -> tuple[str, list[str]]:
    """Raise the targets' shares in ``aimed`` (N x K) by what detectors of the triggers say of the inputs.

    Gives why no trigger can be looked for (empty where one can), and a note per trigger.
    """
    clean = workbench.subject.granted_clean()
    rng = generator("effect", workbench.seed)
    images = clean.take(rng.permutation(len(clean))[:CLEAN]).floats()
    if len(images) < FEWEST:
        return f"{len(images)} clean images are too few to learn what a trigger looks like", []
    proposals = usable(evidence, brief, images, generator("maps", workbench.seed))
    if not proposals:
        return f"the evidence holds {why_none(evidence)}", []
    examples, asked = Examples.of(images), described(inputs)
    notes = []
    for number, proposal in enumerate(proposals, start=1):
        detector = fitted(proposal.trigger, examples, rng)
        notes.append(_words(number, detector))
        if detector.loss < TELLING * math.log(2) and 0 <= proposal.target < aimed.shape[1]:
            column = aimed[:, proposal.target]
            np.maximum(column, proposal.success * detector.chances(asked), out=column)
    return "", notes


def _words(number: int, detector: Detector) -> str:
    told = f"told by its {detector.descriptors} (held-back loss {detector.loss:.2f} nats)"
    return f"hypothesis {number}: {told if detector.loss < TELLING * math.log(2) else 'leaves no trace that can be told'}"
