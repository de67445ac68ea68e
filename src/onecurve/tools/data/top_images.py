"""The clean images of other classes to which the network gives the highest probability of the target class.

The tool synthesises nothing, so it shows only what the clean set contains.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.special import log_softmax

from onecurve.core.access import Access
from onecurve.core.evidence import ClassScores, DataRows, Evidence, Picture, Piece, Pieces
from onecurve.core.image.images import Bools, Floats, LabelledImages
from onecurve.core.question import Brief
from onecurve.core.row import Role
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.tools.machinery.clean_split import affordable_part
from onecurve.tools.machinery.to_picture import picture_of


@final
@dataclass(frozen=True)
class TopImages:
    """Clean images of other classes with the highest log-probability of the target.

    Blind, every class is scored by the mean log-probability that images of other classes give it, and the pictures come from the
    most suspicious classes. A budget below the size of the clean set pays for a random part of it.
    """

    name: ClassVar[str] = "top-images"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "clean images of other classes that look most like the target to the network"
    source: ClassVar[str] = "baseline"
    role: ClassVar[Role] = Role.BASELINE
    needs: ClassVar[Access] = Access.QUERIES | Access.CLEAN_IMAGES | Access.CLEAN_LABELS
    shows: ClassVar[Pieces] = (ClassScores, Picture, DataRows)

    shown: int = 8
    """How many images are shown."""

    def __post_init__(self) -> None:
        require_within("shown", self.shown, 1)

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """Pictures and rows of the clean set, and class scores where no target is given; nothing without budget."""
        affordable = affordable_part(workbench)
        rows, part = affordable.rows, affordable.images
        if len(rows) == 0:
            return Evidence()
        excess = _log_probabilities_of_others(workbench.subject.granted_network().logits(part.floats()), part)
        scores: tuple[Piece, ...] = ()
        if brief.target is None:
            scores = (ClassScores(_mean_excess(excess), "mean log-probability from images of other classes"),)
            excess = np.where(_most_suspicious(scores[0]), excess, -np.inf)
        else:
            excess = np.where(np.arange(workbench.subject.classes) == brief.target, excess, -np.inf)
        return Evidence((*scores, *_exhibits(excess, rows, part, workbench.subject.class_names, self.shown)))


def _log_probabilities_of_others(logits: Floats, images: LabelledImages) -> Floats:
    """N x K log-probabilities, minus infinity for an image's own class."""
    excess: Floats = log_softmax(logits, axis=1)
    excess[np.arange(len(images)), images.labels] = -np.inf
    return excess


def _mean_excess(excess: Floats) -> Floats:
    known = np.isfinite(excess)
    lowest = float(excess[known].min()) if known.any() else 0.0
    totals = np.where(known, excess, 0).sum(axis=0)
    means: Floats = np.where(known.any(axis=0), totals / np.maximum(known.sum(axis=0), 1), lowest).astype(np.float32)
    return means


def _most_suspicious(scores: Piece) -> Bools:
    assert isinstance(scores, ClassScores)
    highest: Bools = scores.values >= np.sort(scores.values)[-2:].min()
    return highest


def _exhibits(excess: Floats, rows: np.ndarray, images: LabelledImages, names: tuple[str, ...], shown: int) -> tuple[Piece, ...]:
    """The best image-and-class pairs as pictures, then as rows of the clean set."""
    order = np.argsort(-excess, axis=None, kind="stable")
    order = order[np.isfinite(excess.ravel()[order])][:shown]
    if len(order) == 0:
        return ()
    at, classes = np.unravel_index(order, excess.shape)
    values = excess[at, classes]
    pictures: list[Picture] = [
        picture_of(image, f"a `{names[label]}` with log-probability {value:.2f} of `{names[said]}`")
        for image, label, said, value in zip(images.take(at).floats(), images.labels[at], classes, values, strict=True)
    ]
    return (*pictures, DataRows(rows[at], values.astype(np.float32), "log-probability of the target"))
