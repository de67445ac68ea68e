"""All rows of a store, one after another, in a fixed order, without holding them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, Executable, case, collate, func, select

from onecurve.core.grade import Status
from onecurve.core.row import Role, Row
from onecurve.store import tables
from onecurve.store.queries import with_grades
from onecurve.store.row_digests import as_kept, noted_digest, require_as_written

ORDER = ("case", "task", "solver", "budget", "retrain_budget", "repeat", "key")
"""The columns by which rows are ordered; text by code points, whatever the language of the database."""
BATCH = 2000
"""Rows that are fetched at a time."""
GRADED = ("raw", "floor", "ceiling", "skill", "figures")
"""The fields of a row that its last grade states and its cell does not."""
_FIELDS = tuple(item.name for item in fields(Row))
_ROLE, _STATUS, _FIGURES, _QUESTION, _VERSION = (_FIELDS.index(name) for name in ("role", "status", "figures", "question", "task_version"))


def streamed(
    connection: Connection,
    asked_by: Callable[[], Mapping[str, int]],
    which: ColumnElement[bool] | None = None,
    *,
    checked_in: str = "",
) -> Iterator[Row]:
    """All cells with their last grades, ordered by case, task, solver, budget and repeat; a batch of them is held at a time.

    ``asked_by`` tells by question the version of the task that asked; it is called only if some row does not say it. ``which`` limits
    the cells. With ``checked_in``, the name of the place, each row is compared with its digest; raises ``DataError`` for the first that
    is not as it was written.
    """
    versions: Mapping[str, int] | None = None
    wanted = _in_order(connection.dialect.name, which, checked=bool(checked_in))
    with connection.execution_options(yield_per=BATCH).execute(wanted) as found:
        for values in found:
            if checked_in:
                _require_sound(checked_in, values)
            version = values[_VERSION]
            if version is None:
                versions = asked_by() if versions is None else versions
                version = versions.get(values[_QUESTION], 1)
            yield _row(list(values)[: len(_FIELDS)], version)


def in_order(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Rows in the same order."""
    return tuple(sorted(rows, key=lambda row: tuple(getattr(row, name) for name in ORDER)))


def counted(connection: Connection) -> int:
    """The number of cells."""
    return int(connection.execute(select(func.count()).select_from(tables.cells)).scalar_one())


def _row(values: list[Any], version: int) -> Row:
    values[_ROLE], values[_STATUS], values[_VERSION] = Role(values[_ROLE]), Status(values[_STATUS]), version
    values[_FIGURES] = {} if values[_FIGURES] is None else values[_FIGURES]
    return Row(*values)


def _require_sound(place: str, values: Sequence[Any]) -> None:
    """Raise ``DataError`` unless the cell and its grade, which follow the fields of the row, are as they were written."""
    cell = len(_FIELDS)
    grade = cell + len(tables.cells.c) + 1
    require_as_written(place, tables.cells, values[cell : grade - 1], values[grade - 1])
    if values[grade] is not None:
        require_as_written(place, tables.grades, values[grade:-1], values[-1])


def _in_order(dialect: str, which: ColumnElement[bool] | None, *, checked: bool) -> Executable:
    """Cells with their last grades, the columns in the order of the fields of a row; ``checked``: then both as kept, and their digests."""
    cells, grades = tables.cells, tables.grades
    told = {
        **{name: grades.c[name] for name in GRADED},
        "status": func.coalesce(grades.c.status, cells.c.status),
        "reason": case((func.coalesce(grades.c.reason, "") != "", grades.c.reason), else_=cells.c.reason),
    }
    joined = with_grades(few=which is not None)
    columns = [told[name] if name in told else cells.c[name] for name in _FIELDS]
    both = [part for table in (cells, grades) for part in (*as_kept(table), noted_digest(table))] if checked else []
    wanted = select(*columns, *both).select_from(joined).order_by(*_order(dialect))
    return wanted if which is None else wanted.where(which)


def _order(dialect: str) -> list[ColumnElement[Any]]:
    # PostgreSQL orders text as its language does; code points are the order of Python and of SQLite.
    columns = [tables.cells.c[name] for name in ORDER]
    return [collate(column, "C") if dialect == "postgresql" and column.type.python_type is str else column for column in columns]
