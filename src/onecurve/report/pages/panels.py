"""The task tabs of the first screen: one chart, its caption, its sentence and its numbers per task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

from markupsafe import Markup

from onecurve.core.row import Role, Row
from onecurve.report.charts.curve_chart import CLEAN, MEASURED, NARROW, WIDE, ChartLine, ChartPoint, curve_chart
from onecurve.report.charts.small_multiples import FROM, small_multiples
from onecurve.report.pages.ranking_view import RankingView, ranking_view
from onecurve.report.pages.table import ROLE_WORDS
from onecurve.report.words import numbers
from onecurve.report.words.naming import Names, cells_link, is_contender
from onecurve.report.words.sentences import Sentence, leader_sentence
from onecurve.report.words.tasks import ordered_tasks, task_facts
from onecurve.statistics.curves import Axis, Curve, CurvePoint, FrontPoint, curves, front_of
from onecurve.statistics.ranking import Ranking


@final
@dataclass(frozen=True)
class PointRow:
    """One point of a chart as a row of the table beneath it."""

    solver: str
    tool: str
    link: str
    cells_link: str
    """To the cells behind it."""
    role: str
    budget: str
    cost: str
    passes: str
    clean: str
    """Clean images read."""
    skill: str
    interval: str
    n: int
    cases: int
    failed: int
    on_front: bool
    beyond: int
    """Cells that worked far beyond their meter."""


@final
@dataclass(frozen=True)
class Panel:
    """One tab."""

    task: str
    asked: str
    measured: str
    wide: Markup
    narrow: Markup
    by_processor: tuple[Markup, Markup] | None
    """The same over processor passes, wide and narrow; None where no point was measured."""
    by_clean: tuple[Markup, Markup] | None
    """The same over clean images; None where they were not counted."""
    split: bool
    """Whether each solver has a small chart of its own."""
    sentence: Sentence
    points: tuple[PointRow, ...]
    ranking: RankingView


def panels(rows: Sequence[Row], names: Names, rankings: Mapping[str, Ranking], chosen: str = "") -> tuple[Panel, ...]:
    """One panel per task with a scored row of a method or baseline, in the order of the tasks; the tool ``chosen`` is highlighted."""
    contenders = tuple(row for row in rows if is_contender(row))
    drawn = curves(contenders)
    tasks = ordered_tasks(curve.task for curve in drawn if curve.points)
    return tuple(
        panel(
            rankings[task],
            [curve for curve in drawn if curve.task == task and curve.points],
            (leader_sentence(rankings[task], contenders, names), ranking_view(rankings[task], names, contenders)),
            names,
            chosen,
        )
        for task in tasks
    )


def points_apart(rows: Sequence[Row], names: Names) -> tuple[tuple[str, tuple[PointRow, ...]], ...]:
    """The numbers of tools read by a reader of a person's own, best first, per task: a ranking beside the panels."""
    return apart(curves(row for row in rows if row.role is Role.OWN_READER), names)


def apart(several: Sequence[Curve], names: Names) -> tuple[tuple[str, tuple[PointRow, ...]], ...]:
    """The same from their curves."""
    drawn = [curve for curve in several if curve.points]
    return tuple(
        (task, _ranked([curve for curve in drawn if curve.task == task], names)) for task in ordered_tasks(curve.task for curve in drawn)
    )


def _ranked(drawn: Sequence[Curve], names: Names) -> tuple[PointRow, ...]:
    front = front_of(drawn, without=())
    points = sorted(((curve, point) for curve in drawn for point in curve.points), key=lambda pair: -pair[1].mean)
    return tuple(_point_row(curve, point, front, names) for curve, point in points)


