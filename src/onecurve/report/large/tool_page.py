"""The page of a tool, reader or direct solver of a large run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, final

from markupsafe import Markup

from onecurve.core.row import Role
from onecurve.report.charts.curve_chart import NARROW, WIDE, curve_chart
from onecurve.report.charts.small_multiples import FROM, small_multiples
from onecurve.report.large import counts
from onecurve.report.large.aggregates import groups
from onecurve.report.large.figures import SOLVERS, Part, curves, summaries, summary_of
from onecurve.report.large.run import LargeRun
from onecurve.report.large.sections import below
from onecurve.report.pages.panels import chart_line
from onecurve.report.pages.ranking_view import strip_place
from onecurve.report.pages.sections import LostCells
from onecurve.report.pages.solver_view import ScoreLine, score_line
from onecurve.report.pages.table import ROLE_WORDS, shade
from onecurve.report.rows.results import CatalogEntry
from onecurve.report.words import numbers
from onecurve.report.words.naming import anchor, solver_link
from onecurve.report.words.tasks import ordered_tasks
from onecurve.statistics.curves import Curve
from onecurve.statistics.summary import Summary

MOST: Final = 5
"""Cases at either end of the skills of a solver that a page names."""


@final
@dataclass(frozen=True)
class Strip:
    """One line of a table with its interval drawn: places in per cent of the strip's width."""

    of: str
    task: str
    solver: str
    skill: str
    interval: str
    n: int
    at: float
    low: float
    high: float


@final
@dataclass(frozen=True)
class CaseEnd:
    """One case at an end of the skills of a solver on a task."""

    case: str
    flaw: str
    solver: str
    data: str
    model: str
    skill: str
    shade: str
    record: Mapping[str, object]
    """The same, unrounded."""


@final
@dataclass(frozen=True)
class TaskEnds:
    """The cases with the lowest and the highest skill on a task."""

    task: str
    anchor: str
    """Its id on the page."""
    lowest: tuple[CaseEnd, ...]
    highest: tuple[CaseEnd, ...]


@final
@dataclass(frozen=True)
class ToolPage:
    """Everything that the page shows."""

    name: str
    link: str
    kind: str
    role: str
    entry: CatalogEntry | None
    tasks: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]
    partners: tuple[tuple[str, str], ...]
    wide: Markup
    narrow: Markup
    by_kind: tuple[Strip, ...]
    by_budget: tuple[ScoreLine, ...]
    by_flaw: tuple[ScoreLine, ...]
    ends: tuple[TaskEnds, ...]
    lost: tuple[LostCells, ...]
    zero: float
    one: float
    """Floor and ceiling on a strip, in per cent."""
    column: str
    """Of the rows that the page is about: `tool` or `reader`."""


def tool_page(run: LargeRun, name: str) -> ToolPage:
    """The page of a tool, direct solver or reader that has a row."""
    column = "tool" if any(tool == name for tool, _ in run.names.halves.values()) else "reader"
    part = Part(f"{column} = ?", (name,))
    entry = run.entries.get(name)
    drawn = [curve for curve in curves(run.database, part, roles="true") if curve.points]
    by_kind = summaries(run.database, part, by="kind")
    kind = entry.kind if entry else "reader" if column == "reader" else "tool" if run.names.partners(name) else "solver"
    own = summaries(run.database, part).get("", ())
    wide, narrow = _charts(name, column, drawn, run)
    return ToolPage(
        name=name,
        link=solver_link(name),
        kind=kind,
        role=ROLE_WORDS[own[0].role] if own and column == "tool" else "",
        entry=entry,
        tasks=ordered_tasks(one.task for one in own),
        parameters=tuple((key, numbers.figure(str(value))) for key, value in entry.parameters.items()) if entry else (),
        partners=tuple((other, solver_link(other)) for other in run.names.partners(name)),
        wide=wide,
        narrow=narrow,
        by_kind=tuple(strip(flaw, one) for flaw, one in _in_order(by_kind)),
        by_budget=_by_budget(run, part),
        by_flaw=tuple(score_line(one, flaw) for flaw, one in _in_order(by_kind)),
        ends=tuple(_ends(run, part, task) for task in ordered_tasks(one.task for one in own)),
        lost=counts.lost(run.database, part.where, part.values),
        zero=strip_place(0.0),
        one=strip_place(1.0),
        column=column,
    )


def strip(of: str, found: Summary) -> Strip:
    """One solver on one task as a line with its interval."""
    mean = found.mean or 0.0
    low, high = (found.interval.low, found.interval.high) if found.interval else (mean, mean)
    between = numbers.interval(low, high) if found.interval else "no interval"
    return Strip(
        of=of,
        task=found.task,
        solver=found.solver,
        skill=numbers.skill(found.mean if found.scored else None),
        interval=between,
        n=found.n,
        at=strip_place(mean),
        low=strip_place(low),
        high=strip_place(high),
    )


def _in_order(by_kind: Mapping[str, Sequence[Summary]]) -> list[tuple[str, Summary]]:
    """Kinds of flaw with their summaries, task by task."""
    every = [(kind, one) for kind, found in sorted(by_kind.items()) for one in found]
    tasks = ordered_tasks(one.task for _, one in every)
    return sorted(every, key=lambda pair: (tasks.index(pair[1].task), pair[1].solver))


def _charts(name: str, column: str, drawn: Sequence[Curve], run: LargeRun) -> tuple[Markup, Markup]:
    """Skill against cost of every task and partner, wide and narrow."""
    halves = run.names.halves
    several = len({curve.task for curve in drawn}) > 1
    lines = []
    for key, curve in enumerate(drawn):
        other = halves[curve.solver][0 if column == "reader" else 1]
        label = " ".join(filter(None, (curve.task if several or column == "tool" else "", other if column == "reader" else "")))
        lines.append(replace(chart_line(key, curve, label, run.names), style=key, heavy=curve.role is Role.BASELINE and column == "reader"))
    draw = small_multiples if len(lines) >= FROM else curve_chart
    title = f"Skill against cost of {name}"
    return (below(draw(lines, WIDE, title)), below(draw(lines, NARROW, title))) if lines else (Markup(""), Markup(""))


def _by_budget(run: LargeRun, part: Part) -> tuple[ScoreLine, ...]:
    keys = [*SOLVERS, "budget", "retrain_budget"]
    found = groups(run.database, keys, f"compared AND {part.where}", part.values, part.source)
    lines = [
        (group.keys, score_line(summary_of(group), numbers.cost(group.keys["budget"] + group.keys["retrain_budget"]))) for group in found
    ]
    ordered = sorted(lines, key=lambda one: (ordered_tasks([one[0]["task"]]), one[0]["task"], one[0]["solver"]))
    return tuple(line for _, line in ordered)


def _ends(run: LargeRun, part: Part, task: str) -> TaskEnds:
    chosen = f"compared AND largest AND score IS NOT NULL AND task = ? AND {part.where}"

    def some(order: str) -> tuple[CaseEnd, ...]:
        columns = f'"case", flaw, task, solver, data, model, score FROM {part.source}'
        query = f'SELECT {columns} WHERE {chosen} ORDER BY score {order}, "case", solver LIMIT {MOST}'
        return tuple(_end(line) for line in run.database.find(query, (task, *part.values)))

    return TaskEnds(task, anchor("cells", task), some("ASC"), some("DESC"))


def _end(line: dict[str, Any]) -> CaseEnd:
    skill = float(line["score"])
    return CaseEnd(line["case"], line["flaw"], line["solver"], line["data"], line["model"], numbers.skill(skill), shade(skill), line)
