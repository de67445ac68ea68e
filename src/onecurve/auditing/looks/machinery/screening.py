"""A short look at every class before the searches: how easily one change of all images sends them to it.

Where the time does not pay for a search of every class, the classes are put in order by this. Networks with a trojan are sent to its
target by smaller universal perturbations than to other classes (Cassandra, arXiv 2007.14433). Nothing is claimed from it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from onecurve.auditing.examined import Examined
from onecurve.auditing.looks.machinery.effort import Screen, seconds_of
from onecurve.core.image.images import Ints, LabelledImages
from onecurve.models.network import TorchNetwork, evaluating, layout_for
from onecurve.tools.inversion.machinery.pairs import drawn_pairs
from onecurve.tools.machinery.sizes import chunks

IMAGES: Final = 64
"""Images of the search among which each step draws."""
LEAST_SIDE: Final = 96
"""Images with a shorter side below this are not reduced."""
AGREES: Final = 1 / 3
"""A network is screened on images of half the size if it answers at least this share of them as it does at full size; MobileNetV2 does
so for two thirds from 224 to 112 pixels, and half the size costs a fourth to an eighth."""
CLASSES_AT_ONCE: Final = 16
MOMENTUM: Final = 0.9
STRIDE: Final = 0.25
"""A step changes each number by this share of the bound."""


@final
@dataclass(frozen=True)
class Ground:
    """What classes are screened on."""

    images: LabelledImages
    halved: bool
    """Whether they have half their size."""
    pairs_per_second: float
    """Of a class and an image, forward and backward, on this machine now."""


def ground_of(examined: Examined) -> Ground:
    """Some images of the search, at half their size where the network takes them so."""
    rows = examined.rng("screen images").permutation(len(examined.search))[:IMAGES]
    some = examined.search.take(np.sort(rows))
    small = _halved(some) if min(examined.shape[1:]) >= LEAST_SIDE else None
    if small is not None and _agreement(examined, some, small) >= AGREES:
        return Ground(small, halved=True, pairs_per_second=_pace(examined, small))
    return Ground(some, halved=False, pairs_per_second=_pace(examined, some))


def screened(examined: Examined, ground: Ground, classes: Ints, screen: Screen, tell: Callable[[int], None]) -> np.ndarray:
    """float64 K: how hard it is to send images to each class, the smaller the easier.

    For every class one change of all images is learnt by signs of averaged gradients: at most ``screen.bound`` in each number and in
    ``screen.area`` of the pixels, those with the largest averaged gradients. The figure is the mean cross-entropy to the class over the
    second half of the steps. All classes are tried on the same images in the same order. ``tell`` is called with the number of classes
    that are done.
    """
    hardness = np.zeros(len(classes))
    images = torch.from_numpy(ground.images.floats()).to(examined.device)
    with evaluating(examined.module):
        for part in chunks(len(classes), CLASSES_AT_ONCE):
            rng = examined.rng("screen steps")
            hardness[part] = _hardness(examined.module, images, ground.images.labels, classes[part], screen, rng)
            tell(part.stop)
    return hardness


def _hardness(module: nn.Module, images: Tensor, labels: Ints, classes: Ints, screen: Screen, rng: np.random.Generator) -> np.ndarray:
    targets = torch.from_numpy(np.ascontiguousarray(classes)).to(images.device)
    change = torch.zeros(len(classes), *images.shape[1:], device=images.device)
    average = torch.zeros_like(change)
    total, tried = np.zeros(len(classes)), np.zeros(len(classes))
    for step in range(screen.steps):
        pairs = drawn_pairs(classes, labels, np.ones(len(classes), bool), screen.images, rng)
        which = torch.from_numpy(pairs.classes).to(images.device)
        change.requires_grad_()
        changed = (images[torch.from_numpy(pairs.images).to(images.device)] + change[which]).clamp(0, 1)
        losses = functional.cross_entropy(module(changed.contiguous(memory_format=layout_for(module))), targets[which], reduction="none")
        (gradient,) = torch.autograd.grad(losses.sum(), change)
        average = MOMENTUM * average + gradient / gradient.abs().mean(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12)
        stepped = change.detach() - STRIDE * screen.bound * average.sign()
        change = (stepped * _strongest(average, screen.area)).clamp(-screen.bound, screen.bound)
        if step >= screen.steps // 2:
            np.add.at(total, pairs.classes, losses.detach().double().cpu().numpy())
            np.add.at(tried, pairs.classes, 1)
    return total / np.maximum(tried, 1)


def _strongest(average: Tensor, area: float) -> Tensor:
    """K x 1 x H x W, 1 at that share of the pixels where the gradients (K x C x H x W) are largest and 0 elsewhere."""
    strength = average.abs().sum(dim=1, keepdim=True)
    kept = max(1, round(area * strength[0].numel()))
    weakest = strength.flatten(1).topk(kept, dim=1).values[:, -1]
    return (strength >= weakest[:, None, None, None]).float()


def _halved(images: LabelledImages) -> LabelledImages:
    """Means over blocks of 2 x 2 pixels; a last odd row or column is dropped."""
    means = functional.avg_pool2d(torch.from_numpy(images.floats()), 2).mul(255).round().byte()
    return LabelledImages(means.numpy(), images.labels)


def _agreement(examined: Examined, some: LabelledImages, small: LabelledImages) -> float:
    """The share of the images that the network answers alike at both sizes; 0 where it refuses the small ones."""
    try:
        answers = TorchNetwork(examined.module, examined.device).logits(small.floats())
    except Exception:  # noqa: BLE001 - a person's network may raise anything at a size it was not made for
        return 0.0
    if answers.shape != (len(small), examined.classes):
        return 0.0
    return float((answers.argmax(axis=1) == examined.network.logits(some.floats()).argmax(axis=1)).mean())


def _pace(examined: Examined, images: LabelledImages) -> float:
    size = CLASSES_AT_ONCE
    batch = images.take(np.arange(size) % len(images)).floats()
    return size / seconds_of(examined, batch)
