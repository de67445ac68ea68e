"""The measured power as a page shows it: per kind of flaw a chart and a row for each level of being found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from markupsafe import Markup

from onecurve.auditing.outputs import power_words as words
from onecurve.auditing.outputs.tables import Table, tables_of
from onecurve.statistics.detection_curve import exact_share
from onecurve.statistics.intervals import LEVEL

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 300, 190, 34, 12, 290, 156
"""Of a chart and its plot, in units of its view box."""
TICKS: Final = (0.0, 0.5, 1.0)


@final
@dataclass(frozen=True)
class GradeView:
    """One level of being found."""

    title: str
    chart: Markup
    cells: tuple[str, ...]
    """The chance at each strength with its interval."""
    sample: str
    sentences: tuple[str, ...]
    after: Table | None
    """The probability of a flaw although nothing was found, by what was thought before."""


@final
@dataclass(frozen=True)
class KindView:
    """One kind of planted flaw."""

    name: str
    planted: int
    alarms: str
    strengths: tuple[str, ...]
    grades: tuple[GradeView, ...]
    missing: tuple[str, ...]
    """Levels that were not measured."""


def kind_views(power: Mapping[str, Any]) -> tuple[KindView, ...]:
    """One view per kind; empty where the figures have no kinds."""
    return tuple(_kind(name, told) for name, told in power.get("kinds", {}).items())


def rest_of(power: Mapping[str, Any]) -> tuple[Table, ...]:
    """The other figures as tables, without copies and single flaws, which are in the JSON."""
    left_out = ("kinds", "words", "copies", "persistence", "not_measured", "class_order")
    return tables_of({name: value for name, value in power.items() if name not in left_out})


def persistence(power: Mapping[str, Any]) -> dict[str, str]:
    """By id of a finding: in how many copies without a planted flaw its trigger still works."""
    return {name: told if isinstance(told, str) else _survived(told) for name, told in power.get("persistence", {}).items()}


def _survived(told: Mapping[str, Any]) -> str:
    inside = exact_share(told["survived"], told["shams"])
    return f"{told['survived']} of {told['shams']} ({words.interval({'low': inside.low, 'high': inside.high})})"


def _kind(name: str, told: Mapping[str, Any]) -> KindView:
    measured = {level: one for level, one in told["levels"].items() if not isinstance(one, str)}
    places = {level: at for at, level in enumerate(told["levels"])}
    grades = tuple(_grade(level, one, told, places[level]) for level, one in measured.items())
    strengths = [row["strength"] for one in measured.values() for row in one["curve"]]
    return KindView(
        name,
        told["planted"],
        words.alarm_words(told["false_alarms"]),
        tuple(words.number(one) for one in dict.fromkeys(strengths)),
        grades,
        tuple(words.GRADES.get(level, level) for level in places if level not in measured),
    )


def _grade(level: str, told: Mapping[str, Any], kind: Mapping[str, Any], place: int) -> GradeView:
    title = words.GRADES.get(level, level)
    rows = tuple((words.number(one["prior"]), _flawed(one)) for one in told.get("after_nothing", ()))
    sentences = (words.found_from_words(told["found_from"], words.own_strengths(kind)), words.transfer_words(told["transfer"]))
    points = [(one["strength"], bool(one["levels"][place]), bool(one["held_out"])) for one in kind["spikes"]]
    return GradeView(
        title,
        power_chart(told["curve"], told.get("other_ways", ()), points, title),
        tuple(f"{words.chance(row['chance'])} ({words.chance(row['low'])} to {words.chance(row['high'])})" for row in told["curve"]),
        f"{told['found']} of {told['n']}",
        sentences,
        Table("", ("chance of a flaw before the audit", "after nothing was found"), rows) if rows else None,
    )


def _flawed(told: Mapping[str, float]) -> str:
    """Small probabilities keep their digits."""
    return f"{words.number(told['flawed'])} ({LEVEL:.0%} interval {words.number(told['low'])} to {words.number(told['high'])})"


def power_chart(
    curve: Sequence[Mapping[str, float]],
    wider: Sequence[Mapping[str, float]],
    points: Sequence[tuple[float, bool, bool]],
    name: str,
) -> Markup:
    """Chance of being found over strength, both in [0, 1], with its band and the wider one for flaws that were planted otherwise.

    ``points`` are planted flaws: strength, found, kept apart.
    """
    middle = [_at(row["strength"], row["chance"]) for row in curve]
    dots = Markup("").join(_dot(*point) for point in points)
    body = Markup('{axes}{wider}{band}<polyline class="power-line" points="{line}"/>{dots}').format(
        axes=_axes(), wider=_area(wider, "power-wider"), band=_area(curve, "power-band"), line=" ".join(middle), dots=dots
    )
    return Markup('<svg class="power-chart" viewBox="0 0 {w} {h}" role="img" aria-label="{name}">{body}</svg>').format(
        w=WIDTH, h=HEIGHT, name=f"Chance of {name} over the strength of the flaw", body=body
    )


def _area(rows: Sequence[Mapping[str, float]], kind: str) -> Markup:
    """The area between the low and the high ends; nothing where there are none."""
    if not rows:
        return Markup("")
    upper = [_at(row["strength"], row["high"]) for row in rows]
    lower = [_at(row["strength"], row["low"]) for row in reversed(rows)]
    return Markup('<polygon class="{kind}" points="{band}"/>').format(kind=kind, band=" ".join([*upper, *lower]))


def _axes() -> Markup:
    parts = [Markup('<path class="power-axis" d="M{l} {t}V{b}H{r}"/>').format(l=LEFT, t=TOP, b=BOTTOM, r=RIGHT)]
    for tick in TICKS:
        x, y = _x(tick), _y(tick)
        parts.append(Markup('<text x="{x:.1f}" y="{y}" text-anchor="middle">{tick:g}</text>').format(x=x, y=BOTTOM + 14, tick=tick))
        parts.append(Markup('<text x="{x}" y="{y:.1f}" text-anchor="end">{tick:g}</text>').format(x=LEFT - 6, y=y + 4, tick=tick))
    middle = (LEFT + RIGHT) / 2
    parts.append(
        Markup('<text x="{x}" y="{y}" text-anchor="middle">strength: share of images changed</text>').format(x=middle, y=HEIGHT - 4)
    )
    return Markup("").join(parts)


def _dot(strength: float, found: bool, apart: bool) -> Markup:
    kind = "power-dot apart" if apart else "power-dot"
    return Markup('<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>').format(kind=kind, x=_x(strength), y=_y(float(found)))


def _at(strength: float, chance: float) -> str:
    return f"{_x(strength):.1f},{_y(chance):.1f}"


def _x(strength: float) -> float:
    return LEFT + min(1.0, max(0.0, strength)) * (RIGHT - LEFT)


def _y(chance: float) -> float:
    return BOTTOM - min(1.0, max(0.0, chance)) * (BOTTOM - TOP)
