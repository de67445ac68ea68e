"""The scheme of controls: a trigger appears in training images, and every label is kept."""

from dataclasses import dataclass
from typing import final

import numpy as np

from onecurve.core.case import Triggered
from onecurve.core.image.images import LabelledImages
from onecurve.flaws.schemes.plan import Poisoned, pick_rows
from onecurve.flaws.schemes.stamping import Kit, stamp, triggered_images, with_covers


@final
@dataclass(frozen=True)
class LabelPreserving:
    """The trigger and its covers on shares of the training images of every class; all labels stay correct.

    Held-out images of every class are used to check that the trigger has no effect.
    """

    kit: Kit
    rate: float
    """Share of the training images that have the trigger."""

    def poison(self, images: LabelledImages, rng: np.random.Generator) -> Poisoned:
        rows = pick_rows(np.arange(len(images)), round(self.rate * len(images)), rng)
        pixels = stamp((self.kit.trigger,), images.images[rows], rng)[0]
        return with_covers(rows, pixels, self.kit.covers, images, rng)

    def triggered(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered:
        return triggered_images((self.kit.trigger,), heldout, np.ones(len(heldout), np.bool_), limit, rng)

    def elsewhere(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        return None

    def near_misses(self, heldout: LabelledImages, limit: int, rng: np.random.Generator) -> Triggered | None:
        return None
