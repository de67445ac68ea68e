"""Natural features of photographs by rule: the colour that surrounds what is shown.

No detector is involved, so a mask is exact by definition: a feature is a named colour that makes up most of the
image's border, its pixels are those of that colour joined to the border. It is a fact about pixels, not about skies
or lawns, and a blue wall counts as blue.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from onecurve.core.images import Bools, Bytes, Ints
from onecurve.data.colours import COLOUR_NAMES, GREY_NAMES, colour_names

SHARE = 0.55
"""Least share of the border that one colour must make up to be the image's feature."""
FRAME = 16
"""The border is as wide as the shorter side divided by this, at least one pixel."""
LEAST, MOST = (3, 0.01), 0.6
"""A colour counts as a feature of a set if at least 3 and 1 % of its images have it, and at most 60 %."""
_CHUNK_PIXELS = 512 * 32 * 32
_WITHIN_IMAGE = np.zeros((3, 3, 3), bool)
_WITHIN_IMAGE[1] = [[0, 1, 0], [1, 1, 1], [0, 1, 0]]


@final
@dataclass(frozen=True)
class Surroundings:
    """The features of N images."""

    features: Ints
    """int64 N; index into the kinds asked for, -1 for none."""
    masks: Bools
    """bool N x H x W."""


def kinds_for(channels: int) -> tuple[str, ...]:
    """All colours that surroundings of images with that many channels can have."""
    return GREY_NAMES if channels == 1 else COLOUR_NAMES


def telling_kinds(images: Bytes) -> Ints:
    """int64: which of ``kinds_for`` occur in some of the uint8 images N x C x H x W but not in most.

    A colour that hardly any image has cannot be found by anyone; one that nearly all have says nothing.
    """
    kinds = np.arange(len(kinds_for(images.shape[1])))
    counts = np.bincount(surroundings_of(images, kinds).features + 1, minlength=len(kinds) + 1)[1:]
    least, most = max(LEAST[0], LEAST[1] * len(images)), MOST * len(images)
    return kinds[(counts >= least) & (counts <= most)]


def surroundings_of(images: Bytes, kinds: Ints) -> Surroundings:
    """The features of uint8 images N x C x H x W, among those ``kinds`` (indices into ``kinds_for``)."""
    count, channels, height, width = images.shape
    features, masks = np.full(count, -1, np.int64), np.zeros((count, height, width), bool)
    place = np.full(len(kinds_for(channels)) + 1, -1, np.int64)
    place[kinds] = np.arange(len(kinds))
    step = max(1, _CHUNK_PIXELS // (height * width))
    for start in range(0, count, step):
        rows = slice(start, start + step)
        names = colour_names(images[rows])
        dominant = _dominant(names, len(place) - 1)
        features[rows] = place[dominant]
        # No pixel has the colour -1, so an image without a feature gets an empty mask.
        wanted = np.where(features[rows] >= 0, dominant, -1)
        masks[rows] = _joined_to_border(names == wanted[:, None, None])
    return Surroundings(features, masks)


def _dominant(names: NDArray[np.int8], kinds: int) -> Ints:
    """int64 N: the colour that makes up ``SHARE`` of the border, -1 if none does."""
    at_border = names[:, _border(*names.shape[1:])]
    shares = np.stack([(at_border == kind).mean(1) for kind in range(kinds)], 1)
    return np.where(shares.max(1) >= SHARE, shares.argmax(1), -1).astype(np.int64)


def _joined_to_border(masks: Bools) -> Bools:
    joined, found = label(masks, _WITHIN_IMAGE)
    touches = np.zeros(found + 1, bool)
    touches[joined[:, _border(*masks.shape[1:])]] = True
    touches[0] = False
    return touches[joined]


def _border(height: int, width: int) -> Bools:
    thick = max(1, round(min(height, width) / FRAME))
    border = np.ones((height, width), bool)
    border[thick : height - thick, thick : width - thick] = False
    return border
