"""Steps from one schema to the next. Every file ever written must still load."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sqlalchemy import Connection, inspect

from onecurve.core.errors import SchemaError
from onecurve.store.row_digests import schema_in
from onecurve.store.tables import ADDED, SCHEMA


def _add_columns(schema: int, connection: Connection) -> None:
    """The columns that came with that schema; empty in rows that are older."""
    for table, columns in ADDED[schema].items():
        there = {column["name"] for column in inspect(connection).get_columns(table, schema=schema_in(connection))}
        for column in sorted(set(columns) - there):  # a step that was broken off is begun again
            connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {column} {columns[column].__visit_name__.upper()}")


STEPS: Mapping[int, Callable[[Connection], None]] = {
    1: partial(_add_columns, 2),
    2: partial(_add_columns, 3),
    3: partial(_add_columns, 4),
}
"""From version n to n + 1, in place; every bump of ``SCHEMA`` adds one here and a file of the old version to the tests."""


def migrate(connection: Connection, version: Any, place: str) -> None:
    """Bring the tables of that place from ``version`` to ``SCHEMA``, over a connection that can write.

    Raises ``SchemaError`` for a version without a step.
    """
    require_known(version, place)
    for step in range(version, SCHEMA):
        STEPS[step](connection)


def require_known(version: Any, place: str) -> None:
    """Raise ``SchemaError`` for a schema that this version cannot read."""
    if isinstance(version, int) and version > SCHEMA:
        raise SchemaError(f"{place} was written by a newer OneCurve: schema {version}, this one reads up to {SCHEMA}", "update onecurve")
    if not isinstance(version, int) or any(step not in STEPS for step in range(version, SCHEMA)):
        remedy = "it is damaged or was not written by `onecurve run`; restore it from a copy, or run again in another folder"
        raise SchemaError(f"{place} has an unknown schema: {version}, this one reads 1 to {SCHEMA}", remedy)
