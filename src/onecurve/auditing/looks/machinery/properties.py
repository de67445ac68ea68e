"""Properties of images that anybody can measure and name: no network decides them, so a group told by them can be tested fairly."""

from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter

from onecurve.core.image.images import Bytes, Floats, as_floats

WORDS: Final[dict[str, tuple[str, str]]] = {
    "brightness": ("dark", "bright"),
    "contrast": ("of low contrast", "of high contrast"),
    "colourfulness": ("pale", "colourful"),
    "red": ("with little red", "reddish"),
    "green": ("with little green", "greenish"),
    "blue": ("with little blue", "bluish"),
    "border brightness": ("with a dark border", "with a bright border"),
    "border red": ("with little red at the border", "with a reddish border"),
    "border green": ("with little green at the border", "with a greenish border"),
    "border blue": ("with little blue at the border", "with a bluish border"),
    "border texture": ("with a smooth border", "with a textured border"),
    "sharpness": ("blurred", "sharp"),
    "edges": ("with few edges", "with many edges"),
    "upright edges": ("with level edges", "with upright edges"),
    "rising edges": ("with falling edges", "with rising edges"),
    "place across": ("with its edges to the left", "with its edges to the right"),
    "place down": ("with its edges at the top", "with its edges at the bottom"),
    "light across": ("lighter on the left", "lighter on the right"),
    "light down": ("lighter at the top", "lighter at the bottom"),
    "light inside": ("lighter at the border", "lighter in the middle"),
}
"""Each property with the words for low and for high values."""
NAMES: Final = tuple(WORDS)
RING: Final = 0.125
"""Width of the border as a share of the shorter side."""
_CHUNK: Final = 256


def measured(images: Bytes) -> Floats:
    """float64 N x P in the order of ``NAMES``; ``images`` are uint8 N x C x H x W. Greys have no colours: these properties are 0."""
    return np.concatenate([_measured(as_floats(images[at : at + _CHUNK])) for at in range(0, len(images), _CHUNK)])


def ring_of(height: int, width: int) -> np.ndarray:
    """bool H x W: the border."""
    wide = max(1, round(RING * min(height, width)))
    ring = np.ones((height, width), bool)
    ring[wide:-wide, wide:-wide] = False
    return ring


def _measured(images: Floats) -> Floats:
    greys = images.mean(axis=1)
    colours = images.mean(axis=(2, 3))
    tints = _tints(colours)
    ring = ring_of(*greys.shape[1:])
    rings = images[:, :, ring].mean(axis=2)
    down, across = np.gradient(greys, axis=(1, 2))
    energy = down**2 + across**2
    total = energy.sum(axis=(1, 2)) + 1e-9
    fine = np.abs(greys - gaussian_filter(greys, (0, 1, 1))).mean(axis=(1, 2))
    contrast = greys.std(axis=(1, 2))
    rows, columns = (np.linspace(-1, 1, size) for size in greys.shape[1:])
    columns_of: dict[str, Floats] = {
        "brightness": greys.mean(axis=(1, 2)),
        "contrast": contrast,
        "colourfulness": (images.max(axis=1) - images.min(axis=1)).mean(axis=(1, 2)),
        **dict(zip(("red", "green", "blue"), tints.T, strict=True)),
        "border brightness": greys[:, ring].mean(axis=1),
        **dict(zip(("border red", "border green", "border blue"), _tints(rings).T, strict=True)),
        "border texture": np.sqrt(energy[:, ring]).mean(axis=1),
        "sharpness": fine / (contrast + 1e-3),
        "edges": np.sqrt(energy).mean(axis=(1, 2)),
        "upright edges": (across**2 - down**2).sum(axis=(1, 2)) / total,
        "rising edges": -2 * (across * down).sum(axis=(1, 2)) / total,
        "place across": (energy * columns).sum(axis=(1, 2)) / total,
        "place down": (energy * rows[:, None]).sum(axis=(1, 2)) / total,
        "light across": (greys * columns).mean(axis=(1, 2)),
        "light down": (greys * rows[:, None]).mean(axis=(1, 2)),
        "light inside": greys[:, ~ring].mean(axis=1) - greys[:, ring].mean(axis=1),
    }
    return np.stack([columns_of[name] for name in NAMES], axis=1).astype(np.float64)


def _tints(colours: Floats) -> Floats:
    """N x 3: how far each channel lies above the mean of all; 0 for greys."""
    if colours.shape[1] != 3:
        return np.zeros((len(colours), 3), np.float32)
    tints: Floats = colours - colours.mean(axis=1, keepdims=True)
    return tints
