"""Parts of the granted clean set: as much as the budget pays for, or a split for search and trial.

After a search tools report success on the second part only, because a trigger was fitted to the images of the first.
"""

from dataclasses import dataclass
from typing import final

import numpy as np

from onecurve.core.errors import DataError
from onecurve.core.image.images import Ints, LabelledImages
from onecurve.core.workbench import Workbench


@final
@dataclass(frozen=True)
class CleanSplit:
    """Disjoint parts of one clean set; the same part twice only where the set holds a single image per class."""

    search: LabelledImages
    trial: LabelledImages


@final
@dataclass(frozen=True)
class Part:
    """Some images of the clean set, with their rows there (int64 N)."""

    rows: Ints
    images: LabelledImages


def affordable_part(workbench: Workbench) -> Part:
    """A random part, as large as the budget pays for at one pass each, in random order; it may be empty.

    Raises ``ModelError`` where no clean set is granted.
    """
    clean = workbench.subject.granted_clean()
    rows = workbench.rng.permutation(len(clean))[: workbench.affordable(1, len(clean))]
    return Part(rows.astype(np.int64), clean.take(rows))


def split_clean(clean: LabelledImages, rng: np.random.Generator, trial_share: float = 1 / 3) -> CleanSplit:
    """Shuffle and cut by class, so that both parts hold every class that has two images or more.

    Raises ``DataError`` for an empty set.
    """
    if len(clean) == 0:
        raise DataError("the clean set is empty: there is nothing to try a trigger on")
    order = rng.permutation(len(clean))
    within = _rank_within_class(clean.labels[order])
    counts = np.bincount(clean.labels)[clean.labels[order]]
    for_trial = within < np.maximum(np.rint(counts * trial_share), 1) * (counts > 1)
    search, trial = order[~for_trial], order[for_trial]
    return CleanSplit(clean.take(search), clean.take(trial if len(trial) else search))


def _rank_within_class(labels: np.ndarray) -> np.ndarray:
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], labels[order], side="left")
    ranks = np.empty(len(labels), np.int64)
    ranks[order] = np.arange(len(labels)) - starts
    return ranks
