"""Warps: pixels are moved by a smooth field, and no colour is added."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from onecurve.core.errors import AnswerError
from onecurve.core.image.images import Floats
from onecurve.core.image.stamped import Stamped, noise_like


@final
@dataclass(frozen=True)
class Warp:
    """Each pixel is taken from a place nearby, bilinearly, edges repeated."""

    field: Floats
    """float32 2 x H x W: how far down and right of itself each pixel looks, in pixels."""
    jitter: float = 0.0
    """Largest random shift added to each pixel's place, in pixels, drawn per image: a warp that follows no rule."""

    def __post_init__(self) -> None:
        if self.field.ndim != 3 or len(self.field) != 2 or not np.isfinite(self.field).all():
            raise AnswerError(f"a Warp needs a finite field 2 x H x W, got: {self.field.shape}")

    def apply(self, images: Floats, rng: np.random.Generator) -> Stamped:
        """Warp each image (float32 N x C x H x W); raises ``AnswerError`` for images of another size."""
        count, _, height, width = images.shape
        if self.field.shape[1:] != (height, width):
            raise AnswerError(f"a warp of {self.field.shape[1:]} does not fit images of {images.shape[1:]}")
        places = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij")).astype(np.float32) + self.field
        moved = np.broadcast_to(places[:, None], (2, count, height, width))
        if self.jitter > 0:
            moved = moved + np.asarray(rng.uniform(-self.jitter, self.jitter, moved.shape), np.float32)
        return Stamped(_sampled(images, np.clip(moved[0], 0, height - 1), np.clip(moved[1], 0, width - 1)), None)

    def scrambled(self, rng: np.random.Generator) -> "Warp":
        """As large a displacement in all, without smoothness."""
        return replace(self, field=noise_like(self.field, rng))

    def variants(self) -> Mapping[str, "Warp"]:
        """Near misses: half as far; the other way; mirrored."""
        return {
            "half": replace(self, field=np.float32(0.5) * self.field),
            "opposite": replace(self, field=-self.field),
            "place": replace(self, field=np.ascontiguousarray(self.field[:, :, ::-1])),
        }


def _sampled(images: Floats, rows: Floats, columns: Floats) -> Floats:
    """Bilinear values at places N x H x W inside the images."""
    height, width = images.shape[2:]
    top, left = np.minimum(rows.astype(np.int32), height - 2), np.minimum(columns.astype(np.int32), width - 2)
    down, right = (rows - top)[:, None], (columns - left)[:, None]
    upper = _at(images, top, left) * (1 - right) + _at(images, top, left + 1) * right
    lower = _at(images, top + 1, left) * (1 - right) + _at(images, top + 1, left + 1) * right
    result: Floats = (upper * (1 - down) + lower * down).astype(np.float32)
    return result


def _at(images: Floats, rows: NDArray[np.int32], columns: NDArray[np.int32]) -> Floats:
    flat = images.reshape(*images.shape[:2], images.shape[2] * images.shape[3])
    places = (rows * images.shape[3] + columns).reshape(len(images), 1, images.shape[2] * images.shape[3])
    return np.take_along_axis(flat, places, 2).reshape(images.shape)
