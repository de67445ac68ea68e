"""The image that stands for "nothing there" in occlusion, integrated gradients and other methods that compare.

The choice decides what can be seen at all: pixels that equal the baseline get no attribution, whatever the network does with them.
"""

from typing import Literal

import numpy as np

from onecurve.core.case import Subject
from onecurve.core.image.images import Floats
from onecurve.core.workbench import Workbench

BASELINES = ("mean", "grey", "black")
BaselineKind = Literal["mean", "grey", "black"]


def baseline_image(kind: BaselineKind, subject: Subject, suspects: Floats) -> Floats:
    """float32 C x H x W of one colour: `mean` of the clean set (of the suspects where none is granted), `grey` .5 or `black` 0."""
    shape = suspects.shape[1:]
    if kind == "black":
        return np.zeros(shape, np.float32)
    if kind == "grey":
        return np.full(shape, 0.5, np.float32)
    colour = suspects.mean(axis=(0, 2, 3)) if subject.clean is None else subject.clean.images.mean(axis=(0, 2, 3)) / 255
    return np.broadcast_to(colour.astype(np.float32)[:, None, None], shape).copy()


def clean_baselines(count: int, workbench: Workbench, suspects: Floats) -> Floats:
    """float32 B x C x H x W, B <= ``count``: clean images drawn from the workbench's generator, none twice.

    Where no clean set is granted, the one-colour images: mean of the suspects, grey, black.
    """
    clean = workbench.subject.clean
    if clean is None:
        return np.stack([baseline_image(kind, workbench.subject, suspects) for kind in ("mean", "grey", "black")])[:count]
    rows = workbench.rng.permutation(len(clean))[:count]
    return clean.take(rows).floats()
