"""Bilinear resizing with area averaging when shrinking, for maps and pictures of any number of leading axes.

Pixel centres are aligned (not corners), so a resized map keeps its centre of mass.
"""

import numpy as np

from onecurve.core.image.images import Floats


def resized(values: Floats, shape: tuple[int, int]) -> Floats:
    """float32 … x h x w to … x H x W; unchanged where the shape fits already. Never leaves the range of ``values``."""
    if values.shape[-2:] == shape:
        return values.astype(np.float32)
    rows = _weights(values.shape[-2], shape[0])
    columns = _weights(values.shape[-1], shape[1])
    return (rows @ values @ columns.T).astype(np.float32)


def _weights(old: int, new: int) -> Floats:
    """new x old matrix of triangle weights, as wide as the larger of the two pixels; rows sum to 1."""
    step = old / new
    centres = (np.arange(new) + 0.5) * step - 0.5
    distance = np.abs(np.clip(centres, 0, old - 1)[:, None] - np.arange(old)[None, :]) / max(step, 1.0)
    weights = np.maximum(0.0, 1.0 - distance)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
