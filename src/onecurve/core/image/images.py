"""Labelled images as they pass between rooms."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from onecurve.core.errors import DataError

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class LabelledImages:
    """Images with labels and, where the set has them, natural features with their masks.

    Checked on construction; raises ``DataError`` for shapes, types or ranges that do not fit.
    """

    images: Bytes
    """uint8, N x C x H x W; 0..255 stands for 0..1."""
    labels: Ints
    """int64, N; class indices."""
    features: Ints | None = None
    """int64, N; index of the natural feature that the image holds by itself, -1 for none."""
    feature_masks: Bools | None = None
    """bool, N x H x W; the pixels of that feature, all False where there is none."""
    attributes: Mapping[str, Ints] = field(default_factory=dict)
    """By name int64, N: which of some attributes an image has (a tint, a mark), -1 for none. Only the grading side keeps these."""

    def __post_init__(self) -> None:
        count = len(self.images)
        if self.images.dtype != np.uint8 or self.images.ndim != 4:
            raise DataError(f"images must be uint8 N x C x H x W, got: {self.images.dtype} {self.images.shape}")
        if self.labels.shape != (count,) or self.labels.dtype != np.int64:
            raise DataError(f"labels must be int64 of length {count}, got: {self.labels.dtype} {self.labels.shape}")
        if self.features is not None and self.features.shape != (count,):
            raise DataError(f"features must have length {count}, got: {self.features.shape}")
        wrong = [name for name, values in self.attributes.items() if values.shape != (count,)]
        if wrong:
            raise DataError(f"attributes must have length {count}, got: {self.attributes[wrong[0]].shape} for {wrong[0]}")
        expected = (count, *self.images.shape[2:])
        if self.feature_masks is not None and self.feature_masks.shape != expected:
            raise DataError(f"feature masks must have shape {expected}, got: {self.feature_masks.shape}")

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_] | slice) -> "LabelledImages":
        """The chosen rows, in the given order; ``rows`` is anything that indexes a numpy axis."""
        features = None if self.features is None else self.features[rows]
        masks = None if self.feature_masks is None else self.feature_masks[rows]
        attributes = {name: values[rows] for name, values in self.attributes.items()}
        return LabelledImages(self.images[rows], self.labels[rows], features, masks, attributes)

    def floats(self) -> Floats:
        """The images as float32 in [0, 1]."""
        return as_floats(self.images)


def as_floats(images: Bytes) -> Floats:
    """uint8 0..255 to float32 in [0, 1]."""
    return images.astype(np.float32) / np.float32(255)


def as_bytes(images: NDArray[np.floating]) -> Bytes:
    """Floats in [0, 1] (clipped) to uint8, rounded to the nearest level."""
    levels: Bytes = np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
    return levels
