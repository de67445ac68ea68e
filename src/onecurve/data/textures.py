"""Repeating and random textures: backgrounds of scenes and sources of styles.

A texture is a field in [0, 1] that mixes two colours. Fields are functions of coordinates in periods, so a texture looks similar at
every image size.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from onecurve.core.errors import DataError, UnknownNameError
from onecurve.core.image.images import Floats
from onecurve.data.colours import hsv_to_rgb

RANDOMS = 64
"""How many random numbers in [0, 1) a field may use per image."""
PERIODS = (3.0, 5.5)
"""Least and largest number of periods across the shorter side."""
Plane = NDArray[np.floating]
Field = Callable[[Plane, Plane, Plane], Plane]
"""From u, v (N x H x W, in periods) and randoms (N x RANDOMS) to N x H x W, roughly in [0, 1]."""


def draw_texture(
    name: str,
    height: int,
    width: int,
    rng: np.random.Generator,
    colours: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None,
) -> Floats:
    """float32 3 x height x width in [0, 1]; two random colours unless ``colours`` gives them.

    Raises ``UnknownNameError`` for a name that is not in ``TEXTURES``, ``DataError`` for an empty size.
    """
    if name not in FIELDS:
        raise UnknownNameError.among("texture", name, TEXTURES)
    if min(height, width) < 1:
        raise DataError(f"a texture needs at least one pixel, got: {height} x {width}")
    pair = random_pairs(1, rng) if colours is None else np.array([colours], np.float32)
    texture: Floats = mix(texture_fields(name, 1, height, width, rng), pair)[0]
    return texture


def texture_fields(name: str, count: int, height: int, width: int, rng: np.random.Generator) -> Floats:
    """float32 count x height x width in [0, 1]: the texture at random scales, turns and shifts."""
    side = min(height, width)
    period = (side / rng.uniform(*PERIODS, count)).astype(np.float32)[:, None, None]
    angle = rng.uniform(-0.35, 0.35, count).astype(np.float32)[:, None, None]
    shift = rng.random((count, 2)).astype(np.float32) * 8
    down = (np.arange(height, dtype=np.float32) - height / 2)[None, :, None] / period
    across = (np.arange(width, dtype=np.float32) - width / 2)[None, None, :] / period
    cosine, sine = np.cos(angle), np.sin(angle)
    u = across * cosine + down * sine + (shift[:, 0, None, None] if name not in CENTRED else 0)
    v = down * cosine - across * sine + (shift[:, 1, None, None] if name not in CENTRED else 0)
    fields: Floats = np.clip(FIELDS[name](u, v, rng.random((count, RANDOMS)).astype(np.float32)), 0, 1).astype(np.float32)
    return fields


def mix(fields: Floats, pairs: Floats) -> Floats:
    """float32 N x 3 x H x W from fields N x H x W and colour pairs N x 2 x 3."""
    low, high = pairs[:, 0, :, None, None], pairs[:, 1, :, None, None]
    return low + fields[:, None] * (high - low)


def random_pairs(count: int, rng: np.random.Generator) -> Floats:
    """float32 count x 2 x 3: two colours each, of different lightness."""
    hues = rng.random(count)
    first = hsv_to_rgb(hues, rng.uniform(0.2, 0.9, count), rng.uniform(0.25, 0.55, count))
    second = hsv_to_rgb(hues + rng.uniform(-0.25, 0.25, count), rng.uniform(0.1, 0.8, count), rng.uniform(0.7, 1.0, count))
    swap = rng.random(count) < 0.5
    return np.where(swap[:, None, None], np.stack([first, second], 1), np.stack([second, first], 1)).astype(np.float32)


def _step(value: Plane, sharpness: float = 6.0) -> Plane:
    """A soft threshold at 0."""
    thresholded: Plane = np.clip(0.5 + sharpness * value, 0, 1)
    return thresholded


def _sine(value: Plane) -> Plane:
    wave: Plane = np.sin(2 * np.pi * value)
    return wave


def _noise(u: Plane, v: Plane, randoms: Plane, frequency: float, waves: int = 8) -> Plane:
    """A smooth random field about 0 with values mostly within -1 to 1: plane waves of random direction and phase."""
    total = np.zeros_like(u)
    for k in range(waves):
        angle = 2 * np.pi * (randoms[:, k, None, None] + k / waves)
        phase = 2 * np.pi * randoms[:, k + waves, None, None]
        pitch = frequency * (0.6 + 0.8 * randoms[:, k + 2 * waves, None, None])
        total += np.sin(2 * np.pi * pitch * (u * np.cos(angle) + v * np.sin(angle)) + phase)
    field: Plane = total / np.sqrt(waves)
    return field


def _stripes(u: Plane, v: Plane, r: Plane) -> Plane:
    return _step(_sine(u), 1.5)


def _diagonal(u: Plane, v: Plane, r: Plane) -> Plane:
    return _step(_sine((u + v) / np.sqrt(2)), 1.5)


def _checks(u: Plane, v: Plane, r: Plane) -> Plane:
    return _step(_sine(u / 1.5) * _sine(v / 1.5), 4)


def _grid(u: Plane, v: Plane, r: Plane) -> Plane:
    return _step(np.maximum(np.abs(2 * (u % 1) - 1), np.abs(2 * (v % 1) - 1)) - 0.72, 5)


def _dots(u: Plane, v: Plane, r: Plane) -> Plane:
    row = np.floor(v)
    return _step(0.32 - np.hypot((u + 0.5 * (row % 2)) % 1 - 0.5, v % 1 - 0.5), 6)


def _waves(u: Plane, v: Plane, r: Plane) -> Plane:
    return _step(_sine(v + 0.3 * _sine(u / 2)), 1.5)


def _zigzag(u: Plane, v: Plane, r: Plane) -> Plane:
    return _step(_sine(v + np.abs(2 * (u / 2 % 1) - 1)), 2)


def _brick(u: Plane, v: Plane, r: Plane) -> Plane:
    row = np.floor(v)
    across = (u / 2 + 0.5 * (row % 2)) % 1
    mortar = np.minimum(2 * np.minimum(across, 1 - across), np.minimum(v % 1, 1 - v % 1))
    shade = 0.12 * np.sin(37 * np.floor(u / 2 + 0.5 * (row % 2)) + 61 * row)
    field: Plane = _step(mortar - 0.12, 8) * (0.85 + shade)
    return field


def _woven(u: Plane, v: Plane, r: Plane) -> Plane:
    over = (np.floor(u) + np.floor(v)) % 2
    along, across = np.abs(2 * (u % 1) - 1), np.abs(2 * (v % 1) - 1)
    return np.where(over > 0, 1 - 0.9 * along**2, 0.6 - 0.6 * across**2)


def _rings(u: Plane, v: Plane, r: Plane) -> Plane:
    cx, cy = 4 * (r[:, 0, None, None] - 0.5), 4 * (r[:, 1, None, None] - 0.5)
    return _step(_sine(np.hypot(u - cx, v - cy)), 1.5)


def _rays(u: Plane, v: Plane, r: Plane) -> Plane:
    cx, cy = 2 * (r[:, 0, None, None] - 0.5), 2 * (r[:, 1, None, None] - 0.5)
    return _step(np.sin(10 * np.arctan2(v - cy, u - cx)), 1.5)


def _plaid(u: Plane, v: Plane, r: Plane) -> Plane:
    return 0.5 * _step(_sine(u / 1.4), 3) + 0.5 * _step(_sine(v / 1.4), 3)


def _scales(u: Plane, v: Plane, r: Plane) -> Plane:
    row = np.floor(2 * v)
    x, y = (u + 0.5 * (row % 2)) % 1 - 0.5, (2 * v) % 1
    field: Plane = np.clip(1.25 * np.hypot(x * 1.6, y * 0.9), 0, 1)
    return field


def _blobs(u: Plane, v: Plane, r: Plane) -> Plane:
    return _step(_noise(u, v, r, 0.6), 2.5)


def _clouds(u: Plane, v: Plane, r: Plane) -> Plane:
    return 0.5 + 0.3 * _noise(u, v, r, 0.25) + 0.14 * _noise(u, v, np.roll(r, 24, 1), 0.6)


def _grain(u: Plane, v: Plane, r: Plane) -> Plane:
    return 0.5 + 0.35 * _noise(u, v, r, 1.7, 12)


def _marble(u: Plane, v: Plane, r: Plane) -> Plane:
    return np.abs(_sine(0.4 * u + 0.45 * _noise(u, v, r, 0.3)))


def _wood(u: Plane, v: Plane, r: Plane) -> Plane:
    return 0.5 + 0.45 * _sine(0.9 * v + 0.5 * _noise(0.3 * u, v, r, 0.25, 6))


def _crackle(u: Plane, v: Plane, r: Plane) -> Plane:
    """Cells with dark seams: distance between the two nearest of jittered grid points."""
    nearest, second = np.full_like(u, np.inf), np.full_like(u, np.inf)
    for row in (-1, 0, 1):
        for column in (-1, 0, 1):
            cell_u, cell_v = np.floor(u) + column, np.floor(v) + row
            jitter_u = 0.5 + 0.45 * np.sin(12.9 * cell_u + 78.2 * cell_v + 40 * r[:, 0, None, None])
            jitter_v = 0.5 + 0.45 * np.sin(93.9 * cell_u + 67.3 * cell_v + 40 * r[:, 1, None, None])
            distance = np.hypot(cell_u + jitter_u - u, cell_v + jitter_v - v)
            second = np.minimum(second, np.maximum(distance, nearest))
            nearest = np.minimum(nearest, distance)
    return _step(second - nearest - 0.14, 6)


def _shade(u: Plane, v: Plane, r: Plane) -> Plane:
    angle = 2 * np.pi * r[:, 0, None, None]
    field: Plane = 0.5 + 0.2 * (u * np.cos(angle) + v * np.sin(angle))
    return field


FIELDS: Mapping[str, Field] = {
    "stripes": _stripes,
    "diagonal": _diagonal,
    "checks": _checks,
    "grid": _grid,
    "dots": _dots,
    "waves": _waves,
    "zigzag": _zigzag,
    "brick": _brick,
    "woven": _woven,
    "rings": _rings,
    "rays": _rays,
    "plaid": _plaid,
    "scales": _scales,
    "blobs": _blobs,
    "clouds": _clouds,
    "grain": _grain,
    "marble": _marble,
    "wood": _wood,
    "crackle": _crackle,
    "shade": _shade,
}
TEXTURES: tuple[str, ...] = tuple(FIELDS)
CENTRED = frozenset({"rings", "rays", "shade"})
"""Textures with a middle, which stays in the picture."""
