"""The store of one run: rows in a database, records in blobs, one writer."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, final

from sqlalchemy import ColumnElement, Connection, Executable, Table, delete, select

from onecurve.core.display import PlantRecord
from onecurve.core.errors import DataError, OneCurveError
from onecurve.core.grade import Cost, Grade, Status
from onecurve.core.row import Row
from onecurve.store import holdings, opening, queries, tables
from onecurve.store.blobs import Blobs
from onecurve.store.databases import sqlite
from onecurve.store.databases.database import Database
from onecurve.store.holdings import Holdings
from onecurve.store.opening import agreed, locked, opened
from onecurve.store.outbox import MOST, Outbox
from onecurve.store.pointer import read_pointer, write_pointer
from onecurve.store.queries import Scale
from onecurve.store.remote import Remote, opened_remote
from onecurve.store.row_digests import Checked, checked_rows
from onecurve.store.streaming import GRADED, counted, in_order, streamed
from onecurve.store.writing import add_once, append, batches, forget

FILE: Final = sqlite.FILE
PUBLISHED = "rows.parquet"
"""What published results have in its place (see `published`)."""
SEALED: Final = holdings.SEALED
UNIX_ONLY: Final = opening.UNIX_ONLY


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

    def __init__(self, folder: Path, database: Database, lock: IO[str] | None, remote: Remote | None = None) -> None:
        self.folder = folder
        self.holdings = Holdings(folder, remote)
        self.blobs = self.holdings.open
        self.sealed = self.holdings.sealed
        self._database = database
        self._outbox = Outbox(database, self.holdings) if remote is not None and lock is not None else None
        self._lock = lock

    @classmethod
    def create(cls, folder: Path, address: str = "", blobs: str = "") -> "Store":
        """Open for writing, making the folder and the tables where there are none.

        ``address`` is that of a database for the rows, ``blobs`` the URL of a remote place to which all blobs are copied; empty for what
        the run has, which is neither for a new one.

        Raises ``UsageError`` if another process is writing there, or a place cannot be written; ``DataError`` if what is there is
        damaged.
        """
        lock = locked(folder)
        try:
            known = read_pointer(folder)
            pointer = agreed(folder, known, address, blobs)
            remote = opened_remote(pointer.blobs) if pointer.blobs else None
            if remote is not None:
                remote.require()
            store = cls(folder, opened(folder, pointer, address, writable=True), lock, remote)
            write_pointer(folder, pointer)
        except OneCurveError:
            lock.close()
            raise
        if pointer.blobs != known.blobs:
            store.holdings.send_all()
        return store

    @classmethod
    def read(cls, folder: Path) -> "Store":
        """Open for reading, which leaves no file behind; raises ``DataError`` if there are no results there or they are damaged.

        Only what a run keeps in a remote place, and is asked for, is fetched into the folder.
        """
        cls.require(folder)
        pointer = read_pointer(folder)
        remote = opened_remote(pointer.blobs) if pointer.blobs else None
        return cls(folder, opened(folder, pointer, "", writable=False), None, remote)

    @staticmethod
    def require(folder: Path) -> None:
        """Raise ``DataError`` if there are no results in the folder, and it does not say where they are."""
        if (folder / FILE).is_file() or read_pointer(folder).store:
            return
        if (folder / PUBLISHED).is_file():
            words = f"`onecurve verify` checks them, and {PUBLISHED} opens in programs that read Parquet"
            raise DataError(f"these are published results and not a run: {folder}", words)
        raise DataError(f"no results in: {folder}", "name the folder that `onecurve run --out` wrote")

    @property
    def database(self) -> Database:
        """The database, with all rows that were kept so far."""
        if self._outbox is not None:
            self._outbox.settle()
        return self._database

    def settle(self) -> None:
        """Write the rows whose blobs have arrived in the remote place meanwhile."""
        if self._outbox is not None:
            self._outbox.settle(MOST)

    @property
    def checked(self) -> Checked:
        """What a check of the database finds now."""
        return self.database.check()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close(whole=kind is None)

    def close(self, *, whole: bool = True) -> None:
        """Let go of everything; ``whole`` waits for rows whose blobs are on their way to the remote place."""
        try:
            if self._outbox is not None:
                self._outbox.close(whole=whole)
        finally:
            self._database.close()
            if self._lock is not None:
                self._lock.close()

    @property
    def is_shared(self) -> bool:
        """Whether rows or blobs are kept where other machines reach them, so that some of the run may have been done elsewhere."""
        pointer = read_pointer(self.folder)
        return bool(pointer.store or pointer.blobs)

    def holder(self, key: str) -> Blobs:
        """The blobs that hold the record of that key: the open ones, unless it lies in the sealed ones alone."""
        return self.holdings.holder(key)

    def record(self, key: str) -> Any:
        """The record of that key, open or sealed; raises ``MissingBlobError`` if it is not here, ``DataError`` if it is damaged."""
        return self.holdings.get(key)

    def note(self, name: str, value: Any, *, anew: bool = False) -> None:
        """Keep a fact about the run: the first of its name, or with ``anew`` the last."""

        def work(connection: Connection) -> None:
            if anew:
                connection.execute(delete(tables.meta).where(tables.meta.c.name == name))
            add_once(connection, tables.meta, {"name": name, "value": value})

        self.database.write(work)

    def noted(self, name: str) -> Any:
        """A fact about the run, or None."""
        return next((row["value"] for row in self._rows_of(tables.meta, tables.meta.c.name == name)), None)

    def facts(self) -> dict[str, Any]:
        """All facts about the run, by name."""
        return {row["name"]: row["value"] for row in self._rows_of(tables.meta)}

    def add_plants(self, network: str, records: Iterable[PlantRecord]) -> None:
        """Keep the records of one planted network; a network is kept once."""
        kept = [record.plain() for record in records]

        def work(connection: Connection) -> None:
            if connection.execute(select(tables.plants.c.number).where(tables.plants.c.network == network)).first() is None:
                for record in kept:
                    append(connection, tables.plants, {"network": network, "record": record})

        self.database.write(work)

    def plants(self) -> tuple[PlantRecord, ...]:
        """All attempts at planting, in the order made."""
        found = sorted(self._rows_of(tables.plants), key=lambda row: row["number"])
        return tuple(PlantRecord(**row["record"]) for row in found)

    def prepare(self, key: str, value: Any) -> None:
        """Keep a JSON value computed on the trusted side; a key is kept once."""
        self.database.write(lambda connection: add_once(connection, tables.prepared, {"key": key, "value": value}))

    def prepared(self) -> dict[str, Any]:
        """Everything that was prepared, by key."""
        return {row["key"]: row["value"] for row in self._rows_of(tables.prepared)}

    def add_look(self, look: Look) -> None:
        """Keep a finished look; its evidence is in the remote place before, if the run has one."""
        values = {"key": look.key, "evidence": look.evidence, "reason": look.reason, "traceback": look.traceback, **asdict(look.cost)}
        self._keep([look.evidence], lambda connection: add_once(connection, tables.looks, values))

    def looks(self) -> dict[str, Look]:
        """All finished looks by key."""
        found = self._rows_of(tables.looks)
        return {row["key"]: Look(row["key"], row["evidence"], _cost(row), row["reason"], row["traceback"]) for row in found}

    def add_cell(self, row: Row) -> None:
        """Keep a cell as it was answered, with its grade if it already has one; its blobs are in the remote place before."""
        values = {item.name: getattr(row, item.name) for item in fields(Row) if item.name not in GRADED}
        values["facts"] = dict(row.facts)
        graded = row.raw is not None or row.status not in {Status.PENDING, Status.WAITING}

        def work(connection: Connection) -> None:
            add_once(connection, tables.cells, values)
            if graded:
                append(connection, tables.grades, _grade_values(row.key, row.grade))

        self._keep([row.question, row.evidence, row.answer], work)

    def add_grade(self, key: str, grade: Grade) -> None:
        """Append a grade. If a cell has several, the last one counts."""
        self._keep([], lambda connection: append(connection, tables.grades, _grade_values(key, grade)))

    def _keep(self, keys: Sequence[str], work: Callable[[Connection], None]) -> None:
        """Write a row once the blobs that it names are in the remote place, if there is one."""
        if self._outbox is None:
            self._database.write(work)
        else:
            self._outbox.add(keys, work)

    def forget_cells(self, keys: Iterable[str]) -> None:
        """Drop cells with all their grades, so that they can be done again."""
        for some in batches(list(keys)):
            self.database.write(partial(forget, keys=some))

    def cell_keys(self) -> set[str]:
        """Keys of all kept cells."""
        return set(self.database.read(lambda connection: connection.execute(select(tables.cells.c.key)).scalars().all()))

    def count(self) -> int:
        """The number of cells."""
        return self.database.read(counted)

    def counts(self) -> Counter[Status]:
        """How many cells there are of each status."""
        return Counter({Status(name): count for name, count in self._found(queries.counts())})

    def scales(self) -> tuple[Scale, ...]:
        """What the graded rows are graded against, each once."""
        return tuple(Scale(*row) for row in self._found(queries.scales()))

    def rows(self) -> tuple[Row, ...]:
        """All cells with their last grades, ordered by case, task, solver, budget and repeat."""
        return tuple(self.stream())

    def stream(self) -> Iterator[Row]:
        """The same, one after another, without holding them; read to the end before anything is written through this store."""
        with self.database.reading() as connection:
            yield from streamed(connection, self.asked_by, checked_in=self._to_check)

    def rows_with(self, *statuses: Status) -> tuple[Row, ...]:
        """The cells that have one of these statuses now, in the same order. Quick where few have it, however many cells there are."""
        wanted = [str(status) for status in statuses]
        found = [*self._found(queries.keys_without_grade(wanted)), *self._found(queries.keys_with_a_grade(wanted))]
        return tuple(row for row in self._rows_named([key for (key,) in found]) if row.status in statuses)

    def rows_of_solver(self, name: str) -> tuple[Row, ...]:
        """The cells of one solver, in the same order."""
        return self._rows_named([key for (key,) in self._found(select(tables.cells.c.key).where(tables.cells.c.solver == name))])

    def rows_on(self, scale: Scale) -> tuple[Row, ...]:
        """The cells that are graded against that scale, in the same order."""
        return self._rows_named([key for (key,) in self._found(queries.keys_on(scale))])

    def _rows_named(self, keys: Sequence[str]) -> tuple[Row, ...]:
        def work(connection: Connection, some: Sequence[str]) -> list[Row]:
            return list(streamed(connection, self.asked_by, tables.cells.c.key.in_(some), checked_in=self._to_check))

        return in_order(row for some in batches(keys) for row in self.database.read(partial(work, some=some)))

    @property
    def _to_check(self) -> str:
        """Where the rows lie, if they are checked as they are read: they are, unless all were when the database was opened."""
        return self.database.place if self.database.large else ""

    def _found(self, wanted: Executable) -> Sequence[Any]:
        return self.database.read(lambda connection: connection.execute(wanted).all())

    def asked_by(self) -> dict[str, int]:
        """By question the first version of its task that asked it, for rows that do not say it themselves."""
        prepared = [value for key, value in self.prepared().items() if key.startswith("case:")]
        asked = [task for value in prepared for task in value["tasks"].values() if "question" in task]
        versions: dict[str, int] = {}
        for task in asked:
            versions[task["question"]] = min(task["version"], versions.get(task["question"], task["version"]))
        return versions

    def _rows_of(self, table: Table, where: ColumnElement[bool] | None = None) -> Sequence[Mapping[str, Any]]:
        """Rows of a table, checked where they are to be."""
        if self._to_check:
            return self.database.read(lambda connection: list(checked_rows(connection, self._to_check, table, where)))
        wanted = select(table) if where is None else select(table).where(where)
        return self.database.read(lambda connection: [dict(row) for row in connection.execute(wanted).mappings()])


def _grade_values(key: str, grade: Grade) -> dict[str, Any]:
    return {**{item.name: getattr(grade, item.name) for item in fields(Grade)}, "figures": dict(grade.figures), "key": key}


def _cost(row: Mapping[str, Any]) -> Cost:
    return Cost(**{item.name: row[item.name] for item in fields(Cost)})
