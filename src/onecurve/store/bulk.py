"""Many rows at once, into a store that does not have them yet; a run keeps its rows one by one, so that a kill costs none."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Table, insert, select

from onecurve.core.grade import Grade, Status
from onecurve.core.row import Row
from onecurve.store import tables
from onecurve.store.row_digests import KEYS, as_kept, row_digest
from onecurve.store.store import Look, Store
from onecurve.store.streaming import GRADED

BATCH: Final = 500
"""Rows of one transaction."""
Item = TypeVar("Item")


def add_cells(store: Store, rows: Iterable[Row]) -> None:
    """Keep cells that are not there yet, with the grades that they have."""
    for some in _batches(rows):
        graded = [row for row in some if row.raw is not None or row.status not in {Status.PENDING, Status.WAITING}]
        store.database.write(partial(_add, table=tables.cells, values=[_cell(row) for row in some]))
        store.database.write(partial(_add, table=tables.grades, values=[_grade(row) for row in graded]))


def add_looks(store: Store, looks: Iterable[Look]) -> None:
    """Keep looks that are not there yet."""
    for some in _batches(looks):
        store.database.write(partial(_add, table=tables.looks, values=[_look(look) for look in some]))


def _add(connection: Connection, table: Table, values: Sequence[Mapping[str, Any]]) -> None:
    if not values:
        return
    connection.execute(insert(table), list(values))
    # Digests are of what the database gives back.
    names = [column.name for column in table.c]
    found = connection.execute(select(*as_kept(table)).where(table.c.key.in_([value["key"] for value in values]))).all()
    place = names.index(KEYS[table.name])
    digests = [{"table": table.name, "key": str(row[place]), "digest": row_digest(names, tuple(row))} for row in found]
    connection.execute(insert(tables.digests), digests)


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    left = iter(items)
    while some := list(islice(left, BATCH)):
        yield some


def _cell(row: Row) -> dict[str, Any]:
    return {item.name: getattr(row, item.name) for item in fields(Row) if item.name not in GRADED} | {"facts": dict(row.facts)}


def _grade(row: Row) -> dict[str, Any]:
    return {item.name: getattr(row.grade, item.name) for item in fields(Grade)} | {"figures": dict(row.figures), "key": row.key}


def _look(look: Look) -> dict[str, Any]:
    return {"key": look.key, "evidence": look.evidence, "reason": look.reason, "traceback": look.traceback, **asdict(look.cost)}
