"""The sections below the table: calibration, planting, failures, the cost ledger, the list of cases."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

from onecurve.core.display import Calibration, PlantRecord
from onecurve.core.grade import Cost, Status
from onecurve.core.question import Form
from onecurve.core.row import Role, Row
from onecurve.report.pages.table import ROLE_WORDS
from onecurve.report.words import numbers
from onecurve.report.words.naming import CLEAN, case_link, failure_anchor, figure_name, no_reason, solver_link
from onecurve.report.words.tasks import ordered_tasks, tasks_of
from onecurve.statistics.failures import failed_everywhere, place_in

MOST_CASES = 6
"""Cases that a reason names."""


@final
@dataclass(frozen=True)
class CaseLine:
    """One case in the list of all cases."""

    case: str
    link: str
    flaw: str
    words: str
    data: str
    model: str
    best: str
    """Best solver and skill on the task with a lineup, or else on the case's first task."""


@final
@dataclass(frozen=True)
class CalibrationLine:
    """One reader under one condition."""

    reader: str
    link: str
    condition: str
    flaw: str
    right: str
    n: int
    share: float
    low: float
    high: float
    chance: float
    between: str
    mass: str
    verdict: str

    @property
    def label(self) -> str:
        """Reader, condition and flaw on one line of the chart."""
        return f"{self.reader}, {self.condition}{f', {self.flaw}' if self.flaw else ''}"


@final
@dataclass(frozen=True)
class PlantLine:
    """One attempt at planting."""

    case: str
    link: str
    flaw: str
    words: str
    admitted: bool
    reason: str
    figures: Mapping[str, str]


@final
@dataclass(frozen=True)
class LostCells:
    """Cells of one solver on one task with the same status and reason."""

    solver: str
    tool: str
    link: str
    task: str
    status: str
    reason: str
    count: int
    cases: tuple[tuple[str, str], ...]
    """Names and links of some of the cases."""
    more: int
    """Further cases."""
    traceback: str
    anchor: str
    """Its id on the page."""


@final
@dataclass(frozen=True)
class BrokenSolver:
    """A solver that failed in every cell that it attempted."""

    solver: str
    link: str
    cells: int
    reason: str
    others: int
    """Further reasons that are not shown."""
    place: str
    """File and line of the failure; empty where no traceback was kept."""


@final
@dataclass(frozen=True)
class LedgerLine:
    """The cost of one solver over the whole run."""

    solver: str
    tool: str
    link: str
    role: str
    cells: int
    forward: str
    backward: str
    equivalents: str
    seconds: str
    processor: str
    """Processor seconds."""
    passes: str
    """The same as passes of the networks."""
    beyond: int
    """Cells that worked far beyond their meter."""
    clean: str
    """The most clean images that a cell read."""
    peak: str
    person: str
    order: float


PLANT_FIGURES = ("clean_accuracy", "twin_accuracy", "success", "twin_success", "false_firing", "elsewhere", "near_miss")


