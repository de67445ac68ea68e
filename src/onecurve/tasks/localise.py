"""Localise: where in these inputs is the trigger? The suspects are inputs on which the flaw is known to fire.

Only suspects that the network really sends to the target are asked about: elsewhere the trigger has no effect to find.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from onecurve.core.answer import Answer, Weights
from onecurve.core.case import Case, Truth
from onecurve.core.errors import UngradeableError
from onecurve.core.grade import Measured
from onecurve.core.images import Bools, Ints
from onecurve.core.question import Brief, Question, Weigh
from onecurve.core.seeds import generator
from onecurve.tasks import map_figures
from onecurve.tasks.average_precision import average_precision
from onecurve.tasks.narrowing import triggered_of, weigh, weights
from onecurve.tasks.outputs import classes_said
from onecurve.tasks.plain_maps import plain_maps
from onecurve.tasks.pools import rows_of, some_rows
from onecurve.tasks.yardsticks import best_answer

SUSPECTS = 16


@final
@dataclass(frozen=True)
class Localise:
    """A map per suspect; options are the pixels row by row. Raw in [0, 1]: mean tie-aware average precision of the maps."""

    name: ClassVar[str] = "localise"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "where in these suspect inputs is the trigger?"
    source: ClassVar[str] = "after Casper et al. 2023, arXiv 2302.10894, scored by average precision with ties in expectation"
    blind: ClassVar[bool] = False
    rebuilds: ClassVar[bool] = False

    def refusal(self, truth: Truth) -> str:
        if not truth.effect.any:
            return "nothing was planted that has an effect, so there is no trigger to find in an input"
        if truth.triggered is None or len(truth.triggered) == 0:
            return "there are no triggered inputs to look at"
        if truth.triggered.masks is None:
            return "the trigger has no place: it changes the whole input"
        if len(_usable(truth)) == 0:
            return "the flaw fires on no triggered input whose mask leaves a part uncovered"
        return ""

    def ask(self, case: Case, seed: int) -> Question:
        """Up to 16 suspects on which the flaw fires and whose mask is neither empty nor full."""
        usable = _usable(case.truth)
        suspects = triggered_of(case.truth).images[usable[some_rows(len(usable), SUSPECTS, generator("localise", case.id, seed))]]
        _, height, width = case.subject.input_shape
        pixels = tuple(f"{row},{column}" for row in range(height) for column in range(width))
        brief = Brief(target=case.truth.target, suspects=suspects)
        return Weigh(brief, items=len(suspects), options=pixels, inputs=suspects, shape=(height, width))

    def gallery(self, case: Case, question: Question) -> Mapping[str, Answer]:
        """Blank, centre, and what stands out in the picture itself: edges, brightness, darkness, colour."""
        inputs = weigh(question).inputs
        assert inputs is not None, "this task asks about inputs"
        return {name: Weights(maps.reshape(len(maps), -1)) for name, maps in plain_maps(inputs).items()}

    def floor(self, case: Case, question: Question) -> Answer:
        return best_answer(self, case, question)

    def ceiling(self, case: Case, question: Question) -> Answer:
        return Weights(_asked_masks(case, question).astype(np.float32))

    def measure(self, case: Case, question: Question, answer: Answer) -> Measured:
        """Figures are means over suspects: pearson, l1, pointing, iou, auroc, relevance_mass, and the mask's share of pixels."""
        maps = weights(answer).values
        masks = _asked_masks(case, question)
        figures = {
            "pearson": map_figures.pearson(maps, masks),
            "l1": map_figures.l1(maps, masks),
            "pointing": map_figures.pointing(maps, masks),
            "iou": map_figures.iou_at_area(maps, masks),
            "auroc": map_figures.auroc(maps, masks),
            "relevance_mass": map_figures.relevance_mass(maps, masks),
            "mask_share": masks.mean(axis=1),
        }
        return Measured(float(average_precision(maps, masks).mean()), {name: float(values.mean()) for name, values in figures.items()})


def _usable(truth: Truth) -> Ints:
    """Rows of the triggered inputs on which the flaw fires, towards the target that is told, and whose mask is neither empty nor full."""
    triggered, target = triggered_of(truth), truth.target
    covered = _masks(truth).mean(axis=1)
    candidates = np.flatnonzero((covered > 0) & (covered < 1) & truth.effect.concerns(triggered.labels))
    said = classes_said(truth.network, triggered.images[candidates], truth.population.classes)
    fired = truth.effect.fired(said, triggered.labels[candidates])
    usable: Ints = candidates[fired if target is None else fired & (said == target)]
    return usable


def _masks(truth: Truth) -> Bools:
    """bool N x P for all triggered inputs."""
    masks = triggered_of(truth).masks
    if masks is None:
        raise UngradeableError("the trigger has no place")
    return masks.reshape(len(masks), -1)


def _asked_masks(case: Case, question: Question) -> Bools:
    inputs = weigh(question).inputs
    assert inputs is not None, "this task asks about inputs"
    return _masks(case.truth)[rows_of(inputs, triggered_of(case.truth).images)]
