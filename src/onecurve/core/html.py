"""Small pieces of HTML for notebooks. The core needs numpy and the standard library only, so pictures are written as PNG here."""

import struct
import zlib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from html import escape

import numpy as np
from numpy.typing import NDArray

from onecurve.core.image.images import Floats

SIDE = 96
"""Shown side of a picture, px."""
MOST = 24
"""Pictures shown at most of one kind."""
HEAT = np.array([[20, 10, 60], [150, 40, 110], [250, 150, 40], [255, 250, 180]], np.float64)
"""Colours of a heat map from least to most: dark violet to yellow."""


def picture(image: Floats, caption: str = "") -> str:
    """An image float32 C x h x w in [0, 1], C of 1 or 3, magnified without smoothing."""
    pixels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return _figure(np.repeat(pixels, 3 // len(pixels), axis=0).transpose(1, 2, 0), caption)


def heat_map(values: Floats, caption: str = "") -> str:
    """A map H x W, non-negative, scaled to its own largest value."""
    most = float(values.max())
    shares = values / most if most > 0 else np.zeros_like(values)
    steps = np.linspace(0, 1, len(HEAT))
    pixels = np.stack([np.interp(shares, steps, channel) for channel in HEAT.T], axis=2)
    return _figure(np.rint(pixels).astype(np.uint8), caption)


def words(text: str) -> str:
    """A paragraph."""
    return f"<p>{escape(text)}</p>"


def facts(values: Mapping[str, str]) -> str:
    """Names and values, one row each."""
    rows = "".join(f"<tr><th style='text-align:left'>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in values.items())
    return f"<table>{rows}</table>"


def row(parts: Iterable[str]) -> str:
    """Parts side by side, wrapped where the window ends; what is beyond ``MOST`` is counted."""
    listed = list(parts)
    more = words(f"and {len(listed) - MOST} more") if len(listed) > MOST else ""
    return f"<div style='display:flex;flex-wrap:wrap;gap:8px'>{''.join(listed[:MOST])}</div>{more}"


def _figure(pixels: NDArray[np.uint8], caption: str) -> str:
    source = b64encode(_png(pixels)).decode("ascii")
    style = f"height:{SIDE}px;image-rendering:pixelated"
    shown = f"<img alt='{escape(caption, quote=True)}' style='{style}' src='data:image/png;base64,{source}'>"
    return f"<figure style='margin:0;max-width:{2 * SIDE}px'>{shown}<figcaption>{escape(caption)}</figcaption></figure>"


def _png(pixels: NDArray[np.uint8]) -> bytes:
    """The file of an image H x W x 3 (8 bits, RGB, no filter)."""
    height, width, _ = pixels.shape
    lines = b"".join(b"\x00" + line.tobytes() for line in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(lines)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
