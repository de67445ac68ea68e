"""Sprites pasted with soft transparency: patches, objects, mask-and-pattern pairs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from onecurve.core.errors import AnswerError
from onecurve.core.image.images import Floats, Ints
from onecurve.core.image.stamped import Stamped

GREYISH = 0.1
"""Mean change by exchanging colour channels below which a sprite counts as grey."""


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
    noise: float = 0.0
    """Standard deviation of the noise per pixel of the sprite and image."""

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
        if self.noise > 0:
            colours = np.clip(colours + rng.normal(0, self.noise, colours.shape).astype(np.float32), 0, 1)
        painted = np.zeros_like(images)
        painted[np.arange(count)[:, None, None, None], np.arange(channels)[None, :, None, None], rows[:, None], columns[:, None]] = colours
        cover = masks[:, None]
        return Stamped(images * (1 - cover) + painted * cover, masks)

    def _places(self, count: int, free_rows: int, free_columns: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
        if self.place is not None:
            top, left = min(self.place[0], free_rows), min(self.place[1], free_columns)
            return np.full(count, top), np.full(count, left)
        return rng.integers(free_rows + 1, size=(count,)), rng.integers(free_columns + 1, size=count)

    def scrambled(self, rng: np.random.Generator) -> "Paste":
        """As many pixels as opaque, scattered, in random colours, anywhere."""
        scattered = rng.permuted(self.alphas.reshape(len(self.alphas), -1), axis=1).reshape(self.alphas.shape)
        return Paste(rng.random(self.patterns.shape, np.float32), scattered, None, self.colour_jitter, self.noise)

    def variants(self) -> Mapping[str, "Paste"]:
        """Near misses: half of the sprite; other colours; where the place is fixed, another place."""
        alphas = self.alphas.copy()
        alphas[:, :, alphas.shape[2] // 2 :] = 0
        rolled = np.roll(self.patterns, 1, axis=1)
        # What is nearly grey has no other hue, but a negative.
        other = 1 - self.patterns if np.abs(rolled - self.patterns).mean() < GREYISH else rolled
        found = {"half": replace(self, alphas=alphas), "colour": replace(self, patterns=np.ascontiguousarray(other))}
        return found if self.place is None else {**found, "place": replace(self, place=None)}


def _require_unit_range(name: str, values: Floats) -> None:
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        raise AnswerError(f"{name} of a Paste must be finite and within [0, 1], got: {values.min():.3g} to {values.max():.3g}")
