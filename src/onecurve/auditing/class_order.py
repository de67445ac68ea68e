"""Notices that classes were taken for the wrong outputs: the network's answers fit the labels in another order."""

from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from onecurve.auditing.examined import Seen
from onecurve.core.errors import UsageError

FITS: Final = 0.5
"""Another order is told where at least this share of the images is recognised in it, and twice the share of the given order."""


def require_order(seen: Seen, classes: int) -> None:
    """Raises ``UsageError`` if the labels fit the answers far better after classes are exchanged one to one."""
    counts = np.zeros((classes, classes))
    np.add.at(counts, (seen.images.labels, seen.said), 1)
    rows, columns = linear_sum_assignment(-counts)
    exchanged, own = float(counts[rows, columns].sum() / counts.sum()), float(counts.trace() / counts.sum())
    if exchanged >= FITS and exchanged >= 2 * own:
        raise UsageError(
            f"{own:.0%} of the images are recognised, and {exchanged:.0%} if the classes are outputs in another order than the alphabet's",
            "give a file with one name per line in the order of the outputs: --classes FILE",
        )
