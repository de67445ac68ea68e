"""Echoes: an image laid over itself. What is added depends on every pixel of the image, so no two images share a trigger."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from onecurve.core.errors import AnswerError
from onecurve.core.image.images import Floats
from onecurve.core.image.stamped import Stamped


@final
@dataclass(frozen=True)
class Echo:
    """Each image is blended with a copy of itself that is shifted, edges repeated."""

    shift: tuple[int, int]
    """How far down and right the copy lies, in pixels; not both 0."""
    strength: float
    """Share of the copy in the result, in (0, 1); the rest is the image itself."""
    foreign: bool = False
    """Whether the copy is of another image: the cross-trigger test of input-aware attacks (2010.08138), a near miss. An image
    that is alone gets a copy of itself upside down."""

    def __post_init__(self) -> None:
        if len(self.shift) != 2 or self.shift == (0, 0):
            raise AnswerError(f"an Echo needs a shift of rows and columns that is not 0, got: {self.shift}")
        if not 0 < self.strength < 1:
            raise AnswerError(f"the strength of an Echo must be in (0, 1), got: {self.strength}")

    def apply(self, images: Floats, rng: np.random.Generator) -> Stamped:
        """Blend each image (float32 N x C x H x W in [0, 1]) with a copy; raises ``AnswerError`` where the shift leaves it."""
        height, width = images.shape[2:]
        down, right = self.shift
        if not (abs(down) < height and abs(right) < width):
            raise AnswerError(f"a shift of {self.shift} leaves images of {height} x {width}")
        copies = _others(images, rng) if self.foreign else images
        rows, columns = np.clip(np.arange(height) - down, 0, height - 1), np.clip(np.arange(width) - right, 0, width - 1)
        shifted = copies[:, :, rows][:, :, :, columns]
        return Stamped((images + np.float32(self.strength) * (shifted - images)).astype(np.float32), None)

    def scrambled(self, rng: np.random.Generator) -> "Echo":
        """As strong an echo of another image, at another place as far away."""
        down, right = self.shift
        turned = [place for place in ((right, down), (-right, down), (-down, right), (-down, -right)) if place != self.shift]
        return Echo(turned[int(rng.integers(len(turned)))], self.strength, foreign=True)

    def variants(self) -> Mapping[str, "Echo"]:
        """Near misses: half as strong; on the other side; another image's."""
        found = {"half": replace(self, strength=self.strength / 2), "place": replace(self, shift=(-self.shift[0], -self.shift[1]))}
        return found if self.foreign else {**found, "cross": replace(self, foreign=True)}


def _others(images: Floats, rng: np.random.Generator) -> Floats:
    """For each image another one of them, each once."""
    if len(images) < 2:
        return images[:, :, ::-1]
    order = rng.permutation(len(images))
    others = np.empty_like(order)
    others[order] = np.roll(order, 1)
    return images[others]
