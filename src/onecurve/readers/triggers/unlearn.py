"""Reads trigger hypotheses into a repair: fine-tunes on images with the proposed trigger and their true labels.

Recipe and order of images are those of the `finetune` solver, so any gain over that solver comes from the evidence.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Answer, Rebuilt
from onecurve.core.errors import AnswerError, SpecError
from onecurve.core.evidence import Evidence, HeatMap, Hypothesis, Pieces
from onecurve.core.image.images import Floats
from onecurve.core.question import Form, Forms, Question, Rebuild
from onecurve.core.seeds import generator
from onecurve.core.workbench import Workbench
from onecurve.models.finetuning import FinetuningRecipe, finetune
from onecurve.models.metering import unmetered
from onecurve.models.network import TorchNetwork, torch_module
from onecurve.readers.machinery.proposals import usable, why_none

COMPARED = 64
"""Clean images that what lies under heat maps is compared with."""


@final
@dataclass(frozen=True)
class Unlearn:
    """Finding-guided unlearning, the repair of Neural Cleanse (IEEE S&P 2019) for any trigger that can be applied.

    A share of every batch (a fifth, as in the paper) carries one of the hypothesised triggers, each in turn; labels stay true. Departure:
    batch-norm statistics stay frozen.
    """

    name: ClassVar[str] = "unlearn"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "fine-tunes against the trigger that the evidence proposes"
    source: ClassVar[str] = "Neural Cleanse (IEEE S&P 2019), unlearning"
    needs: ClassVar[Access] = Access.WEIGHTS | Access.CLEAN_IMAGES | Access.CLEAN_LABELS
    reads: ClassVar[Pieces] = (Hypothesis, HeatMap)
    answers: ClassVar[Forms] = (Form.REPAIR,)

    share: float = 0.2
    """Share of the images of a batch that get a trigger."""
    learning_rate: float = 0.01
    epochs: int = 40
    """At most so many passes over the clean set."""

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise SpecError(f"the share of stamped images must be above 0 and at most 1, got: {self.share}")

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        """The repaired copy; Abstain where no hypothesis can be applied or the budget pays for no step."""
        if not isinstance(question, Rebuild):
            raise AnswerError("unlearn hands back a network; this question is of another form")
        clean = workbench.subject.granted_clean()
        proposals = usable(evidence, question.brief, clean.take(slice(0, COMPARED)).floats(), generator("maps", workbench.seed))
        if not proposals:
            return Abstain(f"the evidence holds {why_none(evidence)}, so there is nothing to unlearn")
        copy = deepcopy(torch_module(workbench.subject))
        recipe = FinetuningRecipe(epochs=self.epochs, learning_rate=self.learning_rate)
        done = finetune(copy, clean, recipe, workbench, stamping(proposals, self.share, generator("unlearn", workbench.seed)))
        if done.steps == 0:
            return Abstain("the budget pays for no training step")
        note = f"{len(proposals)} hypotheses, {done.steps} steps, kept step {done.kept}, held-back clean accuracy {done.accuracy:.3f}"
        return Rebuilt(TorchNetwork(unmetered(copy), workbench.device), note)


def stamping(proposals: tuple[Hypothesis, ...], share: float, rng: np.random.Generator) -> Callable[[Floats], Floats]:
    """An augmentation that puts the triggers, in turn, on a random ``share`` of each batch."""

    def stamp(images: Floats) -> Floats:
        stamped = images.copy()
        chosen = rng.permutation(len(images))[: max(1, round(share * len(images)))]
        for turn, proposal in enumerate(proposals):
            rows = chosen[turn :: len(proposals)]
            if len(rows):
                stamped[rows] = proposal.trigger.apply(images[rows], rng).images
        return stamped

    return stamp
