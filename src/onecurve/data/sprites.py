"""Small colourful drawings: objects in scenes, patch triggers, pictures for people.

Edges are soft: alpha is the share of a pixel that the sprite covers, outline included. The pattern has a full colour even where
alpha is 0, so that pasting leaves no fringe.
"""

import numpy as np

from onecurve.core.errors import DataError, UnknownNameError
from onecurve.core.image.images import Floats
from onecurve.data.colours import hsv_to_rgb, luminance, saturated
from onecurve.data.motifs import MOTIFS, Motif
from onecurve.data.outlines import coverage

SHAPES: tuple[str, ...] = tuple(MOTIFS)
SMALLEST = 4
"""Pixels; smaller sprites cannot be told apart."""
_FAINT = 0.06
"""Pixels that are covered less than this are not changed, so that masks contain only visible pixels."""


def draw_sprite(
    shape: str,
    size: int,
    rng: np.random.Generator,
    *,
    fill: tuple[float, float, float] | None = None,
    background: tuple[float, float, float] | None = None,
) -> tuple[Floats, Floats]:
    """One sprite: pattern float32 3 x size x size and alpha float32 size x size, both in [0, 1].

    Without ``fill`` it has its usual colour, varied a little (any colour for plain figures). With a
    ``background`` it is an opaque square of that colour with the sprite on it. Raises ``UnknownNameError`` for a
    shape that is not in ``SHAPES``, ``DataError`` for a size below 4.
    """
    if shape not in MOTIFS:
        raise UnknownNameError.among("shape", shape, SHAPES)
    if size < SMALLEST:
        raise DataError(f"a sprite needs at least {SMALLEST} pixels, got: {size}")
    palettes = palettes_of(usual_colours(shape, 1, rng) if fill is None else np.array([fill], np.float32), rng)
    centre = np.full((1, 2), size / 2, np.float32)
    turn = rng.uniform(-0.03, 0.03, 1).astype(np.float32)
    patterns, alphas = paint(shape, size, centre, np.full(1, size, np.float32), turn, palettes)
    if background is None:
        return patterns[0], alphas[0]
    ground = np.array(background, np.float32)[:, None, None]
    return ground + (patterns[0] - ground) * alphas[0], np.ones_like(alphas[0])


def usual_colours(shape: str, count: int, rng: np.random.Generator) -> Floats:
    """float32 count x 3: usual colours of the shape; any vivid colour for plain figures."""
    hue = MOTIFS[shape].hue
    if hue is None:
        return saturated(count, rng)
    return hsv_to_rgb(hue + rng.normal(0, 0.015, count), rng.uniform(0.85, 1, count), rng.uniform(0.88, 1, count))


def palettes_of(fills: Floats, rng: np.random.Generator) -> Floats:
    """float32 N x 5 x 3: fill, accent, light, dark and outline for N fill colours.

    The outline is dark around light fills and white around dark ones, so that a sprite stands out on any background.
    """
    count = len(fills)
    accents = hsv_to_rgb(rng.random(count), rng.uniform(0.7, 1, count), rng.uniform(0.85, 1, count))
    # With an accent close to the fill, a sprite of two colours would look like one of a single colour.
    near = np.abs(accents - fills).sum(1) < 0.8
    accents = np.where(near[:, None], 1 - fills, accents)
    light = np.broadcast_to(rng.uniform(0.93, 1.0, (count, 1)), (count, 3))
    dark = np.broadcast_to(rng.uniform(0.02, 0.1, (count, 1)), (count, 3))
    outlines = np.where((luminance(fills) > 0.25)[:, None], dark, light)
    return np.stack([fills, accents, light, dark, outlines], 1).astype(np.float32)


def paint(shape: str, window: int, centres: Floats, diameters: Floats, turns: Floats, palettes: Floats) -> tuple[Floats, Floats]:
    """N sprites of one shape: patterns float32 N x 3 x window x window and alphas N x window x window.

    ``centres`` (N x 2) are rows and columns in pixels from the window's corner, ``diameters`` (N) in pixels
    with the outline included, ``turns`` (N) in turns clockwise, ``palettes`` N x 5 x 3 as from ``palettes_of``.
    """
    return paint_motif(MOTIFS[shape], window, centres, diameters, turns, palettes)


def paint_motif(motif: Motif, window: int, centres: Floats, diameters: Floats, turns: Floats, palettes: Floats) -> tuple[Floats, Floats]:
    """The same for any motif, whether or not it is in ``MOTIFS``."""
    border = np.clip(diameters * 0.07, 0.35, 2.0)
    unit = np.maximum(diameters / 2 - border - 0.1, 1.0)[:, None, None]
    x, y = unit_coordinates(window, centres, unit, turns)
    pixel, grown = 1 / unit, border[:, None, None] / unit
    alphas = coverage(motif.silhouette(x, y) - grown, pixel)
    alphas[alphas < _FAINT] = 0
    patterns = np.broadcast_to(palettes[:, 4, :, None, None], (len(centres), 3, window, window))
    for figure, ink in motif.layers:
        share = coverage(figure(x, y), pixel)[:, None]
        patterns = patterns + share * (palettes[:, ink, :, None, None] - patterns)
    return np.clip(patterns, 0, 1).astype(np.float32), alphas


def unit_coordinates(window: int, centres: Floats, unit: Floats, turns: Floats) -> tuple[Floats, Floats]:
    """x and y (float32 N x window x window) of each pixel's middle about the centres, turned; ``unit`` is pixels per unit."""
    middles = np.arange(window, dtype=np.float32) + np.float32(0.5)
    down = (middles[None, :, None] - centres[:, 0, None, None]) / unit
    across = (middles[None, None, :] - centres[:, 1, None, None]) / unit
    angle = (2 * np.pi * turns).astype(np.float32)[:, None, None]
    cosine, sine = np.cos(angle), np.sin(angle)
    return across * cosine + down * sine, down * cosine - across * sine
