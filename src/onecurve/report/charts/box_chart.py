"""Box plots as inline SVG, one line per solver on a common scale, baselines as vertical lines through all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from onecurve.report.charts.layout import LinearScale, round_ticks, spread
from onecurve.report.words import numbers

WIDTH, ROW, LEFT, RIGHT, TOP, BOTTOM, TYPE = 476, 22, 158, 14, 34, 44, 12.5
LEVELS = (5, 25, 50, 75, 95)
"""Percentiles: ends of the whiskers, of the box, and the median."""
LETTER = 0.56
"""Width of an average letter in units of the type size."""


@final
@dataclass(frozen=True)
class BoxPlot:
    """One solver's values at ``LEVELS``."""

    label: str
    link: str
    levels: tuple[float, float, float, float, float]
    tip: str
    ahead: bool
    """Its median is on the better side of the baseline that matters; drawn in colour."""


@final
@dataclass(frozen=True)
class BaselineMark:
    """A baseline's median."""

    label: str
    value: float


def levels_of(values: NDArray[np.float64]) -> tuple[float, float, float, float, float]:
    """The values at ``LEVELS``.

    >>> levels_of(np.arange(101.0))
    (5.0, 25.0, 50.0, 75.0, 95.0)
    """
    low, first, middle, third, high = (float(value) for value in np.percentile(values, LEVELS))
    return low, first, middle, third, high


def box_chart(boxes: Sequence[BoxPlot], marks: Sequence[BaselineMark], axis: str, name: str) -> Markup:
    """The chart with ``name`` as its accessible name, boxes from the top in their order; empty for no boxes."""
    if not boxes:
        return Markup("")
    scale = _scale(boxes, marks)
    height = TOP + ROW * len(boxes) + BOTTOM
    foot = height - BOTTOM
    parts = [_ticks(scale, foot, axis), _baseline_marks(scale, marks, foot)]
    parts += [_box(place, box, scale) for place, box in enumerate(boxes)]
    return Markup('<svg class="chart boxes" viewBox="0 0 {w} {h}" role="group" aria-label="{n}" style="font-size:{t}px">{b}</svg>').format(
        w=WIDTH, h=height, n=name, t=TYPE, b=Markup("").join(parts)
    )


def _scale(boxes: Sequence[BoxPlot], marks: Sequence[BaselineMark]) -> LinearScale:
    values = [value for box in boxes for value in box.levels] + [line.value for line in marks] + [0.0]
    room = 0.04 * (max(values) - min(values) or 1.0)
    return LinearScale(min(values) - (room if min(values) < 0 else 0), max(values) + room, LEFT, WIDTH - RIGHT)


def _ticks(scale: LinearScale, foot: float, axis: str) -> Markup:
    parts = [
        Markup(
            '<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{a}" y2="{b}"/><text class="tick middle" x="{x:.1f}" y="{t}">{w}</text>'
        ).format(x=scale.at(value), a=TOP, b=foot, t=foot + 16, w=f"{value:g}".replace("-", "−"))
        for value in round_ticks(scale.low, scale.high, 5)
    ]
    words = Markup('<text class="axis middle" x="{x:.1f}" y="{y}">{w}</text>').format(x=(LEFT + WIDTH - RIGHT) / 2, y=foot + 36, w=axis)
    return Markup("").join([*parts, words])


def _baseline_marks(scale: LinearScale, marks: Sequence[BaselineMark], foot: float) -> Markup:
    """Lines with their names above; names that would meet stand apart, with a leader to the line's top."""
    gap = max((len(line.label) for line in marks), default=0) * LETTER * TYPE + 10
    places = spread([scale.at(line.value) for line in marks], gap, LEFT, WIDTH - RIGHT - gap / 3)
    parts = []
    for line, place in zip(marks, places, strict=True):
        parts.append(
            Markup(
                '<g class="upright {k}"><path d="M{p:.1f} {a}L{x:.1f} {b}V{f}"/><text class="middle" x="{p:.1f}" y="{t}">{w}</text></g>'
            ).format(k=line.label, p=place, x=scale.at(line.value), a=TOP - 14, b=TOP - 3, f=foot, t=TOP - 18, w=line.label)
        )
    return Markup("").join(parts)


def _box(place: int, box: BoxPlot, scale: LinearScale) -> Markup:
    middle = TOP + ROW * (place + 0.5)
    low, first, centre, third, high = (scale.at(value) for value in box.levels)
    drawn = Markup(
        '<path class="whisker" d="M{l:.1f} {y:.1f}H{a:.1f}M{b:.1f} {y:.1f}H{h:.1f}"/>'
        '<rect class="body" x="{a:.1f}" y="{t:.1f}" width="{w:.1f}" height="12" rx="1.5"/>'
        '<line class="median" x1="{m:.1f}" x2="{m:.1f}" y1="{t:.1f}" y2="{u:.1f}"/>'
    ).format(l=low, a=first, b=third, h=high, y=middle, t=middle - 6, u=middle + 6, w=max(third - first, 1.0), m=centre)
    label = Markup('<text class="end" x="{x}" y="{y:.1f}">{w}</text>').format(x=LEFT - 10, y=middle + 4, w=_short(box.label))
    if box.link:
        label = Markup('<a href="{href}">{t}</a>').format(href=box.link, t=label)
    return Markup('<g class="box{k}"><title>{tip}</title>{label}{drawn}</g>').format(
        k=" ahead" if box.ahead else "", tip=box.tip, label=label, drawn=drawn
    )


def _short(label: str) -> str:
    most = int((LEFT - 12) / (LETTER * TYPE))
    return label if len(label) <= most else f"{label[: most - 1]}…"


def box_tip(label: str, values: NDArray[np.float64], unit: str) -> str:
    """The sentence shown on hover.

    >>> box_tip("lime", np.array([0.0, 1.0]), "images")
    'lime: median 0.50, half between 0.25 and 0.75, n=2 images'
    """
    _, first, middle, third, _ = levels_of(values)
    between = f"half between {numbers.skill(first)} and {numbers.skill(third)}"
    return f"{label}: median {numbers.skill(middle)}, {between}, n={len(values)} {unit}"
