"""Neural Cleanse: search the smallest trigger that sends all images to a class, for every class; an unusually small one is suspicious.

Clean networks have small triggers too, so the scores need calibration on clean networks.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from onecurve.core.access import Access
from onecurve.core.evidence import ClassScores, Evidence, Hypothesis, Picture, Piece, Pieces
from onecurve.core.image.images import Ints
from onecurve.core.image.trigger import Paste
from onecurve.core.question import Brief
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.models.network import evaluating, torch_module
from onecurve.tools.inversion.machinery.attack_success import share_reaching
from onecurve.tools.inversion.machinery.class_search import InversionRecipe, means_of
from onecurve.tools.inversion.machinery.cost_schedule import ScheduleConstants, scores_of_sizes
from onecurve.tools.inversion.machinery.trigger_inversion import NORM_PIXELS, Inverted, invert
from onecurve.tools.machinery.to_picture import cropped_sprite, sprite_picture

STEPS_WANTED = 120
"""The budget pays for so many steps first; what is left pays for more images per step."""
SHOWN = 3
"""Classes whose triggers are shown as pictures."""


@final
@dataclass(frozen=True)
class NeuralCleanse:
    """Mask and pattern per class by gradient descent (Wang et al., IEEE S&P 2019), all classes in one batch.

    The search starts with no weight on the mask size and raises it class by class whenever the success holds. Departures from the
    authors' code: a check after every step instead of every 1,000 images, images of the class itself are left out, and the
    mask size is counted as if the image had 32 x 32 pixels. Classes whose mask has stopped shrinking leave the batch.
    """

    name: ClassVar[str] = "neural-cleanse"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "smallest mask and pattern that send images to a class, by gradient descent"
    source: ClassVar[str] = "Neural Cleanse, IEEE S&P 2019, doi 10.1109/SP.2019.00031"
    needs: ClassVar[Access] = Access.WEIGHTS | Access.CLEAN_IMAGES | Access.CLEAN_LABELS
    shows: ClassVar[Pieces] = (ClassScores, Hypothesis, Picture)

    steps: int = 400
    """The most steps; where the budget pays for fewer, it is spent on steps first and on images per step second."""
    learning_rate: float = 0.3
    """The authors take 0.1 and thousands of steps; 0.2 to 0.4 reached equal masks in a third of the steps on small networks."""
    threshold: float = 0.99
    """Share of the images of a step that a mask must send to the class to be kept."""
    initial_cost: float = 1e-3
    multiplier: float = 2.0
    patience: int = 5
    stop_patience: int = 50
    """Steps without a smaller mask after which a class is finished; the authors wait for 25 checks of 1,000 images each."""

    def __post_init__(self) -> None:
        require_within("steps", self.steps, 1)
        require_within("learning_rate", self.learning_rate, 1e-6, 10)
        self._schedule()

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """Hypotheses with pictures, class scores where no target is given; nothing where no class passed the threshold.

        A score is the logarithm of the image's area over the mask's, 0 for a class that never passed.
        """
        means = means_of(brief, workbench, STEPS_WANTED)
        if means is None:
            return Evidence()
        module, classes = torch_module(workbench.subject), means.classes
        recipe = InversionRecipe(self.steps, means.images_per_step, self.learning_rate, self._schedule())
        with evaluating(module):
            inverted = invert(module, means.images, classes, recipe, workbench, means.reserve)
            found = np.flatnonzero(inverted.found)
            success = share_reaching(module, means.trial, classes[found], inverted.masks[found], inverted.patterns[found], workbench)
        if len(found) == 0:
            return Evidence()
        order = np.argsort(inverted.norms[found], kind="stable")
        exhibits = _exhibits(inverted, classes, found[order], success[order], workbench.subject.class_names)
        scores = (
            (ClassScores(scores_of_sizes(inverted.norms, NORM_PIXELS), "log of image area over mask area"),) if brief.target is None else ()
        )
        return Evidence((*scores, *exhibits))

    def _schedule(self) -> ScheduleConstants:
        return ScheduleConstants(self.threshold, self.initial_cost, self.multiplier, self.patience, self.stop_patience)


def _exhibits(inverted: Inverted, classes: Ints, found: Ints, success: np.ndarray, names: tuple[str, ...]) -> list[Piece]:
    """Hypotheses, smallest mask first, then pictures of the first few."""
    hypotheses = [
        Hypothesis(_paste(inverted, row), int(classes[row]), float(share), f"mask of {inverted.norms[row]:.0f} pixels at 32 x 32")
        for row, share in zip(found, success, strict=True)
    ]
    pictures = [picture for row in found[:SHOWN] for picture in _pictures(inverted, row, names[classes[row]])]
    return [*hypotheses, *pictures]


def _paste(inverted: Inverted, row: int) -> Paste:
    return Paste(inverted.patterns[row : row + 1], inverted.masks[row : row + 1], place=(0, 0))


def _pictures(inverted: Inverted, row: int, name: str) -> tuple[Picture, Picture]:
    pattern, mask = inverted.patterns[row], inverted.masks[row]
    crop = cropped_sprite(pattern, mask)
    return sprite_picture(*crop, f"inverted trigger of `{name}`, cropped"), sprite_picture(pattern, mask, f"inverted trigger of `{name}`")
