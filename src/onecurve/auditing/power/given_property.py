"""Measurable properties that are put on images: what a planted shortcut goes by."""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from scipy.ndimage import gaussian_filter

from onecurve.auditing.looks.machinery.edits import EDITS, within
from onecurve.auditing.looks.machinery.properties import ring_of
from onecurve.core.image.images import Floats, LabelledImages

MOVES: Final = (0.1, 0.4)
"""By how much a brightness or a colour is moved in units of the pixel range, drawn log-uniformly."""
GAINS: Final = (1.5, 3.0)
"""By what contrast or fine detail is multiplied or divided, drawn log-uniformly."""


@final
@dataclass(frozen=True)
class GivenProperty:
    """One property with one value: that of its donor."""

    name: str
    """One of ``EDITS``: what the look at shortcuts can edit, too."""
    donor: Floats
    """float32 C x H x W in [0, 1]."""

    def on(self, images: Floats) -> Floats:
        """The images (float32 N x C x H x W) with the property of the donor, and all else their own."""
        return within(EDITS[self.name](images, np.broadcast_to(self.donor, images.shape)))


def drawn_property(images: LabelledImages, rng: np.random.Generator) -> GivenProperty:
    """A property by lot, with the value of an image by lot after its property was moved by a drawn amount up or down."""
    name = str(rng.choice(list(EDITS)))
    image = images.take(rng.integers(len(images), size=1)).floats()[0]
    return GivenProperty(name, within(_moved(name, image, rng)))


def _moved(name: str, image: Floats, rng: np.random.Generator) -> Floats:
    sign = float(rng.choice([-1, 1]))
    move, gain = (float(np.exp(rng.uniform(*np.log(span)))) for span in (MOVES, GAINS))
    moved = image
    if name == "brightness":
        moved = image + sign * move
    elif name == "colours":
        direction = rng.normal(size=(len(image), 1, 1))
        moved = image + move * np.sqrt(len(image)) * direction / np.linalg.norm(direction)
    elif name == "border":
        moved = np.where(ring_of(*image.shape[1:]), rng.random((len(image), 1, 1)), image)
    else:
        smooth = gaussian_filter(image, (0, 1, 1)) if name == "sharpness" else image.mean(axis=(1, 2), keepdims=True)
        moved = smooth + gain**sign * (image - smooth)
    return moved.astype(np.float32)
