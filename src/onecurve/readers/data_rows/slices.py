"""Reads groups of inputs that a tool points at: rows of the clean set, or a predicate with the class that its inputs go to."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Answer, Weights
from onecurve.core.errors import AnswerError
from onecurve.core.evidence import DataRows, Evidence, Pieces, SliceHypothesis
from onecurve.core.image.images import LabelledImages
from onecurve.core.question import Brief, Form, Forms, Question, Weigh
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.readers.machinery.embedder import ClassicalEmbedder
from onecurve.readers.machinery.likeness import NULL, Shown, likeness_weights, spread
from onecurve.readers.machinery.outcomes import EVEN, holding, moved, slice_ratios, usable_slices

Doubles = NDArray[np.float64]

MOST = 12
"""Clean images compared with a lineup at most, those with the highest scores."""


@final
@dataclass(frozen=True)
class Slices:
    """Groups of inputs to weights over a lineup, or to the chance of each input to go where the flaw sends it.

    Lineup: the clean images that the evidence points at are compared with the options' pictures as in the `matcher` reader, each
    weighed by its score; the other clean images are the null. Where some scores are negative, as log-probabilities are, their
    distance from the lowest counts. A slice hypothesis points at the clean images on which its predicate holds, with its success as
    their score.

    Outcomes: starting at the announced base rate, an input on which the predicate of any slice hypothesis holds is more likely to go
    where the flaw sends it, with the success that the tool measured. Rows of the clean set say nothing of other inputs.
    """

    name: ClassVar[str] = "slices"
    version: ClassVar[int] = 4
    summary: ClassVar[str] = "what the inputs have in common that the evidence points at"
    source: ClassVar[str] = "baseline"
    needs: ClassVar[Access] = Access.CLEAN_IMAGES
    reads: ClassVar[Pieces] = (DataRows, SliceHypothesis)
    answers: ClassVar[Forms] = (Form.LINEUP, Form.OUTCOMES)

    sharpness: float = 1.0
    """Factor of the standardised likeness inside the softmax (an inverse temperature)."""
    doubt: float = 0.1
    """Share of the inputs on which a predicate is taken to be wrong."""

    def __post_init__(self) -> None:
        require_within("sharpness", self.sharpness, 1e-6, 100)
        require_within("doubt", self.doubt, 1e-6, 0.5)

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        """One row over the options, or one per input; Abstain where the evidence points at no input."""
        if not isinstance(question, Weigh) or question.form not in self.answers:
            raise AnswerError("slices weighs a lineup, or the outcomes of given inputs; this question is of another form")
        if question.form is Form.OUTCOMES:
            return self._outcomes(question, evidence, workbench.subject.granted_clean(), workbench.subject.classes)
        clean = workbench.subject.granted_clean()
        scores = _scores(evidence, question.brief, clean, workbench.subject.classes)
        rows = np.argsort(-scores, kind="stable")[: min(MOST, int((scores > 0).sum()))]
        if len(rows) == 0:
            return Abstain("the evidence points at no clean image")
        others = np.flatnonzero(scores <= 0)
        null = clean.take(others[spread(len(others), NULL)]).floats() if len(others) else ()
        shown = Shown(list(clean.take(rows).floats()), list(null), scores[rows] / scores[rows].sum())
        weights = likeness_weights(shown, question, ClassicalEmbedder(), self.sharpness, workbench.seed)
        return Weights(weights[None], f"{len(rows)} clean images against {len(null)} others")

    def _outcomes(self, question: Weigh, evidence: Evidence, clean: LabelledImages, classes: int) -> Answer:
        if question.inputs is None or question.labels is None:
            raise AnswerError("slices foretells outcomes of inputs whose labels are known; this question gives no labels")
        slices = usable_slices(evidence, question.brief, question.inputs, classes)
        if not slices:
            return Abstain("the evidence holds no slice hypothesis that can be applied to the inputs")
        base = EVEN if question.base_rate is None else question.base_rate
        images = clean.floats()
        ratios = np.array([slice_ratios(held, holding(piece, images), self.doubt) for piece, held in slices])
        goes = moved(ratios.max(axis=0), np.array([piece.success for piece, _ in slices])[ratios.argmax(axis=0)], base)
        notes = [f"a slice holds on {int(held.sum())} of {question.items} inputs" for _, held in slices]
        return Weights(np.stack([goes, 1 - goes], axis=1).astype(np.float32), "; ".join(notes))


def _scores(evidence: Evidence, brief: Brief, clean: LabelledImages, classes: int) -> Doubles:
    """float64, one per clean image, in [0, 1]: the most that any piece says for it."""
    scores = np.zeros(len(clean))
    for piece in evidence.data_rows():
        known = (piece.rows >= 0) & (piece.rows < len(clean)) & np.isfinite(piece.scores)
        if known.any():
            np.maximum.at(scores, piece.rows[known], _shares(piece.scores[known].astype(np.float64)))
    for found, where in usable_slices(evidence, brief, clean.floats(), classes):
        # A predicate that holds everywhere tells no image from another.
        if not where.all():
            np.maximum(scores, found.success * where, out=scores)
    return scores


def _shares(scores: Doubles) -> Doubles:
    """Scores of any scale to [0, 1], the highest at 1; where some are negative, the distance from the lowest, which keeps a little."""
    raised = scores - scores.min()
    above = scores if scores.min() >= 0 else raised + raised.max() / len(raised)
    return above / above.max() if above.max() > 0 else np.ones_like(above)
