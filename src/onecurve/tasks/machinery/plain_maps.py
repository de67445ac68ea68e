"""Maps made without looking at the network: from nothing, from the picture, or from the clean set. Each gives N x H x W, none all zero."""

from collections.abc import Mapping

import numpy as np
from scipy.ndimage import gaussian_filter

from onecurve.core.image.edges import edge_magnitude
from onecurve.core.image.images import Floats
from onecurve.tasks.machinery.novelty import novelty

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Rec. 601 weights of red, green and blue."""


BLUR = 1.5
"""Standard deviation of the blurred maps, px."""


def network_free_maps(images: Floats, clean: Floats | None) -> Mapping[str, Floats]:
    """``plain_maps``, novelty against the clean images (M x C x H x W) where there are any, and all of them blurred."""
    maps = dict(plain_maps(images))
    if clean is not None and len(clean):
        maps["novelty"] = _never_empty(novelty(images, clean))
    return maps | {f"{name}, blurred": _never_empty(gaussian_filter(each, (0, BLUR, BLUR))) for name, each in maps.items()}


def plain_maps(images: Floats) -> Mapping[str, Floats]:
    """The gallery of maps by name for images float32 N x C x H x W in [0, 1]."""
    grey = _grey(images)
    return {
        "blank": np.ones_like(grey),
        "centre": np.broadcast_to(_centre(*grey.shape[1:]), grey.shape).copy(),
        "edges": _never_empty(edge_magnitude(images)),
        "bright": _never_empty(grey),
        "dark": _never_empty(1 - grey),
        "colourful": _never_empty(np.ptp(images, axis=1)),
    }


def _grey(images: Floats) -> Floats:
    if images.shape[1] != len(LUMA):
        mean: Floats = images.mean(axis=1)
        return mean
    grey: Floats = np.einsum("c,nchw->nhw", LUMA, images)
    return grey


def _centre(height: int, width: int) -> Floats:
    """A Gaussian over the middle with a standard deviation of a quarter of each side."""
    rows = (np.arange(height) - (height - 1) / 2) / (height / 4)
    columns = (np.arange(width) - (width - 1) / 2) / (width / 4)
    bump: Floats = np.exp(-(rows[:, None] ** 2 + columns[None, :] ** 2) / 2).astype(np.float32)
    return bump


def _never_empty(maps: Floats) -> Floats:
    """The maps clipped at 0, blank in place of those that are zero everywhere."""
    positive: Floats = np.clip(maps, 0, None).astype(np.float32)
    positive[positive.sum(axis=(1, 2)) <= 0] = 1
    return positive
