"""Style inversion: search the smallest change of the whole image, colours and texture, that sends all images to a class.

Masks and patches cannot say that a tint or a texture over everything is the trigger; this tool can say nothing else.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from onecurve.core.access import Access
from onecurve.core.evidence import ClassScores, Evidence, Hypothesis, Picture, Piece, Pieces
from onecurve.core.image.images import Ints, LabelledImages
from onecurve.core.question import Brief
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.models.network import evaluating, torch_module
from onecurve.tools.inversion.machinery.attack_success import share_reaching_by
from onecurve.tools.inversion.machinery.class_search import InversionRecipe, means_of
from onecurve.tools.inversion.machinery.cost_schedule import ScheduleConstants, scores_of_sizes
from onecurve.tools.inversion.machinery.style_search import PIXELS, Restyled, restyle
from onecurve.tools.machinery.to_picture import trigger_picture

STEPS_WANTED = 160
"""The budget pays for so many steps first; what is left pays for more images per step."""
LEAST = 0.5
"""Share of images that a style must send to the class to be shown at all."""
SHOWN = 3
"""Classes whose styles are shown as pictures."""


@final
@dataclass(frozen=True)
class StyleInversion:
    """Colour matrix, offset and texture per class by gradient descent, all classes in one batch.

    Departures from UNICORN (arXiv 2311.15213), which inverts triggers in a transformed space that it learns by a network: the space is
    the plain one of `Filter`, so that what is found can be shown, applied and stored; and the size of the change is weighed as the mask is
    in Neural Cleanse, raised class by class while the success holds. Size is the mean absolute change of the pixels.
    """

    name: ClassVar[str] = "style-inversion"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "smallest change of colours and texture of the whole image that sends images to a class"
    source: ClassVar[str] = "after UNICORN (arXiv 2311.15213) and Neural Cleanse (doi 10.1109/SP.2019.00031)"
    needs: ClassVar[Access] = Access.WEIGHTS | Access.CLEAN_IMAGES | Access.CLEAN_LABELS
    shows: ClassVar[Pieces] = (ClassScores, Hypothesis, Picture)

    steps: int = 400
    """The most steps; where the budget pays for fewer, it is spent on steps first and on images per step second."""
    learning_rate: float = 0.1
    """Of the texture; colours learn at a fifth of it."""
    threshold: float = 0.9
    """Share of the images of a step that a style must send to the class to be kept; below that of masks, as styles work less often."""
    initial_cost: float = 1e-3
    multiplier: float = 2.0
    patience: int = 5
    stop_patience: int = 50
    """Steps without a smaller change after which a class is finished."""

    def __post_init__(self) -> None:
        require_within("steps", self.steps, 1)
        require_within("learning_rate", self.learning_rate, 1e-6, 10)
        self._schedule()

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """Hypotheses with pictures, class scores where no target is given; nothing without budget for a few steps.

        A score is the logarithm of 1 over the mean change of the pixels, 0 for a class that never passed; its most successful style
        is shown after the others, unless that sent less than ``LEAST`` of the images there.
        """
        means = means_of(brief, workbench, STEPS_WANTED)
        if means is None:
            return Evidence()
        module = torch_module(workbench.subject)
        recipe = InversionRecipe(self.steps, means.images_per_step, self.learning_rate, self._schedule())
        with evaluating(module):
            found = restyle(module, means.images, means.classes, recipe, workbench, means.reserve)
        scores = (ClassScores(scores_of_sizes(found.sizes, PIXELS), "log of 1 over the mean change of pixels"),)
        exhibits = _exhibits(found, means.classes, means.trial, workbench)
        return Evidence((*(scores if brief.target is None else ()), *exhibits))

    def _schedule(self) -> ScheduleConstants:
        return ScheduleConstants(self.threshold, self.initial_cost, self.multiplier, self.patience, self.stop_patience)


def _exhibits(found: Restyled, classes: Ints, trial: LabelledImages, workbench: Workbench) -> list[Piece]:
    """Hypotheses, smallest change first, then pictures of the first few."""
    order = [int(row) for row in np.lexsort((-found.reached, found.sizes)) if found.reached[row] >= LEAST]
    names = workbench.subject.class_names
    hypotheses: list[Piece] = []
    for row in order:
        success = share_reaching_by(found.trigger(row), int(classes[row]), trial, workbench)
        size = found.sizes[row] / PIXELS
        words = f"mean change of the pixels {size:.3f}" if np.isfinite(size) else "the most successful style; none passed"
        hypotheses.append(Hypothesis(found.trigger(row), int(classes[row]), success, words))
    shape, rng = workbench.subject.input_shape, workbench.rng
    captions = {row: f"inverted style of `{names[classes[row]]}` on grey" for row in order[:SHOWN]}
    return [*hypotheses, *(trigger_picture(found.trigger(row), shape, caption, rng) for row, caption in captions.items())]
