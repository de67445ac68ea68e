"""A snapshot of the rows of a run as columns: one Parquet file, made anew when the rows have changed.

The database is made for writing row by row, the snapshot for asking about a million of them at once. It says of which state of the
store it is, and is written whole or not at all.
"""

import json
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, select

from onecurve.core.errors import MissingExtraError, UsageError
from onecurve.core.row import Row
from onecurve.store import tables
from onecurve.store.export import Columns, write_parquet
from onecurve.store.store import SEALED, Store

FOLDER: Final = "columns"
FILE: Final = "rows.parquet"
EXTRA: Final = "large"
_STATE: Final = "onecurve.state"
_TOLD: Final = ("schema", "suite", "planting", "finished")
"""Facts about a run that a snapshot is of."""


def require_extra(what: str) -> None:
    """Raise ``MissingExtraError`` for what needs the extra `large`, if it is not installed."""
    try:
        import duckdb  # noqa: F401, PLC0415 - an extra
        import pyarrow  # noqa: F401, ICN001, PLC0415
    except ImportError as error:
        raise MissingExtraError.needing(what, EXTRA) from error


def place_of(folder: Path, *, reveal: bool = False) -> Path:
    """Where the snapshot of the run in ``folder`` lies; one that reveals secret flaws lies in the sealed part."""
    return (folder / SEALED if reveal else folder) / FOLDER / FILE


def snapshot(store: Store, rows: Iterable[Row], hidden: Collection[str], place: Path) -> Path:
    """The file at ``place`` with the rows as columns; one that is of the present state of the store is left as it is.

    ``rows`` are all rows of the store, without what would reveal the flaws of the cases ``hidden``. Raises ``MissingExtraError`` without
    pyarrow, ``UsageError`` where ``place`` cannot be written.
    """
    state = json.dumps([store.database.read(state_of), {name: store.noted(name) for name in _TOLD}, sorted(hidden)], sort_keys=True)
    try:
        if _state_in(place) != state:
            write_parquet(Columns(rows), place, {_STATE: state}, EXTRA)
    except OSError as error:
        raise UsageError(
            f"cannot write the columns of the rows: {place}: {error.strerror}", "copy the run to where you may write"
        ) from error
    return place


def state_of(connection: Connection) -> list[int | str | None]:
    """Other numbers for other rows: how many cells and grades there are, and which grade is the last, with its digest."""
    cells, grades, digests = tables.cells, tables.grades, tables.digests
    count = connection.execute(select(func.count()).select_from(cells)).scalar_one()
    graded, last = connection.execute(select(func.count(), func.max(grades.c.number)).select_from(grades)).one()
    kept = select(digests.c.digest).where(digests.c.table == grades.name, digests.c.key == str(last))
    return [count, graded, last, connection.execute(kept).scalar()]


def _state_in(place: Path) -> str | None:
    """The state that a snapshot says it is of; None where there is none that can be read."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError.needing("a snapshot of the rows as columns", EXTRA) from error
    try:
        told = pq.read_schema(place).metadata or {}
    except (FileNotFoundError, pa.ArrowInvalid):
        return None
    return str(told.get(_STATE.encode(), b"").decode())
