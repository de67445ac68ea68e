"""Where things stand on a chart: scales with round ticks, places for labels, and the shapes of markers.

A cost of zero has no place on a log axis. It gets a column of its own on the left, so that a free tool is still seen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from markupsafe import Markup

from onecurve.report.words.marks import COLOURS, FILLED, SHAPES

LEAST = 0.1
"""A tenth of one example: a cost below it counts as none."""
STEPS = 24
"""Places along a segment that a label is tested against."""


@final
@dataclass(frozen=True)
class LinearScale:
    """Values low..high to pixels start..end; values outside are held at the edge."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The pixel of a value."""
        held = min(max(value, self.low), self.high)
        return self.start + (held - self.low) / (self.high - self.low) * (self.end - self.start)

    def holds(self, value: float) -> bool:
        """Whether the value lies on the axis."""
        return self.low <= value <= self.high


@final
@dataclass(frozen=True)
class LogScale:
    """Values low..high to pixels start..end on a log axis; what is below ``LEAST`` sits at ``zero``."""

    low: float
    high: float
    start: float
    end: float
    zero: float

    def at(self, value: float) -> float:
        """The pixel of a value."""
        if value < LEAST:
            return self.zero
        held = min(max(value, self.low), self.high)
        share = math.log(held / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> tuple[float, ...]:
        """Powers of ten on the axis, with 3 times each where the axis spans less than four decades."""
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        factors = (1, 3) if math.log10(self.high / self.low) < 4 else (1,)
        values = (factor * 10.0**power for power in range(first, last + 1) for factor in factors)
        return tuple(value for value in values if self.low <= value <= self.high)


def log_scale(values: Sequence[float], start: float, end: float, zero_width: float) -> LogScale:
    """The scale that holds all values; leaves ``zero_width`` pixels on the left if any is (nearly) 0."""
    positive = [value for value in values if value >= LEAST] or [1.0, 10.0]
    low, high = min(positive) / 1.5, max(positive) * 1.5
    if high / low < 100:
        middle = math.sqrt(low * high)
        low, high = middle / 10, middle * 10
    left = start + zero_width if any(value < LEAST for value in values) else start
    return LogScale(low, high, left, end, start + zero_width / 2)


def round_ticks(low: float, high: float, wanted: int) -> tuple[float, ...]:
    """Round numbers from low to high, about as many as wanted.

    >>> round_ticks(-0.3, 1.1, 5)
    (0.0, 0.5, 1.0)
    """
    raw = (high - low) / max(wanted, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((factor * power for factor in (1, 2, 2.5, 5) if factor * power >= raw * 0.999), 10 * power)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(round(index * step, 10) + 0.0 for index in range(first, last + 1))


def spread(places: Sequence[float], gap: float, low: float, high: float) -> tuple[float, ...]:
    """Places moved apart until neighbours are ``gap`` from each other, in the same order, inside low..high.

    Where they cannot all fit, the gap shrinks evenly.

    >>> spread([10, 11], 6, 0, 100)
    (7.5, 13.5)
    """
    if not places:
        return ()
    room = min(gap, (high - low) / max(len(places) - 1, 1))
    order = sorted(range(len(places)), key=lambda index: (places[index], index))
    levels = _rising([places[index] - rank * room for rank, index in enumerate(order)])
    top = high - (len(places) - 1) * room
    moved = {index: min(max(levels[rank], low), top) + rank * room for rank, index in enumerate(order)}
    return tuple(moved[index] for index in range(len(places)))


def _rising(values: Sequence[float]) -> list[float]:
    """The nearest sequence that never falls, in least squares (pool adjacent violators)."""
    pools: list[tuple[float, int]] = []
    for value in values:
        pools.append((value, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (first, many), (second, more) = pools[-2:]
            pools[-2:] = [((first * many + second * more) / (many + more), many + more)]
    return [level for level, many in pools for _ in range(many)]


@final
@dataclass(frozen=True)
class Rectangle:
    """A rectangle in units of the view box."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Rectangle") -> bool:
        """Whether the two overlap."""
        return self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom

    def inside(self, other: "Rectangle") -> bool:
        """Whether it lies wholly in the other."""
        return other.left <= self.left and self.right <= other.right and other.top <= self.top and self.bottom <= other.bottom


def along(start: tuple[float, float], end: tuple[float, float], half: float) -> list[Rectangle]:
    """Small boxes along a segment, ``half`` to each side."""
    boxes = []
    for step in range(STEPS + 1):
        x = start[0] + (end[0] - start[0]) * step / STEPS
        y = start[1] + (end[1] - start[1]) * step / STEPS
        boxes.append(Rectangle(x - half, y - half, x + half, y + half))
    return boxes


def free_place(point: tuple[float, float], width: float, size: float, obstacles: Sequence[Rectangle], field: Rectangle) -> Rectangle | None:
    """The first of right, above and below of a point where a label of that width and type size meets nothing; None for nowhere."""
    x, y = point
    tall = 1.2 * size
    for left, top in ((x + 14, y - tall / 2), (x - 8, y - 12 - tall), (x - 8, y + 12)):
        box = Rectangle(left, top, left + width, top + tall)
        if box.inside(field) and not any(box.meets(obstacle) for obstacle in obstacles):
            return box
    return None


def marker(style: int, x: float, y: float, radius: float) -> Markup:
    """The SVG shape of that style, centred on (x, y). Eight shapes, filled and hollow, tell lines apart without their colours."""
    shape, kind = (style + style // COLOURS) % SHAPES, "mark" if style < FILLED else "mark hollow"
    if shape == 0:
        return Markup('<circle class="{k}" cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}"/>').format(k=kind, x=x, y=y, r=radius)
    path = "L".join(f"{x + radius * dx:.1f} {y + radius * dy:.1f}" for dx, dy in _CORNERS[shape])
    return Markup('<path class="{k}" d="M{p}Z"/>').format(k=kind, p=path)


def key_mark(style: int, *, heavy: bool) -> Markup:
    """A mark alone, to stand before a name in a table; ``heavy`` for a baseline."""
    weight = "heavy" if heavy else "thin"
    return Markup('<svg class="key" viewBox="0 0 16 16" aria-hidden="true"><g class="{w} s{c}">{m}</g></svg>').format(
        w=weight, c=style % COLOURS, m=marker(style, 8, 8, 5.5)
    )


_CORNERS: dict[int, tuple[tuple[float, float], ...]] = {
    1: ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    2: ((0, -1.2), (1.1, 0.8), (-1.1, 0.8)),
    3: ((0, -1.3), (1.1, 0), (0, 1.3), (-1.1, 0)),
    4: ((0, 1.2), (1.1, -0.8), (-1.1, -0.8)),
    5: (
        (-0.4, -1.2),
        (0.4, -1.2),
        (0.4, -0.4),
        (1.2, -0.4),
        (1.2, 0.4),
        (0.4, 0.4),
        (0.4, 1.2),
        (-0.4, 1.2),
        (-0.4, 0.4),
        (-1.2, 0.4),
        (-1.2, -0.4),
        (-0.4, -0.4),
    ),
    6: ((0, -1.2), (1.15, -0.35), (0.7, 1), (-0.7, 1), (-1.15, -0.35)),
    7: ((-1.2, -0.5), (1.2, -0.5), (1.2, 0.5), (-1.2, 0.5)),
}
