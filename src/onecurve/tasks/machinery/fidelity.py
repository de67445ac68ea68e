"""How far one network says what another says, on clean and on triggered inputs, both counting the same.

Pooling the inputs in place of averaging the two groups would let the larger group decide.
"""

from dataclasses import dataclass
from statistics import fmean
from typing import final

import numpy as np

from onecurve.core.image.images import Floats, Ints
from onecurve.core.network import ConstantNetwork, Network
from onecurve.tasks.machinery.graded_inputs import GradedInputs
from onecurve.tasks.machinery.outputs import logits_of, share, top_classes


@final
@dataclass(frozen=True)
class Said:
    """Classes said on the clean and on the triggered inputs; the latter may be empty."""

    clean: Ints
    triggered: Ints

    def groups(self) -> tuple[Ints, ...]:
        """The groups that hold any input, clean first."""
        return tuple(group for group in (self.clean, self.triggered) if len(group))


@final
@dataclass(frozen=True)
class Outputs:
    """Logits float32 N x K of one network on the clean and on the triggered inputs; the latter may be empty."""

    clean: Floats
    triggered: Floats

    def said(self) -> Said:
        """The classes with the largest logits."""
        return Said(top_classes(self.clean), top_classes(self.triggered))


def outputs_on(network: Network, inputs: GradedInputs, classes: int) -> Outputs:
    """One run of a network; raises ``AnswerError`` for logits that do not fit."""
    return Outputs(logits_of(network, inputs.clean.images, classes), logits_of(network, inputs.triggered.images, classes))


def agreements(reference: Said, answer: Said) -> tuple[float, ...]:
    """Share of equal classes in each group that holds any input, each in [0, 1]; clean first."""
    return tuple(share(one == other) for one, other in zip(reference.groups(), answer.groups(), strict=True))


def best_constant(reference: Said, classes: int) -> int:
    """The class whose constant network agrees most with the reference, groups counting the same; of equals the first."""
    return max(range(classes), key=lambda at: fmean(share(group == at) for group in reference.groups()))


def constant(at: int, classes: int) -> ConstantNetwork:
    """The network that says one class whatever it sees."""
    return ConstantNetwork(np.eye(classes, dtype=np.float32)[at])
