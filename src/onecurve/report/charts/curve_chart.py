"""Skill against cost as inline SVG, one line per solver.

Colours are style-sheet classes, so that dark mode and print can change them. A solver has the same colour and marker on
every chart of a report.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import final

from markupsafe import Markup, escape

from onecurve.report.charts.layout import (
    LinearScale,
    LogScale,
    Rectangle,
    along,
    free_place,
    log_scale,
    marker,
    round_ticks,
    spread,
)
from onecurve.report.words import numbers
from onecurve.report.words.marks import COLOURS

LOWEST, HIGHEST = -1.0, 1.4
"""The skill axis never reaches further; points beyond are held at the edge and say so in their label."""
LETTER = 0.58
"""Width of an average letter in units of the font size, for the labels' margin."""


@final
@dataclass(frozen=True)
class ChartPoint:
    """One budget of one solver."""

    cost: float
    skill: float
    low: float | None
    high: float | None
    tip: str
    """The sentence shown on hover: solver, skill, interval, n, cost."""
    on_front: bool = False
    link: str = ""
    """To the cells behind it."""


@final
@dataclass(frozen=True)
class ChartLine:
    """One solver's spots, cheapest first."""

    label: str
    link: str
    key: int
    """Number of the line on its chart."""
    style: int
    """Colour and marker number, the same for the same solver everywhere."""
    heavy: bool
    """A baseline, drawn heavier."""
    spots: tuple[ChartPoint, ...]
    chosen: bool = False
    """Whether the reader of the report came for it."""
    tool: str = ""
    """The name by which a page highlights it."""


@final
@dataclass(frozen=True)
class Frame:
    """Size of a chart in units of its view box, and its type size."""

    width: int
    height: int
    type_size: int
    widest_label: int
    """The most that direct labels may take on the right."""


METERED = ("cost per case in forward-equivalents", ": examples through the network, backward counting 2")
MEASURED = ("processor time per case", ", as passes of the network forward on the machine of the run")
CLEAN = ("clean images read per case", ": different images of the clean set that the network came with")
"""What stands below a chart, and what a wide one adds."""
FAR = 0.3
"""A last point at least this share of the width from the margin may have its label beside it."""
WIDE = Frame(1120, 400, 13, 230)
NARROW = Frame(358, 400, 11, 140)


@final
@dataclass(frozen=True)
class _Plot:
    frame: Frame
    x: LogScale
    y: LinearScale


def curve_chart(lines: Sequence[ChartLine], frame: Frame, name: str, below: tuple[str, str] = METERED) -> Markup:
    """The chart as SVG with ``name`` as its accessible name; lines without a spot are left out."""
    drawn = [line for line in lines if line.spots]
    plot = _plot(drawn, frame)
    parts = [_axes(plot, below), _reference_lines(plot), _front(drawn, plot)]
    parts += [_band(line, plot) for line in drawn]
    order = sorted(drawn, key=lambda line: (line.chosen, line.heavy))
    parts += [_line(line, plot) for line in order]
    parts.append(_labels(drawn, plot))
    body = Markup("").join(parts)
    return Markup(
        '<svg class="chart {size}" viewBox="0 0 {w} {h}" role="group" aria-label="{name}" style="font-size:{type}px">{body}</svg>'
    ).format(size="wide" if frame.width > 600 else "narrow", w=frame.width, h=frame.height, name=name, type=frame.type_size, body=body)


def _plot(lines: Sequence[ChartLine], frame: Frame) -> _Plot:
    lows = [spot.low if spot.low is not None else spot.skill for line in lines for spot in line.spots]
    highs = [spot.high if spot.high is not None else spot.skill for line in lines for spot in line.spots]
    low = max(LOWEST, min([-0.22, *(value - 0.04 for value in lows)]))
    high = min(HIGHEST, max([1.12, *(value + 0.04 for value in highs)]))
    longest = max((len(line.label) for line in lines), default=0) * LETTER * frame.type_size + 26
    left = 3.4 * frame.type_size
    right = frame.width - min(longest, frame.widest_label)
    costs = [spot.cost for line in lines for spot in line.spots]
    x = log_scale(costs, left + 8, right - 8, 2.6 * frame.type_size)
    return _Plot(frame, x, LinearScale(low, high, frame.height - 3.4 * frame.type_size, 8))


