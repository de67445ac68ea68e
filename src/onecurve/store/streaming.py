"""All rows of a store, one after another, in a fixed order, without holding them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, case, collate, func, select

from onecurve.core.grade import Status
from onecurve.core.row import Role, Row
from onecurve.store import tables

ORDER = ("case", "task", "solver", "budget", "retrain_budget", "repeat", "key")
"""The columns by which rows are ordered; text by code points, whatever the language of the database."""
BATCH = 2000
"""Rows that are fetched at a time."""
GRADED = ("raw", "floor", "ceiling", "skill", "figures")
"""The fields of a row that its last grade states and its cell does not."""
_FIELDS = tuple(item.name for item in fields(Row))
_ROLE, _STATUS, _FIGURES, _QUESTION, _VERSION = (_FIELDS.index(name) for name in ("role", "status", "figures", "question", "task_version"))


def streamed(connection: Connection, asked_by: Callable[[], Mapping[str, int]]) -> Iterator[Row]:
    """All cells with their last grades, ordered by case, task, solver, budget and repeat; a batch of them is held at a time.

    ``asked_by`` tells by question the version of the task that asked; it is called only if some row does not say it.
    """
    versions: Mapping[str, int] | None = None
    with connection.execution_options(yield_per=BATCH).execute(_in_order(connection.dialect.name)) as found:
        for values in found:
            version = values[_VERSION]
            if version is None:
                versions = asked_by() if versions is None else versions
                version = versions.get(values[_QUESTION], 1)
            yield _row(list(values), version)


def counted(connection: Connection) -> int:
    """The number of cells."""
    return int(connection.execute(select(func.count()).select_from(tables.cells)).scalar_one())


def _row(values: list[Any], version: int) -> Row:
    values[_ROLE], values[_STATUS], values[_VERSION] = Role(values[_ROLE]), Status(values[_STATUS]), version
    values[_FIGURES] = {} if values[_FIGURES] is None else values[_FIGURES]
    return Row(*values)


def _in_order(dialect: str) -> Select[Any]:
    """Cells with their last grades, the columns in the order of the fields of a row."""
    cells, grades = tables.cells, tables.grades
    last = select(func.max(grades.c.number)).where(grades.c.key == cells.c.key).correlate(cells).scalar_subquery()
    told = {
        **{name: grades.c[name] for name in GRADED},
        "status": func.coalesce(grades.c.status, cells.c.status),
        "reason": case((func.coalesce(grades.c.reason, "") != "", grades.c.reason), else_=cells.c.reason),
    }
    joined = cells.outerjoin(grades, grades.c.number == last)
    columns = [told[name] if name in told else cells.c[name] for name in _FIELDS]
    return select(*columns).select_from(joined).order_by(*_order(dialect))


def _order(dialect: str) -> list[ColumnElement[Any]]:
    # PostgreSQL orders text as its language does; code points are the order of Python and of SQLite.
    columns = [tables.cells.c[name] for name in ORDER]
    return [collate(column, "C") if dialect == "postgresql" and column.type.python_type is str else column for column in columns]
