"""Edits that give images one property of other images and leave the rest: colours, light, contrast, border, sharpness."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter

from onecurve.auditing.looks.machinery.properties import ring_of
from onecurve.core.image.images import Floats

Edit = Callable[[Floats, Floats], Floats]
"""Images and as many donors (float32 N x C x H x W in [0, 1]) to edited images; values may leave [0, 1]."""
MOST_GAIN: Final = 3.0
"""Contrast and sharpness are multiplied by at most this."""


def colours(images: Floats, donors: Floats) -> Floats:
    """Each image gets the mean and the spread of each colour channel of its donor (Reinhard et al., Color transfer, 2001, in RGB)."""
    middle = images.mean(axis=(2, 3), keepdims=True)
    gain = _gain(donors.std(axis=(2, 3)), images.std(axis=(2, 3)))
    moved: Floats = donors.mean(axis=(2, 3), keepdims=True) + gain * (images - middle)
    return moved


def light(images: Floats, donors: Floats) -> Floats:
    """Each image gets the mean brightness of its donor."""
    moved: Floats = images + (donors.mean(axis=(1, 2, 3), keepdims=True) - images.mean(axis=(1, 2, 3), keepdims=True))
    return moved


def contrast(images: Floats, donors: Floats) -> Floats:
    """Each image gets the standard deviation of its donor."""
    middle = images.mean(axis=(2, 3), keepdims=True)
    moved: Floats = middle + _gain(donors.std(axis=(1, 2, 3))[:, None], images.std(axis=(1, 2, 3))[:, None]) * (images - middle)
    return moved


def border(images: Floats, donors: Floats) -> Floats:
    """Each image gets the border of its donor, pixel by pixel."""
    return np.where(ring_of(*images.shape[2:]), donors, images)


def sharpness(images: Floats, donors: Floats) -> Floats:
    """Each image gets as much fine detail as its donor has, by scaling what a blur takes away."""
    smooth, smooth_donors = _blurred(images), _blurred(donors)
    gain = _gain((donors - smooth_donors).std(axis=(1, 2, 3))[:, None], (images - smooth).std(axis=(1, 2, 3))[:, None])
    return smooth + gain * (images - smooth)


EDITS: Final[Mapping[str, Edit]] = {
    "colours": colours,
    "brightness": light,
    "contrast": contrast,
    "border": border,
    "sharpness": sharpness,
}


def as_large(control: Floats, edited: Floats, images: Floats) -> Floats:
    """``control`` with the change of each image scaled to the size (root mean square) that it has in ``edited``."""
    change, own = edited - images, control - images
    sizes, owns = (np.sqrt((each**2).mean(axis=(1, 2, 3), keepdims=True)) for each in (change, own))
    scaled: Floats = (images + own * (sizes / np.maximum(owns, 1e-4))).astype(np.float32)
    return scaled


def within(images: Floats) -> Floats:
    """The images clipped to [0, 1]."""
    return np.clip(images, 0, 1).astype(np.float32)


def _gain(wanted: Floats, own: Floats) -> Floats:
    """float32 N x C x 1 x 1 from spreads N x C."""
    gain: Floats = np.clip(wanted / np.maximum(own, 1e-3), 1 / MOST_GAIN, MOST_GAIN).astype(np.float32)[:, :, None, None]
    return gain


def _blurred(images: Floats) -> Floats:
    smooth: Floats = gaussian_filter(images, (0, 0, 1, 1))
    return smooth
