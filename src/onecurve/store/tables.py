"""The tables. Rows are appended and never updated. If a cell has several grades, the last one counts."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import JSON, Column, Float, Integer, MetaData, String, Table, Text

SCHEMA = 3
"""Raised with every change that earlier versions could not read past; `migrations.py` then holds the step from the version before."""

metadata = MetaData()

meta = Table("meta", metadata, Column("name", String(64), primary_key=True), Column("value", JSON, nullable=False))

plants = Table(
    "plants",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("network", String(64), nullable=False, index=True),
    Column("record", JSON, nullable=False),
)

prepared = Table(
    "prepared",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", JSON, nullable=False),
)
"""Questions with their floors and ceilings, displays and controls of a case, calibrations: facts computed on the trusted side."""

_COST = ("forward", "backward", "seconds", "peak_mb", "person_seconds")
ADDED: Final[Mapping[int, Mapping[str, Mapping[str, type[Float[float]] | type[Integer]]]]] = {
    2: {"looks": {"cpu_seconds": Float}, "cells": {"cpu_seconds": Float, "passes": Float}},
    3: {"cells": {"task_version": Integer}},
}
"""By schema, table and name: columns that came later, with their types; they are empty in rows that are older."""


def _added(table: str) -> list[Column[object]]:
    return [Column(name, kind) for step in ADDED.values() for name, kind in step.get(table, {}).items()]


looks = Table(
    "looks",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("evidence", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("traceback", Text, nullable=False),
    *(Column(name, Float, nullable=False) for name in _COST),
    *_added("looks"),
)
"""One look of a tool; an empty evidence key means that it failed, with the reason."""

cells = Table(
    "cells",
    metadata,
    Column("key", String(64), primary_key=True),
    *(
        Column(name, String(255), nullable=False)
        for name in ("case", "subject", "flaw", "data", "model", "task", "solver", "tool", "reader", "role")
    ),
    Column("budget", Float, nullable=False),
    Column("retrain_budget", Float, nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    *(Column(name, Float, nullable=False) for name in _COST),
    Column("facts", JSON, nullable=False),
    *(Column(name, String(64), nullable=False) for name in ("question", "evidence", "answer")),
    Column("traceback", Text, nullable=False),
    *_added("cells"),
)
"""One cell as it was answered; status `pending` or `waiting` until a grade says otherwise."""

grades = Table(
    "grades",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("key", String(64), nullable=False, index=True),
    Column("status", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    *(Column(name, Float) for name in ("raw", "floor", "ceiling", "skill")),
    Column("figures", JSON, nullable=False),
)

digests = Table(
    "digests",
    metadata,
    Column("table", String(64), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("digest", String(64), nullable=False),
)
"""The digest of every row of the other tables, by the name of the table and of the row; earlier versions do without."""
