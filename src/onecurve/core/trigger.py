"""Triggers as data: what a truth, a tool's hypothesis and a repair all apply to images.

A trigger is a small record of arrays rather than code, so that it can be stored, shown to a person
and applied by a program. Everything happens in [0, 1] pixel space and transparency is explicit.
"""

from dataclasses import dataclass
from typing import final

import numpy as np

from onecurve.core.errors import AnswerError
from onecurve.core.images import Floats, Ints


@final
@dataclass(frozen=True)
class Stamped:
    """Images after a trigger was applied."""

    images: Floats
    """float32 N x C x H x W in [0, 1]."""
    masks: Floats | None
    """float32 N x H x W in [0, 1], how much of each pixel the trigger covers; None for a global trigger."""


@final
@dataclass(frozen=True)
class Paste:
    """One of several sprites is pasted with soft transparency: patches, objects, mask-and-pattern pairs."""

    patterns: Floats
    """float32 S x C x h x w in [0, 1]; one sprite is drawn per image."""
    alphas: Floats
    """float32 S x h x w in [0, 1]; 1 is opaque."""
    place: tuple[int, int] | None = None
    """Top-left row and column; None means anywhere, drawn per image."""
    colour_jitter: float = 0.0
    """Standard deviation of the per-image, per-channel shift of the sprite's colour."""

    def __post_init__(self) -> None:
        sprites, _, height, width = self.patterns.shape if self.patterns.ndim == 4 else (0, 0, 0, 0)
        if sprites == 0 or self.alphas.shape != (sprites, height, width):
            raise AnswerError(
                f"a Paste needs patterns S x C x h x w and alphas S x h x w, got: {self.patterns.shape} and {self.alphas.shape}"
            )
        for name, values in (("patterns", self.patterns), ("alphas", self.alphas)):
            _require_unit_range(name, values)

    def apply(self, images: Floats, rng: np.random.Generator) -> Stamped:
        """Paste one sprite on each image (float32 N x C x H x W); raises ``AnswerError`` if it is too large."""
        count, channels, height, width = images.shape
        sprites, sprite_channels, h, w = self.patterns.shape
        if h > height or w > width or sprite_channels != channels:
            raise AnswerError(f"a sprite of {sprite_channels} x {h} x {w} does not fit an image of {channels} x {height} x {width}")
        which: Ints = rng.integers(sprites, size=(count,))
        tops, lefts = self._places(count, height - h, width - w, rng)
        rows = tops[:, None, None] + np.arange(h)[None, :, None]
        columns = lefts[:, None, None] + np.arange(w)[None, None, :]
        masks = np.zeros((count, height, width), np.float32)
        masks[np.arange(count)[:, None, None], rows, columns] = self.alphas[which]
        colours = self.patterns[which]
        if self.colour_jitter > 0:
            shift = rng.normal(0, self.colour_jitter, (count, channels, 1, 1)).astype(np.float32)
            colours = np.clip(colours + shift, 0, 1)
        painted = np.zeros_like(images)
        painted[np.arange(count)[:, None, None, None], np.arange(channels)[None, :, None, None], rows[:, None], columns[:, None]] = colours
        cover = masks[:, None]
        return Stamped(images * (1 - cover) + painted * cover, masks)

    def _places(self, count: int, free_rows: int, free_columns: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
        if self.place is not None:
            top, left = min(self.place[0], free_rows), min(self.place[1], free_columns)
            return np.full(count, top), np.full(count, left)
        return rng.integers(free_rows + 1, size=(count,)), rng.integers(free_columns + 1, size=count)


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


Trigger = Paste | Filter


def _require_unit_range(name: str, values: Floats) -> None:
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        raise AnswerError(f"{name} of a Paste must be finite and within [0, 1], got: {values.min():.3g} to {values.max():.3g}")
