"""One small change of all images for each of many classes, by signs of gradients: the engine of universal perturbations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from onecurve.core.image.images import Floats, Ints, LabelledImages
from onecurve.models.network import layout_for
from onecurve.tools.inversion.machinery.pairs import drawn_pairs
from onecurve.tools.machinery.sizes import chunks, images_per_pass

MOMENTUM: Final = 0.9
STRIDE: Final = 0.25
"""A step changes each number by this share of the bound."""


@final
@dataclass(frozen=True)
class Perturbation:
    """How a change is learnt."""

    area: float
    """Share of the pixels that may change, in (0, 1]."""
    bound: float
    """Largest change of a number of an image, in units of the pixel range."""
    steps: int = 10
    images: int = 4
    """Per class and step."""

    @property
    def pairs(self) -> int:
        """Pairs of a class and an image per class: each goes forward and backward once."""
        return self.steps * self.images


@final
@dataclass(frozen=True)
class Perturbed:
    """What was learnt for K classes."""

    changes: Floats
    """float32 K x C x H x W, what is added to an image before it is clipped to [0, 1]."""
    hardness: np.ndarray
    """float64 K: mean cross-entropy to the class over the second half of the steps; the smaller, the more easily images go there."""


def perturb(
    module: nn.Module,
    images: LabelledImages,
    classes: Ints,
    perturbation: Perturbation,
    seed: int,
    device: str,
    tell: Callable[[int], None] = lambda done: None,
) -> Perturbed:
    """Learn a change for each of ``classes`` (int64 K), all on the same images in the same order, some classes at a time.

    Steps follow the signs of averaged gradients, and where only a share of the pixels may change, these are the pixels with the
    largest ones. ``tell`` is called with the number of classes that are done. The module is only evaluated.
    """
    pixels = torch.from_numpy(images.floats()).to(device)
    size = max(1, images_per_pass(*pixels.shape[2:]) // perturbation.images)
    parts = []
    for part in chunks(len(classes), size):
        parts.append(_perturbed(module, pixels, images.labels, classes[part], perturbation, np.random.default_rng(seed)))
        tell(part.stop)
    return Perturbed(np.concatenate([one.changes for one in parts]), np.concatenate([one.hardness for one in parts]))


def _perturbed(
    module: nn.Module, images: Tensor, labels: Ints, classes: Ints, perturbation: Perturbation, rng: np.random.Generator
) -> Perturbed:
    targets = torch.from_numpy(np.ascontiguousarray(classes)).to(images.device)
    change = torch.zeros(len(classes), *images.shape[1:], device=images.device)
    average = torch.zeros_like(change)
    total, tried = np.zeros(len(classes)), np.zeros(len(classes))
    for step in range(perturbation.steps):
        pairs = drawn_pairs(classes, labels, np.ones(len(classes), bool), perturbation.images, rng)
        which = torch.from_numpy(pairs.classes).to(images.device)
        change.requires_grad_()
        changed = (images[torch.from_numpy(pairs.images).to(images.device)] + change[which]).clamp(0, 1)
        losses = functional.cross_entropy(module(changed.contiguous(memory_format=layout_for(module))), targets[which], reduction="none")
        (gradient,) = torch.autograd.grad(losses.sum(), change)
        average = MOMENTUM * average + gradient / gradient.abs().mean(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12)
        stepped = change.detach() - STRIDE * perturbation.bound * average.sign()
        change = (stepped * _strongest(average, perturbation.area)).clamp(-perturbation.bound, perturbation.bound)
        if step >= perturbation.steps // 2:
            np.add.at(total, pairs.classes, losses.detach().double().cpu().numpy())
            np.add.at(tried, pairs.classes, 1)
    return Perturbed(change.cpu().numpy(), total / np.maximum(tried, 1))


def _strongest(average: Tensor, area: float) -> Tensor:
    """K x 1 x H x W, 1 at that share of the pixels where the gradients (K x C x H x W) are largest and 0 elsewhere."""
    strength = average.abs().sum(dim=1, keepdim=True)
    kept = max(1, round(area * strength[0].numel()))
    weakest = strength.flatten(1).topk(kept, dim=1).values[:, -1]
    return (strength >= weakest[:, None, None, None]).float()
