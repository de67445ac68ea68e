"""Arrays to PNG bytes that a person can judge by eye.

Small images are enlarged by whole factors without smoothing. A heat map is scaled by its own maximum, so its colours
compare places within one map, not two maps.
"""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from onecurve.core.image.images import Bools, Bytes, Floats, as_bytes

SHOWN = 128
"""The longer side of a picture is at least this many pixels."""
HEAT_SHARE = 0.72
"""How much of an overlay is heat; the rest is the grey input."""
CHECK = 8
"""Side of a checkerboard square in shown pixels."""
_VIRIDIS = np.array(
    [
        *((68, 1, 84), (72, 40, 120), (62, 74, 137), (49, 104, 142), (38, 130, 142)),
        *((31, 158, 137), (53, 183, 121), (109, 205, 89), (180, 222, 44), (253, 231, 37)),
    ],
    np.float64,
)
"""Ten anchors of viridis, which rises evenly in lightness and survives colour blindness and grey print."""


def heat_colours(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Colours (… x 3, in [0, 1]) of values in [0, 1]: dark violet for 0, yellow for 1."""
    at = np.clip(values, 0, 1) * (len(_VIRIDIS) - 1)
    below = np.minimum(at.astype(int), len(_VIRIDIS) - 2)
    share = (at - below)[..., None]
    colours: NDArray[np.float64] = (_VIRIDIS[below] * (1 - share) + _VIRIDIS[below + 1] * share) / 255
    return colours


def png_of(image: Floats, side: int = SHOWN) -> bytes:
    """PNG of an image C x h x w in [0, 1] (clipped) with 1 or 3 channels, enlarged until its longer side has ``side`` pixels or more."""
    return _png(_enlarged(as_bytes(_colour(image)), side))


def with_heat(image: Floats, heat: Floats) -> bytes:
    """PNG of a non-negative map H x W laid over the grey version of its input C x H x W."""
    peak = float(heat.max())
    scaled = heat / peak if peak > 0 else np.zeros_like(heat)
    mixed = HEAT_SHARE * heat_colours(scaled) + (1 - HEAT_SHARE) * _grey(image)[..., None]
    return _png(_enlarged(as_bytes(mixed)))


def with_mask(image: Floats, mask: Bools) -> bytes:
    """PNG of an input C x H x W in which all that lies outside the mask H x W is faded and grey."""
    faded = 0.25 * _grey(image)[..., None] + 0.62
    inside = np.moveaxis(_three(image), 0, -1)
    return _png(_enlarged(as_bytes(np.where(mask[..., None], inside, faded))))


def on_checkerboard(pattern: Floats, alpha: Floats) -> bytes:
    """PNG of a sprite C x h x w with transparency h x w, shown on a checkerboard."""
    colours = _enlarged(as_bytes(_colour(pattern))).astype(np.float64) / 255
    cover = _enlarged(as_bytes(alpha)).astype(np.float64)[..., None] / 255
    rows, columns = np.indices(cover.shape[:2]) // CHECK
    board = np.where((rows + columns) % 2 == 0, 0.96, 0.80)[..., None]
    return _png(as_bytes(colours * cover + board * (1 - cover)))


def signed_texture(texture: Floats) -> bytes:
    """PNG of a signed change C x H x W: grey where nothing changes, scaled by its largest value."""
    peak = float(np.abs(texture).max())
    return png_of((0.5 + 0.5 * texture / peak if peak > 0 else np.full_like(texture, 0.5)).astype(np.float32))


def heat_legend() -> bytes:
    """PNG of the colour map from 0 (left) to 1 (right), 160 x 10 pixels."""
    return _png(as_bytes(np.repeat(heat_colours(np.linspace(0, 1, 160))[None], 10, axis=0)))


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG."""
    with Image.open(BytesIO(png)) as picture:
        return picture.size


def _three(image: Floats) -> Floats:
    return np.repeat(image[:1], 3, axis=0) if image.shape[0] != 3 else image


def _colour(image: Floats) -> Floats:
    return np.moveaxis(_three(image), 0, -1)


def _grey(image: Floats) -> Floats:
    grey: Floats = np.clip(_three(image).mean(axis=0), 0, 1)
    return grey


def _enlarged(pixels: Bytes, side: int = SHOWN) -> Bytes:
    factor = max(1, -(-side // max(pixels.shape[:2])))
    return np.repeat(np.repeat(pixels, factor, axis=0), factor, axis=1)


def _png(pixels: Bytes) -> bytes:
    out = BytesIO()
    Image.fromarray(pixels).save(out, format="PNG", compress_level=6)
    return out.getvalue()
