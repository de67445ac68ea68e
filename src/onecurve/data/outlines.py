"""Signed distances of plane figures, from which sprites with soft edges are drawn.

A figure is a function of unit coordinates (x to the right, y DOWN, the frame is -1 to 1) that is negative inside.
Only distances near the edge matter; far from it some figures give bounds rather than exact values.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from onecurve.core.image.images import Floats

Plane = NDArray[np.floating]
Figure = Callable[[Plane, Plane], Plane]


def disc(cx: float, cy: float, radius: float) -> Figure:
    """A disc about (cx, cy)."""
    return lambda x, y: np.hypot(x - cx, y - cy) - radius


def ellipse(cx: float, cy: float, rx: float, ry: float) -> Figure:
    """An ellipse about (cx, cy) with half axes rx and ry."""
    return lambda x, y: (np.hypot((x - cx) / rx, (y - cy) / ry) - 1) * min(rx, ry)


def ring(cx: float, cy: float, radius: float, half_width: float) -> Figure:
    """A ring whose middle line has the given radius."""
    return lambda x, y: np.abs(np.hypot(x - cx, y - cy) - radius) - half_width


def box(cx: float, cy: float, half_width: float, half_height: float) -> Figure:
    """A rectangle about (cx, cy)."""

    def distance(x: Plane, y: Plane) -> Plane:
        across, down = np.abs(x - cx) - half_width, np.abs(y - cy) - half_height
        distances: Plane = np.hypot(np.maximum(across, 0), np.maximum(down, 0)) + np.minimum(np.maximum(across, down), 0)
        return distances

    return distance


def stroke(x1: float, y1: float, x2: float, y2: float, half_width: float) -> Figure:
    """A line segment with round ends."""
    dx, dy = x2 - x1, y2 - y1
    length = dx * dx + dy * dy

    def distance(x: Plane, y: Plane) -> Plane:
        along = np.clip(((x - x1) * dx + (y - y1) * dy) / length, 0, 1)
        return np.hypot(x - x1 - along * dx, y - y1 - along * dy) - half_width

    return distance


def polygon(points: Sequence[tuple[float, float]]) -> Figure:
    """A simple polygon, convex or not, from its corners in order."""
    ends = [*points[1:], points[0]]

    def distance(x: Plane, y: Plane) -> Plane:
        nearest = np.full_like(x, np.inf)
        inside = np.zeros(x.shape, bool)
        for (x1, y1), (x2, y2) in zip(points, ends, strict=True):
            dx, dy, px, py = x2 - x1, y2 - y1, x - x1, y - y1
            along = np.clip((px * dx + py * dy) / (dx * dx + dy * dy), 0, 1)
            nearest = np.minimum(nearest, (px - along * dx) ** 2 + (py - along * dy) ** 2)
            if y1 != y2:
                inside ^= ((y1 > y) != (y2 > y)) & (px < dx * py / dy)
        edge = np.sqrt(nearest)
        return np.where(inside, -edge, edge)

    return distance


def regular(corners: int, radius: float = 1.0, turn: float = 0.0) -> Figure:
    """A regular polygon with a corner at the top, turned clockwise by ``turn`` turns."""
    angles = 2 * np.pi * (np.arange(corners) / corners + turn)
    return polygon([(radius * float(np.sin(a)), -radius * float(np.cos(a))) for a in angles])


def star(corners: int, outer: float = 1.0, inner: float = 0.45) -> Figure:
    """A star with a corner at the top."""
    angles = np.pi * np.arange(2 * corners) / corners
    radii = np.where(np.arange(2 * corners) % 2 == 0, outer, inner)
    return polygon([(float(r * np.sin(a)), float(-r * np.cos(a))) for r, a in zip(radii, angles, strict=True)])


def petals(count: int, radius: float, depth: float) -> Figure:
    """A rosette: the radius swings by ``depth``, ``count`` times around."""

    def distance(x: Plane, y: Plane) -> Plane:
        distances: Plane = (np.hypot(x, y) - radius - depth * np.cos(count * np.arctan2(x, -y))) * 0.8
        return distances

    return distance


def cogs(count: int, radius: float, depth: float) -> Figure:
    """A toothed wheel."""

    def distance(x: Plane, y: Plane) -> Plane:
        distances: Plane = np.hypot(x, y) - radius - depth * np.tanh(4 * np.cos(count * np.arctan2(x, -y)))
        return distances

    return distance


def union(*figures: Figure) -> Figure:
    """The union of the figures."""
    return lambda x, y: np.minimum.reduce([figure(x, y) for figure in figures])


def common(*figures: Figure) -> Figure:
    """The intersection of the figures."""
    return lambda x, y: np.maximum.reduce([figure(x, y) for figure in figures])


def without(figure: Figure, hole: Figure) -> Figure:
    """The figure without the hole."""
    return lambda x, y: np.maximum(figure(x, y), -hole(x, y))


def coverage(distance: Plane, pixel: Floats) -> Floats:
    """Share of each pixel that lies inside, from its signed distance and the width of a pixel in the same units."""
    share: Floats = np.clip(0.5 - distance / pixel, 0, 1).astype(np.float32)
    return share
