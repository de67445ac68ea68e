"""The pages of a kind of flaw and of a task of a large run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, final

from onecurve.core.row import Role
from onecurve.report.large import counts
from onecurve.report.large.figures import Part, curves, of_kind, rankings, summaries
from onecurve.report.large.index import panels
from onecurve.report.large.run import LargeRun
from onecurve.report.large.sections import below, kind_link, task_link
from onecurve.report.pages.data_files import Record, summary_record
from onecurve.report.pages.panels import Panel
from onecurve.report.pages.sections import LostCells
from onecurve.report.pages.table import shade
from onecurve.report.words import numbers
from onecurve.report.words.naming import Names, anchor
from onecurve.report.words.tasks import task_facts
from onecurve.statistics.ranking import Ranking
from onecurve.statistics.summary import Summary

MOST_NETWORKS: Final = 10
"""Networks that a page of a task names: those on which solvers earn least, and those on which they differ most."""


@final
@dataclass(frozen=True)
class HeatCell:
    """One solver on one column of a table."""

    skill: str
    interval: str
    shade: str
    n: int


@final
@dataclass(frozen=True)
class HeatLine:
    """One solver over all columns."""

    solver: str
    tool: str
    link: str
    cells: tuple[HeatCell | None, ...]


@final
@dataclass(frozen=True)
class HardNetwork:
    """One network: what methods and baselines earn there."""

    network: str
    flaw: str
    data: str
    model: str
    mean: str
    shade: str
    least: str
    most: str
    best: str
    """The solver that earns most."""
    record: Record
    """The same, unrounded."""


@final
@dataclass(frozen=True)
class PartPage:
    """Everything that the page shows."""

    kicker: str
    name: str
    link: str
    lede: str
    panels: tuple[Panel, ...]
    head: str
    """What the columns of the table are."""
    columns: tuple[tuple[str, str], ...]
    """Names and links."""
    lines: tuple[HeatLine, ...]
    hardest: tuple[HardNetwork, ...]
    widest: tuple[HardNetwork, ...]
    lost: tuple[LostCells, ...]
    file: str
    """The CSV file of its table."""
    records: tuple[Record, ...]
    """The table unrounded."""
    ranking_file: str
    """The CSV file of its rankings."""
    rankings: Mapping[str, Ranking]
    """Those that are its own; those of a task stand in the file of the first page."""
    by: str
    """The columns by which `results --by` makes its numbers."""


def kind_page(run: LargeRun, kind: str, tasks: Sequence[str]) -> PartPage:
    """The page of a kind of flaw: every task on the networks that hold it."""
    part = of_kind(kind)
    known = summaries(run.database, part).get("", ())
    ranked = rankings(run.database, known, run.names, part)
    made = panels(known, curves(run.database, part), ranked, run.names)
    made = tuple(from_below(one) for one in made)
    own = _contenders(known)
    return PartPage(
        kicker="kind of flaw",
        name=kind,
        link=kind_link(kind),
        lede=f"{numbers.count(max((one.n for one in own), default=0), 'network')} with a flaw of this kind, on {_tasks(tasks)}.",
        panels=made,
        head="Skill by solver and task",
        columns=tuple((task, task_link(task)) for task in tasks),
        lines=_lines(own, [[one for one in own if one.task == task] for task in tasks], run.names),
        hardest=_networks(run, part, "avg(score), subject"),
        widest=(),
        lost=(),
        file=anchor("kind", kind),
        records=tuple({"kind": kind, **summary_record(one)} for one in own),
        ranking_file=anchor("kind", kind, "ranking"),
        rankings=ranked,
        by="solver,budget,kind",
    )


def task_page(run: LargeRun, task: str, kinds: Sequence[str], shown: Panel | None, by_kind: Mapping[str, Sequence[Summary]]) -> PartPage:
    """The page of a task: every kind of flaw on it; ``shown`` is its panel of the first page."""
    part = Part("task = ?", (task,))
    columns = [[one for one in _contenders(by_kind[kind]) if one.task == task] for kind in kinds]
    return PartPage(
        kicker="task",
        name=task,
        link=task_link(task),
        lede=task_facts(task).question,
        panels=(from_below(shown),) if shown else (),
        head="Skill by solver and kind of flaw",
        columns=tuple((kind, kind_link(kind)) for kind in kinds),
        lines=_lines([one for column in columns for one in column], columns, run.names),
        hardest=_networks(run, part, "avg(score), subject"),
        widest=_networks(run, part, "max(score) - min(score) DESC, subject"),
        lost=counts.lost(run.database, part.where, part.values),
        file=anchor("task", task),
        records=tuple({"kind": kind, **summary_record(one)} for kind, column in zip(kinds, columns, strict=True) for one in column),
        ranking_file="ranking",
        rankings={},
        by="solver,kind",
    )


def from_below(shown: Panel) -> Panel:
    """A panel of the first page for a page in a folder below it."""
    return replace(shown, wide=below(shown.wide), narrow=below(shown.narrow))


def _tasks(tasks: Sequence[str]) -> str:
    return numbers.count(len(tasks), "task")


def _contenders(found: Sequence[Summary]) -> tuple[Summary, ...]:
    return tuple(one for one in found if one.role in (Role.METHOD, Role.BASELINE))


def _lines(known: Sequence[Summary], columns: Sequence[Sequence[Summary]], names: Names) -> tuple[HeatLine, ...]:
    """Solvers by the highest mean in a column, best first; each with a cell per column."""
    best: dict[str, float] = {}
    for one in known:
        best[one.solver] = max(best.get(one.solver, -9.0), one.mean if one.mean is not None else -9.0)
    by_column = [{one.solver: one for one in column} for column in columns]
    order = sorted(best, key=lambda solver: (-best[solver], solver))
    return tuple(
        HeatLine(solver, names.halves[solver][0], names.link(solver), tuple(_cell(column.get(solver)) for column in by_column))
        for solver in order
    )


def _cell(one: Summary | None) -> HeatCell | None:
    if one is None or not one.scored:
        return None
    between = numbers.interval(one.interval.low, one.interval.high) if one.interval else "no interval"
    return HeatCell(numbers.skill(one.mean), between, shade(one.mean), one.n)


def _networks(run: LargeRun, part: Part, order: str) -> tuple[HardNetwork, ...]:
    chosen = f"compared AND largest AND score IS NOT NULL AND role IN ('{Role.METHOD}', '{Role.BASELINE}') AND {part.where}"
    columns = "subject, any_value(flaw) AS flaw, any_value(data) AS data, any_value(model) AS model"
    figures = "avg(score) AS mean, min(score) AS least, max(score) AS most, arg_max(solver, score) AS best"
    source = f"FROM {part.source} WHERE {chosen} GROUP BY subject ORDER BY {order} LIMIT {MOST_NETWORKS}"
    found = run.database.find(f"SELECT {columns}, {figures} {source}", part.values)
    return tuple(
        HardNetwork(
            line["subject"],
            line["flaw"],
            line["data"],
            line["model"],
            numbers.skill(line["mean"]),
            shade(line["mean"]),
            numbers.skill(line["least"]),
            numbers.skill(line["most"]),
            line["best"],
            {**line, "mean": round(line["mean"], 12)},
        )
        for line in found
    )
