"""How the time of a trigger search is spent: all classes coarsely first, then the few smallest again."""

import time
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from torch.nn import functional

from onecurve.auditing.examined import Examined
from onecurve.core.image.images import Floats
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
FEWEST_COMPARED: Final = 8
"""Of fewer classes hardly any size stands apart: by the t distribution the smallest of 4 must lie 14 deviations below the others."""
MOST_SEARCH_SHARE: Final = 0.65
"""Where the time is so short that a coarse search of ``FEWEST_COMPARED`` classes takes more than this share, fewer are searched."""
SCREEN_SHARE: Final = 0.3
"""At least this share of the time may go to the screening; more where the search of ``FEWEST_COMPARED`` classes leaves more."""
SPARE: Final = 0.9
"""Share of what that search leaves that the screening may take; a pace is measured with error."""
SEARCH_SHARE: Final = 0.6
"""Share of what the screening leaves that goes to the coarse search of as many classes as it pays for; the rest to the later rounds."""
REFINED: Final = 4
"""Classes with the smallest triggers that are searched again with another seed."""
COARSE_SHARE: Final = 0.6
"""At most this share of the time goes to the first search where that cannot be the most thorough one."""
CLASSES_AT_ONCE: Final = 2**22
"""Numbers (masks and patterns) that a search holds at once; more classes are searched one batch after the other. Every pass computes all
masks of its batch anew, so that large batches of large images would cost more than the network does."""


@final
@dataclass(frozen=True)
class EffortPlan:
    """What the time pays for."""

    classes: int
    """How many classes are looked at; fewer than all where the time does not pay for more."""
    kept: int
    """How many of them a screening leaves; all where none is needed."""
    first: Effort
    """The search by which sizes are compared."""
    again: Effort
    """For the smallest classes, with another seed."""


def whole_effort(classes: int, seconds: float, pairs_per_second: float) -> EffortPlan | None:
    """The most thorough search of all classes that fits; None where none does."""
    pairs = seconds * pairs_per_second
    again = min(REFINED, classes)
    for effort in EFFORTS:
        share = 1.0 if effort is EFFORTS[0] else COARSE_SHARE
        rest = again * effort.pairs if effort is EFFORTS[0] else 0
        if classes * effort.pairs + rest <= share * pairs:
            return EffortPlan(classes, classes, effort, _affordable(pairs - classes * effort.pairs, again))
    return None


def screened_effort(classes: int, seconds: float, pairs_per_second: float, classes_per_second: float) -> EffortPlan | None:
    """A screening of as many classes as fit, and a coarse search of the easiest.

    ``pairs_per_second`` is the pace of the search in pairs of a class and an image, ``classes_per_second`` that of the screening. None
    where the time does not pay for the search of one class.
    """
    coarse = EFFORTS[-1]
    each = coarse.pairs / pairs_per_second
    fewest = min(FEWEST_COMPARED, int(MOST_SEARCH_SHARE * seconds / each))
    left = seconds - (fewest + min(REFINED, fewest)) * each
    screened = min(classes, int(max(SCREEN_SHARE * seconds, SPARE * left) * classes_per_second))
    left = seconds - screened / classes_per_second
    kept = min(screened, max(fewest, int(SEARCH_SHARE * left / each)))
    if kept < 1:
        return None
    return EffortPlan(screened, kept, coarse, _affordable((left - kept * each) * pairs_per_second, min(REFINED, kept)))


def thorough_pairs(classes: int, screen_pairs: float) -> float:
    """Pairs of the most thorough search of all classes with its later rounds, or of a screening (``screen_pairs`` per class) and such a
    search of the easiest."""
    thorough = EFFORTS[0].pairs
    few, again = min(classes, FEWEST_COMPARED), 2 * min(REFINED, classes) * thorough
    return float(min(classes * thorough, classes * screen_pairs + few * thorough) + again)


def _affordable(pairs: float, classes: int) -> Effort:
    return next((effort for effort in EFFORTS if classes * effort.pairs <= pairs), EFFORTS[-1])


def pairs_per_second(examined: Examined) -> float:
    """Images forward and backward per second on this machine now."""
    size = min(len(examined.search), images_per_gradient(*examined.shape[1:], examined.device))
    return size / seconds_of(examined, examined.search.take(slice(size)).floats())


def seconds_of(examined: Examined, images: Floats) -> float:
    """Seconds that those images take forward and backward in one batch; the quickest of three trials."""
    batch = torch.from_numpy(images).to(examined.device).contiguous(memory_format=layout_for(examined.module)).requires_grad_()
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        logits = examined.module(batch)
        torch.autograd.grad(functional.cross_entropy(logits, logits.detach().argmax(dim=1)), batch)
        seconds.append(time.perf_counter() - began)
    return max(min(seconds), 1e-6)


def batches_of(classes: np.ndarray, shape: tuple[int, int, int]) -> list[np.ndarray]:
    """The classes in batches whose masks and patterns fit into memory together."""
    channels, height, width = shape
    size = max(1, CLASSES_AT_ONCE // ((channels + 1) * height * width))
    return [classes[start : start + size] for start in range(0, len(classes), size)]
