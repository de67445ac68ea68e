"""A digest beside every row of the database, so that a damaged row is noticed.

Digests are kept in a table of their own and are taken of what the database gives back, not of what it was given. Rows that an earlier
version wrote have none and count as unchecked. Rows are checked in a stream, so that any number of them takes the same memory.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, final

from sqlalchemy import JSON, ColumnElement, Connection, ScalarSelect, String, Table, Text, cast, func, inspect, select, text, type_coerce

from onecurve.core.errors import DataError
from onecurve.store import tables

KEYS: Mapping[str, str] = {"meta": "name", "plants": "number", "prepared": "key", "looks": "key", "cells": "key", "grades": "number"}
"""The tables whose rows are checked, each with the column that names a row."""
JSON_COLUMNS = ("value", "record", "facts", "figures")
KEPT = "digests"
"""The fact in ``meta`` which says that this file has digests."""
LATER = frozenset(name for step in tables.ADDED.values() for columns in step.values() for name in columns)
AT_ONCE: Final = 50_000
"""Rows up to which all are checked when a database is opened; with more, they are checked as they are read."""
ALWAYS: Final = ("meta", "plants")
"""Tables that are checked whole at every opening: they do not grow with the cells."""
BATCH: Final = 2_000
"""Rows that are fetched at a time."""
SHOWN: Final = 5
"""Faults that one message names at most."""
MOST_FAULTS: Final = 1_000
"""Faults that one check collects at most."""


@final
@dataclass(frozen=True)
class Checked:
    """What a check of a database found."""

    rows: Mapping[str, int]
    """Rows by table."""
    unchecked: int
    """Rows without a digest."""
    faults: tuple[str, ...]


def keep_digest(connection: Connection, table: str, key: str | int) -> None:
    """Note the digest of a row that was just written; in the transaction of the row."""
    found = connection.execute(text(f"SELECT * FROM {table} WHERE {KEYS[table]} = :key"), {"key": key})  # noqa: S608 - our own names
    _note(connection, table, str(key), row_digest(list(found.keys()), tuple(found.one())))


def note_digest(connection: Connection, table: Table, row: Sequence[Any]) -> None:
    """The same for a row that is known, with its values ``as_kept``."""
    names = [column.name for column in table.c]
    _note(connection, table.name, str(row[names.index(KEYS[table.name])]), row_digest(names, row))


def _note(connection: Connection, table: str, key: str, digest: str) -> None:
    written = 'INSERT INTO digests ("table", key, digest) VALUES (:table, :key, :digest)'
    again = 'ON CONFLICT ("table", key) DO UPDATE SET digest = excluded.digest'
    connection.execute(text(f"{written} {again}"), {"table": table, "key": key, "digest": digest})


def check_row(table: str, names: Sequence[str], row: Sequence[Any], kept: str) -> str:
    """What is wrong with one row, in words; empty if it is as it was written.

    ``row`` holds the values as the database keeps them, JSON as text; ``kept`` is the digest that was noted for it.
    """
    key = row[list(names).index(KEYS[table])]
    return "" if kept == row_digest(names, row) else f"{table}: the row {key} is not as it was written"


def row_digest(names: Sequence[str], row: Sequence[Any]) -> str:
    """32 hexadecimal digits of the values of a row as the database keeps them."""
    # A column that came later is empty in rows that were written before, and left out: their digests stay as they were.
    values = {name: value for name, value in zip(names, row, strict=True) if value is not None or name not in LATER}
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=repr).encode()).hexdigest()[:32]


def checked_rows(connection: Connection, place: str, table: Table, where: ColumnElement[bool] | None = None) -> Iterator[dict[str, Any]]:
    """Rows of a table as mappings, each compared with its digest; raises ``DataError`` for the first that is not as it was written."""
    names = [column.name for column in table.c]
    wanted = select(*as_kept(table), noted_digest(table))
    with connection.execution_options(yield_per=BATCH).execute(wanted if where is None else wanted.where(where)) as found:
        for *row, kept in found:
            require_as_written(place, table, row, kept)
            yield {name: _loaded(value) if name in JSON_COLUMNS else value for name, value in zip(names, row, strict=True)}


def as_kept(table: Table) -> list[ColumnElement[Any]]:
    """The columns of a table with their values as the database keeps them, JSON as text; digests are made of these."""
    return [type_coerce(column, String()).label(column.name) if isinstance(column.type, JSON) else column for column in table.c]


def noted_digest(table: Table) -> ScalarSelect[Any]:
    """The digest that was noted for a row, for use where rows of that table are selected; empty for a row of an earlier version."""
    noted, key = tables.digests.alias(), cast(table.c[KEYS[table.name]], Text)
    return select(noted.c.digest).where(noted.c.table == table.name, noted.c.key == key).correlate(table).scalar_subquery()


def require_as_written(place: str, table: Table, row: Sequence[Any], kept: str | None) -> None:
    """Raise ``DataError`` unless the row, with its values ``as_kept``, has the digest that was noted for it."""
    fault = "" if kept is None else check_row(table.name, [column.name for column in table.c], row, kept)
    if fault:
        raise damaged(place, fault)


def is_large(connection: Connection) -> bool:
    """Whether there are more rows than are checked when a database is opened."""
    there = _there(connection)
    some = (f"(SELECT 1 FROM {table} LIMIT {AT_ONCE + 1}) AS beginning" for table in KEYS if table in there)  # noqa: S608 - our own names
    return sum(_count(connection, rows) for rows in some) > AT_ONCE


def check_rows(connection: Connection) -> Checked:
    """Compare every row of the database with its digest, in one stream; the tables may be those of an older schema."""
    return _checked(connection, KEYS)


def check_opening(connection: Connection) -> Checked:
    """What is checked when a large database is opened: the small tables whole, and of the others that no row is gone."""
    found = _checked(connection, ALWAYS)
    there = _there(connection)
    counted = {table: _count(connection, table) for table in KEYS if table in there}
    kept = _kept_by_table(connection) if tables.digests.name in there else {}
    gone = [f"{table}: {kept[table] - count} rows are gone" for table, count in counted.items() if kept.get(table, 0) > count]
    return Checked(counted, found.unchecked, (*found.faults, *gone))


def require_sound(place: str, checked: Checked) -> None:
    """Raise ``DataError`` with the first faults that a check found, if it found any."""
    if checked.faults:
        more = f"; and {len(checked.faults) - SHOWN} more" if len(checked.faults) > SHOWN else ""
        raise damaged(place, "; ".join(checked.faults[:SHOWN]) + more)


def damaged(place: str, why: str) -> DataError:
    """The error for a database that cannot be trusted."""
    return DataError(f"not a results file, or a damaged one: {place}: {why}", "restore it from a copy, or run again in another folder")


def _checked(connection: Connection, wanted: Iterable[str]) -> Checked:
    there = _there(connection)
    digests = tables.digests.name in there
    counts, unchecked, faults = dict[str, int](), 0, list[str]()
    for table in wanted:
        if table in there:
            found = _check_table(connection, table, digests=digests)
            counts |= found.rows
            unchecked += found.unchecked
            faults += found.faults
    gone = [f"{table}: the row {key} is gone" for table in wanted if digests and table in there for key in _gone(connection, table)]
    lacking = ["the table of digests is gone"] if not digests and "meta" in there and _says_digests(connection) else []
    return Checked(counts, unchecked, (*faults, *lacking, *gone))


def _check_table(connection: Connection, table: str, *, digests: bool) -> Checked:
    count, unchecked, faults = 0, 0, list[str]()
    for names, row, kept in _with_digests(connection, table, digests=digests):
        count += 1
        if kept is None:
            unchecked += 1
            _require_readable(names, row)
        elif (fault := check_row(table, names, row, kept)) and len(faults) < MOST_FAULTS:
            faults.append(fault)
    return Checked({table: count}, unchecked, tuple(faults))


def _with_digests(connection: Connection, table: str, *, digests: bool) -> Iterator[tuple[list[str], tuple[Any, ...], str | None]]:
    """The rows of a table as the database keeps them, whatever its columns are, each with the digest that was noted for it."""
    joined = f"LEFT JOIN digests AS d ON d.\"table\" = '{table}' AND d.key = CAST(t.{KEYS[table]} AS TEXT)" if digests else ""
    query = text(f"SELECT t.*, {'d.digest' if digests else 'NULL'} AS noted FROM {table} AS t {joined}")  # noqa: S608 - our own names
    with connection.execution_options(yield_per=BATCH).execute(query) as found:
        names = list(found.keys())[:-1]
        for row in found:
            yield names, tuple(row)[:-1], row[-1]


def _gone(connection: Connection, table: str) -> list[str]:
    """Rows that have a digest and are not there."""
    key = "CAST(d.key AS INTEGER)" if KEYS[table] == "number" else "d.key"
    there = f"SELECT 1 FROM {table} AS t WHERE t.{KEYS[table]} = {key}"  # noqa: S608 - our own names
    query = f"SELECT d.key FROM digests AS d WHERE d.\"table\" = '{table}' AND NOT EXISTS ({there})"  # noqa: S608
    return [str(key) for key in islice(connection.execute(text(query)).scalars(), MOST_FAULTS)]


def _says_digests(connection: Connection) -> bool:
    return connection.execute(text("SELECT 1 FROM meta WHERE name = :name"), {"name": KEPT}).first() is not None


def _there(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names(schema=schema_in(connection)))


def schema_in(connection: Connection) -> str | None:
    """The schema, in a database that has several, which holds the tables of this connection."""
    if connection.dialect.name != "postgresql":
        return None
    found: str = connection.execute(text("SELECT current_schema()")).scalar_one()
    return found


def _count(connection: Connection, table: str) -> int:
    return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608 - our own names


def _kept_by_table(connection: Connection) -> dict[str, int]:
    found = select(tables.digests.c.table, func.count()).group_by(tables.digests.c.table)
    return {row[0]: row[1] for row in connection.execute(found)}


def _require_readable(names: Sequence[str], row: Sequence[Any]) -> None:
    """Raise ``ValueError`` where a row without a digest holds what cannot be read."""
    for name, value in zip(names, row, strict=True):
        if name in JSON_COLUMNS:
            json.loads(str(value))


def _loaded(value: Any) -> Any:
    """JSON as a value; SQLite keeps a number as a number."""
    return json.loads(value) if isinstance(value, str) else value
