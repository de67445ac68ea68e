"""The tables in a database that was opened: made where there are none, brought up where they are old, refused where they are newer."""

from typing import Any

from sqlalchemy import Connection, insert, inspect, select, update

from onecurve.store import tables
from onecurve.store.migrations import migrate
from onecurve.store.row_digests import KEPT, keep_digest, schema_in


def noted_schema(connection: Connection) -> Any:
    """The schema that the tables say they have; None where there are none yet, or not all of them."""
    if not inspect(connection).has_table(tables.meta.name, schema=schema_in(connection)):
        return None
    return connection.execute(select(tables.meta.c.value).where(tables.meta.c.name == "schema")).scalar()


def lay_out(connection: Connection) -> None:
    """Make the tables and indices that are not there, and note what they are; the schema last."""
    tables.metadata.create_all(connection)
    for name, value in ((KEPT, True), ("schema", tables.SCHEMA)):
        if connection.execute(select(tables.meta.c.name).where(tables.meta.c.name == name)).first() is None:
            connection.execute(insert(tables.meta).values(name=name, value=value))
            keep_digest(connection, "meta", name)


def bring_up(connection: Connection, version: Any, place: str) -> None:
    """Bring the tables of an older schema to the present one; those of the present one stay as they are.

    Raises ``SchemaError`` for a schema without a step.
    """
    if version == tables.SCHEMA:
        return
    tables.metadata.create_all(connection)
    migrate(connection, version, place)
    connection.execute(update(tables.meta).where(tables.meta.c.name == "schema").values(value=tables.SCHEMA))
    keep_digest(connection, "meta", "schema")
