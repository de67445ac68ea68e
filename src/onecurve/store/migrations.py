"""Steps from one schema to the next. Every file ever written must still load."""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from onecurve.core.errors import SchemaError
from onecurve.store.tables import SCHEMA

STEPS: Mapping[int, Callable[[Connection], None]] = {}
"""From version n to n + 1, in place; every bump of ``SCHEMA`` adds one here and a file of the old version to the tests."""


def migrate(connection: Connection, version: int) -> None:
    """Bring the tables from ``version`` to ``SCHEMA``; raises ``SchemaError`` for a version without a step."""
    if version > SCHEMA:
        raise SchemaError(f"written by a newer OneCurve: schema {version}, this one reads up to {SCHEMA}", "update onecurve")
    for step in range(version, SCHEMA):
        if step not in STEPS:
            raise SchemaError(f"no migration from schema {step}")
        STEPS[step](connection)
