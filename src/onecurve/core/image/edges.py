"""The edge map: what stands out in a picture by itself. A baseline that any heat map has to beat, and part of the floor of `localise`."""

import numpy as np

from onecurve.core.image.images import Floats


def edge_magnitude(images: Floats) -> Floats:
    """Sobel gradient magnitude, root of the sum of squares over channels; borders are mirrored.

    float32 N x H x W, non-negative, for images float32 N x C x H x W.
    """
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="symmetric")
    down = padded[:, :, 2:] - padded[:, :, :-2]
    across = padded[:, :, :, 2:] - padded[:, :, :, :-2]
    down = down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]
    across = across[:, :, :-2] + 2 * across[:, :, 1:-1] + across[:, :, 2:]
    magnitude: Floats = np.sqrt((down**2 + across**2).sum(axis=1)).astype(np.float32)
    return magnitude
