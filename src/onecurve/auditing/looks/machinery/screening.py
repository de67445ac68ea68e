"""A short look at every class before the searches: how easily one change of all images sends them to it.

Where the time does not pay for a search of every class, the classes are put in order by this. Networks with a trojan are sent to its
target by smaller universal perturbations than to other classes (Cassandra, arXiv 2007.14433). Nothing is claimed from it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from torch.nn import functional

from onecurve.auditing.examined import Examined
from onecurve.auditing.looks.machinery.effort import seconds_of
from onecurve.core.image.images import Ints, LabelledImages
from onecurve.models.network import TorchNetwork, evaluating
from onecurve.tools.inversion.machinery.universal import Perturbation, perturb

IMAGES: Final = 64
"""Images of the search among which each step draws."""
LEAST_SIDE: Final = 96
"""Images with a shorter side below this are not reduced."""
AGREES: Final = 1 / 3
"""A network is screened on images of half the size if it answers at least this share of them as it does at full size; MobileNetV2 does
so for two thirds from 224 to 112 pixels, and half the size costs a fourth to an eighth."""
PACE: Final = 16
"""Images of the batch that is timed."""


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


def screened(examined: Examined, ground: Ground, classes: Ints, screen: Perturbation, tell: Callable[[int], None]) -> np.ndarray:
    """float64 K: how hard it is to send images to each class, the smaller the easier (see ``Perturbed.hardness``).

    ``tell`` is called with the number of classes that are done.
    """
    with evaluating(examined.module):
        found = perturb(examined.module, ground.images, classes, screen, examined.seed_of("screen"), examined.device, tell)
    return found.hardness


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
    return PACE / seconds_of(examined, images.take(np.arange(PACE) % len(images)).floats())
