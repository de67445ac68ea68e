"""Augmented copies of clean images, for solvers that need more inputs than the clean set has.

The copies have no labels; solvers use the network's outputs for them.
"""

import numpy as np

from onecurve.core.image.images import Floats

MOST_SHIFT = 0.1
"""Largest shift as a share of the side."""
MOST_COLOUR = 0.35
"""Largest share by which colour channels are mixed or shifted."""


def varied(images: Floats, count: int, rng: np.random.Generator) -> Floats:
    """float32 count x C x H x W: the images in random order first, then copies of them until ``count``.

    A copy is shifted (edges repeated); of every three, one gets a piece of another image, one is coloured anew.
    """
    rounds = -(-count // len(images))
    rows = np.concatenate([rng.permutation(len(images)) for _ in range(rounds)])[:count]
    chosen = images[rows]
    copies = np.arange(len(images), count)
    if len(copies):
        chosen[copies] = _shifted(chosen[copies], rng)
        pasted, coloured = copies[::3], copies[1::3]
        chosen[pasted] = _with_pieces(chosen[pasted], images[rng.integers(len(images), size=len(pasted))], rng)
        chosen[coloured] = _coloured(chosen[coloured], rng)
    return np.ascontiguousarray(chosen)


def _shifted(images: Floats, rng: np.random.Generator) -> Floats:
    count, _, height, width = images.shape
    most = max(1, round(MOST_SHIFT * min(height, width)))
    down, across = rng.integers(-most, most + 1, (2, count, 1))
    rows, columns = np.clip(np.arange(height) + down, 0, height - 1), np.clip(np.arange(width) + across, 0, width - 1)
    which = np.arange(count)[:, None, None]
    shifted: Floats = images.transpose(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None, :]].transpose(0, 3, 1, 2)
    return shifted


def _with_pieces(images: Floats, others: Floats, rng: np.random.Generator) -> Floats:
    """A rectangle of a tenth to a half of each side, from another image, at a place of its own."""
    count, _, height, width = images.shape
    inside = np.ones((count, height, width), bool)
    for axis, side in ((1, height), (2, width)):
        length = rng.uniform(0.1, 0.5, count) * side
        start = rng.uniform(0, side - length)
        at = np.arange(side)
        within = (at >= start[:, None]) & (at < (start + length)[:, None])
        inside &= within[:, :, None] if axis == 1 else within[:, None, :]
    return np.where(inside[:, None], np.roll(others, rng.integers(height), axis=2), images)


def _coloured(images: Floats, rng: np.random.Generator) -> Floats:
    count, channels = images.shape[:2]
    mixing = np.eye(channels) + rng.uniform(-MOST_COLOUR, MOST_COLOUR, (count, channels, channels))
    shift = rng.uniform(-MOST_COLOUR, MOST_COLOUR, (count, channels, 1, 1))
    coloured: Floats = np.clip(np.einsum("noc,nchw->nohw", mixing, images) + shift, 0, 1).astype(np.float32)
    return coloured
