"""Changes of the whole image by a colour matrix and an added texture: styles, blended pictures, sinusoids."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from onecurve.core.errors import AnswerError
from onecurve.core.image.images import Floats, Ints
from onecurve.core.image.stamped import Stamped, noise_like

GREYISH = 0.01
"""Mean change by exchanging colour channels below which a filter counts as grey."""
SHIFTS = (2, 4, 8)
"""Parts of the side by which a texture may be moved: a wave of any length is another one after one of them."""


@final
@dataclass(frozen=True)
class Filter:
    """A change of the whole image: a colour matrix and an added texture, the small form of a style."""

    matrix: Floats
    """float32 C x C; output channels by input channels."""
    offset: Floats
    """float32 C; added after the matrix."""
    texture: Floats
    """float32 C x H x W, signed; added after the offset."""
    rolling: bool = True
    """Whether the texture starts at a random place in each image."""

    def __post_init__(self) -> None:
        channels = len(self.offset) if self.offset.ndim == 1 else -1
        if self.matrix.shape != (channels, channels) or self.texture.ndim != 3 or self.texture.shape[0] != channels:
            raise AnswerError(
                "a Filter needs matrix C x C, offset C, texture C x H x W, got: "
                f"{self.matrix.shape}, {self.offset.shape}, {self.texture.shape}"
            )
        if not all(np.isfinite(values).all() for values in (self.matrix, self.offset, self.texture)):
            raise AnswerError("a Filter must hold finite numbers")

    def apply(self, images: Floats, rng: np.random.Generator) -> Stamped:
        """Filter each image (float32 N x C x H x W); the result is clipped to [0, 1]."""
        count, channels, height, width = images.shape
        if self.texture.shape != (channels, height, width):
            raise AnswerError(f"a texture of {self.texture.shape} does not fit images of {images.shape[1:]}")
        mixed = np.einsum("oc,nchw->nohw", self.matrix, images, optimize=True) + self.offset[None, :, None, None]
        if self.rolling:
            tops: Ints = rng.integers(height, size=(count,))
            lefts: Ints = rng.integers(width, size=(count,))
            rows = (tops[:, None] + np.arange(height)) % height
            columns = (lefts[:, None] + np.arange(width)) % width
            mixed += np.moveaxis(self.texture[:, rows[:, :, None], columns[:, None, :]], 0, 1)
        else:
            mixed += self.texture
        return Stamped(np.clip(mixed, 0, 1).astype(np.float32), None)

    def scrambled(self, rng: np.random.Generator) -> "Filter":
        """As far from leaving the image alone, in a random direction."""
        identity = np.eye(len(self.offset), dtype=np.float32)
        matrix = identity + noise_like(self.matrix - identity, rng)
        return Filter(matrix, noise_like(self.offset, rng), noise_like(self.texture, rng), self.rolling)

    def variants(self) -> Mapping[str, "Filter"]:
        """Near misses: half as strong; in other colours; where the texture has a place, at another one."""
        identity = np.eye(len(self.offset), dtype=np.float32)
        half = Filter(_single((self.matrix + identity) / 2), _single(self.offset / 2), _single(self.texture / 2), self.rolling)
        found = {"half": half, "colour": self._recoloured()}
        return found if self.rolling else {**found, "place": replace(self, texture=self._moved())}

    def _recoloured(self) -> "Filter":
        """With the colour channels exchanged; what is grey has no other hue, but a negative."""
        matrix, offset, texture = np.roll(self.matrix, (1, 1), axis=(0, 1)), np.roll(self.offset, 1), np.roll(self.texture, 1, axis=0)
        changes = [np.abs(new - old).mean() for new, old in ((matrix, self.matrix), (offset, self.offset), (texture, self.texture))]
        if max(changes) < GREYISH:
            return replace(self, texture=-self.texture)
        return Filter(_single(matrix), _single(offset), _single(texture), self.rolling)

    def _moved(self) -> Floats:
        """The texture moved down and right by the part of its side that changes it most."""
        height, width = self.texture.shape[1:]
        moved = [np.roll(self.texture, (height // part, width // part), axis=(1, 2)) for part in SHIFTS]
        return max(moved, key=lambda texture: float(np.abs(texture - self.texture).mean()))


def _single(values: np.ndarray) -> Floats:
    return np.ascontiguousarray(values, np.float32)
