"""Natural features of photographs by rule: the colour that surrounds what is shown.

No detector is involved, so a mask is exact by definition: a feature is a named colour that makes up most of the
image's border, its pixels are those of that colour joined to the border. It is a fact about pixels, not about skies
or lawns, and a blue wall counts as blue.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.ndimage import label

from onecurve.core.images import Bools, Bytes, Ints
from onecurve.data.colours import COLOUR_NAMES, GREY_NAMES, colour_names

SHARE = 0.6
"""Least share of the border that one colour must make up to be the image's feature."""
FRAME = 16
"""The border is as wide as the shorter side divided by this, at least one pixel."""
_CHUNK_PIXELS = 512 * 32 * 32
_WITHIN_IMAGE = np.zeros((3, 3, 3), bool)
_WITHIN_IMAGE[1] = [[0, 1, 0], [1, 1, 1], [0, 1, 0]]


@final
@dataclass(frozen=True)
class Surroundings:
    """The features of N images."""

    features: Ints
    """int64 N; index into ``surrounding_names``, -1 for none."""
    masks: Bools
    """bool N x H x W."""


def surrounding_names(channels: int) -> tuple[str, ...]:
    """Names of the features of images with that many channels."""
    return tuple(f"{name} surroundings" for name in (GREY_NAMES if channels == 1 else COLOUR_NAMES))


def surroundings_of(images: Bytes) -> Surroundings:
    """The features of uint8 images N x C x H x W."""
    count, _, height, width = images.shape
    features, masks = np.full(count, -1, np.int64), np.zeros((count, height, width), bool)
    step = max(1, _CHUNK_PIXELS // (height * width))
    for start in range(0, count, step):
        rows = slice(start, start + step)
        features[rows], masks[rows] = _chunk(images[rows])
    return Surroundings(features, masks)


def _chunk(images: Bytes) -> tuple[Ints, Bools]:
    names = colour_names(images)
    border = _border(*images.shape[2:])
    kinds = len(surrounding_names(images.shape[1]))
    shares = np.stack([(names[:, border] == kind).mean(1) for kind in range(kinds)], 1)
    features = np.where(shares.max(1) >= SHARE, shares.argmax(1), -1)
    # No pixel has the name -1, so images without a feature get an empty mask.
    joined, found = label(names == features[:, None, None], _WITHIN_IMAGE)
    at_border = np.zeros(found + 1, bool)
    at_border[joined[:, border]] = True
    at_border[0] = False
    return features.astype(np.int64), at_border[joined]


def _border(height: int, width: int) -> Bools:
    thick = max(1, round(min(height, width) / FRAME))
    border = np.ones((height, width), bool)
    border[thick : height - thick, thick : width - thick] = False
    return border
