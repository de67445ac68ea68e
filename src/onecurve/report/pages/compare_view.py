"""Two solvers of one run side by side: task by task, and the cases in which they differ with what each showed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from onecurve.core.row import Row
from onecurve.report.pages.assets import Assets
from onecurve.report.pages.solver_rows import RecordLookup, SolverRow, class_names, in_order, solver_row
from onecurve.report.pages.table import shade
from onecurve.report.rows.results import Results
from onecurve.report.words import numbers
from onecurve.report.words.naming import anchor, case_link, evidence_link, is_contender
from onecurve.report.words.tasks import ordered_tasks
from onecurve.statistics.compare import compare
from onecurve.statistics.ranking import Ranking

SHOWN = 6
"""Cases shown with the evidence of both: those with the largest differences."""
LISTED = 200


@final
@dataclass(frozen=True)
class TaskDuel:
    """Two solvers on one task."""

    task: str
    first: str
    second: str
    skills: tuple[str, str]
    difference: str
    interval: str
    n: int
    cases: int
    wins: int
    losses: int
    ties: int
    verdict: str


@final
@dataclass(frozen=True)
class CaseDuel:
    """Two solvers on one case of a task, each at its largest budget."""

    case: str
    link: str
    task: str
    flaw: str
    skills: tuple[str, str]
    shades: tuple[str, str]
    evidence: tuple[str, str]
    """Links to what each showed; empty where the page of the case was not written."""
    gap: float
    difference: str


@final
@dataclass(frozen=True)
class CompareView:
    """The page."""

    link: str
    names: tuple[str, str]
    file: str
    tasks: tuple[TaskDuel, ...]
    cases: tuple[CaseDuel, ...]
    left_out: int
    """Differing cases beyond those listed."""
    alike: int
    shown: tuple[tuple[CaseDuel, SolverRow, SolverRow], ...]


def compare_link(first: str, second: str) -> str:
    """From the index to the page that compares two solvers."""
    return f"compare/{anchor(first, second)}.html"


def compare_view(first: str, second: str, results: Results, rankings: Mapping[str, Ranking], assets: Assets) -> CompareView:
    """The page of two tools or solvers, over the tasks on which both were asked."""
    couples = couples_of(first, second, results.rows)
    pairs = [pair for task, (one, other) in couples.items() for pair in _pairs(task, one, other, results.rows)]
    duels = sorted((_case_duel(pair, results) for pair in pairs), key=lambda duel: (-abs(duel[0].gap), duel[0].case, duel[0].task))
    differing = [duel for duel in duels if abs(duel[0].gap) >= numbers.SAME]
    shown = [duel for duel in differing if duel[0].case in results.displays][:SHOWN]
    return CompareView(
        link=compare_link(first, second),
        names=(first, second),
        file=anchor("compare", first, second),
        tasks=tuple(_task_duel(task, one, other, results.rows, rankings) for task, (one, other) in couples.items()),
        cases=tuple(duel for duel, _ in differing[:LISTED]),
        left_out=max(0, len(differing) - LISTED),
        alike=len(duels) - len(differing),
        shown=tuple((duel, *_drawn(duel, rows, results, assets)) for duel, rows in shown),
    )


def couples_of(first: str, second: str, rows: Sequence[Row]) -> dict[str, tuple[str, str]]:
    """Task to the two solvers that stand for the names: those with the same reader where there are such."""
    found: dict[str, tuple[str, str]] = {}
    for task in ordered_tasks(row.task for row in rows):
        own = {row.solver: row for row in rows if row.task == task}
        ones = [row for row in own.values() if first in (row.solver, row.tool)]
        others = [row for row in own.values() if second in (row.solver, row.tool)]
        both = sorted(
            (one.reader != other.reader, one.solver, other.solver) for one in ones for other in others if one.solver != other.solver
        )
        if both:
            found[task] = both[0][1:]
    return found


def records(view: CompareView) -> list[dict[str, object]]:
    """The listed cases for a file."""
    return [
        {"task": one.task, "case": one.case, "flaw": one.flaw, "difference": one.gap, **dict(zip(view.names, one.skills, strict=True))}
        for one in view.cases
    ]


def _pairs(task: str, first: str, second: str, rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """The rows of both on every case where both have a skill."""
    by_case: dict[str, list[Row]] = {}
    for row in rows:
        if row.task == task and row.solver in (first, second):
            by_case.setdefault(row.case, []).append(row)
    chosen = ({row.solver: row for row in in_order(own)} for own in by_case.values())
    couples = ((own.get(first), own.get(second)) for own in chosen)
    return [(one, other) for one, other in couples if one and other and one.skill is not None and other.skill is not None]


def _case_duel(pair: tuple[Row, Row], results: Results) -> tuple[CaseDuel, tuple[Row, Row]]:
    one, other = pair
    gap = (one.skill or 0.0) - (other.skill or 0.0)
    known = one.case in results.displays
    duel = CaseDuel(
        case=one.case,
        link=case_link(one.case) if known else "",
        task=one.task,
        flaw=one.flaw,
        skills=(numbers.skill(one.skill), numbers.skill(other.skill)),
        shades=(shade(one.skill), shade(other.skill)),
        evidence=(evidence_link(one.case, one.task, one.solver), evidence_link(one.case, one.task, other.solver)) if known else ("", ""),
        gap=gap,
        difference=numbers.skill(gap),
    )
    return duel, pair


def _task_duel(task: str, first: str, second: str, rows: Sequence[Row], rankings: Mapping[str, Ranking]) -> TaskDuel:
    found = compare([row for row in rows if row.task == task], first, second, task)
    means = {one.summary.solver: one.summary.mean for one in rankings[task].solvers} if task in rankings else {}
    return TaskDuel(
        task=task,
        first=first,
        second=second,
        skills=(numbers.skill(means.get(first)), numbers.skill(means.get(second))),
        difference=numbers.skill(found.difference),
        interval=numbers.interval(found.interval.low, found.interval.high) if found.interval else "no interval",
        n=found.n,
        cases=found.cases,
        wins=found.wins,
        losses=found.losses,
        ties=found.ties,
        verdict=_verdict(task, first, second, rows, rankings),
    )


def _verdict(task: str, first: str, second: str, rows: Sequence[Row], rankings: Mapping[str, Ranking]) -> str:
    ranked = {row.solver for row in rows if row.task == task and is_contender(row)}
    try:
        pair = rankings[task].pair(first, second)
    except KeyError:
        return "no score" if {first, second} <= ranked else "not in one ranking"
    if not pair.asked:
        return "two readers: not compared"
    if pair.p_adjusted is None:
        return "not tested"
    return f"{'separated' if pair.separated else 'not separated'}, Holm’s {numbers.p_value(pair.p_adjusted)}"


def _drawn(duel: CaseDuel, rows: tuple[Row, Row], results: Results, assets: Assets) -> tuple[SolverRow, SolverRow]:
    display = results.displays[duel.case]
    subject = [row for row in results.rows if row.subject == display.subject]
    targets = frozenset(one.target for one in results.displays.values() if one.subject == display.subject and one.target)
    lookup = RecordLookup(results, display, class_names(subject, results), targets)
    one, other = (solver_row(row, lookup, assets) for row in rows)
    return one, other
