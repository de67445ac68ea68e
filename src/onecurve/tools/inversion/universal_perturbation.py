"""Universal perturbations: one small change of all images for each class; a class that is reached most easily is suspicious.

Nothing is made small, as in a trigger inversion: only the success of a bounded change is compared, and few steps show that.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from onecurve.core.access import Access
from onecurve.core.evidence import ClassScores, Evidence, Hypothesis, Picture, Piece, Pieces
from onecurve.core.image.filter import Filter
from onecurve.core.image.images import Floats, Ints, LabelledImages
from onecurve.core.question import Brief
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.models.network import evaluating, torch_module
from onecurve.tools.inversion.machinery.attack_success import share_reaching_by
from onecurve.tools.inversion.machinery.class_search import COST, means_of
from onecurve.tools.inversion.machinery.universal import Perturbation, Perturbed, perturb
from onecurve.tools.machinery.to_picture import trigger_picture

LEAST = 0.5
"""Share of images that a change must send to its class to be shown where no target is given."""
SHOWN = 3
"""Classes whose changes are shown as pictures."""


@final
@dataclass(frozen=True)
class UniversalPerturbation:
    """A bounded change per class by signs of averaged gradients (arXiv 1610.08401, with targets).

    Networks with a trojan are sent to its target by smaller universal perturbations than to other classes (Cassandra, arXiv 2007.14433,
    which trains a classifier on the perturbations of a thousand networks; here the reader judges the success per class). With
    ``area`` below 1 only the pixels with the largest gradients change, which suits triggers of few pixels; give it a larger ``bound``.
    """

    name: ClassVar[str] = "universal-perturbation"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "success of one bounded change of all images, for each class"
    source: ClassVar[str] = "arXiv 1610.08401; Cassandra, arXiv 2007.14433"
    needs: ClassVar[Access] = Access.WEIGHTS | Access.CLEAN_IMAGES | Access.CLEAN_LABELS
    shows: ClassVar[Pieces] = (ClassScores, Hypothesis, Picture)

    area: float = 1.0
    """Share of the pixels that may change."""
    bound: float = 0.03
    """Largest change of a number of an image, in units of the pixel range."""
    steps: int = 20
    """The budget pays for so many steps, and what is left for more images per step."""

    def __post_init__(self) -> None:
        require_within("area", self.area, 1e-6, 1)
        require_within("bound", self.bound, 1e-6, 1)
        require_within("steps", self.steps, 2)

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """Hypotheses with pictures, class scores where no target is given; nothing without budget for the steps.

        A score is the geometric mean of the probabilities of the class over the images of the last half of the steps.
        """
        means = means_of(brief, workbench, self.steps)
        if means is None or means.images_per_step * self.steps * len(means.classes) * COST > workbench.remaining - means.reserve:
            return Evidence()
        perturbation = Perturbation(self.area, self.bound, self.steps, means.images_per_step)
        module, seed = torch_module(workbench.subject), int(workbench.rng.integers(2**32))
        with evaluating(module):
            found = perturb(module, means.images, means.classes, perturbation, seed, workbench.device)
        if brief.target is not None:
            return Evidence(_exhibits(found, means.classes, means.trial, workbench, 0.0))
        scores = ClassScores(np.exp(-found.hardness).astype(np.float32), "probability of the class under one change of all images")
        return Evidence((scores, *_exhibits(found, means.classes, means.trial, workbench, LEAST)))


def _exhibits(found: Perturbed, classes: Ints, trial: LabelledImages, workbench: Workbench, least: float) -> tuple[Piece, ...]:
    """Hypotheses, the easiest class first, then pictures of the first few; without classes that less than ``least`` of the images reach."""
    names, shape = workbench.subject.class_names, workbench.subject.input_shape
    hypotheses, pictures = list[Piece](), list[Piece]()
    for row in map(int, np.argsort(found.hardness, kind="stable")):
        trigger, target = _added(found.changes[row]), int(classes[row])
        success = share_reaching_by(trigger, target, trial, workbench)
        if success < least:
            continue
        hypotheses.append(Hypothesis(trigger, target, success, f"mean change of the pixels {np.abs(found.changes[row]).mean():.3f}"))
        if len(pictures) < SHOWN:
            pictures.append(trigger_picture(trigger, shape, f"universal perturbation of `{names[target]}` on grey", workbench.rng))
    return (*hypotheses, *pictures)


def _added(change: Floats) -> Filter:
    """The change (C x H x W) as a trigger."""
    channels = len(change)
    return Filter(np.eye(channels, dtype=np.float32), np.zeros(channels, np.float32), change)
