"""The tables. Rows are appended and never updated. If a cell has several grades, the last one counts."""

from sqlalchemy import JSON, Column, Float, Integer, MetaData, String, Table, Text

SCHEMA = 2
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
ADDED = {"looks": ("cpu_seconds",), "cells": ("cpu_seconds", "passes")}
"""Columns that came with schema 2; they are empty in rows that are older."""

looks = Table(
    "looks",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("evidence", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("traceback", Text, nullable=False),
    *(Column(name, Float, nullable=False) for name in _COST),
    *(Column(name, Float) for name in ADDED["looks"]),
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
    *(Column(name, Float) for name in ADDED["cells"]),
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
