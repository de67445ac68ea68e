"""Rows written with their digests, in the transaction of the caller: kept once by key, appended, or dropped."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, insert, select
from sqlalchemy.dialects import postgresql

from onecurve.store import tables
from onecurve.store.row_digests import KEYS, as_kept, keep_digest, note_digest

AT_A_TIME: Final = 500
"""Keys that one statement names at most."""


def add_once(connection: Connection, table: Table, values: Mapping[str, Any]) -> None:
    """Keep a row, unless there is one of its key."""
    key = KEYS[table.name]
    if _gives_back(connection):
        found = connection.execute(postgresql.insert(table).values(**values).on_conflict_do_nothing().returning(*as_kept(table))).first()
        if found is not None:
            note_digest(connection, table, tuple(found))
    elif connection.execute(select(table.c[key]).where(table.c[key] == values[key])).first() is None:
        connection.execute(insert(table).values(**values))
        keep_digest(connection, table.name, values[key])


def append(connection: Connection, table: Table, values: Mapping[str, Any]) -> None:
    """Keep a row of a table whose rows are numbered."""
    if _gives_back(connection):
        note_digest(connection, table, tuple(connection.execute(insert(table).values(**values).returning(*as_kept(table))).one()))
        return
    made = connection.execute(insert(table).values(**values)).inserted_primary_key
    assert made is not None
    keep_digest(connection, table.name, made[0])


def forget(connection: Connection, keys: Sequence[str]) -> None:
    """Drop cells with all their grades."""
    cells, grades, digests = tables.cells, tables.grades, tables.digests
    numbers = connection.execute(select(grades.c.number).where(grades.c.key.in_(keys))).scalars().all()
    connection.execute(delete(grades).where(grades.c.key.in_(keys)))
    connection.execute(delete(cells).where(cells.c.key.in_(keys)))
    for table, gone in ((cells, keys), (grades, [str(number) for number in numbers])):
        for some in batches(gone):
            connection.execute(delete(digests).where((digests.c.table == table.name) & digests.c.key.in_(some)))


def batches(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    """The keys in parts that one statement can name."""
    return (keys[start : start + AT_A_TIME] for start in range(0, len(keys), AT_A_TIME))


def _gives_back(connection: Connection) -> bool:
    """Whether an insertion gives back what is kept, which saves a way to the server; SQLite gives back what it was given."""
    return connection.dialect.name == "postgresql"
