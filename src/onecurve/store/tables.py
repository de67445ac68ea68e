"""The tables. Rows are appended and never updated. If a cell has several grades, the last one counts."""

from collections.abc import Mapping
from json import dumps, loads
from typing import Any, Final, final

from sqlalchemy import JSON, Column, Dialect, Float, Integer, MetaData, String, Table, Text, TypeDecorator

SCHEMA = 4
"""Raised with every change that earlier versions could not read past; `migrations.py` then holds the step from the version before."""

metadata = MetaData()


@final
class JsonText(TypeDecorator[Any]):
    """JSON as text, which PostgreSQL keeps as it was written; its own JSON knows no NaN."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        return dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else loads(value)


_JSON = JSON().with_variant(JsonText(), "postgresql")

meta = Table("meta", metadata, Column("name", String(), primary_key=True), Column("value", _JSON, nullable=False))

plants = Table(
    "plants",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("network", String(), nullable=False, index=True),
    Column("record", _JSON, nullable=False),
)

prepared = Table(
    "prepared",
    metadata,
    Column("key", String(), primary_key=True),
    Column("value", _JSON, nullable=False),
)
"""Questions with their floors and ceilings, displays and controls of a case, calibrations: facts computed on the trusted side."""

_COST = ("forward", "backward", "seconds", "peak_mb", "person_seconds")
ADDED: Final[Mapping[int, Mapping[str, Mapping[str, type[Float[float]] | type[Integer]]]]] = {
    2: {"looks": {"cpu_seconds": Float}, "cells": {"cpu_seconds": Float, "passes": Float}},
    3: {"cells": {"task_version": Integer}},
    4: {"looks": {"clean_images": Integer}, "cells": {"clean_images": Integer}},
}
"""By schema, table and name: columns that came later, with their types; they are empty in rows that are older."""


def _added(table: str) -> list[Column[object]]:
    return [Column(name, kind) for step in ADDED.values() for name, kind in step.get(table, {}).items()]


looks = Table(
    "looks",
    metadata,
    Column("key", String(), primary_key=True),
    Column("evidence", String(), nullable=False),
    Column("reason", Text, nullable=False),
    Column("traceback", Text, nullable=False),
    *(Column(name, Float, nullable=False) for name in _COST),
    *_added("looks"),
)
"""One look of a tool; an empty evidence key means that it failed, with the reason."""

cells = Table(
    "cells",
    metadata,
    Column("key", String(), primary_key=True),
    *(
        Column(name, String(), nullable=False)
        for name in ("case", "subject", "flaw", "data", "model", "task", "solver", "tool", "reader", "role")
    ),
    Column("budget", Float, nullable=False),
    Column("retrain_budget", Float, nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("status", String(), nullable=False),
    Column("reason", Text, nullable=False),
    *(Column(name, Float, nullable=False) for name in _COST),
    Column("facts", _JSON, nullable=False),
    *(Column(name, String(), nullable=False) for name in ("question", "evidence", "answer")),
    Column("traceback", Text, nullable=False),
    *_added("cells"),
)
"""One cell as it was answered; status `pending` or `waiting` until a grade says otherwise."""

grades = Table(
    "grades",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("key", String(), nullable=False, index=True),
    Column("status", String(), nullable=False),
    Column("reason", Text, nullable=False),
    *(Column(name, Float) for name in ("raw", "floor", "ceiling", "skill")),
    Column("figures", _JSON, nullable=False),
)

digests = Table(
    "digests",
    metadata,
    Column("table", String(), primary_key=True),
    Column("key", String(), primary_key=True),
    Column("digest", String(), nullable=False),
)
"""The digest of every row of the other tables, by the name of the table and of the row; earlier versions do without."""
