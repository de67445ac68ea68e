"""A digest beside every row of the database, so that a damaged row is noticed.

Digests are kept in a table of their own and are taken of what the database gives back, not of what it was given. Rows that an earlier
version wrote have none and count as unchecked.
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final
from urllib.parse import quote

from sqlalchemy import Connection

from onecurve.core.errors import DataError, UsageError
from onecurve.store import tables

KEYS: Mapping[str, str] = {"meta": "name", "plants": "number", "prepared": "key", "looks": "key", "cells": "key", "grades": "number"}
"""The tables whose rows are checked, each with the column that names a row."""
JSON_COLUMNS = ("value", "record", "facts", "figures")
KEPT = "digests"
"""The fact in ``meta`` which says that this file has digests."""
LATER = frozenset(name for step in tables.ADDED.values() for columns in step.values() for name in columns)
SHOWN = 5
"""Faults that one message names at most."""


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
    cursor = connection.exec_driver_sql(f"SELECT * FROM {table} WHERE {KEYS[table]} = ?", (key,))  # noqa: S608 - our own names
    names, row = list(cursor.keys()), cursor.fetchone()
    assert row is not None
    values = (table, str(key), _digest(names, tuple(row)))
    connection.exec_driver_sql('INSERT OR REPLACE INTO digests ("table", key, digest) VALUES (?, ?, ?)', values)


def check_rows(path: Path, *, immutable: bool) -> Checked:
    """Compare every row of the database with its digest, and the database with its own rules.

    Raises ``DataError`` for a file that is no database any more.
    """
    connection = sqlite3.connect(uri_of(path, "mode=ro&immutable=1" if immutable else "mode=ro"), uri=True)
    try:
        # One transaction, so that a run that goes on meanwhile does not change what is compared.
        connection.execute("BEGIN")
        return _checked(connection)
    except (sqlite3.Error, ValueError, OverflowError) as error:
        if is_locked(error):
            raise locked(path) from error
        raise damaged(path, str(error)) from error
    finally:
        connection.close()


def require_sound(path: Path, checked: Checked) -> None:
    """Raise ``DataError`` with the first faults that a check found, if it found any."""
    if checked.faults:
        more = f"; and {len(checked.faults) - SHOWN} more" if len(checked.faults) > SHOWN else ""
        raise damaged(path, "; ".join(checked.faults[:SHOWN]) + more)


def damaged(path: Path, why: str) -> DataError:
    """The error for a database that cannot be trusted."""
    return DataError(f"not a results file, or a damaged one: {path}: {why}", "restore it from a copy, or run again in another folder")


def is_locked(error: BaseException) -> bool:
    """Whether another program holds the database; an error of sqlalchemy is asked for the one that it wraps."""
    found = getattr(error, "orig", None) or error
    code = getattr(found, "sqlite_errorcode", 0) & 0xFF
    return isinstance(found, sqlite3.OperationalError) and code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def locked(path: Path) -> UsageError:
    """The error for a database that another program holds for longer than is waited for."""
    return UsageError(
        f"another program holds the results: {path}: database is locked",
        "close it, for instance a viewer of databases; everything finished is kept, and the same command goes on",
    )


def uri_of(path: Path, how: str) -> str:
    """The address of a database file for SQLite; every character of the path may be one that addresses give a meaning to."""
    return f"file:{quote(bytes(path.absolute()))}?{how}"


def _checked(connection: sqlite3.Connection) -> Checked:
    faults = [str(words) for (words,) in connection.execute("PRAGMA integrity_check(20)") if words != "ok"]
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    known: dict[tuple[str, str], str] = {}
    if tables.digests.name in there:
        known = {(table, key): kept for table, key, kept in connection.execute('SELECT "table", key, digest FROM digests')}
    counts, unchecked = {}, 0
    for table, column in KEYS.items():
        if table not in there:
            continue
        cursor = connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - our own names
        names = [about[0] for about in cursor.description]
        place, counts[table] = names.index(column), 0
        for row in cursor:
            counts[table] += 1
            kept = known.pop((table, str(row[place])), None)
            if kept is None:
                unchecked += 1
                _require_readable(names, row)
            elif kept != _digest(names, row):
                faults.append(f"{table}: the row {row[place]} is not as it was written")
            if table == "meta" and row[place] == KEPT and tables.digests.name not in there:
                faults.append("the table of digests is gone")
    faults += [f"{table}: the row {key} is gone" for table, key in known]
    return Checked(counts, unchecked, tuple(faults))


def _require_readable(names: list[str], row: tuple[Any, ...]) -> None:
    """Raise ``ValueError`` where a row without a digest holds what cannot be read."""
    for name, value in zip(names, row, strict=True):
        if name in JSON_COLUMNS:
            json.loads(str(value))


def _digest(names: list[str], row: tuple[Any, ...]) -> str:
    # A column that came later is empty in rows that were written before, and left out: their digests stay as they were.
    values = {name: value for name, value in zip(names, row, strict=True) if value is not None or name not in LATER}
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=repr).encode()).hexdigest()[:32]