def case_lines(rows: Sequence[Row], words: Mapping[str, str], with_page: frozenset[str]) -> tuple[CaseLine, ...]:
    """All cases in order of id; those without a page have an empty link."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.case].append(row)
    return tuple(
        CaseLine(
            case,
            case_link(case) if case in with_page else "",
            min((row.flaw for row in own), key=len),
            words.get(case, ""),
            own[0].data,
            own[0].model,
            _best(own),
        )
        for case, own in sorted(groups.items())
    )


def calibration_lines(calibrations: Sequence[Calibration]) -> tuple[CalibrationLine, ...]:
    """Reader by reader; the verdict says whether the interval excludes chance."""
    ordered = sorted(calibrations, key=lambda one: (one.reader, one.condition, one.flaw))
    return tuple(
        CalibrationLine(
            reader=one.reader,
            link=solver_link(one.reader),
            condition=one.condition,
            flaw=one.flaw,
            right=f"{one.correct} of {one.n}",
            n=one.n,
            share=one.correct / one.n if one.n else 0.0,
            low=one.low,
            high=one.high,
            chance=one.chance,
            between=f"{numbers.percent(one.low)} to {numbers.percent(one.high)}" if one.n > 1 else f"n={one.n}, no interval",
            mass=numbers.percent(one.mean_mass),
            verdict="above chance" if one.low > one.chance else "below chance" if one.high < one.chance else "at chance",
        )
        for one in ordered
    )


def plant_lines(plants: Sequence[PlantRecord], with_page: frozenset[str]) -> tuple[PlantLine, ...]:
    """All attempts, the refused ones last."""
    return tuple(
        PlantLine(
            case=one.case,
            link=case_link(one.case) if one.admitted and one.case in with_page else "",
            flaw=one.flaw,
            words=one.words,
            admitted=one.admitted,
            reason=one.reason,
            figures={figure_name(name): numbers.percent(one.strength.get(name)) for name in PLANT_FIGURES},
        )
        for one in sorted(plants, key=lambda one: (not one.admitted, one.case))
    )


def lost_cells(rows: Sequence[Row], with_page: frozenset[str]) -> tuple[LostCells, ...]:
    """Cells that were not graded, grouped by solver, task, status and reason; failures first, skipped cells left out."""
    return _grouped([row for row in rows if row.status not in {Status.GRADED, Status.SKIPPED}], with_page)


def skipped_cells(rows: Sequence[Row], with_page: frozenset[str]) -> tuple[LostCells, ...]:
    """Cells that could not be attempted, grouped in the same way."""
    return _grouped([row for row in rows if row.status is Status.SKIPPED], with_page)


def broken_solvers(rows: Sequence[Row]) -> tuple[BrokenSolver, ...]:
    """Solvers that failed in every cell that they attempted, controls too."""
    return tuple(
        BrokenSolver(one.solver, solver_link(one.tool), one.cells, one.reason, one.reasons - 1, place_in(one.traceback))
        for one in failed_everywhere(rows)
    )


def _grouped(rows: Sequence[Row], with_page: frozenset[str]) -> tuple[LostCells, ...]:
    groups: dict[tuple[str, str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.status, row.task, row.solver, row.reason].append(row)
    rank = {Status.FAILED: 0, Status.ABSTAINED: 1, Status.LOST: 1, Status.PENDING: 2, Status.WAITING: 3, Status.SKIPPED: 4}
    ordered = sorted(groups.items(), key=lambda item: (rank[Status(item[0][0])], ordered_tasks([item[0][1]]), item[0]))
    return tuple(_lost_cells(own, with_page) for _, own in ordered)


def status_counts(rows: Sequence[Row]) -> tuple[tuple[str, int], ...]:
    """The number of cells with each status, every status listed."""
    counted = Counter(row.status for row in rows)
    return tuple((str(status), counted[status]) for status in Status)


def ledger(rows: Sequence[Row]) -> tuple[LedgerLine, ...]:
    """The cost of each solver over all its cells, the most expensive first. A look that serves many tasks is charged to each."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.role is not Role.REFERENCE_POINT:
            groups[row.solver].append(row)
    lines = [_spent(own) for own in groups.values()]
    return tuple(sorted(lines, key=lambda line: (-line.order, line.solver)))


def _spent(rows: Sequence[Row]) -> LedgerLine:
    total = Cost()
    worked = any(row.cpu_seconds is not None for row in rows)
    for row in rows:
        total = total.plus(replace(row.cost, cpu_seconds=row.cpu_seconds or 0.0))
    return LedgerLine(
        solver=rows[0].solver,
        tool=rows[0].tool,
        link=solver_link(rows[0].tool),
        role=ROLE_WORDS[rows[0].role],
        cells=len(rows),
        forward=numbers.cost(total.forward),
        backward=numbers.cost(total.backward),
        equivalents=numbers.cost(total.equivalents),
        seconds=numbers.seconds(total.seconds),
        processor=numbers.seconds(total.cpu_seconds if worked else None),
        passes=numbers.cost(sum(row.passes or 0.0 for row in rows) if any(row.passes for row in rows) else None),
        beyond=sum(row.beyond_meter for row in rows),
        clean=numbers.cost(max((row.clean_images for row in rows if row.clean_images is not None), default=None)),
        peak=f"{total.peak_mb:.0f} MB" if total.peak_mb else numbers.MISSING,
        person=numbers.seconds(total.person_seconds) if total.person_seconds else numbers.MISSING,
        order=total.equivalents,
    )


def _lost_cells(rows: Sequence[Row], with_page: frozenset[str]) -> LostCells:
    first = rows[0]
    cases = sorted({row.case for row in rows})
    return LostCells(
        solver=first.solver,
        tool=first.tool,
        link=solver_link(first.tool),
        task=first.task,
        status=str(first.status),
        reason=first.reason or no_reason(first.status),
        count=len(rows),
        cases=tuple((case, case_link(case) if case in with_page else "") for case in cases[:MOST_CASES]),
        more=max(0, len(cases) - MOST_CASES),
        traceback=next((row.traceback for row in rows if row.traceback), ""),
        anchor=failure_anchor(first.status, first.task, first.solver, first.reason),
    )


def _best(rows: Sequence[Row]) -> str:
    tasks = {row.task for row in rows}
    task = next(iter((*tasks_of(Form.LINEUP, tasks), *ordered_tasks(tasks))))
    scored = [row for row in rows if row.task == task and row.skill is not None and row.role in (Role.METHOD, Role.BASELINE)]
    if not scored:
        return f"no score on {task}" if rows[0].flaw != CLEAN else "clean"
    best = max(scored, key=lambda row: (row.skill or 0.0, row.solver))
    return f"{task}: {best.tool} {numbers.skill(best.skill)}"
