"""The table of solvers by tasks: one row per tool or direct solver, one cell per task, one version per slice of the cases.

A tool with two readers has two entries in a cell; the table does not choose between them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

from onecurve.core.grade import Status
from onecurve.core.row import Role, Row
from onecurve.report.rows.results import CatalogEntry, Results
from onecurve.report.words import numbers
from onecurve.report.words.naming import Names, cells_link, solver_link
from onecurve.report.words.tasks import ordered_tasks
from onecurve.statistics.summary import Summary, summarise

ROLE_WORDS = {
    Role.BASELINE: "baseline",
    Role.METHOD: "method",
    Role.OWN_READER: "own reader",
    Role.CONTROL: "control",
    Role.REFERENCE_POINT: "reference point",
}
LOST = (Status.ABSTAINED, Status.FAILED, Status.LOST, Status.SKIPPED, Status.PENDING, Status.WAITING)


@final
@dataclass(frozen=True)
class CellEntry:
    """One solver on one task."""

    solver: str
    reader: str
    skill: str
    interval: str
    sample: str
    """Networks and cases in words."""
    shade: str
    """Style class of the skill: `n3` (far below the floor) to `p5` (at the ceiling), `none` without a score."""
    lost: str
    """Abstained, failed, lost, skipped, pending and waiting cells in words, empty for none."""
    hatched: bool
    """Whether cells abstained, failed, were lost, or are pending or waiting. Skipped cells are only counted in words."""
    cells: str
    """Link to its cells."""
    more: str
    """Median, worst tenth, cost and the mean over successes, for the tooltip."""
    order: float
    """For sorting; minus infinity is written where there is no score."""


@final
@dataclass(frozen=True)
class TableRow:
    """One tool or direct solver."""

    tool: str
    link: str
    role: str
    needs: tuple[str, ...]
    cells: tuple[tuple[CellEntry, ...], ...]
    """One tuple per task, empty where the solver was never asked."""
    clean: str
    """Clean images read, from the task where it read fewest to the one where it read most."""
    clean_order: float
    """The most of them, for sorting; below 0 where they were not counted."""


@final
@dataclass(frozen=True)
class TableSlice:
    """The table over some of the cases."""

    key: str
    label: str
    group: str
    cases: int
    networks: int
    """Networks among them: kinds of flaw are counted by network."""
    solvers: tuple[TableRow, ...]
    apart: tuple[TableRow, ...]
    """Tools that were read by a reader of a person's own; they are in no ranking with the others."""
    checks: tuple[TableRow, ...]
    """Controls and reference points."""
    summaries: tuple[Summary, ...]
    """The same, unrounded."""


@final
@dataclass(frozen=True)
class Table:
    """All slices, the whole first."""

    tasks: tuple[str, ...]
    slices: tuple[TableSlice, ...]
    needs: tuple[str, ...]
    """Every access that some solver needs."""

    @property
    def counted(self) -> bool:
        """Whether clean images were counted for any tool."""
        return any(one.clean_images is not None for part in self.slices for one in part.summaries)


def table(results: Results, names: Names) -> Table:
    """The table over all cases and over each kind of flaw, data set and network alone."""
    rows = results.rows
    tasks = ordered_tasks(row.task for row in rows)
    slices = [_slice("all", "all cases", "", rows, tasks, results)]
    for group, of in _DIMENSIONS:
        values = sorted({value for row in rows for value in of(row)})
        if len(values) > 1:
            slices += [
                _slice(f"{group}:{value}", value, group, [row for row in rows if value in of(row)], tasks, results) for value in values
            ]
    needs = sorted({need for entry in results.entries.values() for need in entry.needs})
    return Table(tasks, tuple(slices), tuple(needs))


def shade(skill: float | None) -> str:
    """Style class of a skill.

    >>> shade(-2.0), shade(0.0), shade(0.55), shade(1.2), shade(None)
    ('n3', 'p0', 'p3', 'p5', 'none')
    """
    if skill is None:
        return "none"
    if skill <= -0.05:
        return "n1" if skill > -0.2 else "n2" if skill > -0.5 else "n3"
    return f"p{min(5, max(0, round(skill * 5)))}"


