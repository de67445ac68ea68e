"""Slices of the clean set on which the network errs: groups that look alike to it and are called the same wrong class."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.special import softmax

from onecurve.core.access import Access
from onecurve.core.evidence import DataRows, Evidence, Picture, Piece, Pieces, SliceHypothesis, Text
from onecurve.core.image.images import Bools, Floats, Ints, LabelledImages
from onecurve.core.question import Brief
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.models.network import torch_module
from onecurve.tools.data.machinery.colour_rule import colour_rule
from onecurve.tools.data.machinery.error_mixture import memberships, principal
from onecurve.tools.data.machinery.last_features import last_features
from onecurve.tools.machinery.clean_split import Part, affordable_part
from onecurve.tools.machinery.to_picture import picture_of

IMAGES_EACH = 40
FEWEST = 3
"""Images that a slice must hold."""


@final
@dataclass(frozen=True)
class Domino:
    """The mixture of Domino (Eyuboglu et al., arXiv 2203.14960) over the network's own last features, in the place of CLIP's.

    The slice with the most errors times their share is shown; with a target, errors are images of other classes that are said to be of
    it. The errors that are most typical of the slice come first. Where the mean colour tells them from other images of the same classes,
    a slice hypothesis says so.
    """

    name: ClassVar[str] = "domino"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "the slice of clean images on which the network errs most, by its own features"
    source: ClassVar[str] = "Domino, arXiv 2203.14960"
    needs: ClassVar[Access] = Access.WEIGHTS | Access.CLEAN_IMAGES | Access.CLEAN_LABELS
    shows: ClassVar[Pieces] = (Picture, DataRows, SliceHypothesis, Text)

    components: int = 25
    """The authors' number of slices; fewer where there would be less than ``IMAGES_EACH`` images for each."""
    weight: float = 1.0
    """Weight of labels and predictions against features; that of the authors' code. With their paper's 10, slices of one label hold a
    handful of a small clean set."""
    shown: int = 8
    """How many images are shown."""

    def __post_init__(self) -> None:
        require_within("components", self.components, 2, 1000)
        require_within("weight", self.weight, 0, 1e3)
        require_within("shown", self.shown, 1)

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """Pictures, their rows, a sentence and perhaps a slice hypothesis; nothing where no slice has errors, or no budget."""
        part = affordable_part(workbench)
        if len(part.rows) < FEWEST:
            return Evidence()
        features, logits = last_features(torch_module(workbench.subject), part.images.floats(), workbench.device)
        shares, labels = softmax(logits.astype(np.float64), axis=1), part.images.labels
        belongs = memberships(
            principal(features), labels, shares, max(2, min(self.components, len(labels) // IMAGES_EACH)), self.weight, workbench.rng
        )
        said = shares.argmax(axis=1)
        wrong = _wrong(said, labels, brief.target)
        best = worst_slice(belongs, wrong)
        if best is None:
            return Evidence()
        order = np.argsort(-belongs[:, best], kind="stable")
        at = order[(belongs[order, best] >= 0.5) & wrong[order]][: self.shown]
        return Evidence(tuple(_exhibits(part, at, belongs[:, best], said, workbench)))


def worst_slice(belongs: Floats, wrong: Bools) -> int | None:
    """The component (of N x R) with the most errors (bool N) times their share; None where none holds ``FEWEST`` images with an error."""
    held = belongs >= 0.5
    sizes, errors = held.sum(axis=0), (held & wrong[:, None]).sum(axis=0)
    score = np.where(sizes >= FEWEST, errors**2 / np.maximum(sizes, 1), 0)
    return int(score.argmax()) if score.max() > 0 else None


def _wrong(said: Ints, labels: Ints, target: int | None) -> Bools:
    wrong: Bools = (said != labels) & (target is None or said == target)
    return wrong


def _exhibits(part: Part, at: Ints, belongs: Floats, said: Ints, workbench: Workbench) -> list[Piece]:
    names, labels, images = workbench.subject.class_names, part.images.labels, part.images.floats()
    pictures: list[Piece] = [picture_of(images[row], f"a `{names[labels[row]]}` called `{names[said[row]]}`") for row in at]
    told = DataRows(part.rows[at], belongs[at].astype(np.float32), "share in the slice")
    goal, held = int(np.bincount(said[at]).argmax()), belongs >= 0.5
    errors = int((said[held] != labels[held]).sum())
    words = Text(f"a slice of {int(held.sum())} clean images with {errors} errors; those shown are most often called `{names[goal]}`")
    return [*pictures, told, *_rules(part.images, held & (said == goal) & (labels != goal), goal, said, workbench.rng), words]


def _rules(images: LabelledImages, errors: Bools, goal: int, said: Ints, rng: np.random.Generator) -> list[Piece]:
    """A slice hypothesis where the mean colour of the errors differs from that of the other images of their classes."""
    alike = np.flatnonzero(np.isin(images.labels, images.labels[errors]))
    pixels = images.take(alike).floats()
    rule = colour_rule(pixels, errors[alike], rng)
    if rule is None:
        return []
    return [SliceHypothesis(rule, goal, float((said[alike][rule.holds(pixels)] == goal).mean()), "a mean colour")]
