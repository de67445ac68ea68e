"""Colours for drawing, and the usual names of colours.

Everything is RGB in [0, 1]; hue, saturation and value appear only as arguments, each in [0, 1].
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from onecurve.core.image.images import Bytes, Floats

COLOUR_NAMES = ("black", "dark grey", "light grey", "white", "red", "brown", "orange", "yellow", "green", "blue", "light blue", "purple")
GREY_NAMES = ("black", "dark grey", "grey", "light grey", "white")
_BITS = 6
"""Bits per channel by which colours are named."""
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
_HUE_NAMES = ("red", "orange", "yellow", "green", "blue", "purple", "red")
_HUE_BOUNDS = np.array([0.035, 0.12, 0.19, 0.46, 0.72, 0.92], np.float32)
"""Bounds between the names of hues, in turns of the colour wheel; our own choice."""


def hsv_to_rgb(hue: NDArray[np.floating], saturation: NDArray[np.floating], value: NDArray[np.floating]) -> Floats:
    """float32 ... x 3 from hue (in turns, wraps), saturation and value in [0, 1] of one shape."""
    offsets = np.array([5.0, 3.0, 1.0])
    k = (offsets + np.asarray(hue)[..., None] * 6) % 6
    chroma = np.asarray(value)[..., None] * np.asarray(saturation)[..., None]
    rgb: Floats = (np.asarray(value)[..., None] - chroma * np.clip(np.minimum(k, 4 - k), 0, 1)).astype(np.float32)
    return rgb


def saturated(count: int, rng: np.random.Generator) -> Floats:
    """float32 count x 3: vivid colours of any hue."""
    return hsv_to_rgb(rng.random(count), rng.uniform(0.8, 1.0, count), rng.uniform(0.8, 1.0, count))


def luminance(colours: Floats) -> Floats:
    """Perceived lightness (ITU-R BT.601) of colours ... x 3, in [0, 1]."""
    return colours @ _LUMINANCE


def contrasting(lightness: Floats, rng: np.random.Generator) -> Floats:
    """float32 N x 3: a colour per background lightness (N), clearly lighter or darker than it."""
    count = len(lightness)
    dark = hsv_to_rgb(rng.random(count), rng.uniform(0.2, 1.0, count), rng.uniform(0.0, 0.22, count))
    light = hsv_to_rgb(rng.random(count), rng.uniform(0.0, 0.35, count), rng.uniform(0.92, 1.0, count))
    return np.where((lightness > 0.5)[:, None], dark, light)


def colour_names(images: Bytes) -> NDArray[np.int8]:
    """int8 N x H x W: index of each pixel's name, in COLOUR_NAMES for three channels, in GREY_NAMES for one.

    ``images`` is uint8 N x C x H x W; colours are told apart to a quarter of the 256 levels per channel.
    """
    if images.shape[1] == 1:
        return np.digitize(np.arange(256) / 255, [0.15, 0.4, 0.65, 0.88]).astype(np.int8)[images[:, 0]]
    red, green, blue = (images[:, channel] >> (8 - _BITS) for channel in range(3))
    names: NDArray[np.int8] = _name_table()[(red.astype(np.int32) << (2 * _BITS)) | (green.astype(np.int32) << _BITS) | blue]
    return names


@cache
def _name_table() -> NDArray[np.int8]:
    """int8, one name per coarse colour; computing the hue of every pixel would take ten times as long."""
    levels = np.arange(2**_BITS, dtype=np.float32) / (2**_BITS - 1)
    red, green, blue = (axis.reshape(-1) for axis in np.meshgrid(levels, levels, levels, indexing="ij"))
    colours = np.stack([red, green, blue])
    value, chroma = colours.max(0), np.ptp(colours, axis=0)
    named = _hue_index(red, green, blue, value, chroma)
    names = {name: index for index, name in enumerate(COLOUR_NAMES)}
    ruddy = (named == names["orange"]) | (named == names["red"])
    # Brown is dark or dull orange and has no hue of its own; light blue is its own colour to most eyes.
    named = np.where(ruddy & (value < 0.62) & (chroma < 0.4), names["brown"], named)
    named = np.where((named == names["blue"]) & (value > 0.62) & (chroma < 0.55), names["light blue"], named)
    greys = np.array([names["dark grey"], names["light grey"], names["white"]])[np.digitize(value, [0.5, 0.86])]
    named = np.where(chroma < np.maximum(0.13 * value, 0.06), greys, named)
    return np.where(value < 0.18, names["black"], named).astype(np.int8)


def _hue_index(red: Floats, green: Floats, blue: Floats, value: Floats, chroma: Floats) -> NDArray[np.int64]:
    safe = np.maximum(chroma, 1e-6)
    sixths = np.where(value == red, (green - blue) / safe, np.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe))
    table = np.array([COLOUR_NAMES.index(name) for name in _HUE_NAMES])
    return table[np.digitize((sixths / 6) % 1, _HUE_BOUNDS)]