def lost_words(counts: Sequence[tuple[Status, int]]) -> str:
    """Counts of cells without a full answer, in words.

    >>> lost_words([(Status.FAILED, 2), (Status.SKIPPED, 0)])
    '2 failed'
    """
    return ", ".join(f"{count} {status}" for status, count in counts if count)


_DIMENSIONS: tuple[tuple[str, Callable[[Row], tuple[str, ...]]], ...] = (
    ("flaw", lambda row: row.kinds),
    ("data", lambda row: (row.data,)),
    ("network", lambda row: (row.model,)),
)


def _slice(key: str, label: str, group: str, rows: Sequence[Row], tasks: Sequence[str], results: Results) -> TableSlice:
    sample = len({row.case for row in rows}), len({row.subject for row in rows})
    return table_slice((key, label, group), sample, summarise(rows), tasks, Names.of(rows), results.entries)


def table_slice(
    of: tuple[str, str, str],
    sample: tuple[int, int],
    summaries: tuple[Summary, ...],
    tasks: Sequence[str],
    names: Names,
    entries: Mapping[str, CatalogEntry],
) -> TableSlice:
    """The table from summaries; ``of`` is the key, the label and the group of the slice, ``sample`` its cases and networks."""
    by_tool: dict[tuple[Role, str], list[Summary]] = {}
    for summary in summaries:
        by_tool.setdefault((summary.role, names.halves[summary.solver][0]), []).append(summary)
    made = [(role, _row(tool, role, found, tasks, names, entries)) for (role, tool), found in sorted(by_tool.items())]
    return TableSlice(
        *of,
        *sample,
        tuple(row for role, row in made if role in (Role.METHOD, Role.BASELINE)),
        tuple(row for role, row in made if role is Role.OWN_READER),
        tuple(row for role, row in made if role in (Role.CONTROL, Role.REFERENCE_POINT)),
        summaries,
    )


def _row(
    tool: str, role: Role, found: Sequence[Summary], tasks: Sequence[str], names: Names, entries: Mapping[str, CatalogEntry]
) -> TableRow:
    cells = tuple(tuple(_entry(summary, names) for summary in found if summary.task == task) for task in tasks)
    entry = entries.get(tool)
    read = [one.clean_images for one in found if one.clean_images is not None]
    words = numbers.MISSING if not read else "–".join(dict.fromkeys(map(numbers.cost, (min(read), max(read)))))
    return TableRow(tool, solver_link(tool), ROLE_WORDS[role], entry.needs if entry else (), cells, words, max(read, default=-1.0))


def _entry(summary: Summary, names: Names) -> CellEntry:
    between = numbers.interval(summary.interval.low, summary.interval.high) if summary.interval else ""
    more = [
        f"median {numbers.skill(summary.median)}",
        f"worst tenth {numbers.skill(summary.worst_tenth)}",
        f"cost {numbers.cost(summary.cost)}",
    ]
    if summary.clean_images is not None:
        more.append(f"{numbers.cost(summary.clean_images)} clean images")
    if summary.counts[Status.FAILED]:
        more.append(f"mean over successes {numbers.skill(summary.mean_over_successes)}")
    mean = summary.mean if summary.scored else None
    return CellEntry(
        solver=summary.solver,
        reader=names.halves[summary.solver][1],
        skill=numbers.skill(mean),
        interval=between or "no interval",
        sample=numbers.sample(summary.n, summary.cases),
        shade=shade(mean),
        lost=lost_words([(status, summary.counts[status]) for status in LOST]),
        cells=cells_link(names.halves[summary.solver][0], summary.task),
        hatched=any(summary.counts[status] for status in LOST if status is not Status.SKIPPED),
        more=f"{summary.solver} on {summary.task}: {', '.join(more)}" if mean is not None else summary.why_no_interval,
        order=mean if mean is not None else -99.0,
    )
