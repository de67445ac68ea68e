"""How unlike the other classes each class's weights in the last layer are: a look that needs neither data nor a pass."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from torch import nn

from onecurve.core.access import Access
from onecurve.core.evidence import ClassScores, Evidence, Pieces
from onecurve.core.image.images import Floats
from onecurve.core.question import Brief
from onecurve.core.row import Role
from onecurve.core.workbench import Workbench
from onecurve.models.network import torch_module


@final
@dataclass(frozen=True)
class LastLayer:
    """One less the mean cosine between a class's row of the last linear layer and the rows of the others.

    A trojan that was trained in for long pulls the row of its target away from the rest. It orders classes and declares nothing: a row
    stands out in clean networks too, and a short fine-tuning need not move it.
    """

    name: ClassVar[str] = "last-layer"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "how unlike the other classes each row of the last layer is"
    source: ClassVar[str] = "baseline"
    role: ClassVar[Role] = Role.BASELINE
    budgeted: ClassVar[bool] = False
    needs: ClassVar[Access] = Access.WEIGHTS
    shows: ClassVar[Pieces] = (ClassScores,)

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """Class scores where no target is given; nothing where no layer has one output per class."""
        rows = rows_of(torch_module(workbench.subject), workbench.subject.classes)
        if brief.target is not None or rows is None:
            return Evidence()
        return Evidence((ClassScores(isolation(rows), "one less the mean cosine with the rows of other classes"),))


def rows_of(module: nn.Module, classes: int) -> Floats | None:
    """Weights float32 K x D of the linear layer or convolution that was registered last and has one output per class."""
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Linear | nn.Conv2d) and len(layer.weight) == classes > 1]
    rows: Floats | None = layers[-1].weight.detach().float().flatten(1).cpu().numpy() if layers else None
    return rows


def isolation(rows: Floats) -> Floats:
    """float32 K in [0, 2] of K x D weights: 1 less the mean cosine with the other rows; a row of zeros has cosine 0 with all."""
    units = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    others = units.sum(axis=0) - units
    isolated: Floats = (1 - (units * others).sum(axis=1) / (len(rows) - 1)).astype(np.float32)
    return isolated
