"""Many patches optimised at once, each for its own class and side: the engine of the adversarial patch.

All patches share one batch of images; a patch is never pasted on images of its own target class.
"""

from dataclasses import dataclass, field
from typing import final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from onecurve.core.image.images import Floats, Ints, LabelledImages
from onecurve.core.image.trigger import Paste
from onecurve.core.workbench import Workbench
from onecurve.models.network import layout_for
from onecurve.tools.inversion.machinery.patch_placement import Jitter, placed, soft_square, stretched, total_variation
from onecurve.tools.machinery.sizes import images_per_pass

COST = 3
"""Forward-equivalents per pair and step: one forward, one backward."""


@final
@dataclass(frozen=True)
class PatchRecipe:
    """How the search goes on."""

    steps: int
    images_per_step: int
    learning_rate: float = 0.1
    smoothness: float = 0.1
    """Weight of the total variation."""
    jitter: Jitter = field(default_factory=Jitter)


@final
@dataclass(frozen=True)
class SearchedPatches:
    """P optimised patches, each a canvas that stands for its own side."""

    canvases: Tensor
    """float32 P x C x S x S in (0, 1)."""
    targets: Ints
    sides: Ints
    """int64 P, pixels of the image."""

    def __len__(self) -> int:
        return len(self.sides)

    def paste_of(self, row: int) -> Paste:
        """One patch as a trigger, at any place, soft at its edge."""
        side = int(self.sides[row])
        canvas = self.canvases[row : row + 1]
        layers: Floats = stretched(torch.cat([canvas, _alpha_of(canvas)], dim=1), side).clamp(0, 1).cpu().numpy()
        return Paste(layers[:, :-1], layers[:, -1])


def search_patches(
    module: nn.Module, images: LabelledImages, targets: Ints, sides: Ints, recipe: PatchRecipe, workbench: Workbench
) -> SearchedPatches:
    """Optimise one patch per entry of ``targets`` and ``sides`` (int64 P) for at most ``recipe.steps`` steps.

    The caller checks that the budget pays for the steps; each costs at most ``3 * P * images_per_step``.
    """
    search = _Search(module, images, targets, sides, recipe, workbench)
    for _ in range(recipe.steps):
        search.step()
    return search.result()


@final
class _Search:
    """The state of one search over P patches."""

    def __init__(
        self, module: nn.Module, images: LabelledImages, targets: Ints, sides: Ints, recipe: PatchRecipe, workbench: Workbench
    ) -> None:
        self._module, self._recipe, self._rng = module, recipe, workbench.rng
        self._layout = layout_for(module)
        self._targets, self._sides, self._labels = targets, sides, images.labels
        self._pixels = torch.from_numpy(images.floats()).to(workbench.device)
        self._usable = np.flatnonzero((targets[:, None] != images.labels[None, :]).any(axis=0))
        side = int(sides.max())
        start = workbench.rng.normal(0, 0.5, (len(targets), images.images.shape[1], side, side)).astype(np.float32)
        self._raw = torch.from_numpy(start).to(workbench.device).requires_grad_()
        self._optimiser = torch.optim.Adam([self._raw], lr=recipe.learning_rate)

    def step(self) -> None:
        """One fresh batch of images, one step of all patches."""
        batch = self._rng.choice(self._usable, size=min(self._recipe.images_per_step, len(self._usable)), replace=False)
        patch, column = np.nonzero(self._targets[:, None] != self._labels[batch][None, :])
        gradient = torch.zeros_like(self._raw, requires_grad=False)
        chunk = images_per_pass(*self._pixels.shape[2:])
        for start in range(0, len(patch), chunk):
            part = np.s_[start : start + chunk]
            share = 1 / np.bincount(patch, minlength=len(self._targets))[patch[part]]
            gradient += torch.autograd.grad(self._loss(patch[part], batch[column[part]], share), self._raw)[0]
        self._raw.grad = gradient
        self._optimiser.step()

    def result(self) -> SearchedPatches:
        return SearchedPatches(torch.sigmoid(self._raw.detach()), self._targets, self._sides)

    def _loss(self, patch: Ints, image: Ints, share: np.ndarray) -> Tensor:
        device = self._raw.device
        which = torch.from_numpy(patch).to(device)
        canvases = torch.sigmoid(self._raw)[which]
        images = self._pixels[torch.from_numpy(image).to(device)]
        shape = (images.shape[2], images.shape[3])
        layers = placed(canvases, _alpha_of(canvases), self._sides[patch], shape, self._recipe.jitter, self._rng)
        logits = self._module((images * (1 - layers[:, -1:]) + layers[:, :-1]).contiguous(memory_format=self._layout))
        targets = torch.from_numpy(self._targets[patch]).to(device)
        losses = functional.cross_entropy(logits, targets, reduction="none") + self._recipe.smoothness * total_variation(canvases)
        weights = torch.from_numpy(share.astype(np.float32)).to(device)
        return (losses * weights).sum()


def _alpha_of(canvases: Tensor) -> Tensor:
    """N x 1 x S x S for canvases N x C x S x S."""
    return soft_square(canvases.shape[-1]).to(canvases.device).expand(len(canvases), 1, -1, -1)
