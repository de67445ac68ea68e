"""The held-out inputs on which a rebuilt network is graded: some clean, some triggered, the same for every answer."""

from dataclasses import dataclass
from typing import final

import numpy as np

from onecurve.core.case import Case
from onecurve.core.image.images import Floats, Ints
from onecurve.core.question import Brief
from onecurve.core.seeds import generator
from onecurve.tasks.machinery.rows import some_rows
from onecurve.tasks.machinery.suspects import unseen

CLEAN = 400
TRIGGERED = 300


@final
@dataclass(frozen=True)
class Inputs:
    """Images float32 N x C x H x W in [0, 1] and true labels int64 N."""

    images: Floats
    labels: Ints

    def __len__(self) -> int:
        return len(self.images)


@final
@dataclass(frozen=True)
class GradedInputs:
    """What a rebuilt network is run on; ``triggered`` and ``bystanders`` are empty where the truth has none."""

    clean: Inputs
    triggered: Inputs
    bystanders: Inputs


def graded_inputs(case: Case, brief: Brief | None = None, *, clean: int = CLEAN, triggered: int = TRIGGERED) -> GradedInputs:
    """At most so many of each, drawn by the case's id.

    Triggered inputs that the brief shows or of classes that the flaw does nothing to are left out, near misses whose label is a
    target are too.
    """
    truth = case.truth
    rows = some_rows(len(truth.heldout), clean, generator("graded clean", case.id))
    heldout = truth.heldout.take(rows)
    groups = []
    for name, group in (("triggered", truth.triggered), ("bystanders", truth.bystanders)):
        if group is None:
            groups.append(Inputs(np.zeros((0, *case.subject.input_shape), np.float32), np.zeros(0, np.int64)))
            continue
        if name == "triggered":
            allowed = np.flatnonzero(truth.effect.concerns(group.labels) & unseen(truth, brief or Brief()))
        else:
            allowed = np.flatnonzero(~np.isin(group.labels, truth.effect.targets))
        chosen = allowed[some_rows(len(allowed), triggered, generator("graded", name, case.id))]
        groups.append(Inputs(group.images[chosen], group.labels[chosen]))
    return GradedInputs(Inputs(heldout.floats(), heldout.labels), *groups)
