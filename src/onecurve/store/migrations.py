"""Steps from one schema to the next. Every file ever written must still load."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from onecurve.core.errors import SchemaError
from onecurve.store.tables import SCHEMA

STEPS: Mapping[int, Callable[[Connection], None]] = {}
"""From version n to n + 1, in place; every bump of ``SCHEMA`` adds one here and a file of the old version to the tests."""


def migrate(connection: Connection, version: Any, path: Path) -> None:
    """Bring the tables of that file from ``version`` to ``SCHEMA``; raises ``SchemaError`` for a version without a step."""
    if isinstance(version, int) and version > SCHEMA:
        raise SchemaError(f"{path} was written by a newer OneCurve: schema {version}, this one reads up to {SCHEMA}", "update onecurve")
    if not isinstance(version, int) or any(step not in STEPS for step in range(version, SCHEMA)):
        remedy = "it is damaged or was not written by `onecurve run`; restore it from a copy, or run again in another folder"
        raise SchemaError(f"{path} has an unknown schema: {version}, this one reads 1 to {SCHEMA}", remedy)
    for step in range(version, SCHEMA):
        STEPS[step](connection)
