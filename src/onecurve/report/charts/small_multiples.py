"""Skill against cost as one small chart per solver on common axes, with all other solvers in grey behind.

For many solvers: on one chart their lines and labels would cross. What is behind is drawn once and used again in each.
"""

import hashlib
from collections.abc import Sequence

from markupsafe import Markup

from onecurve.report.charts.curve_chart import HIGHEST, LOWEST, METERED, ChartLine, Frame, identity
from onecurve.report.charts.layout import LinearScale, LogScale, log_scale, marker
from onecurve.report.words import numbers

FROM = 11
"""Lines from which a chart is split."""
GAP, HEAD, FOOT = 14, 22, 22
"""Room between small charts, above each for its name, and below each for ticks."""
MARGIN = 18
"""Room for floor and ceiling, 0 and 1, on the left."""
TALL = 96
"""Height of the drawing of each."""


def small_multiples(lines: Sequence[ChartLine], frame: Frame, name: str, below: tuple[str, str] = METERED) -> Markup:
    """The charts as one SVG with ``name`` as its accessible name, the highest last point first; lines without a spot are left out."""
    drawn = [line for line in lines if line.spots]
    columns = 5 if frame.width > 600 else 2
    width = (frame.width - MARGIN - (columns - 1) * GAP) / columns
    drawn.sort(key=lambda line: -line.spots[-1].skill)
    x, y = _scales(drawn, width)
    shared = f"behind-{hashlib.sha256((name + str(frame.width)).encode()).hexdigest()[:10]}"
    parts = [Markup('<defs><g id="{i}">{b}</g></defs>').format(i=shared, b=_behind(drawn, x, y, width))]
    for place, line in enumerate(drawn):
        left, top = MARGIN + place % columns * (width + GAP), place // columns * (HEAD + TALL + FOOT)
        parts.append(_one(line, x, y, shared, (left, top), frame))
        parts += [_level(value, top + y.at(value)) for value in (1.0, 0.0) if place % columns == 0]
    rows = -(-len(drawn) // columns)
    height = rows * (HEAD + TALL + FOOT) + 2 * frame.type_size
    words = f"x: {below[0]} (log scale){'; y: skill; in grey all other solvers' if frame.width > 600 else ''}"
    parts.append(Markup('<text class="axis middle" x="{x:.1f}" y="{y:.1f}">{w}</text>').format(x=frame.width / 2, y=height - 4, w=words))
    return Markup(
        '<svg class="chart multiples {size}" viewBox="0 0 {w} {h}" role="group" aria-label="{name}" style="font-size:{t}px">{body}</svg>'
    ).format(
        size="wide" if frame.width > 600 else "narrow", w=frame.width, h=height, name=name, t=frame.type_size, body=Markup("").join(parts)
    )


def _scales(lines: Sequence[ChartLine], width: float) -> tuple[LogScale, LinearScale]:
    lows = [spot.low if spot.low is not None else spot.skill for line in lines for spot in line.spots]
    highs = [spot.high if spot.high is not None else spot.skill for line in lines for spot in line.spots]
    low, high = max(LOWEST, min([-0.22, *lows])), min(HIGHEST, max([1.1, *highs]))
    costs = [spot.cost for line in lines for spot in line.spots]
    return log_scale(costs, 8, width - 8, 16), LinearScale(low, high, HEAD + TALL, HEAD)


def _behind(lines: Sequence[ChartLine], x: LogScale, y: LinearScale, width: float) -> Markup:
    """Floor, ceiling and every line in grey."""
    levels = [
        Markup('<line class="{k}" x1="0" x2="{w:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>').format(k=kind, w=width, y=y.at(value))
        for value, kind in ((1.0, "level upper"), (0.0, "level"))
    ]
    paths = [Markup('<path class="other" d="{d}"/>').format(d=_path(line, x, y)) for line in lines]
    return Markup("").join(levels + paths)


def _level(value: float, y: float) -> Markup:
    return Markup('<text class="tick end" x="{x}" y="{y:.1f}">{w:g}</text>').format(x=MARGIN - 6, y=y + 4, w=value)


def _path(line: ChartLine, x: LogScale, y: LinearScale) -> str:
    places = [(x.at(spot.cost), y.at(spot.skill)) for spot in line.spots]
    if len(places) == 1:  # a short stroke, so that a single point is seen
        places = [(places[0][0] - 2, places[0][1]), (places[0][0] + 2, places[0][1])]
    return "M" + "L".join(f"{across:.1f} {up:.1f}" for across, up in places)


def _one(line: ChartLine, x: LogScale, y: LinearScale, shared: str, corner: tuple[float, float], frame: Frame) -> Markup:
    room = int((x.end - x.start) / (0.58 * frame.type_size))
    words = line.label if len(line.label) <= room else f"{line.label[: room - 1]}…"
    label = Markup('<g {k}><a href="{l}"><text x="0" y="{y}">{w}</text></a></g>').format(
        k=identity("label", line), l=line.link, y=HEAD - 8, w=words
    )
    ticks = Markup("").join(
        Markup('<text class="tick {k}" x="{x:.1f}" y="{y:.1f}">{w}</text>').format(
            k=kind, x=x.at(cost), y=HEAD + TALL + 13, w=numbers.cost(cost)
        )
        for cost, kind in zip(_ends(x), ("", "end"), strict=True)
    )
    if x.zero < x.start:
        ticks += Markup('<text class="tick middle" x="{x:.1f}" y="{y:.1f}">0</text>').format(x=x.zero, y=HEAD + TALL + 13)
    reach = "".join(
        f"M{x.at(spot.cost):.1f} {y.at(spot.low):.1f}V{y.at(spot.high):.1f}"
        for spot in line.spots
        if spot.low is not None and spot.high is not None
    )
    spots = Markup("").join(
        Markup('<a class="spot" href="{l}" aria-label="{t}" data-tip="{t}"><title>{t}</title>{r}{m}</a>').format(
            l=spot.link or line.link,
            t=spot.tip,
            r=Markup('<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="8"/>').format(x=x.at(spot.cost), y=y.at(spot.skill))
            if spot.on_front
            else "",
            m=marker(line.style, x.at(spot.cost), y.at(spot.skill), 4.5),
        )
        for spot in line.spots
    )
    return Markup(
        '<g transform="translate({x:.1f} {y:.1f})"><use href="#{s}"/><path {w} d="{r}"/>'
        '<g {k}><path class="stroke" d="{d}"/>{p}</g>{label}{ticks}</g>'
    ).format(
        x=corner[0],
        y=corner[1],
        s=shared,
        w=identity("whisker", line),
        r=reach,
        k=identity("line", line),
        d=_path(line, x, y),
        p=spots,
        label=label,
        ticks=ticks,
    )


def _ends(x: LogScale) -> tuple[float, float]:
    """The first and the last tick."""
    ticks = x.ticks()
    return ticks[0], ticks[-1]
