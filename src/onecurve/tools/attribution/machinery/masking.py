"""Target logits of suspects that are partly covered, shared by all perturbation methods.

The parts are cells of a regular grid. Queries go through the network in large batches over suspects and perturbations.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from onecurve.core.image.images import Bools, Floats, Ints
from onecurve.core.question import Brief
from onecurve.core.workbench import Workbench
from onecurve.tools.attribution.machinery.map_checks import Sign
from onecurve.tools.machinery.sizes import chunks, images_per_forward

Perturb = Callable[[Ints, Ints], Floats]
"""Rows of suspects and numbers of perturbations (both int64 B) to images float32 B x C x H x W."""


@final
@dataclass(frozen=True)
class Grid:
    """The super-pixels: ``rows`` x ``columns`` rectangles that cover the image, as equal as whole pixels allow."""

    height: int
    width: int
    rows: int
    columns: int

    @classmethod
    def fitting(cls, shape: tuple[int, ...], at_most: int) -> "Grid":
        """The finest grid of at most ``at_most`` cells, about square ones, for images of that height and width.

        >>> Grid.fitting((32, 32), 70)
        Grid(height=32, width=32, rows=8, columns=8)
        """
        height, width = shape
        rows = int(min(height, max(1, (at_most * height / width) ** 0.5)))
        columns = int(min(width, max(1, at_most // rows)))
        return cls(height, width, rows, columns)

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return self.rows * self.columns

    @property
    def labels(self) -> Ints:
        """int64 H x W: the cell of each pixel, row by row from 0."""
        down = np.arange(self.height) * self.rows // self.height
        across = np.arange(self.width) * self.columns // self.width
        labels: Ints = down[:, None] * self.columns + across
        return labels

    def pixels(self, values: Floats) -> Floats:
        """N x H x W: each pixel has the value of its cell, for values N x cells."""
        spread: Floats = values[:, self.labels]
        return spread


def affordable_suspects(brief: Brief, workbench: Workbench, fewest: int) -> Floats | None:
    """The suspects that the budget pays for as they are and with ``fewest`` perturbations each; None where it pays for none."""
    count = 0 if brief.suspects is None else workbench.affordable(1 + fewest, len(brief.suspects))
    return None if brief.suspects is None or count == 0 else brief.suspects[:count]


@final
class Asked:
    """Suspects, the logits of theirs that are explained, and a way to ask for them under perturbations.

    Asking for the suspects as they are costs one forward pass each, at once; each perturbation of each suspect costs one.
    """

    def __init__(self, workbench: Workbench, suspects: Floats, target: int | None) -> None:
        self._network = workbench.subject.granted_network()
        self._chunk = images_per_forward(suspects.shape[2], suspects.shape[3], workbench.device)
        self.suspects = suspects
        logits = np.concatenate([self._network.logits(suspects[part]) for part in chunks(len(suspects), self._chunk)])
        self.targets: Ints = logits.argmax(axis=1) if target is None else np.full(len(suspects), target)
        self.whole: Floats = logits[np.arange(len(suspects)), self.targets]
        """float32 N: the target logits of the suspects as they are."""

    def under(self, perturb: Perturb, count: int) -> Floats:
        """float32 N x count: the target logits of each suspect under each of ``count`` perturbations."""
        rows, numbers = (index.ravel() for index in np.indices((len(self.suspects), count)))
        values = np.empty(len(rows), np.float32)
        for part in chunks(len(rows), self._chunk):
            logits = self._network.logits(perturb(rows[part], numbers[part]))
            values[part] = logits[np.arange(len(logits)), self.targets[rows[part]]]
        return values.reshape(len(self.suspects), count)

    def of(self, image: Floats) -> Floats:
        """float32 N: the target logit of each suspect, for one image C x H x W in place of all; one forward pass."""
        logits: Floats = self._network.logits(image[None])[0, self.targets]
        return logits

    def showing(self, coalitions: Bools, grid: Grid, behind: Floats) -> Floats:
        """float32 N x S: target logits where only the cells of each coalition (bool S x cells) show; ``behind`` (C x H x W) elsewhere."""
        labels = grid.labels

        def covered(rows: Ints, numbers: Ints) -> Floats:
            return np.where(coalitions[numbers][:, None, labels], self.suspects[rows], behind)

        return self.under(covered, len(coalitions))


def cell_maps(values: Floats, grid: Grid, sign: Sign) -> Floats:
    """float32 N x H x W, non-negative: the size of each cell's value (N x cells), or its positive part."""
    unsigned: Floats = grid.pixels(np.abs(values) if sign == "absolute" else np.maximum(values, 0)).astype(np.float32)
    return unsigned
