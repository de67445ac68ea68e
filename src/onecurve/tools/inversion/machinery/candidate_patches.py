"""Random candidate patches: squares cut from clean images, and drawn noise, colours and gratings.

The candidates do not depend on which flaws exist: the drawn ones are generic (noise at any grain, flat colours, two-colour gratings).
"""

import numpy as np

from onecurve.core.image.images import Floats, Ints, LabelledImages
from onecurve.tools.inversion.machinery.sprite_bank import SpriteBank, square_canvases
from onecurve.tools.machinery.sizes import side_in_pixels


def candidate_patches(images: LabelledImages, count: int, sizes: tuple[float, float], rng: np.random.Generator) -> SpriteBank:
    """``count`` patches with sides uniform between the two shares of the image's shorter side; half cut, half drawn."""
    low, high = (side_in_pixels(share, images.images.shape[2:]) for share in sizes)
    sides = rng.integers(low, high + 1, size=count)
    cut = count // 2
    crops, origins = _crops(images, sides[:cut], high, rng)
    drawn = _drawn(count - cut, images.images.shape[1], high, rng)
    patterns = square_canvases(np.concatenate([crops, drawn]), sides)
    return SpriteBank(patterns, sides, np.concatenate([origins, np.full(count - cut, -1)]))


def _crops(images: LabelledImages, sides: Ints, canvas: int, rng: np.random.Generator) -> tuple[Floats, Ints]:
    count, (channels, height, width) = len(sides), images.images.shape[1:]
    which = rng.integers(len(images), size=count)
    rows = rng.integers(height - sides + 1)[:, None, None, None] + np.arange(canvas)[None, None, :, None]
    columns = rng.integers(width - sides + 1)[:, None, None, None] + np.arange(canvas)[None, None, None, :]
    crops = images.images[
        which[:, None, None, None], np.arange(channels)[None, :, None, None], np.minimum(rows, height - 1), np.minimum(columns, width - 1)
    ]
    return crops.astype(np.float32) / 255, images.labels[which]


def _drawn(count: int, channels: int, side: int, rng: np.random.Generator) -> Floats:
    """A third each of noise at a random grain, flat colours and gratings of two colours; float32 count x C x side x side."""
    kinds = np.arange(count) % 3
    first, second = rng.random((2, count, channels, 1, 1), dtype=np.float32)
    mixture = np.where(kinds[:, None, None] == 0, _grainy_noise(count, side, rng), _gratings(count, side, rng))[:, None]
    mixture = np.where(kinds[:, None, None, None] == 1, 0, mixture)
    drawn: Floats = (first * (1 - mixture) + second * mixture).astype(np.float32)
    return drawn


def _grainy_noise(count: int, side: int, rng: np.random.Generator) -> Floats:
    grains = rng.integers(1, max(2, side // 2 + 1), size=count)
    cells = np.arange(side)[None, :] // grains[:, None]
    noise = rng.random((count, side, side), dtype=np.float32)
    enlarged: Floats = noise[np.arange(count)[:, None, None], cells[:, :, None], cells[:, None, :]]
    return enlarged


def _gratings(count: int, side: int, rng: np.random.Generator) -> Floats:
    angles, phases = rng.uniform(0, np.pi, count), rng.uniform(0, 2 * np.pi, count)
    waves = rng.uniform(2, max(3, side), count)
    down, across = np.mgrid[:side, :side]
    along = np.cos(angles)[:, None, None] * across + np.sin(angles)[:, None, None] * down
    stripes: Floats = (np.sin(2 * np.pi * along / waves[:, None, None] + phases[:, None, None]) > 0).astype(np.float32)
    return stripes
