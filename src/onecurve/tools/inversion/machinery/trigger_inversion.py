"""Mask and pattern for many classes at once by gradient descent: the engine of Neural Cleanse.

All classes share one batch of images, and only pairs of a class and an image of another class go through the network. A class
that is finished leaves the batch. The network is only evaluated: its weights and running statistics stay as they are.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from onecurve.core.image.images import Bools, Floats, Ints, LabelledImages
from onecurve.core.workbench import Workbench
from onecurve.models.network import layout_for
from onecurve.tools.inversion.machinery.class_search import InversionRecipe, drive
from onecurve.tools.inversion.machinery.cost_schedule import CostSchedule
from onecurve.tools.inversion.machinery.pairs import Pairs, RecentSuccess, drawn_pairs
from onecurve.tools.machinery.sizes import images_per_pass

NORM_PIXELS = 1024
"""Mask sizes are stated as if the image had this many pixels, so that the constants fit images of any size."""


@final
@dataclass(frozen=True)
class Inverted:
    """What was found for the K classes asked about."""

    masks: Floats
    """float32 K x H x W in [0, 1]; the smallest that passed, zero where none did."""
    patterns: Floats
    """float32 K x C x H x W in [0, 1]."""
    norms: np.ndarray
    """float64 K; mask sizes in pixels of a 32 x 32 image, infinite where the threshold was never reached."""
    steps: Ints
    """int64 K; steps made for each class."""

    @property
    def found(self) -> Bools:
        found: Bools = np.isfinite(self.norms)
        return found


def invert(
    module: nn.Module, images: LabelledImages, classes: Ints, recipe: InversionRecipe, workbench: Workbench, reserve: float = 0
) -> Inverted:
    """Search a trigger for each of ``classes`` (int64 K) on ``images``, stopping while ``reserve`` of the budget is left."""
    search = _Search(module, images, classes, recipe, workbench)
    drive(search, recipe.steps, workbench, reserve)
    return search.result()


@final
class _Search:
    """The state of one search over K classes."""

    def __init__(self, module: nn.Module, images: LabelledImages, classes: Ints, recipe: InversionRecipe, workbench: Workbench) -> None:
        self._module, self._recipe, self._rng = module, recipe, workbench.rng
        self._layout = layout_for(module)
        self._labels, self._classes = images.labels, classes
        self._device = torch.device(workbench.device)
        self._images = torch.from_numpy(images.floats()).to(self._device)
        self._targets = torch.from_numpy(classes).to(self._device)
        channels, height, width = self._images.shape[1:]
        self._scale = NORM_PIXELS / (height * width)
        start = workbench.rng.random((len(classes), channels + 1, height, width), dtype=np.float32)
        # One tensor for mask (channel 0) and pattern; tanh(.)/2 + .5 keeps both in (0, 1).
        self._raw = torch.atanh((torch.from_numpy(start).to(self._device) * 2 - 1) * 0.999).requires_grad_()
        self._optimiser = torch.optim.Adam([self._raw], lr=recipe.learning_rate, betas=(0.5, 0.9))
        self._best = torch.zeros_like(self._raw, requires_grad=False)
        self._steps = np.zeros(len(classes), np.int64)
        self._recent = RecentSuccess(len(classes), recipe.images_per_step)
        self.schedule = CostSchedule(len(classes), recipe.schedule)

    def draw(self, active: Bools) -> Pairs:
        """Every active class with every image of a fresh batch that is not of that class."""
        return drawn_pairs(self._classes, self._labels, active, self._recipe.images_per_step, self._rng)

    def step(self, pairs: Pairs, active: Bools) -> None:
        """One optimiser step and one check of all classes in the batch."""
        counts = np.bincount(pairs.classes, minlength=len(self._classes))
        gradient, hits = self._gradient(pairs, counts)
        success = self._recent.after(hits, counts)
        with torch.no_grad():
            painted = torch.tanh(self._raw) / 2 + 0.5
        norms = painted[:, 0].sum(dim=(1, 2)).double().cpu().numpy() * self._scale
        improved = self.schedule.update(success, norms, active & (counts > 0))
        keep = torch.from_numpy(improved).to(self._device)
        self._best[keep] = painted[keep]
        self._raw.grad = gradient
        self._optimiser.step()
        self._steps += counts > 0

    def _gradient(self, pairs: Pairs, counts: Ints) -> tuple[Tensor, np.ndarray]:
        """Gradient of the losses (K x C+1 x H x W) and successes per class."""
        shares = torch.from_numpy((1 / np.maximum(counts, 1)).astype(np.float32)).to(self._device)
        costs = torch.from_numpy((self.schedule.cost * self._scale).astype(np.float32)).to(self._device)
        total = torch.zeros_like(self._raw, requires_grad=False)
        hits = torch.zeros(len(self._classes), device=self._device)
        chunk = images_per_pass(*self._raw.shape[2:])
        for start in range(0, len(pairs.classes), chunk):
            which = torch.from_numpy(pairs.classes[start : start + chunk]).to(self._device)
            images = self._images[torch.from_numpy(pairs.images[start : start + chunk]).to(self._device)]
            painted = torch.tanh(self._raw) / 2 + 0.5
            logits = self._module(pasted(images, painted.index_select(0, which)).contiguous(memory_format=self._layout))
            loss = (functional.cross_entropy(logits, self._targets[which], reduction="none") * shares[which]).sum()
            if start == 0:
                loss = loss + (costs * painted[:, 0].sum(dim=(1, 2))).sum()
            total += torch.autograd.grad(loss, self._raw)[0]
            hits.index_add_(0, which, (logits.detach().argmax(dim=1) == self._targets[which]).float())
        return total, hits.cpu().numpy()

    def result(self) -> Inverted:
        best = self._best.cpu().numpy()
        return Inverted(best[:, 0], best[:, 1:], self.schedule.best_norm.copy(), self._steps)


def pasted(images: Tensor, painted: Tensor) -> Tensor:
    """Images N x C x H x W under masks and patterns N x (1 + C) x H x W."""
    mask, pattern = painted[:, :1], painted[:, 1:]
    return images + mask * (pattern - images)