def _axes(plot: _Plot, below: tuple[str, str]) -> Markup:
    size, bottom, left = plot.frame.type_size, plot.y.start, 3.4 * plot.frame.type_size
    right = plot.x.end + 8
    parts = []
    for value in round_ticks(plot.y.low, plot.y.high, 5):
        parts.append(
            Markup('<line class="grid" x1="{l:.1f}" x2="{r:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>').format(l=left, r=right, y=plot.y.at(value))
        )
        parts.append(_text(left - 6, plot.y.at(value) + 0.35 * size, f"{value:g}".replace("-", "−"), "tick end"))
    for value in plot.x.ticks():
        parts.append(Markup('<line class="notch" x1="{x:.1f}" x2="{x:.1f}" y1="{a:.1f}" y2="{b:.1f}"/>').format(
            x=plot.x.at(value), a=bottom, b=bottom + 4))  # fmt: skip
        parts.append(_text(plot.x.at(value), bottom + 1.35 * size, numbers.cost(value), "tick middle"))
    if plot.x.zero < plot.x.start:
        parts.append(_text(plot.x.zero, bottom + 1.35 * size, "0", "tick middle"))
    words = f"{below[0]}{below[1] if plot.frame.width > 600 else ''} (log scale)"
    parts.append(_text((left + right) / 2, bottom + 2.9 * size, words, "axis middle"))
    parts.append(Markup('<text class="axis middle" transform="translate({x:.1f} {y:.1f}) rotate(-90)">skill</text>').format(
        x=0.9 * size, y=(plot.y.start + plot.y.end) / 2))  # fmt: skip
    return Markup("").join(parts)


def _reference_lines(plot: _Plot) -> Markup:
    left, right = 3.4 * plot.frame.type_size, plot.x.end + 8
    wide = plot.frame.width > 600
    labels = ("ceiling: the answer from the ground truth", "floor: the best answer without looking") if wide else ("ceiling", "floor")
    parts = []
    for value, kind, words in ((1.0, "ceiling", labels[0]), (0.0, "floor", labels[1])):
        y = plot.y.at(value)
        parts.append(Markup('<line class="{k}" x1="{l:.1f}" x2="{r:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>').format(k=kind, l=left, r=right, y=y))
        parts.append(_text(left + 6, y - 5 if kind == "ceiling" else y + 1.15 * plot.frame.type_size, words, "reference"))
    return Markup("").join(parts)


def _front(lines: Sequence[ChartLine], plot: _Plot) -> Markup:
    spots = sorted((spot for line in lines for spot in line.spots if spot.on_front), key=lambda spot: spot.cost)
    if not spots:
        return Markup("")
    path = [f"M{plot.x.at(spots[0].cost):.1f} {plot.y.at(spots[0].skill):.1f}"]
    path += [f"H{plot.x.at(spot.cost):.1f}V{plot.y.at(spot.skill):.1f}" for spot in spots[1:]]
    path.append(f"H{plot.x.end + 8:.1f}")
    rings = [
        Markup('<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="9"/>').format(x=plot.x.at(spot.cost), y=plot.y.at(spot.skill))
        for spot in spots
    ]
    return Markup('<path class="front" d="{d}"/>').format(d="".join(path)) + Markup("").join(rings)


def _band(line: ChartLine, plot: _Plot) -> Markup:
    known = [(plot.x.at(spot.cost), plot.y.at(spot.low), plot.y.at(spot.high)) for spot in line.spots
             if spot.low is not None and spot.high is not None]  # fmt: skip
    if not known:
        return Markup("")
    if len(known) == 1 or known[0][0] == known[-1][0]:
        whiskers = "".join(f"M{x:.1f} {low:.1f}V{high:.1f}" for x, low, high in known)
        return Markup('<path {k} d="{d}"/>').format(k=identity("whisker", line), d=whiskers)
    there = "L".join(f"{x:.1f} {low:.1f}" for x, low, _ in known)
    back = "L".join(f"{x:.1f} {high:.1f}" for x, _, high in reversed(known))
    return Markup('<path {k} d="M{d}Z"/>').format(k=identity("band", line), d=f"{there}L{back}")


def _line(line: ChartLine, plot: _Plot) -> Markup:
    places = [(plot.x.at(spot.cost), plot.y.at(spot.skill)) for spot in line.spots]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dots = Markup("").join(
        Markup('<a class="spot" href="{link}" aria-label="{tip}" data-tip="{tip}"><title>{tip}</title>{mark}</a>').format(
            link=spot.link or line.link, tip=spot.tip, mark=marker(line.style, x, y, 5.5 if line.heavy else 4.5)
        )
        for (x, y), spot in zip(places, line.spots, strict=True)
    )
    stroke = Markup('<path class="stroke" d="{d}"/>').format(d=path) if len(places) > 1 else Markup("")
    return Markup("<g {k}>{a}{b}</g>").format(k=identity("line", line), a=stroke, b=dots)


