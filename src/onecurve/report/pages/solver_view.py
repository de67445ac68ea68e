"""One tool, reader or direct solver as a page: what it is, what it needs, its skill and cost, case by case."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from onecurve.core.grade import Status
from onecurve.core.row import Role, Row
from onecurve.report.pages.checks_view import CheckLine, check_lines
from onecurve.report.pages.solver_rows import shown_on_cases
from onecurve.report.pages.table import LOST, ROLE_WORDS, lost_words, shade
from onecurve.report.rows.results import CatalogEntry, Results
from onecurve.report.words import numbers
from onecurve.report.words.naming import CLEAN, anchor, case_link, evidence_link, failure_link, solver_link
from onecurve.report.words.tasks import ordered_tasks
from onecurve.statistics.cases import by_budget
from onecurve.statistics.summary import Summary, summarise


@final
@dataclass(frozen=True)
class ScoreLine:
    """One line of the score table."""

    task: str
    solver: str
    of: str
    """The budget granted, or the kind of flaw."""
    skill: str
    interval: str
    median: str
    worst: str
    successes: str
    """Mean over successes; an em dash where no cell failed."""
    n: int
    """Networks."""
    cases: int
    cost: str
    lost: str
    shade: str
    summary: Summary
    """The same, unrounded."""


@final
@dataclass(frozen=True)
class CaseResult:
    """One cell."""

    case: str
    link: str
    flaw: str
    task: str
    solver: str
    budget: str
    skill: str
    shade: str
    status: str
    failure: str
    """From the index to the reason; empty for a graded cell."""
    evidence: str
    """From the index to what was shown and answered; empty where the page of the case does not show this cell."""


@final
@dataclass(frozen=True)
class TaskCells:
    """All cells of one task."""

    task: str
    anchor: str
    """Its id on the page."""
    cells: tuple[CaseResult, ...]


@final
@dataclass(frozen=True)
class SolverView:
    """Everything that a page shows of a tool, reader or direct solver."""

    name: str
    link: str
    kind: str
    role: str
    entry: CatalogEntry | None
    tasks: tuple[str, ...]
    """The tasks of the run that it was asked."""
    parameters: tuple[tuple[str, str], ...]
    partners: tuple[tuple[str, str], ...]
    """Readers of a tool, or tools of a reader, with their pages."""
    checks: tuple[CheckLine, ...]
    """Sanity checks that it ran on its own evidence; empty for a reader."""
    by_budget: tuple[ScoreLine, ...]
    by_flaw: tuple[ScoreLine, ...]
    cells: tuple[TaskCells, ...]


def solver_views(results: Results, with_page: frozenset[str]) -> tuple[SolverView, ...]:
    """One view per tool, direct solver and reader that has a row, in order of name."""
    groups: dict[str, list[Row]] = {}
    for row in results.rows:
        for name in {row.tool, row.reader} - {""}:
            groups.setdefault(name, []).append(row)
    return tuple(_view(name, rows, results, with_page) for name, rows in sorted(groups.items()))


def _view(name: str, rows: Sequence[Row], results: Results, with_page: frozenset[str]) -> SolverView:
    entry = results.entries.get(name)
    reads = all(row.reader == name != row.tool for row in rows)
    partners = sorted({row.tool if reads else row.reader for row in rows} - {"", name})
    kind = entry.kind if entry else "reader" if reads else "tool" if any(row.reader for row in rows) else "solver"
    return SolverView(
        name=name,
        link=solver_link(name),
        kind=kind,
        role="" if reads else ROLE_WORDS[rows[0].role],
        entry=entry,
        tasks=ordered_tasks(entry.tasks) if entry else (),
        parameters=tuple((key, numbers.figure(str(value))) for key, value in entry.parameters.items()) if entry else (),
        partners=tuple((partner, solver_link(partner)) for partner in partners),
        checks=() if reads else check_lines(rows, results),
        by_budget=_by_budget(rows),
        by_flaw=_by_flaw(rows),
        cells=_cells(rows, with_page),
    )


def _by_budget(rows: Sequence[Row]) -> tuple[ScoreLine, ...]:
    scores = []
    for (budget, retrain), members in by_budget(rows).items():
        scores += [(summary, score_line(summary, numbers.cost(budget + retrain))) for summary in summarise(members)]
    return tuple(score for _, score in sorted(scores, key=lambda pair: (ordered_tasks([pair[0].task]), pair[0].task, pair[0].solver)))


def _by_flaw(rows: Sequence[Row]) -> tuple[ScoreLine, ...]:
    flaws = sorted({kind for row in rows for kind in row.kinds}, key=lambda kind: (kind == CLEAN, kind))
    return tuple(score_line(summary, flaw) for flaw in flaws for summary in summarise(row for row in rows if flaw in row.kinds))


def score_line(summary: Summary, of: str) -> ScoreLine:
    """One solver on one task as a line; ``of`` is its budget or the kind of flaw."""
    mean = summary.mean if summary.scored else None
    between = numbers.interval(summary.interval.low, summary.interval.high) if summary.interval else "no interval"
    return ScoreLine(
        task=summary.task,
        solver=summary.solver,
        of=of,
        skill=numbers.skill(mean),
        interval=between,
        median=numbers.skill(summary.median if summary.scored else None),
        worst=numbers.skill(summary.worst_tenth if summary.scored else None),
        successes=numbers.skill(summary.mean_over_successes if summary.counts[Status.FAILED] else None),
        n=summary.n,
        cases=summary.cases,
        cost=numbers.cost(summary.cost),
        lost=lost_words([(status, summary.counts[status]) for status in LOST]),
        shade=shade(mean),
        summary=summary,
    )


def _cell_order(row: Row) -> tuple[object, ...]:
    return (row.case, row.solver, row.budget + row.retrain_budget, row.repeat)


def _cells(rows: Sequence[Row], with_page: frozenset[str]) -> tuple[TaskCells, ...]:
    shown = shown_on_cases(rows)
    made = []
    for task in ordered_tasks(row.task for row in rows):
        own = sorted((row for row in rows if row.task == task), key=_cell_order)
        made.append(TaskCells(task, anchor("cells", task), tuple(_cell(row, with_page, shown) for row in own)))
    return tuple(made)


def _cell(row: Row, with_page: frozenset[str], shown: frozenset[str]) -> CaseResult:
    return CaseResult(
        case=row.case,
        link=case_link(row.case) if row.case in with_page else "",
        flaw=row.flaw,
        task=row.task,
        solver=row.solver,
        budget=numbers.cost(row.budget + row.retrain_budget),
        skill=numbers.skill(row.skill),
        shade=shade(row.skill),
        status=str(row.status),
        failure=failure_link(row) if row.status is not Status.GRADED and row.role is not Role.REFERENCE_POINT else "",
        evidence=evidence_link(row.case, row.task, row.solver) if row.case in with_page and row.key in shown else "",
    )