def panel(ranked: Ranking, drawn: Sequence[Curve], told: tuple[Sentence, RankingView], names: Names, chosen: str = "") -> Panel:
    """The panel of one task from its curves; ``told`` is its sentence and its ranking as a page shows it."""
    task, front = ranked.task, front_of(drawn)
    lines = _lines(drawn, Axis.METER, names, chosen)
    name = f"Skill against cost on {task}: {numbers.and_list([line.label for line in lines])}"
    draw = small_multiples if len(lines) >= FROM else curve_chart

    def over(axis: Axis, words: str, below: tuple[str, str]) -> tuple[Markup, Markup] | None:
        placed, title = _lines(drawn, axis, names, chosen), name.replace("cost", words, 1)
        return (draw(placed, WIDE, title, below), draw(placed, NARROW, title, below)) if any(line.spots for line in placed) else None

    return Panel(
        task=task,
        asked=task_facts(task).question,
        measured=task_facts(task).measured,
        wide=draw(lines, WIDE, name),
        narrow=draw(lines, NARROW, name),
        by_processor=over(Axis.PROCESSOR, "processor time", MEASURED),
        by_clean=over(Axis.CLEAN, "clean images", CLEAN),
        split=len(lines) >= FROM,
        sentence=told[0],
        points=tuple(_point_row(curve, point, front, names) for curve in drawn for point in curve.points),
        ranking=told[1],
    )


def _lines(drawn: Sequence[Curve], axis: Axis, names: Names, chosen: str) -> list[ChartLine]:
    front = front_of(drawn, axis=axis)
    labels = [names.label(curve.solver, [other.solver for other in drawn]) for curve in drawn]
    lines = [_line(key, curve, label, axis, front, names) for key, (curve, label) in enumerate(zip(drawn, labels, strict=True))]
    tools = [names.halves[curve.solver][0] for curve in drawn]
    return [replace(line, chosen=tool == chosen, tool=tool) for line, tool in zip(lines, tools, strict=True)]


def chart_line(key: int, curve: Curve, label: str, names: Names) -> ChartLine:
    """A curve of one solver as a line over the metered cost, on no front."""
    return _line(key, curve, label, Axis.METER, (), names)


def _line(key: int, curve: Curve, label: str, axis: Axis, front: Sequence[FrontPoint], names: Names) -> ChartLine:
    placed = [(cost, point) for point in curve.points if (cost := point.on_axis(axis)) is not None]
    spots = tuple(
        ChartPoint(
            cost=cost,
            skill=point.mean,
            low=point.interval.low if point.interval else None,
            high=point.interval.high if point.interval else None,
            tip=_tip(label, point),
            on_front=FrontPoint(curve.solver, cost, point.mean) in front,
            link=cells_link(names.halves[curve.solver][0], curve.task),
        )
        for cost, point in sorted(placed, key=lambda pair: pair[0])
    )
    return ChartLine(label, names.link(curve.solver), key, names.style(curve.solver), curve.role is Role.BASELINE, spots)


def _tip(label: str, point: CurvePoint) -> str:
    between = f"95 % interval {numbers.interval(point.interval.low, point.interval.high)}" if point.interval else point.why_no_interval
    failed = f", {point.failed} failed, each at the floor" if point.failed else ""
    sample = numbers.sample(point.n, point.cases)
    return f"{label}: skill {numbers.skill(point.mean)}, {between}, {sample}{failed}, cost {numbers.cost(point.cost)}{_worked(point)}"


def _worked(point: CurvePoint) -> str:
    """What the processor did and how many clean images were read, where it was measured."""
    taken = "" if point.passes is None else f", processor {numbers.cost(point.passes)} passes"
    taken += "" if point.clean_images is None else f", {numbers.cost(point.clean_images)} clean images"
    return f"{taken}, {numbers.count(point.beyond, 'cell')} worked beyond the meter" if point.beyond else taken


def _point_row(curve: Curve, point: CurvePoint, front: Sequence[FrontPoint], names: Names) -> PointRow:
    granted = point.budget + point.retrain_budget
    return PointRow(
        solver=curve.solver,
        tool=names.halves[curve.solver][0],
        cells_link=cells_link(names.halves[curve.solver][0], curve.task),
        link=names.link(curve.solver),
        role=ROLE_WORDS[curve.role],
        budget=numbers.cost(granted),
        cost=numbers.cost(point.cost),
        passes=numbers.cost(point.passes),
        clean=numbers.cost(point.clean_images),
        skill=numbers.skill(point.mean),
        interval=numbers.interval(point.interval.low, point.interval.high) if point.interval else point.why_no_interval,
        n=point.n,
        cases=point.cases,
        failed=point.failed,
        on_front=FrontPoint(curve.solver, point.cost, point.mean) in front,
        beyond=point.beyond,
    )
