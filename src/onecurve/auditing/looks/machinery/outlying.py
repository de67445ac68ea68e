"""Which classes take far smaller triggers than all others: plain arithmetic on sizes, no network."""

from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.stats import t

from onecurve.core.image.images import Ints
from onecurve.readers.class_scores.outlier import MAD_TO_DEVIATION

LEAST_SCALE = 0.2
"""The standard deviation of log sizes between clean classes is never taken to be below this: ten classes can lie close by chance."""
LEAST_RATIO = 2.0
"""A class is apart only where the next one takes a trigger at least so many times as large."""
MOST_CHANCE = 0.01
"""And only where so small a size is at most so likely among clean classes: a trojan is the gravest claim that there is."""
FEWEST_CLASSES = 4
"""With fewer classes there is nothing to be an outlier among."""
MOST_APART = 4
"""At most one class in so many can be apart; if more take small triggers, small triggers are what this network has."""


@final
@dataclass(frozen=True)
class Outlying:
    """The classes that stand apart from the others by the size of their triggers."""

    rows: Ints
    """int64; positions among the sizes, smallest first; empty where none is apart."""
    ratio: float
    """Size of the smallest trigger of the next class over the largest among those apart; over the smallest where none is apart."""
    p: float
    """The chance that the smallest of as many clean classes lies so far below the middle of the others."""
    index: float
    """How far the smallest lies below the middle of the others, in standard deviations of log size."""
    classes: int
    """How many were compared."""


def outlying(sizes: np.ndarray) -> Outlying:
    """Judge K sizes (positive; infinite where no trigger was found, which counts as larger than any).

    The smallest classes before the widest gap in log size are apart if the gap is at least ``LEAST_RATIO`` and the p-value at most
    ``MOST_CHANCE``. The p-value is that of
    Student's t with K - 2 degrees of freedom for the smallest against median and scaled MAD (at least ``LEAST_SCALE``) of the classes
    that are not apart, times K at most 1. Fewer than ``FEWEST_CLASSES`` classes give p = 1.
    """
    count = len(sizes)
    order = np.argsort(sizes, kind="stable")
    logs = np.log(np.where(np.isfinite(sizes), sizes, np.inf))[order]
    finite = np.isfinite(logs)
    if count < FEWEST_CLASSES or not finite[0]:
        return Outlying(np.zeros(0, np.int64), 1.0, 1.0, 0.0, count)
    largest = logs[finite].max() + np.log(LEAST_RATIO)  # a class without a trigger takes at least twice the largest found
    logs = np.where(finite, logs, largest)
    gaps = np.diff(logs)[: max(1, count // MOST_APART)]
    apart = int(gaps.argmax()) + 1
    others = logs[apart:]
    scale = max(LEAST_SCALE, MAD_TO_DEVIATION * float(np.median(np.abs(others - np.median(others)))))
    index = float((np.median(others) - logs[0]) / scale)
    p = min(1.0, count * float(t.sf(index, count - 2)))
    wide = gaps[apart - 1] >= np.log(LEAST_RATIO) and p <= MOST_CHANCE
    ratio = float(np.exp(gaps[apart - 1] if wide else gaps[0]))
    return Outlying(order[:apart].astype(np.int64) if wide else np.zeros(0, np.int64), ratio, p, index, count)
