"""Shares with their intervals as dots on a common scale from 0 to 100 %, one line each, as inline SVG."""

from collections.abc import Sequence

from markupsafe import Markup

from onecurve.report.words import numbers

ShareLine = tuple[str, float | None, float | None, float | None, float | None]
"""Label, share, low, high, chance; None for what is unknown."""
WIDTH, ROW, LEFT, TYPE = 620, 24, 250, 12


def share_chart(lines: Sequence[ShareLine]) -> Markup:
    """The chart, empty for no lines; chance is a notch where it is given."""
    known = [line for line in lines if line[1] is not None]
    if not known:
        return Markup("")
    height = ROW * len(known) + 34
    ticks = Markup("").join(
        Markup(
            '<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{y}"/><text class="tick middle" x="{x:.1f}" y="{t}">{w}</text>'
        ).format(x=_at(value), y=height - 28, t=height - 12, w=numbers.percent(value))
        for value in (0, 0.25, 0.5, 0.75, 1)
    )
    body = Markup("").join(_row(place, line) for place, line in enumerate(known))
    name = "Shares with intervals: " + "; ".join(f"{line[0]} {numbers.percent(line[1])}" for line in known)
    return Markup(
        '<svg class="chart shares" viewBox="0 0 {w} {h}" role="img" aria-label="{n}" style="font-size:{t}px">{a}{b}</svg>'
    ).format(w=WIDTH, h=height, n=name, t=TYPE, a=ticks, b=body)


def _row(place: int, line: ShareLine) -> Markup:
    label, share, low, high, chance = line
    y = 4 + ROW * (place + 0.5)
    parts = [Markup('<text class="end" x="{x}" y="{y:.1f}">{w}</text>').format(x=LEFT - 12, y=y + 4, w=_short(label))]
    if low is not None and high is not None:
        parts.append(
            Markup('<line class="reach" x1="{a:.1f}" x2="{b:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>').format(a=_at(low), b=_at(high), y=y)
        )
    if chance is not None:
        parts.append(
            Markup('<line class="chance" x1="{x:.1f}" x2="{x:.1f}" y1="{a:.1f}" y2="{b:.1f}"/>').format(x=_at(chance), a=y - 8, b=y + 8)
        )
    parts.append(
        Markup('<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4.5"><title>{w}</title></circle>').format(
            x=_at(share or 0.0), y=y, w=f"{label}: {numbers.percent(share)}"
        )
    )
    return Markup("").join(parts)


def _at(share: float) -> float:
    return LEFT + min(max(share, 0.0), 1.0) * (WIDTH - LEFT - 24)


def _short(label: str) -> str:
    return label if len(label) <= 40 else f"{label[:39]}…"
