"""Reads units into a repair: silence them, one after the other, as long as clean images are classified as before."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from torch import nn

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Answer, Rebuilt
from onecurve.core.errors import AnswerError, ModelError, UnknownNameError
from onecurve.core.evidence import Evidence, Pieces, Units
from onecurve.core.question import Form, Forms, Question, Rebuild
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.models.channels import Channels, silence_while
from onecurve.models.finetuning import held_back, held_back_accuracy
from onecurve.models.metering import unmetered
from onecurve.models.network import TorchNetwork, torch_module

HELD_BACK = 0.5
"""Share of the clean set on which accuracy is measured; nothing is trained on the rest."""
SHOWN = 10
"""Units that the note names at most."""


@final
@dataclass(frozen=True)
class Ablation:
    """Units to a copy of the network in which they are silent (their weights, biases, scales and shifts are zero).

    Units of all layers that the evidence names are silenced in order of their weights, heaviest first, until held-back clean accuracy
    falls by more than ``tolerance``; the last network within it is handed back. A small budget silences several units between two
    measurements. In a residual network the shortcut beside a silenced branch goes on.
    """

    name: ClassVar[str] = "ablation"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "silences the units that the evidence points at"
    source: ClassVar[str] = "baseline; pruning after Fine-Pruning, arXiv 1805.12185"
    needs: ClassVar[Access] = Access.WEIGHTS | Access.CLEAN_IMAGES | Access.CLEAN_LABELS
    reads: ClassVar[Pieces] = (Units,)
    answers: ClassVar[Forms] = (Form.REPAIR,)

    tolerance: float = 0.03
    """How much held-back clean accuracy the repair may cost, as a share of the images."""

    def __post_init__(self) -> None:
        require_within("tolerance", self.tolerance, 0, 1)

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        """The copy with silent units; Abstain where no unit is known, none can go, or the budget pays for no trial."""
        if not isinstance(question, Rebuild):
            raise AnswerError("ablation hands back a network; this question is of another form")
        copy = deepcopy(torch_module(workbench.subject)).to(workbench.device)
        found = [_found(copy, piece) for piece in evidence.units()]
        units = sorted((unit for piece in found for unit in piece), key=lambda unit: -unit.weight)
        if not units:
            return Abstain("the evidence names no unit of the network that can be silenced")
        judging = held_back(workbench.subject.granted_clean(), HELD_BACK, workbench.seed).judging
        trials = int(workbench.remaining / len(judging)) - 1
        if trials < 1:
            return Abstain("the budget does not pay for measuring the clean accuracy twice")
        before = held_back_accuracy(copy, judging, workbench.device)
        step = -(-len(units) // trials)
        kept = silence_while(
            sorted({*range(step, len(units), step), len(units)}),
            lambda count: _silence(units[:count]),
            list({id(parameter): parameter for unit in units for parameter in unit.channels.parameters}.values()),
            lambda: held_back_accuracy(copy, judging, workbench.device) >= before - self.tolerance,
        )
        if kept == 0:
            return Abstain(f"without the first units held-back clean accuracy falls by more than {self.tolerance:g}")
        note = f"{kept} of {len(units)} units silenced: {', '.join(unit.words for unit in units[:kept][:SHOWN])}"
        return Rebuilt(TorchNetwork(unmetered(copy), workbench.device), note)


@final
@dataclass(frozen=True, eq=False)
class _Unit:
    """One unit that can be silenced."""

    channels: Channels
    layer: str
    index: int
    weight: float

    @property
    def words(self) -> str:
        return f"{self.layer} {self.index}"


def _found(module: nn.Module, piece: Units) -> list[_Unit]:
    """The units of a piece that the network has; none where there is no such layer."""
    try:
        channels = Channels.of(module, piece.layer)
    except (UnknownNameError, ModelError):
        return []
    pairs = zip(piece.indices.tolist(), piece.weights.tolist(), strict=True)
    return [_Unit(channels, piece.layer, index, weight) for index, weight in pairs if 0 <= index < channels.count and weight > 0]


def _silence(units: Sequence[_Unit]) -> None:
    for unit in units:
        unit.channels.silence(np.array([unit.index], np.int64))
