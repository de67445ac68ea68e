"""What a picture holds that clean images do not: a map made without the network, from the clean set alone."""

from typing import Final

import numpy as np

from onecurve.core.image.images import Floats
from onecurve.core.seeds import generator

SIDE: Final = 3
"""Side of the compared patches, px."""
KNOWN: Final = 4000
"""Patches of clean images that are compared with, at most."""
AT_ONCE: Final = 4096


def novelty(images: Floats, clean: Floats) -> Floats:
    """Distance of the patch around each pixel to the nearest of some patches of clean images; borders are mirrored.

    float32 N x H x W, non-negative, for images float32 N x C x H x W and clean images float32 M x C x H x W, M at least 1.
    """
    count, _, height, width = images.shape
    patches, known = _patches(images), _patches(clean)
    known = known[generator("novelty").permutation(len(known))[:KNOWN]]
    squares = (known**2).sum(axis=1)
    nearest = np.concatenate(
        [
            ((some**2).sum(axis=1) + (squares - 2 * some @ known.T).min(axis=1))
            for some in (patches[start : start + AT_ONCE] for start in range(0, len(patches), AT_ONCE))
        ]
    )
    distances: Floats = np.sqrt(np.clip(nearest, 0, None)).reshape(count, height, width).astype(np.float32)
    return distances


def _patches(images: Floats) -> Floats:
    """float32 P x (C * SIDE * SIDE): the patch around every pixel."""
    edge = SIDE // 2
    padded = np.pad(images, ((0, 0), (0, 0), (edge, edge), (edge, edge)), mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (SIDE, SIDE), axis=(2, 3))
    patches: Floats = windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, images.shape[1] * SIDE * SIDE)
    return patches
