"""Two runs side by side: every solver on every task, and the cells in which they differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from onecurve.core.row import Role, Row
from onecurve.report.pages.solver_rows import in_order
from onecurve.report.pages.table import ROLE_WORDS, shade
from onecurve.report.rows.results import Results
from onecurve.report.words import numbers
from onecurve.report.words.naming import case_link, cells_link, evidence_link
from onecurve.report.words.tasks import ordered_tasks
from onecurve.statistics.summary import Summary
from onecurve.statistics.two_runs import RunsCompared, compare_runs, same_cases

LINK = "against.html"
LISTED = 300


@final
@dataclass(frozen=True)
class AgainstLine:
    """One solver on one task in both runs."""

    task: str
    solver: str
    tool: str
    cells: str
    role: str
    here: str
    there: str
    difference: str
    interval: str
    changed: bool
    """Whether the interval excludes 0."""
    basis: str


@final
@dataclass(frozen=True)
class CellLine:
    """One cell that is in both runs with another result."""

    case: str
    link: str
    evidence: str
    task: str
    solver: str
    skills: tuple[str, str]
    shades: tuple[str, str]
    difference: str
    gap: float


@final
@dataclass(frozen=True)
class AgainstView:
    """The page."""

    headline: str
    words: str
    facts: tuple[tuple[str, str, str], ...]
    """What differs between the runs: name, here, there."""
    lines: tuple[AgainstLine, ...]
    cells: tuple[CellLine, ...]
    left_out: int
    alone: tuple[tuple[str, str], ...]
    """Solvers of one run alone, with the tasks: where, and which."""


def against_view(here: Results, there: Results) -> AgainstView:
    """The page of this run against another."""
    ones, others = (_judged(results.rows) for results in (here, there))
    found = compare_runs(ones, others)
    same = same_cases(ones, others)
    cells = sorted(_cells(ones, others, same, here), key=lambda line: (-abs(line.gap), line.case, line.task, line.solver))
    tools = {row.solver: row.tool for row in ones}
    changed = [one for one in found if one.interval is not None and not one.interval.holds(0.0)]
    order = {task: place for place, task in enumerate(ordered_tasks(one.task for one in found))}
    return AgainstView(
        headline=f"{len(changed)} of {numbers.count(len(found), 'result')} changed" if found else "The runs share no solver and task",
        words=_words(found, same, {row.case for row in ones}),
        facts=_facts(here, there),
        lines=tuple(_line(one, tools[one.solver]) for one in sorted(found, key=lambda one: (order[one.task], one.solver))),
        cells=tuple(cells[:LISTED]),
        left_out=max(0, len(cells) - LISTED),
        alone=_alone(ones, others),
    )


def records(view: AgainstView) -> list[dict[str, object]]:
    """The cells that differ, for a file."""
    return [
        {"task": one.task, "solver": one.solver, "case": one.case, "here": one.skills[0], "there": one.skills[1], "difference": one.gap}
        for one in view.cells
    ]


def line_records(view: AgainstView) -> list[dict[str, object]]:
    """The table of solvers and tasks, for a file."""
    return [
        {"task": one.task, "solver": one.solver, "here": one.here, "there": one.there, "difference": one.difference, "basis": one.basis}
        for one in view.lines
    ]


def _judged(rows: Sequence[Row]) -> tuple[Row, ...]:
    return tuple(row for row in rows if row.role is not Role.REFERENCE_POINT)


def _words(found: Sequence[RunsCompared], same: frozenset[str], cases: set[str]) -> str:
    shared = len(same & cases)
    paired = "The runs hold other networks, so differences are of means over different networks."
    if shared:
        verb = "is" if shared == 1 else "are"
        count = numbers.count(len(cases), "case")
        paired = f"{shared} of {count} {verb} the same in both runs, network and flaw; there, differences are paired."
    chance = numbers.percent(0.05)
    return f"{paired} A result counts as changed where its 95\u00a0% interval excludes 0; {chance} would by chance." if found else paired


def _line(one: RunsCompared, tool: str) -> AgainstLine:
    return AgainstLine(
        task=one.task,
        solver=one.solver,
        tool=tool,
        cells=cells_link(tool, one.task),
        role=ROLE_WORDS[one.role],
        here=_mean(one.here),
        there=_mean(one.there),
        difference=numbers.skill(one.difference),
        interval=numbers.interval(one.interval.low, one.interval.high) if one.interval else "no interval",
        changed=one.interval is not None and not one.interval.holds(0.0),
        basis=f"paired, {numbers.sample(one.networks, one.shared)}" if one.shared else "other networks",
    )


def _mean(summary: Summary) -> str:
    return f"{numbers.skill(summary.mean)} (n={summary.n})"


def _cells(ones: Sequence[Row], others: Sequence[Row], same: frozenset[str], here: Results) -> list[CellLine]:
    """Cells of shared cases with another skill or status, each at the largest budget."""
    mine, theirs = (_chosen(rows, same) for rows in (ones, others))
    return [
        _cell(mine[key], theirs[key], here)
        for key in mine.keys() & theirs.keys()
        if abs((mine[key].skill or 0.0) - (theirs[key].skill or 0.0)) >= numbers.SAME or mine[key].status is not theirs[key].status
    ]


def _chosen(rows: Sequence[Row], same: frozenset[str]) -> dict[tuple[str, str, str], Row]:
    by_case: dict[str, list[Row]] = {}
    for row in rows:
        if row.case in same:
            by_case.setdefault(row.case, []).append(row)
    return {(row.case, row.task, row.solver): row for own in by_case.values() for row in in_order(own)}


def _cell(one: Row, other: Row, here: Results) -> CellLine:
    gap = (one.skill or 0.0) - (other.skill or 0.0)
    known = one.case in here.displays
    return CellLine(
        case=one.case,
        link=case_link(one.case) if known else "",
        evidence=evidence_link(one.case, one.task, one.solver) if known and one.skill is not None else "",
        task=one.task,
        solver=one.solver,
        skills=(_result(one), _result(other)),
        shades=(shade(one.skill), shade(other.skill)),
        difference=numbers.skill(gap),
        gap=gap,
    )


def _result(row: Row) -> str:
    return numbers.skill(row.skill) if row.skill is not None else str(row.status)


def _facts(here: Results, there: Results) -> tuple[tuple[str, str, str], ...]:
    """Suite, seed, date, versions and hashes that differ."""
    runs = [
        {
            "suite": results.run.suite,
            "seed": results.run.seed_words,
            "started": results.run.started.strftime("%Y-%m-%d %H:%M:%S"),
            "machine": results.run.machine,
            **results.run.versions,
            **{entry.name: f"version {entry.version}" for entry in results.entries.values()},
        }
        for results in (here, there)
    ]
    names = dict.fromkeys([*runs[0], *runs[1]])
    told = ((name, runs[0].get(name, numbers.MISSING), runs[1].get(name, numbers.MISSING)) for name in names)
    return tuple((name, one, other) for name, one, other in told if one != other)


def _alone(ones: Sequence[Row], others: Sequence[Row]) -> tuple[tuple[str, str], ...]:
    keys = [{(row.task, row.solver) for row in rows} for rows in (ones, others)]
    sides = (("in this run alone", keys[0] - keys[1]), ("in the other run alone", keys[1] - keys[0]))
    return tuple((where, numbers.and_list([f"{solver} on {task}" for task, solver in sorted(left)])) for where, left in sides if left)
