"""Where the last layer of each spiked copy ranks the class of its trigger, and what that says of another copy or of the original."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from onecurve.auditing.examined import Examined
from onecurve.auditing.power.copies import Copy, opened
from onecurve.auditing.power.spikes import SpikeKind
from onecurve.auditing.row_order import RowsTried, first_of
from onecurve.tools.weights.last_layer import isolation, rows_of

TRIGGERS: Final = (SpikeKind.PATCH, SpikeKind.WHOLE_IMAGE)
TOOK: Final = 0.5
"""A trigger counts that sends at least this share of images to its class; one that did not take need not show in the weights."""
Ranks = Mapping[str, tuple[int, ...]]
"""Per copy the ranks of the classes of its triggers by isolation, from 1; 0 for a network without a last layer of one row per class."""


def row_ranks(examined: Examined, copies: Iterable[Copy], folder: Path) -> Ranks:
    """The ranks in every spiked copy that is kept in the folder."""
    return {copy.name: _ranks(examined, copy, folder) for copy in copies if not copy.draft.sham}


def rows_tried(ranks: Ranks, classes: int, *, name: str) -> RowsTried:
    """What all copies but the one of this name say; of a sham copy and of the original: what all say.

    A copy's own truth must not decide how that copy is looked at. It never flatters the power this way: to leave out a copy whose rows
    lead to its class makes trust less likely, for that copy alone.
    """
    told = [rank for copy, some in ranks.items() if copy != name for rank in some]
    return RowsTried(classes, len(told), sum(1 <= rank <= first_of(classes) for rank in told))


def _ranks(examined: Examined, copy: Copy, folder: Path) -> tuple[int, ...]:
    pairs = zip(copy.draft.spikes, copy.strengths, strict=True)
    targets = [spike.target for spike, strength in pairs if spike.kind in TRIGGERS and strength >= TOOK]
    rows = rows_of(opened(examined, folder / copy.name).module, examined.classes) if targets else None
    if rows is None:
        return (0,) * len(targets)
    order = list(np.argsort(-isolation(rows), kind="stable"))
    return tuple(order.index(target) + 1 for target in targets)
