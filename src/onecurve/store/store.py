"""The store of one run: rows in a database, records in blobs, one writer."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import IO, Any, final

from sqlalchemy import Connection, ExceptionContext, NullPool, Table, create_engine, delete, event, func, insert, inspect, select, update
from sqlalchemy.exc import DatabaseError

from onecurve.core.display import PlantRecord
from onecurve.core.errors import DataError, OneCurveError, UsageError
from onecurve.core.grade import Cost, Grade, Status
from onecurve.core.row import Row
from onecurve.store import tables
from onecurve.store.blobs import Blobs
from onecurve.store.migrations import migrate, require_known
from onecurve.store.row_digests import KEPT, Checked, check_rows, damaged, is_locked, keep_digest, locked, require_sound, uri_of
from onecurve.store.streaming import GRADED, counted, streamed

FILE = "results.sqlite"
PUBLISHED = "rows.parquet"
"""What published results have in its place (see `published`)."""
SEALED = "sealed"
"""Folder of a run for what is made from the ground truth; no cell that is isolated can open it."""
WAIT = 30.0
"""Seconds for which a lock of another program on the database is waited for."""
UNIX_ONLY = "running a suite needs Linux or macOS"


@final
@dataclass(frozen=True)
class Look:
    """A finished look: its evidence, or why there is none, and what it cost."""

    key: str
    evidence: str
    """Blob key; empty if the look failed."""
    cost: Cost
    reason: str = ""
    traceback: str = ""


@final
class Store:
    """Use as a context manager: ``with Store.create(folder) as store``. One process may write at a time."""

    def __init__(self, folder: Path, connection: Connection, lock: IO[str] | None) -> None:
        self.folder = folder
        self.blobs = Blobs(folder / "blobs")
        self.sealed = Blobs(folder / SEALED / "blobs")
        self._connection = connection
        self._lock = lock

    @classmethod
    def create(cls, folder: Path) -> "Store":
        """Open for writing, making the folder and the tables where there are none.

        Raises ``UsageError`` if another process is writing there, or the place cannot be written; ``DataError`` if what is there is
        damaged.
        """
        lock = _locked(folder)
        try:
            return cls(folder, _connect(folder / FILE, writable=True), lock)
        except OneCurveError:
            lock.close()
            raise

    @classmethod
    def read(cls, folder: Path) -> "Store":
        """Open for reading, which leaves no file behind; raises ``DataError`` if there are no results there or they are damaged."""
        cls.require(folder)
        return cls(folder, _connect(folder / FILE, writable=False), None)

    @staticmethod
    def require(folder: Path) -> None:
        """Raise ``DataError`` if there are no results in the folder."""
        if not (folder / FILE).is_file() and (folder / PUBLISHED).is_file():
            words = f"`onecurve verify` checks them, and {PUBLISHED} opens in programs that read Parquet"
            raise DataError(f"these are published results and not a run: {folder}", words)
        if not (folder / FILE).is_file():
            raise DataError(f"no results in: {folder}", "name the folder that `onecurve run --out` wrote")

    @property
    def checked(self) -> Checked:
        """What a check of the database finds now."""
        path = self.folder / FILE
        return check_rows(path, immutable=self._lock is None and not _log_of(path))

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()
        self._connection.engine.dispose()
        if self._lock is not None:
            self._lock.close()

    def holder(self, key: str) -> Blobs:
        """The blobs that hold the record of that key: the open ones, unless it lies in the sealed ones alone."""
        return self.sealed if not self.blobs.path(key).exists() and self.sealed.path(key).exists() else self.blobs

    def record(self, key: str) -> Any:
        """The record of that key, open or sealed; raises ``MissingBlobError`` if it is not here, ``DataError`` if it is damaged."""
        return self.holder(key).get(key)

    def note(self, name: str, value: Any, *, anew: bool = False) -> None:
        """Keep a fact about the run: the first of its name, or with ``anew`` the last."""
        if anew:
            self._connection.execute(delete(tables.meta).where(tables.meta.c.name == name))
        self._add_once(tables.meta, "name", {"name": name, "value": value})

    def noted(self, name: str) -> Any:
        """A fact about the run, or None."""
        return self._connection.execute(select(tables.meta.c.value).where(tables.meta.c.name == name)).scalar()

    def add_plants(self, network: str, records: Iterable[PlantRecord]) -> None:
        """Keep the records of one planted network; a network is kept once."""
        found = select(func.count()).select_from(tables.plants).where(tables.plants.c.network == network)
        if self._connection.execute(found).scalar():
            return
        for record in records:
            made = self._connection.execute(insert(tables.plants).values(network=network, record=record.plain()))
            keep_digest(self._connection, "plants", made.lastrowid)
        self._connection.commit()

    def plants(self) -> tuple[PlantRecord, ...]:
        """All attempts at planting, in the order made."""
        found = self._connection.execute(select(tables.plants.c.record).order_by(tables.plants.c.number))
        return tuple(PlantRecord(**record) for record in found.scalars())

    def prepare(self, key: str, value: Any) -> None:
        """Keep a JSON value computed on the trusted side; a key is kept once."""
        self._add_once(tables.prepared, "key", {"key": key, "value": value})

    def prepared(self) -> dict[str, Any]:
        """Everything that was prepared, by key."""
        found = self._connection.execute(select(tables.prepared))
        return {row.key: row.value for row in found}

    def add_look(self, look: Look) -> None:
        """Keep a finished look."""
        values = {"key": look.key, "evidence": look.evidence, "reason": look.reason, "traceback": look.traceback, **asdict(look.cost)}
        self._add_once(tables.looks, "key", values)

    def looks(self) -> dict[str, Look]:
        """All finished looks by key."""
        found = [dict(row) for row in self._connection.execute(select(tables.looks)).mappings()]
        return {row["key"]: Look(row["key"], row["evidence"], _cost(row), row["reason"], row["traceback"]) for row in found}

    def add_cell(self, row: Row) -> None:
        """Keep a cell as it was answered, with its grade if it already has one."""
        values = {item.name: getattr(row, item.name) for item in fields(Row) if item.name not in GRADED}
        values["facts"] = dict(row.facts)
        self._add_once(tables.cells, "key", values, commit=False)
        if row.raw is not None or row.status not in {Status.PENDING, Status.WAITING}:
            self._insert_grade(row.key, row.grade)
        self._connection.commit()

    def add_grade(self, key: str, grade: Grade) -> None:
        """Append a grade. If a cell has several, the last one counts."""
        self._insert_grade(key, grade)
        self._connection.commit()

    def forget_cells(self, keys: Iterable[str]) -> None:
        """Drop cells with all their grades, so that they can be done again."""
        for key in keys:
            numbers = self._connection.execute(select(tables.grades.c.number).where(tables.grades.c.key == key)).scalars().all()
            self._connection.execute(delete(tables.grades).where(tables.grades.c.key == key))
            self._connection.execute(delete(tables.cells).where(tables.cells.c.key == key))
            for table, row in (("cells", key), *(("grades", str(number)) for number in numbers)):
                gone = (tables.digests.c.table == table) & (tables.digests.c.key == row)
                self._connection.execute(delete(tables.digests).where(gone))
        self._connection.commit()

    def cell_keys(self) -> set[str]:
        """Keys of all kept cells."""
        return set(self._connection.execute(select(tables.cells.c.key)).scalars())

    def rows(self) -> tuple[Row, ...]:
        """All cells with their last grades, ordered by case, task, solver, budget and repeat."""
        return tuple(self.stream())

    def stream(self) -> Iterator[Row]:
        """The same, one after another, without holding them; read to the end before anything is written through this store."""
        return streamed(self._connection, self._asked_by)

    def count(self) -> int:
        """The number of cells."""
        return counted(self._connection)

    def _asked_by(self) -> dict[str, int]:
        """By question the first version of its task that asked it, for rows that do not say it themselves."""
        prepared = [value for key, value in self.prepared().items() if key.startswith("case:")]
        asked = [task for value in prepared for task in value["tasks"].values() if "question" in task]
        versions: dict[str, int] = {}
        for task in asked:
            versions[task["question"]] = min(task["version"], versions.get(task["question"], task["version"]))
        return versions

    def _insert_grade(self, key: str, grade: Grade) -> None:
        values = {**{f.name: getattr(grade, f.name) for f in fields(Grade)}, "figures": dict(grade.figures), "key": key}
        made = self._connection.execute(insert(tables.grades).values(**values))
        keep_digest(self._connection, "grades", made.lastrowid)

    def _add_once(self, table: Table, key: str, values: Mapping[str, Any], *, commit: bool = True) -> None:
        found = self._connection.execute(select(table.c[key]).where(table.c[key] == values[key])).first()
        if found is None:
            self._connection.execute(insert(table).values(**values))
            keep_digest(self._connection, table.name, values[key])
        if commit:
            self._connection.commit()


def _locked(folder: Path) -> IO[str]:
    try:
        import fcntl  # noqa: PLC0415 - not on Windows, where results can be read but not written
    except ImportError as error:
        raise UsageError(UNIX_ONLY, "on Windows use the Windows Subsystem for Linux (WSL)") from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}", "choose another folder with --out") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise UsageError(f"another run is writing to: {folder}", "wait for it to end, or choose another --out") from error
    return lock


def _connect(path: Path, *, writable: bool) -> Connection:
    # A file without a log beside it was closed well. It is read as it is, so that reading leaves nothing behind, and so that it can
    # be read where nothing can be written.
    immutable = not writable and not _log_of(path)
    how = "mode=rwc" if writable else "mode=ro&immutable=1" if immutable else "mode=ro"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(uri_of(path, how), uri=True, timeout=WAIT), poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        # Survives kill -9 at any moment without a disk flush per cell.
        if writable:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    @event.listens_for(engine, "handle_error", retval=True)
    def _told(context: ExceptionContext) -> OneCurveError | None:
        """A lock that somebody else holds is no damage and no fault of the code; it may come with any statement."""
        return locked(path) if is_locked(context.original_exception) else None

    try:
        connection = engine.connect()
        there = "meta" in inspect(connection).get_table_names()
        version = connection.execute(select(tables.meta.c.value).where(tables.meta.c.name == "schema")).scalar() if there else None
        if version is not None:
            require_known(version, path)
            require_sound(path, check_rows(path, immutable=immutable))
            connection = _brought_up(connection, version, path, writable=writable)
        elif not writable:
            # The schema is noted last, so some tables may not be there yet.
            raise DataError(f"no results yet in: {path.parent}", "the run there has just started; wait a moment")
        if writable:
            _lay_out(connection)
    except (DatabaseError, sqlite3.Error, ValueError) as error:
        engine.dispose()
        if is_locked(error):
            raise locked(path) from error
        raise damaged(path, str(getattr(error, "orig", error))) from error
    except OneCurveError:
        engine.dispose()
        raise
    return connection


def _in_memory(connection: Connection) -> Connection:
    """The same database in memory, where an old one can be brought up to date and stays as it is on the disk."""
    copied = sqlite3.connect(":memory:")
    connection.connection.driver_connection.backup(copied)  # type: ignore[union-attr]
    connection.close()
    connection.engine.dispose()
    return create_engine("sqlite://", creator=lambda: copied, poolclass=NullPool).connect()


def _brought_up(connection: Connection, version: int, path: Path, *, writable: bool) -> Connection:
    """The connection to the tables as they are now; those of an older schema are changed, on the disk only if it may be written."""
    if version == tables.SCHEMA:
        return connection
    connection = connection if writable else _in_memory(connection)
    tables.metadata.create_all(connection)
    migrate(connection, version, path)
    connection.execute(update(tables.meta).where(tables.meta.c.name == "schema").values(value=tables.SCHEMA))
    keep_digest(connection, "meta", "schema")
    connection.commit()
    return connection


def _log_of(path: Path) -> bool:
    """Whether the database has a log beside it: it is being written, or its writer was killed."""
    log = path.with_name(f"{path.name}-wal")
    return log.is_file() and log.stat().st_size > 0


def _lay_out(connection: Connection) -> None:
    """Make the tables that are not there, and note what they are."""
    tables.metadata.create_all(connection)
    for name, value in ((KEPT, True), ("schema", tables.SCHEMA)):
        if connection.execute(select(tables.meta.c.name).where(tables.meta.c.name == name)).first() is None:
            connection.execute(insert(tables.meta).values(name=name, value=value))
            keep_digest(connection, "meta", name)
    connection.commit()


def _cost(row: Mapping[str, Any]) -> Cost:
    return Cost(**{item.name: row[item.name] for item in fields(Cost)})
