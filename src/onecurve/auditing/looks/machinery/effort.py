"""How the time of a trigger search is spent: all classes coarsely first, then the few smallest again."""

import time
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from torch.nn import functional

from onecurve.auditing.examined import Examined
from onecurve.models.network import layout_for
from onecurve.tools.machinery.sizes import images_per_gradient


@final
@dataclass(frozen=True)
class Effort:
    """Steps of a search, and images per class and step."""

    steps: int
    images: int

    @property
    def pairs(self) -> int:
        """Pairs of a class and an image per class: each goes forward and backward once."""
        return self.steps * self.images


EFFORTS: Final = (Effort(150, 16), Effort(100, 12), Effort(60, 8))
"""From thorough to coarse. 150 steps of 16 images for each of 10 classes are the 24,000 passes at which Neural Cleanse ranks the target of
trojaned networks first."""
SCREEN: Final = Effort(40, 6)
"""Where the time does not pay for the coarsest search of all classes, they are first screened by so little: in three searches of a trojaned
network the target was always among the smallest four of ten; with 30 steps of 4 images it was among the smallest six."""
SCREEN_SHARE: Final = 0.5
KEPT_SHARE: Final = 0.3
"""Of the time go to the screening, and to the coarse search of the classes that it leaves."""
REFINED: Final = 4
"""Classes with the smallest triggers that are searched again with another seed."""
COARSE_SHARE: Final = 0.6
"""At most this share of the time goes to the first search where that cannot be the most thorough one."""
CLASSES_AT_ONCE: Final = 2**26
"""Numbers (masks and patterns) that a search holds at once; more classes are searched one batch after the other."""


@final
@dataclass(frozen=True)
class EffortPlan:
    """What the time pays for."""

    classes: int
    """How many classes are looked at; fewer than all where the time does not pay for more."""
    screen: Effort | None
    """The search that leaves ``kept`` of them; None where all are kept."""
    kept: int
    first: Effort
    """The search by which sizes are compared."""
    again: Effort
    """For the smallest classes, with another seed."""


def plan_effort(classes: int, seconds: float, pairs_per_second: float) -> EffortPlan | None:
    """The most thorough plan that fits; None where not even one class can be screened."""
    pairs = seconds * pairs_per_second
    again = min(REFINED, classes)
    for effort in EFFORTS:
        share = 1.0 if effort is EFFORTS[0] else COARSE_SHARE
        rest = again * effort.pairs if effort is EFFORTS[0] else 0
        if classes * effort.pairs + rest <= share * pairs:
            return EffortPlan(classes, None, classes, effort, _affordable(pairs - classes * effort.pairs, again))
    screened = min(classes, int(SCREEN_SHARE * pairs / SCREEN.pairs))
    if screened < 1:
        return None
    coarse = EFFORTS[-1]
    kept = min(screened, max(1, int(KEPT_SHARE * pairs / coarse.pairs)))
    left = pairs - screened * SCREEN.pairs - kept * coarse.pairs
    return EffortPlan(screened, SCREEN, kept, coarse, _affordable(left, min(REFINED, kept)))


def _affordable(pairs: float, classes: int) -> Effort:
    return next((effort for effort in EFFORTS if classes * effort.pairs <= pairs), EFFORTS[-1])


def pairs_per_second(examined: Examined) -> float:
    """Images forward and backward per second on this machine now, by a short trial of three passes."""
    size = min(len(examined.search), images_per_gradient(*examined.shape[1:], examined.device))
    batch = torch.from_numpy(examined.search.take(slice(size)).floats()).to(examined.device)
    images = batch.contiguous(memory_format=layout_for(examined.module)).requires_grad_()
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        logits = examined.module(images)
        torch.autograd.grad(functional.cross_entropy(logits, logits.detach().argmax(dim=1)), images)
        seconds.append(time.perf_counter() - began)
    return size / max(min(seconds), 1e-6)


def batches_of(classes: np.ndarray, shape: tuple[int, int, int]) -> list[np.ndarray]:
    """The classes in batches whose masks and patterns fit into memory together."""
    channels, height, width = shape
    size = max(1, CLASSES_AT_ONCE // ((channels + 1) * height * width))
    return [classes[start : start + size] for start in range(0, len(classes), size)]