def _labels(lines: Sequence[ChartLine], plot: _Plot) -> Markup:
    size = plot.frame.type_size
    near = _beside(lines, plot)
    far = [line for line in lines if line.key not in near]
    ends = [_end(line, plot) for line in far]
    tops = spread([y for _, y in ends], 1.25 * size, plot.y.end + size / 2, plot.y.start - size / 2)
    parts = [_label(line, near[line.key].left, near[line.key].bottom - 0.3 * size, line.label) for line in lines if line.key in near]
    edge = plot.x.end + 8
    room = int((plot.frame.width - edge - 24) / (LETTER * size))
    for line, (x, y), top in zip(far, ends, tops, strict=True):
        words = line.label if len(line.label) <= room else f"{line.label[: room - 1]}…"
        path = f"M{x + 7:.1f} {y:.1f}L{edge + 8:.1f} {top:.1f}H{edge + 16:.1f}"
        parts.append(_label(line, edge + 20, top + 0.35 * size, words, path))
    return Markup("").join(parts)


def _label(line: ChartLine, x: float, y: float, words: str, leader: str = "") -> Markup:
    path = Markup('<path class="leader" d="{d}"/>').format(d=leader) if leader else Markup("")
    return Markup('<g {k}>{path}<a href="{link}"><text x="{x:.1f}" y="{y:.1f}">{words}</text></a></g>').format(
        k=identity("label", line), path=path, link=line.link, x=x, y=y, words=words
    )


def _beside(lines: Sequence[ChartLine], plot: _Plot) -> dict[int, Rectangle]:
    """Boxes of the labels that stand free beside a last point that is far from the margin."""
    size = plot.frame.type_size
    left, right = 3.4 * size, plot.x.end + 8
    field = Rectangle(left, plot.y.end, right, plot.y.start)
    found: dict[int, Rectangle] = {}
    for line in sorted(lines, key=lambda line: _end(line, plot)):
        x, y = _end(line, plot)
        if right - x < FAR * (right - left):
            continue
        width = (len(line.label) + 1) * (LETTER + 0.03 * line.heavy) * size
        box = free_place((x, y), width, size, [*_obstacles(lines, line, plot), *found.values()], field)
        if box:
            found[line.key] = box
    return found


def _obstacles(lines: Sequence[ChartLine], own: ChartLine, plot: _Plot) -> list[Rectangle]:
    left, right = 3.4 * plot.frame.type_size, plot.x.end + 8
    boxes = [Rectangle(left, plot.y.at(level) - 1, right, plot.y.at(level) + 1) for level in (0.0, 1.0)]
    boxes.append(Rectangle(left, plot.y.at(0.0), left + 18 * plot.frame.type_size, plot.y.at(0.0) + 1.4 * plot.frame.type_size))
    for line in lines:
        places = [(plot.x.at(spot.cost), plot.y.at(spot.skill)) for spot in line.spots]
        boxes += [Rectangle(x - 7, y - 7, x + 7, y + 7) for x, y in places]
        boxes += [box for start, end in pairwise(places) for box in along(start, end, 3)]
        if line is not own:  # its leader may run to the margin at about this height
            boxes.append(Rectangle(places[-1][0], places[-1][1] - 2, right, places[-1][1] + 2))
        front = [spot for spot in line.spots if spot.on_front]
        boxes += [Rectangle(plot.x.at(spot.cost), plot.y.at(spot.skill) - 2, right, plot.y.at(spot.skill) + 2) for spot in front]
    return boxes


def _end(line: ChartLine, plot: _Plot) -> tuple[float, float]:
    return plot.x.at(line.spots[-1].cost), plot.y.at(line.spots[-1].skill)


def identity(kind: str, line: ChartLine) -> Markup:
    """Attributes that say what part of which line it is: weight, colour, and the names by which a page lights it up."""
    weight, lit = "heavy" if line.heavy else "thin", " chosen" if line.chosen else ""
    return Markup('class="{kind} {weight} s{colour}{lit}" data-line="{key}" data-tool="{tool}"').format(
        kind=kind, weight=weight, colour=line.style % COLOURS, lit=lit, key=line.key, tool=line.tool
    )


def _text(x: float, y: float, words: str, kind: str) -> Markup:
    return Markup('<text class="{k}" x="{x:.1f}" y="{y:.1f}">{w}</text>').format(k=kind, x=x, y=y, w=escape(words))
