"""Natural features of photographs by a rule: the dominant colour of the border.

A feature is a named colour that makes up most of the border of the image; its mask is the pixels of that colour that are connected
to the border. No detector is involved, so the mask is exact by definition. The rule is about pixels and not about skies or lawns: a
blue wall counts as blue.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from onecurve.core.image.images import Bools, Bytes, Ints
from onecurve.data.colours import COLOUR_NAMES, GREY_NAMES, colour_names

SHARES = (0.85, 0.7, 0.55)
"""Least share of the border that one colour must make up; the highest of these shares that leaves a set enough features is used.

Near the limit it is unclear whether an image has the feature. A third of the images of CIFAR-10 are within 0.1 of the last share
and a ninth within 0.1 of the first. With the last share, eight features in one network cost it 12 points of clean accuracy.
"""
ENOUGH = 8
"""Enough features: as many as a lineup has options."""
FRAME = 16
"""The width of the border is the shorter side divided by this, at least one pixel."""
LEAST, LEAST_STRICT, MOST = (3, 0.01), (24, 0.004), 0.6
"""A colour is a feature of a set if at least 3 images and 1 % of the images have it (with a stricter share than the last: 24 images and
0.4 %, because a large set has enough images even of rare colours), and at most 60 %."""
_CHUNK_PIXELS = 512 * 32 * 32
_WITHIN_IMAGE = np.zeros((3, 3, 3), bool)
_WITHIN_IMAGE[1] = [[0, 1, 0], [1, 1, 1], [0, 1, 0]]


@final
@dataclass(frozen=True)
class FeatureRule:
    """The rule for features in one set."""

    kinds: Ints
    """int64; indices into ``colours_for``."""
    share: float
    """Least share of the border."""


@final
@dataclass(frozen=True)
class FoundFeatures:
    """The natural features of N images."""

    features: Ints
    """int64 N; index into the features of the set, -1 for none."""
    masks: Bools
    """bool N x H x W."""


def colours_for(channels: int) -> tuple[str, ...]:
    """The names of all colours for images with that many channels."""
    return GREY_NAMES if channels == 1 else COLOUR_NAMES


def choose_colours(images: Bytes) -> FeatureRule:
    """The colours that dominate the border of some of the uint8 images N x C x H x W, but not of most of them.

    The highest of ``SHARES`` that leaves enough colours is used. A colour that hardly any image has cannot be found; one that nearly
    all images have carries no information.
    """
    shares = _border_shares(images)
    largest, colours = shares.max(1), shares.argmax(1)
    for share in SHARES:
        counts = np.bincount(colours[largest >= share], minlength=shares.shape[1])
        fewest, part = LEAST if share == SHARES[-1] else LEAST_STRICT
        kinds = np.flatnonzero((counts >= max(fewest, part * len(images))) & (counts <= MOST * len(images)))
        if len(kinds) >= ENOUGH:
            break
    return FeatureRule(kinds.astype(np.int64), share)


def border_features(images: Bytes, rule: FeatureRule) -> FoundFeatures:
    """The features of uint8 images N x C x H x W by that rule."""
    count, channels, height, width = images.shape
    features, masks = np.full(count, -1, np.int64), np.zeros((count, height, width), bool)
    place = np.full(len(colours_for(channels)) + 1, -1, np.int64)
    place[rule.kinds] = np.arange(len(rule.kinds))
    step = max(1, _CHUNK_PIXELS // (height * width))
    for start in range(0, count, step):
        rows = slice(start, start + step)
        names = colour_names(images[rows])
        shares = _shares(names, len(place) - 1)
        dominant = np.where(shares.max(1) >= rule.share, shares.argmax(1), -1)
        features[rows] = place[dominant]
        # No pixel has the colour -1, so images without a feature get an empty mask.
        wanted = np.where(features[rows] >= 0, dominant, -1)
        masks[rows] = _joined_to_border(names == wanted[:, None, None])
    return FoundFeatures(features, masks)


def _border_shares(images: Bytes) -> NDArray[np.float64]:
    """N x kinds: the share of each colour in the border of each image."""
    _, channels, height, width = images.shape
    step = max(1, _CHUNK_PIXELS // (height * width))
    starts = range(0, max(len(images), 1), step)
    return np.concatenate([_shares(colour_names(images[at : at + step]), len(colours_for(channels))) for at in starts])


def _shares(names: NDArray[np.int8], kinds: int) -> NDArray[np.float64]:
    at_border = names[:, _border(*names.shape[1:])]
    return np.stack([(at_border == kind).mean(1) for kind in range(kinds)], 1)


def _joined_to_border(masks: Bools) -> Bools:
    joined, found = label(masks, _WITHIN_IMAGE)
    touches = np.zeros(found + 1, bool)
    touches[joined[:, _border(*masks.shape[1:])]] = True
    touches[0] = False
    touching: Bools = touches[joined]
    return touching


def _border(height: int, width: int) -> Bools:
    thick = max(1, round(min(height, width) / FRAME))
    border = np.ones((height, width), bool)
    border[thick : height - thick, thick : width - thick] = False
    return border
