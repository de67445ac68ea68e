"""Adversarial patch: a picture optimised to send images to the target wherever it is pasted.

The method has no prior for what triggers look like, so it may find features of the target class itself. It therefore tries small patches
beside large ones: a trigger still works at a size at which a class's own features have no room.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.special import logit, softmax

from onecurve.core.access import Access
from onecurve.core.evidence import ClassScores, Evidence, Hypothesis, Picture, Piece, Pieces
from onecurve.core.image.images import Floats, Ints, LabelledImages
from onecurve.core.network import Network
from onecurve.core.question import Brief
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.models.network import evaluating, torch_module
from onecurve.tools.inversion.machinery.patch_placement import Jitter
from onecurve.tools.inversion.machinery.patch_search import COST, PatchRecipe, SearchedPatches, search_patches
from onecurve.tools.machinery.clean_split import split_clean
from onecurve.tools.machinery.sizes import side_in_pixels
from onecurve.tools.machinery.to_picture import sprite_picture

TRIAL_IMAGES = 48
"""At most so many clean images, not used in the search, measure the attack success rate of each patch."""
TRIAL_SHARE = 0.15
"""At most this share of the budget is kept for that."""
STEPS_WANTED = 100
"""The budget pays for so many steps first; what is left pays for more images per step."""
FEWEST_IMAGES, MOST_IMAGES = 4, 32
"""Images per patch and step."""
SHOWN = 6
"""The most patches shown."""


@final
@dataclass(frozen=True)
class AdversarialPatch:
    """Patches at random places, scales and angles, by Adam on the cross-entropy (Brown et al., arXiv 1712.09665).

    Departures from the paper: total variation is penalised, edges are soft, and several sizes are optimised at once; without a target, so
    are all classes. The reported success is the attack success rate of the finished patch at random places of images that the search did
    not use.
    """

    name: ClassVar[str] = "adversarial-patch"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "patches optimised to send images to the target at any place"
    source: ClassVar[str] = "arXiv 1712.09665"
    needs: ClassVar[Access] = Access.WEIGHTS | Access.CLEAN_IMAGES | Access.CLEAN_LABELS
    shows: ClassVar[Pieces] = (ClassScores, Hypothesis, Picture)

    small: float = 0.16
    """Side of the small patch as a share of the image's shorter side."""
    large: float = 0.3
    restarts: int = 2
    """Patches per side when the target is given; one per side and class when it is not."""
    steps: int = 300
    """The most steps; the rest of the budget pays for more images per step."""
    learning_rate: float = 0.1
    smoothness: float = 0.1
    scale: float = 0.1
    """Largest relative change of the side while pasting."""
    degrees: float = 10.0
    """Largest rotation while pasting."""

    def __post_init__(self) -> None:
        require_within("small", self.small, 0.01, 1)
        require_within("large", self.large, self.small, 1)
        require_within("restarts", self.restarts, 1, 64)
        require_within("steps", self.steps, 1)
        require_within("learning_rate", self.learning_rate, 1e-6, 10)
        require_within("smoothness", self.smoothness, 0)
        self._jitter()

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """Patches as hypotheses with pictures, class scores where no target is given; nothing without budget for one step.

        A score is the log-odds of the mean probability that images with the class's patches give to the class.
        """
        subject = workbench.subject
        split = split_clean(subject.granted_clean(), workbench.rng)
        targets, sides = self._plan(brief.target, subject.classes, subject.input_shape)
        trial = split.trial.take(slice(min(TRIAL_IMAGES, int(TRIAL_SHARE * workbench.remaining / len(targets)))))
        recipe = self._recipe(workbench, len(targets), len(trial))
        if recipe.steps == 0:
            return Evidence()
        module = torch_module(subject)
        with evaluating(module):
            patches = search_patches(module, split.search, targets, sides, recipe, workbench)
        pushed, success = _tried(subject.granted_network(), patches, trial, workbench.rng)
        scores = (_class_scores(pushed, targets, subject.classes),) if brief.target is None else ()
        return Evidence((*scores, *_exhibits(patches, pushed, success, subject.class_names)))

    def _plan(self, target: int | None, classes: int, shape: tuple[int, int, int]) -> tuple[Ints, Ints]:
        """Target and side of each patch."""
        pair = np.array([side_in_pixels(share, shape[1:]) for share in (self.small, self.large)])
        targets = np.arange(classes) if target is None else np.full(self.restarts, target)
        return np.repeat(targets, 2), np.tile(pair, len(targets))

    def _recipe(self, workbench: Workbench, patches: int, trial: int) -> PatchRecipe:
        pairs = (workbench.remaining - patches * trial) / (COST * patches)
        images = int(np.clip(pairs / STEPS_WANTED, FEWEST_IMAGES, min(MOST_IMAGES, len(workbench.subject.granted_clean()))))
        steps = int(np.clip(pairs / images, 0, self.steps))
        return PatchRecipe(steps, images, self.learning_rate, self.smoothness, self._jitter())

    def _jitter(self) -> Jitter:
        return Jitter(self.scale, self.degrees)


def _tried(network: Network, patches: SearchedPatches, trial: LabelledImages, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Mean probability of the target and share that reaches it, float32 P each; 0 where all trial images are of the target."""
    pushed, success = np.zeros((2, len(patches)), np.float32)
    for row, target in enumerate(patches.targets):
        images = trial.take(trial.labels != target).floats()
        if len(images):
            logits = network.logits(patches.paste_of(row).apply(images, rng).images)
            pushed[row] = softmax(logits, axis=1)[:, target].mean()
            success[row] = (logits.argmax(axis=1) == target).mean()
    return pushed, success


def _class_scores(pushed: Floats, targets: Ints, classes: int) -> ClassScores:
    means = np.bincount(targets, pushed, minlength=classes) / np.bincount(targets, minlength=classes)
    return ClassScores(logit(np.clip(means, 1e-4, 1 - 1e-4)).astype(np.float32), "log-odds of the class under its patches")


def _exhibits(patches: SearchedPatches, pushed: Floats, success: Floats, names: tuple[str, ...]) -> tuple[Piece, ...]:
    """Hypotheses, then their pictures, the most successful first."""
    order = np.argsort(-pushed, kind="stable")[:SHOWN]
    pastes = [patches.paste_of(row) for row in order]
    captions = [
        f"patch of {patches.sides[row]} pixels, sent {success[row]:.0%} of images to `{names[patches.targets[row]]}`" for row in order
    ]
    hypotheses = [
        Hypothesis(paste, int(patches.targets[row]), float(success[row]), caption)
        for paste, row, caption in zip(pastes, order, captions, strict=True)
    ]
    pictures = [sprite_picture(paste.patterns[0], paste.alphas[0], caption) for paste, caption in zip(pastes, captions, strict=True)]
    return (*hypotheses, *pictures)
