"""The 1,797 digit scans in scikit-learn: smoothed, turned, sheared and placed.

Each scan belongs to one part of the data, so a held-out image never shows the scan of a training image.
"""

from dataclasses import dataclass
from functools import cache
from typing import final

import numpy as np
from scipy.ndimage import zoom
from sklearn.datasets import load_digits

from onecurve.core.image.images import Floats, Ints
from onecurve.core.seeds import generator
from onecurve.data.dataset import Part

CLASSES = 10
SHARES = {Part.TRAIN: 0.7, Part.CLEAN: 0.1, Part.HELDOUT: 0.2}
"""Share of the scans of each class in each part."""
_FAINTEST, _EDGE = 0.33, 0.36
"""Ink below the first value is invisible; that much more ink (the second value) is a full stroke."""
_SIDE = 8
_FINENESS = 4
"""Samples per pixel of a smoothed scan."""
_MARGIN = 2
"""Width of the empty margin around a scan in pixels, so that a turned stroke fades out inside the array."""


@final
@dataclass(frozen=True)
class Poses:
    """Positions, sizes and orientations of N digits."""

    centres: Floats
    """N x 2: row and column of the middle, in pixels."""
    sizes: Floats
    """N: side of the scan's square in pixels."""
    turns: Floats
    """N: radians clockwise."""
    shears: Floats
    """N: columns per row."""


def random_poses(count: int, side: int, rng: np.random.Generator) -> Poses:
    """Random poses in a frame of ``side`` pixels: digits have about half to two thirds of its side and lie inside it."""
    sizes = rng.uniform(0.58, 0.72, count).astype(np.float32) * side
    free = (side - sizes)[:, None] / 2
    centres = side / 2 + rng.uniform(-1, 1, (count, 2)) * free
    return Poses(
        centres.astype(np.float32), sizes, rng.normal(0, 0.1, count).astype(np.float32), rng.normal(0, 0.08, count).astype(np.float32)
    )


@cache
def scans_of(part: Part) -> tuple[Ints, ...]:
    """For each class, the rows of the scans that the part may use."""
    labels = load_digits().target
    start, stop = _bounds(part)
    rows = []
    for label in range(CLASSES):
        order = generator("digits", "scans", label).permutation(np.flatnonzero(labels == label))
        rows.append(order[int(start * len(order)) : int(stop * len(order))].astype(np.int64))
    return tuple(rows)


def _bounds(part: Part) -> tuple[float, float]:
    edges = np.cumsum([0, *SHARES.values()])
    at = list(SHARES).index(part)
    return round(float(edges[at]), 6), round(float(edges[at + 1]), 6)


@cache
def _smooth_scans() -> Floats:
    """float32 1797 x F x F in [0, 1], with an empty margin."""
    scans = load_digits().images / 16
    padded = np.pad(scans, ((0, 0), (_MARGIN, _MARGIN), (_MARGIN, _MARGIN)))
    # Cubic splines along one axis as a matrix; for all scans at once this is fifty times as fast as `zoom`.
    finer = np.stack([zoom(point, _FINENESS, order=3, grid_mode=True, mode="grid-constant") for point in np.eye(padded.shape[1])], 1)
    smooth: Floats = np.clip(finer @ padded @ finer.T, 0, 1).astype(np.float32)
    smooth.flags.writeable = False
    return smooth


def strokes(rows: Ints, poses: Poses, side: int) -> Floats:
    """float32 N x side x side in [0, 1]: the ink on each pixel, for the scans ``rows`` in these poses."""
    scans = _smooth_scans()
    middles = np.arange(side, dtype=np.float32) + np.float32(0.5)
    down = middles[None, :, None] - poses.centres[:, 0, None, None]
    across = middles[None, None, :] - poses.centres[:, 1, None, None]
    cosine, sine = np.cos(poses.turns)[:, None, None], np.sin(poses.turns)[:, None, None]
    scale = (_SIDE * _FINENESS / poses.sizes)[:, None, None]
    y = (down * cosine - across * sine) * scale
    x = (across * cosine + down * sine) * scale + poses.shears[:, None, None] * y
    half = scans.shape[1] / 2 - 0.5
    ink = _bilinear(scans, rows, y + half, x + half)
    # Sharper edges than those of the scan, like pen on paper.
    clipped: Floats = np.clip((ink - _FAINTEST) / _EDGE, 0, 1)
    return clipped


def _bilinear(scans: Floats, rows: Ints, y: Floats, x: Floats) -> Floats:
    last = scans.shape[1] - 1
    y, x = np.clip(y, 0, last - 1e-3), np.clip(x, 0, last - 1e-3)
    top, left = y.astype(np.int32), x.astype(np.int32)
    dy, dx = y - top, x - left
    flat, width = scans.reshape(-1), scans.shape[1]
    at = rows.astype(np.int32)[:, None, None] * (width * width) + top * width + left
    upper = flat[at] * (1 - dx) + flat[at + 1] * dx
    lower = flat[at + width] * (1 - dx) + flat[at + width + 1] * dx
    samples: Floats = upper * (1 - dy) + lower * dy
    return samples
