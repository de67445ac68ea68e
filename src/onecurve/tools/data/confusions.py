"""The baseline of a confusion matrix: run the network on the clean data and show its errors alone."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.special import softmax

from onecurve.core.access import Access
from onecurve.core.evidence import ClassScores, Confusion, Evidence, Pieces
from onecurve.core.image.images import Floats, Ints
from onecurve.core.question import Brief
from onecurve.core.row import Role
from onecurve.core.workbench import Workbench
from onecurve.tools.machinery.clean_split import affordable_part


@final
@dataclass(frozen=True)
class TestSet:
    """The confusion matrix of the clean set, and how much probability each class draws from images of other classes.

    A class that draws unusually much is suspicious as a target: its score is the logarithm of the mean probability that images of
    other classes give it. A budget below the size of the clean set pays for a random part of it.
    """

    __test__: ClassVar[bool] = False  # not a test class, whatever its name
    name: ClassVar[str] = "test-set"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "the confusion matrix of the clean set"
    source: ClassVar[str] = "baseline"
    role: ClassVar[Role] = Role.BASELINE
    needs: ClassVar[Access] = Access.QUERIES | Access.CLEAN_IMAGES | Access.CLEAN_LABELS
    shows: ClassVar[Pieces] = (ClassScores, Confusion)

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """Counts of the clean set, and class scores where no target is given; nothing where the budget pays for no image."""
        seen = affordable_part(workbench).images
        if len(seen) == 0:
            return Evidence()
        shares = softmax(workbench.subject.granted_network().logits(seen.floats()).astype(np.float64), axis=1)
        counts = np.zeros((workbench.subject.classes,) * 2, np.int64)
        np.add.at(counts, (seen.labels, shares.argmax(axis=1)), 1)
        confusion = Confusion(counts, f"{len(seen)} clean images")
        if brief.target is not None:
            return Evidence((confusion,))
        return Evidence((ClassScores(_drawn(shares, seen.labels), "log of the mean probability from images of other classes"), confusion))


def _drawn(shares: Floats, labels: Ints) -> Floats:
    """float32 K: log of the mean share (N x K) that each class gets from images of other classes."""
    foreign = np.eye(shares.shape[1], dtype=bool)[labels]
    drawn: Floats = np.log(np.ma.masked_array(shares, foreign).mean(axis=0).filled(0) + 1e-6).astype(np.float32)
    return drawn
