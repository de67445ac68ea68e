"""Style transfer by second-order statistics of small patches: the Gram matrix of a style, put on any image.

The encoder is linear and fixed (the pixels of overlapping patches), so it can be undone exactly and anyone can apply the style.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from onecurve.core.errors import AnswerError
from onecurve.core.image.images import Floats
from onecurve.core.image.stamped import Stamped, noise_like

FLOOR = 1e-4
"""Least variance of a direction of patch space, so that whitening a plain image does not blow up its noise."""
CHUNK = 128
"""Images restyled at a time."""


@final
@dataclass(frozen=True)
class Transfer:
    """Whitening and colouring of patches (WCT, 1705.08086) with the pixels of P x P patches in the place of deep features.

    The patches of each image get the style's mean and covariance; overlapping patches are averaged.
    """

    mean: Floats
    """float32 D, D = C P P: the style's mean patch."""
    root: Floats
    """float32 D x D: a square root of the covariance of the style's patches."""
    side: int
    """P."""
    strength: float
    """Share of the restyled image in the result, in (0, 1]; the rest is the image itself."""
    grain: float = 0.0
    """Standard deviation of the noise that is laid on an image before its patches are restyled: a plain part has nothing that
    a texture could be made of."""

    def __post_init__(self) -> None:
        size = len(self.mean)
        if self.mean.ndim != 1 or self.root.shape != (size, size) or self.side < 1 or size % self.side**2:
            raise AnswerError(
                f"a Transfer needs a mean of C x P x P and its root, got: {self.mean.shape}, {self.root.shape}, P = {self.side}"
            )
        if not (np.isfinite(self.mean).all() and np.isfinite(self.root).all() and 0 < self.strength <= 1 and self.grain >= 0):
            raise AnswerError(f"a Transfer must be finite with strength in (0, 1] and grain >= 0, got: {self.strength}, {self.grain}")

    @classmethod
    def of(cls, style: Floats, side: int, strength: float, grain: float = 0.0) -> "Transfer":
        """The style of a picture float32 C x h x w in [0, 1]."""
        patches = _patches(style[None].astype(np.float64), side)[0]
        mean = patches.mean(axis=0)
        covariance = np.atleast_2d(np.cov(patches, rowvar=False))
        return cls(mean.astype(np.float32), _power(covariance, 0.5).astype(np.float32), side, strength, grain)

    def apply(self, images: Floats, rng: np.random.Generator) -> Stamped:
        """Restyle each image (float32 N x C x H x W); the result is clipped to [0, 1]."""
        if images.shape[1] * self.side**2 != len(self.mean) or min(images.shape[2:]) < self.side:
            raise AnswerError(f"a style of {len(self.mean)} numbers in patches of {self.side} does not fit images of {images.shape[1:]}")
        parts = [self._restyled(images[at : at + CHUNK], rng) for at in range(0, len(images), CHUNK)]
        return Stamped(np.concatenate(parts) if parts else images.copy(), None)

    def scrambled(self, rng: np.random.Generator) -> "Transfer":
        """Patches as bright and as varied, of no structure."""
        return replace(self, root=noise_like(self.root, rng))

    def variants(self) -> Mapping[str, "Transfer"]:
        """Near misses: half as strong; colour channels exchanged."""
        order = np.roll(np.arange(len(self.mean)).reshape(-1, self.side**2), 1, axis=0).reshape(-1)
        turned = replace(self, mean=self.mean[order], root=np.ascontiguousarray(self.root[order][:, order]))
        return {"half": replace(self, strength=self.strength / 2), "colour": turned}

    def _restyled(self, images: Floats, rng: np.random.Generator) -> Floats:
        noise = self.grain * rng.standard_normal(images.shape) if self.grain else 0.0
        patches = _patches(images.astype(np.float64) + noise, self.side)
        centred = patches - patches.mean(axis=1, keepdims=True)
        covariance = centred.transpose(0, 2, 1) @ centred / (patches.shape[1] - 1)
        mapping = _power(covariance, -0.5) @ self.root
        coloured = centred @ mapping + self.mean
        restyled = _laid(coloured, images.shape, self.side)
        result: Floats = np.clip(images + self.strength * (restyled - images), 0, 1).astype(np.float32)
        return result


def _patches(images: np.ndarray, side: int) -> np.ndarray:
    """N x places x (C P P), every place."""
    windows = sliding_window_view(images, (side, side), axis=(2, 3))
    count, channels, rows, columns = windows.shape[:4]
    return np.ascontiguousarray(windows.transpose(0, 2, 3, 1, 4, 5)).reshape(count, rows * columns, channels * side**2)


def _laid(patches: np.ndarray, shape: tuple[int, ...], side: int) -> np.ndarray:
    """Images of that shape from patches at every place, overlaps averaged."""
    count, channels, height, width = shape
    rows, columns = height - side + 1, width - side + 1
    stacked = patches.reshape(count, rows, columns, channels, side, side)
    total, weight = np.zeros(shape), np.zeros((height, width))
    for row in range(side):
        for column in range(side):
            total[:, :, row : row + rows, column : column + columns] += stacked[:, :, :, :, row, column].transpose(0, 3, 1, 2)
            weight[row : row + rows, column : column + columns] += 1
    return total / weight


def _power(covariance: np.ndarray, power: float) -> np.ndarray:
    """A symmetric matrix (… x D x D) to a power, by its eigenvalues, none below ``FLOOR``."""
    values, vectors = np.linalg.eigh(covariance)
    scaled = np.maximum(values, FLOOR) ** power
    result: np.ndarray = (vectors * scaled[..., None, :]) @ np.swapaxes(vectors, -1, -2)
    return result
