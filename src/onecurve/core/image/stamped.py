"""Images after a trigger was applied: what every kind of trigger returns."""

from dataclasses import dataclass
from typing import final

import numpy as np

from onecurve.core.image.images import Floats


@final
@dataclass(frozen=True)
class Stamped:
    """Images after a trigger was applied."""

    images: Floats
    """float32 N x C x H x W in [0, 1]."""
    masks: Floats | None
    """float32 N x H x W in [0, 1], how much of each pixel the trigger covers; None for a global trigger."""


def noise_like(values: Floats, rng: np.random.Generator) -> Floats:
    """Random values of the same shape and Euclidean norm: as strong, and nothing of the content."""
    drawn = rng.normal(size=values.shape)
    scaled: Floats = (drawn * (np.linalg.norm(values) / max(float(np.linalg.norm(drawn)), 1e-12))).astype(np.float32)
    return scaled
