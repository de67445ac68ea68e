"""The store of one run: rows in a database, records in blobs, one writer."""

import fcntl
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any, final

from sqlalchemy import Connection, Table, create_engine, delete, event, func, insert, select
from sqlalchemy.exc import DatabaseError, OperationalError

from onecurve.core.display import PlantRecord
from onecurve.core.errors import DataError, UsageError
from onecurve.core.grade import Cost, Grade, Status
from onecurve.core.row import Role, Row
from onecurve.store import tables
from onecurve.store.blobs import Blobs
from onecurve.store.migrations import migrate

FILE = "results.sqlite"
_GRADED = ("raw", "floor", "ceiling", "skill", "figures")


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
        self._connection = connection
        self._lock = lock

    @classmethod
    def create(cls, folder: Path) -> "Store":
        """Open for writing, making the folder and the tables where there are none.

        Raises ``UsageError`` if another process is writing there, or the place cannot be written.
        """
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
        return cls(folder, _connect(folder / FILE, writable=True), lock)

    @classmethod
    def read(cls, folder: Path) -> "Store":
        """Open for reading; raises ``DataError`` if there are no results there."""
        if not (folder / FILE).is_file():
            raise DataError(f"no results in: {folder}", "name the folder that `onecurve run --out` wrote")
        return cls(folder, _connect(folder / FILE, writable=False), None)

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()
        self._connection.engine.dispose()
        if self._lock is not None:
            self._lock.close()

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
            self._connection.execute(insert(tables.plants).values(network=network, record=record.plain()))
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
        values = {item.name: getattr(row, item.name) for item in fields(Row) if item.name not in _GRADED}
        values["facts"] = dict(row.facts)
        self._add_once(tables.cells, "key", values, commit=False)
        if row.raw is not None or row.status is not Status.PENDING:
            self._insert_grade(row.key, row.grade)
        self._connection.commit()

    def add_grade(self, key: str, grade: Grade) -> None:
        """Append a grade. If a cell has several, the last one counts."""
        self._insert_grade(key, grade)
        self._connection.commit()

    def cell_keys(self) -> set[str]:
        """Keys of all kept cells."""
        return set(self._connection.execute(select(tables.cells.c.key)).scalars())

    def rows(self) -> tuple[Row, ...]:
        """All cells with their last grades, ordered by case, task, solver, budget and repeat."""
        last = select(func.max(tables.grades.c.number)).group_by(tables.grades.c.key)
        found = self._connection.execute(select(tables.grades).where(tables.grades.c.number.in_(last))).mappings()
        graded = {grade["key"]: dict(grade) for grade in found}
        cells = self._connection.execute(select(tables.cells)).mappings()
        rows = [_row(dict(cell), graded.get(cell["key"])) for cell in cells]
        return tuple(sorted(rows, key=lambda row: (row.case, row.task, row.solver, row.budget, row.retrain_budget, row.repeat, row.key)))

    def _insert_grade(self, key: str, grade: Grade) -> None:
        values = {**{f.name: getattr(grade, f.name) for f in fields(Grade)}, "figures": dict(grade.figures), "key": key}
        self._connection.execute(insert(tables.grades).values(**values))

    def _add_once(self, table: Table, key: str, values: Mapping[str, Any], *, commit: bool = True) -> None:
        found = self._connection.execute(select(table.c[key]).where(table.c[key] == values[key])).first()
        if found is None:
            self._connection.execute(insert(table).values(**values))
        if commit:
            self._connection.commit()


def _connect(path: Path, *, writable: bool) -> Connection:
    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        # Survives kill -9 at any moment without a disk flush per cell.
        if writable:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    try:
        connection = engine.connect()
        if writable:
            tables.metadata.create_all(connection)
        version = connection.execute(select(tables.meta.c.value).where(tables.meta.c.name == "schema")).scalar()
        if version is not None:
            migrate(connection, int(version))
        elif writable:
            connection.execute(insert(tables.meta).values(name="schema", value=tables.SCHEMA))
            connection.commit()
        else:
            # The schema is noted last, so some tables may not be there yet.
            engine.dispose()
            raise DataError(f"no results yet in: {path.parent}", "the run there has just started; wait a moment")
    except (DatabaseError, OperationalError) as error:
        engine.dispose()
        raise DataError(f"not a results file: {path}", "it is damaged or was not written by `onecurve run`") from error
    return connection


def _cost(row: Mapping[str, Any]) -> Cost:
    return Cost(**{item.name: row[item.name] for item in fields(Cost)})


def _row(cell: Mapping[str, Any], grade: Mapping[str, Any] | None) -> Row:
    values = {item.name: cell[item.name] for item in fields(Row) if item.name not in _GRADED}
    row = Row(**{**values, "role": Role(cell["role"]), "status": Status(cell["status"])})
    if grade is None:
        return row
    graded = {name: grade[name] for name in _GRADED}
    return replace(row, **graded, status=Status(grade["status"]), reason=grade["reason"] or row.reason)
