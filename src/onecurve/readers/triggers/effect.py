"""Reads hypotheses into predictions: is the trigger in this input, or does it belong to the slice, and how often does that work?

The reader does not query the network. It starts at the announced base rate and moves by likelihood ratios.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Answer, Weights
from onecurve.core.errors import AnswerError
from onecurve.core.evidence import Confusion, Evidence, HeatMap, Hypothesis, Pieces, SliceHypothesis
from onecurve.core.image.images import Floats
from onecurve.core.question import Brief, Form, Forms, Question, Weigh
from onecurve.core.seeds import generator
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.readers.machinery.detector import Detector, Examples, fitted
from onecurve.readers.machinery.outcomes import EVEN, holding, moved, slice_ratios, stray_rates, usable_slices
from onecurve.readers.machinery.proposals import usable, why_none
from onecurve.readers.machinery.trigger_features import described

Doubles = NDArray[np.float64]

CLEAN = 128
"""Clean images that detectors are fitted on at most."""
FEWEST = 8
"""Clean images below which no detector is fitted."""
TELLING = 0.95
"""Share of log 2 below which a detector's held-back loss must lie for its trigger to count as detectable."""


@final
@dataclass(frozen=True)
class Traces:
    """What is found in N inputs of one thing that is looked for."""

    ratios: Doubles
    """float64 N; log likelihood ratios of its presence."""
    success: float
    """How often it works, as the tool measured it."""
    note: str


@final
@dataclass(frozen=True)
class Effect:
    """Turns hypotheses into the chance of each input to go where the flaw sends it.

    Each hypothesis is applied to the subject's clean images and a logistic detector is fitted (see ``detector.fitted``). What it says
    of an input, or whether the predicate of a slice hypothesis holds there, is a likelihood ratio; of several the largest counts. The
    prior is such that as many inputs hold the trigger as the question announces. The answer leaves the announced base rate as far as
    the trigger is likely to be there as drawn and works, and else by the order of the inputs alone (see ``outcomes.moved``); how often
    clean images of a class go to the target, by a confusion matrix, shifts it a little.
    """

    name: ClassVar[str] = "effect"
    version: ClassVar[int] = 6
    summary: ClassVar[str] = "looks for the proposed trigger in each input"
    source: ClassVar[str] = "baseline"
    needs: ClassVar[Access] = Access.CLEAN_IMAGES
    reads: ClassVar[Pieces] = (Hypothesis, HeatMap, SliceHypothesis, Confusion)
    answers: ClassVar[Forms] = (Form.OUTCOMES,)

    doubt: float = 0.1
    """Share of the inputs on which the predicate of a slice hypothesis is taken to be wrong."""
    smoothing: float = 1.0
    """Images' worth of the overall rates added to each row of a confusion matrix."""

    def __post_init__(self) -> None:
        require_within("doubt", self.doubt, 1e-6, 0.5)
        require_within("smoothing", self.smoothing, 1e-6, 1e6)

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        """One row per input; Abstain where no hypothesis can be applied and no clean image was counted."""
        if not isinstance(question, Weigh) or question.form is not Form.OUTCOMES or question.labels is None:
            raise AnswerError("effect foretells outcomes of inputs with known labels; this question is of another form")
        assert question.inputs is not None, "a question about outcomes has inputs"
        classes = workbench.subject.classes
        fault, traces = _triggers(question.inputs, evidence, question.brief, workbench)
        for piece, where in usable_slices(evidence, question.brief, question.inputs, classes):
            note = f"a slice holds on {int(where.sum())} of {question.items} inputs"
            known = holding(piece, workbench.subject.granted_clean().floats())
            traces.append(Traces(slice_ratios(where, known, self.doubt), piece.success, note))
        counted = next((piece for piece in evidence.confusions() if piece.counts.any()), None)
        if not traces and fault and counted is None:
            return Abstain(fault)
        strays = np.zeros(question.items)
        if counted is not None:
            strays = stray_rates(counted, question.brief, question.labels, classes, self.smoothing)
        goes = _chances(traces, strays, EVEN if question.base_rate is None else question.base_rate)
        notes = [trace.note for trace in traces] + ([] if counted is None else [f"{int(counted.counts.sum())} clean images"])
        return Weights(np.stack([goes, 1 - goes], axis=1).astype(np.float32), "; ".join(notes))


def _chances(traces: list[Traces], strays: Doubles, base_rate: float) -> Doubles:
    """N: the chance of each input to go where the flaw sends it; what clean images of its class do shifts it."""
    chances = np.full(len(strays), base_rate)
    if traces:
        ratios = np.array([trace.ratios for trace in traces])
        chances = moved(ratios.max(axis=0), np.array([trace.success for trace in traces])[ratios.argmax(axis=0)], base_rate)
    shifted: Doubles = np.clip(chances + (1 - chances) * (strays - strays.mean()), 0, 1)
    return shifted


def _triggers(inputs: Floats, evidence: Evidence, brief: Brief, workbench: Workbench) -> tuple[str, list[Traces]]:
    """Why no trigger can be looked for (empty where one can), and what is found of each.

    Of a trigger that leaves no trace on clean images nothing is found: its ratios are 0.
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
    traces = []
    for number, proposal in enumerate(proposals, start=1):
        detector = fitted(proposal.trigger, examples, rng)
        chances = detector.chances(asked) if _tells(detector) else np.full(len(inputs), 0.5)
        traces.append(Traces(np.log(chances / (1 - chances)), proposal.success, _words(number, detector)))
    return "", traces


def _tells(detector: Detector) -> bool:
    return detector.loss < TELLING * math.log(2)


def _words(number: int, detector: Detector) -> str:
    told = f"told by its {detector.descriptors} (held-back loss {detector.loss:.2f} nats)"
    return f"hypothesis {number}: {told if _tells(detector) else 'leaves no trace that can be told'}"
