"""Motifs: the layers of each named sprite, from back to front.

A motif is a silhouette and layers on it. To add one, add an entry here. Only the parts of a layer inside the silhouette are drawn.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import final

import numpy as np

from onecurve.data.outlines import Figure, box, cogs, common, disc, ellipse, petals, polygon, regular, ring, star, stroke, union, without


class Ink(IntEnum):
    """The colours that a motif is painted with; a palette gives one RGB for each."""

    FILL = 0
    ACCENT = 1
    LIGHT = 2
    DARK = 3


@final
@dataclass(frozen=True)
class Motif:
    """One sprite: its silhouette in unit coordinates, its layers, and the hue it usually has."""

    silhouette: Figure
    layers: tuple[tuple[Figure, Ink], ...]
    hue: float | None = None
    """In turns of the colour wheel; None for any."""


def single_colour(figure: Figure, hue: float | None = None) -> Motif:
    """A motif of one colour."""
    return Motif(figure, ((figure, Ink.FILL),), hue)


def layered(figure: Figure, *layers: tuple[Figure, Ink], hue: float | None = None) -> Motif:
    """A filled silhouette with layers on it."""
    return Motif(figure, ((figure, Ink.FILL), *((common(layer, figure), ink) for layer, ink in layers)), hue)


def _heart() -> Figure:
    t = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    x = np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 15 - 0.1
    return polygon([(float(a), float(b)) for a, b in zip(x, y, strict=True)])


def _drop() -> Figure:
    t = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return polygon([(float(0.9 * np.sin(a) * np.sin(a / 2) ** 1.3), float(-np.cos(a))) for a in t])


def _dome(foot: float, height: float) -> Figure:
    t = np.linspace(0, np.pi, 16)
    return polygon([(float(np.cos(a)), float(foot - height * np.sin(a))) for a in t])


def _crescent() -> Figure:
    # A polygon, because the difference of two discs has tips that an outline would stretch into spikes.
    tip = np.pi / 3
    t = np.linspace(tip, 2 * np.pi - tip, 20)
    outer = [(float(0.25 + 0.98 * np.cos(a)), float(0.98 * np.sin(a))) for a in t]
    centre, (x, y) = 0.62, outer[0]
    radius, tip = float(np.hypot(x - centre, y)), float(np.arctan2(y, x - centre))
    t = np.linspace(2 * np.pi - tip, tip, 16)[1:-1]
    return polygon([*outer, *((float(centre + radius * np.cos(a)), float(radius * np.sin(a))) for a in t)])


def _spiral() -> Figure:
    t = np.linspace(0.3, 4.4 * np.pi, 34)
    radii = 0.84 * t / t[-1]
    x, y = radii * np.cos(t), radii * np.sin(t)
    return union(*(stroke(float(x[i]), float(y[i]), float(x[i + 1]), float(y[i + 1]), 0.14) for i in range(len(t) - 1)))


def _smiley() -> Motif:
    mouth = common(ring(0, 0.05, 0.52, 0.11), box(0, 0.65, 0.62, 0.42))
    eyes = union(ellipse(-0.35, -0.28, 0.14, 0.22), ellipse(0.35, -0.28, 0.14, 0.22))
    return layered(disc(0, 0, 1), (union(mouth, eyes), Ink.DARK), hue=0.14)


def _mushroom() -> Motif:
    cap = _dome(0.08, 0.98)
    stem = union(box(0, 0.45, 0.3, 0.5), disc(0, 0.7, 0.3))
    spots = union(disc(-0.48, -0.28, 0.2), disc(0.12, -0.55, 0.22), disc(0.55, -0.2, 0.17))
    return Motif(union(cap, stem), ((stem, Ink.LIGHT), (cap, Ink.FILL), (common(spots, cap), Ink.LIGHT)), hue=0.99)


def _fish() -> Motif:
    body = ellipse(-0.18, 0, 0.8, 0.58)
    tail = polygon([(0.35, 0.0), (1.0, -0.6), (0.85, 0.0), (1.0, 0.6)])
    stripes = union(box(-0.36, 0, 0.11, 1), box(0.18, 0, 0.11, 1))
    return layered(union(body, tail), (stripes, Ink.LIGHT), (disc(-0.68, -0.12, 0.11), Ink.DARK), hue=0.06)


def _eye() -> Motif:
    lids = common(disc(0, 0.72, 1.22), disc(0, -0.72, 1.22))
    return Motif(lids, ((lids, Ink.LIGHT), (common(disc(0, 0, 0.46), lids), Ink.FILL), (disc(0, 0, 0.2), Ink.DARK)), hue=0.55)


def _clover() -> Motif:
    leaves = union(disc(0, -0.5, 0.46), disc(-0.5, 0, 0.46), disc(0.5, 0, 0.46), disc(0, 0.42, 0.4), disc(0, 0, 0.3))
    stem = stroke(0, 0.2, 0.35, 0.92, 0.1)
    return layered(union(stem, leaves), (disc(0, -0.02, 0.14), Ink.LIGHT), hue=0.33)


def _ladybird() -> Motif:
    body, head = ellipse(0, 0.12, 0.88, 0.86), disc(0, -0.66, 0.36)
    spots = union(disc(-0.44, -0.08, 0.18), disc(0.44, -0.08, 0.18), disc(-0.38, 0.48, 0.17), disc(0.38, 0.48, 0.17))
    marks = union(spots, box(0, 0.2, 0.06, 0.8))
    return layered(union(body, head), (without(head, ellipse(0, 0.25, 0.9, 0.86)), Ink.DARK), (common(marks, body), Ink.DARK), hue=0.0)


def _butterfly() -> Motif:
    upper = union(ellipse(-0.52, -0.36, 0.47, 0.5), ellipse(0.52, -0.36, 0.47, 0.5))
    lower = union(ellipse(-0.42, 0.46, 0.36, 0.4), ellipse(0.42, 0.46, 0.36, 0.4))
    body = stroke(0, -0.6, 0, 0.7, 0.12)
    eyes = union(disc(-0.55, -0.4, 0.18), disc(0.55, -0.4, 0.18))
    return layered(union(upper, lower, body), (lower, Ink.ACCENT), (eyes, Ink.LIGHT), (body, Ink.DARK), hue=0.08)


def _tree() -> Motif:
    crown = union(polygon([(0, -1), (0.62, -0.1), (-0.62, -0.1)]), polygon([(0, -0.6), (0.9, 0.6), (-0.9, 0.6)]))
    trunk = box(0, 0.75, 0.18, 0.25)
    return Motif(union(crown, trunk), ((trunk, Ink.DARK), (crown, Ink.FILL)), hue=0.36)


def _sun() -> Motif:
    return layered(star(8, 1.0, 0.62), (disc(0, 0, 0.44), Ink.ACCENT), hue=0.13)


def _apple() -> Motif:
    fruit = union(disc(-0.34, 0.22, 0.6), disc(0.34, 0.22, 0.6))
    leaf = ellipse(0.3, -0.72, 0.32, 0.18)
    stalk = stroke(0, -0.25, -0.06, -0.85, 0.1)
    shine = ellipse(-0.5, 0.05, 0.14, 0.24)
    return Motif(union(fruit, leaf, stalk), ((fruit, Ink.FILL), (shine, Ink.LIGHT), (stalk, Ink.DARK), (leaf, Ink.ACCENT)), hue=0.98)


def _target() -> Motif:
    return layered(disc(0, 0, 1), (disc(0, 0, 0.72), Ink.LIGHT), (disc(0, 0, 0.42), Ink.FILL), (disc(0, 0, 0.15), Ink.LIGHT), hue=0.0)


def _leaf() -> Motif:
    blade = common(disc(-0.48, 0, 1.09), disc(0.48, 0, 1.09))
    ribs = union(stroke(0, -0.7, 0, 0.85, 0.07), *(stroke(0, a, s * 0.4, a - 0.32, 0.05) for a in (-0.05, 0.4) for s in (-1, 1)))
    return layered(blade, (ribs, Ink.LIGHT), hue=0.3)


def _flower() -> Motif:
    return layered(petals(5, 0.72, 0.26), (disc(0, 0, 0.3), Ink.ACCENT), hue=0.9)


def _bee() -> Motif:
    body, wings = ellipse(0, 0.2, 0.95, 0.58), union(ellipse(-0.28, -0.5, 0.34, 0.42), ellipse(0.34, -0.5, 0.34, 0.42))
    stripes = union(box(-0.25, 0.2, 0.12, 1), box(0.2, 0.2, 0.12, 1), box(0.65, 0.2, 0.12, 1))
    parts = ((wings, Ink.LIGHT), (body, Ink.FILL), (common(stripes, body), Ink.DARK), (disc(-0.64, 0.08, 0.1), Ink.DARK))
    return Motif(union(body, wings), parts, hue=0.14)


_CROSS = union(box(0, 0, 0.34, 1), box(0, 0, 1, 0.34))
_SALTIRE = union(stroke(-0.72, -0.72, 0.72, 0.72, 0.28), stroke(-0.72, 0.72, 0.72, -0.72, 0.28))
_BOLT = polygon([(0.35, -1), (-0.62, 0.16), (-0.06, 0.16), (-0.4, 1), (0.62, -0.24), (0.06, -0.24)])
_ARROW = polygon([(0, -1), (0.85, -0.05), (0.34, -0.05), (0.34, 1), (-0.34, 1), (-0.34, -0.05), (-0.85, -0.05)])
_CHEVRON = polygon([(-1, 0.1), (0, -0.85), (1, 0.1), (1, 0.8), (0, -0.15), (-1, 0.8)])
_HOURGLASS = polygon([(-0.85, -0.95), (0.85, -0.95), (0.14, 0), (0.85, 0.95), (-0.85, 0.95), (-0.14, 0)])

MOTIFS: Mapping[str, Motif] = {
    "disc": single_colour(disc(0, 0, 0.95)),
    "square": single_colour(box(0, 0, 0.84, 0.84)),
    "triangle": single_colour(polygon([(0, -0.95), (0.98, 0.8), (-0.98, 0.8)])),
    "cross": single_colour(_CROSS),
    "arrow": single_colour(_ARROW),
    "half-disc": single_colour(_dome(0.5, 1.0)),
    "ell": single_colour(union(box(-0.5, 0, 0.34, 0.95), box(0, 0.62, 0.84, 0.34))),
    "hourglass": single_colour(_HOURGLASS),
    "chevron": single_colour(_CHEVRON),
    "tee": single_colour(union(box(0, -0.6, 0.95, 0.34), box(0, 0, 0.34, 0.94))),
    "diamond": single_colour(polygon([(0, -1), (0.7, 0), (0, 1), (-0.7, 0)])),
    "hexagon": single_colour(regular(6)),
    "ring": single_colour(ring(0, 0, 0.7, 0.28)),
    "star": single_colour(star(5), hue=0.14),
    "heart": single_colour(_heart(), hue=0.97),
    "saltire": single_colour(_SALTIRE),
    "crescent": single_colour(_crescent(), hue=0.13),
    "drop": single_colour(_drop(), hue=0.57),
    "bolt": single_colour(_BOLT, hue=0.14),
    "spiral": single_colour(_spiral(), hue=0.8),
    "gear": single_colour(without(cogs(8, 0.82, 0.16), disc(0, 0, 0.32)), hue=0.6),
    "flower": _flower(),
    "leaf": _leaf(),
    "mushroom": _mushroom(),
    "fish": _fish(),
    "target": _target(),
    "smiley": _smiley(),
    "eye": _eye(),
    "clover": _clover(),
    "ladybird": _ladybird(),
    "butterfly": _butterfly(),
    "tree": _tree(),
    "sun": _sun(),
    "apple": _apple(),
    "bee": _bee(),
}
