"""A few cases of a large run with all that was shown and answered: the first of each kind of flaw, by name."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from onecurve.core.grade import Status
from onecurve.core.row import Role, Row
from onecurve.report.large.run import LargeRun
from onecurve.report.rows.results import Results
from onecurve.store.export import NESTED
from onecurve.store.querying import RowsDatabase

MOST: Final = 12
"""Kinds of flaw of which a case has a page."""
_PLAIN: Final = tuple(item.name for item in fields(Row) if item.name not in NESTED)


def examples(run: LargeRun) -> Results:
    """The rows of the networks of these cases, with their displays; none where no display was kept."""
    chosen = _first_of_each_kind(run.database, run.shown)
    displays = {case: run.display(case) for case in chosen}
    rows = rows_of(run.database, sorted({display.subject for display in displays.values()}))
    return Results(rows=rows, displays=displays, plants=run.plants, calibrations=(), record=run.record, entries=run.entries, run=run.run)


def rows_of(database: RowsDatabase, networks: Sequence[str]) -> tuple[Row, ...]:
    """The rows about these networks, those of other versions of a task left out."""
    compared = "SEMI JOIN (SELECT DISTINCT task, task_version FROM scores WHERE compared) USING (task, task_version)"
    order = 'ORDER BY "case", task, solver, budget, retrain_budget, repeat, key'
    found = database.find(f"SELECT * FROM rows {compared} WHERE list_contains(?, subject) {order}", [list(networks)])  # noqa: S608
    return tuple(row_of(line) for line in found)


def row_of(line: Mapping[str, Any]) -> Row:
    """The row of one line of the snapshot."""
    nested = {
        name: {
            column.removeprefix(f"{name}."): value for column, value in line.items() if column.startswith(f"{name}.") and value is not None
        }
        for name in NESTED
    }
    values = {name: line[name] for name in _PLAIN}
    return Row(**{**values, **nested, "role": Role(line["role"]), "status": Status(line["status"])})


def _first_of_each_kind(database: RowsDatabase, among: Collection[str]) -> tuple[str, ...]:
    answered = f'compared AND {Status.GRADED} > 0 AND list_contains(?, "case")'
    query = f'SELECT flaw, min("case") AS first FROM scores WHERE {answered} GROUP BY flaw ORDER BY flaw LIMIT {MOST}'  # noqa: S608
    return tuple(line["first"] for line in database.find(query, [sorted(among)])) if among else ()
