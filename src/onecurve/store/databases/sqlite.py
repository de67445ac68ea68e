"""Rows in a file of SQLite, in the folder of the run."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar, final
from urllib.parse import quote

from sqlalchemy import Connection, Engine, ExceptionContext, NullPool, create_engine, event
from sqlalchemy.exc import DatabaseError

from onecurve.core.errors import DataError, OneCurveError, UsageError
from onecurve.store import tables
from onecurve.store.databases.layout import bring_up, lay_out, noted_schema
from onecurve.store.migrations import require_known
from onecurve.store.row_digests import Checked, check_opening, check_rows, damaged, is_large, require_sound

T = TypeVar("T")

FILE: Final = "results.sqlite"
WAIT: Final = 30.0
"""Seconds for which a lock of another program on the database is waited for."""


@final
class SqliteDatabase:
    """The rows of one run in a file; see ``Database`` for what it does."""

    def __init__(self, path: Path, *, writable: bool) -> None:
        """Open it; only with ``writable`` is anything made or changed there.

        Raises ``DataError`` if there are no results or they are damaged, ``UsageError`` where another program holds the file.
        """
        self._path = path
        # A file without a log beside it was closed well. It is read as it is, so that reading leaves nothing behind, and so that it can
        # be read where nothing can be written.
        self._how = "mode=rwc" if writable else _reading(path)
        self.large = False
        with _told(path):
            self._connection = self._opened(_engine(path, self._how, writable=writable), writable=writable)

    @property
    def place(self) -> str:
        return str(self._path)

    def write(self, work: Callable[[Connection], T]) -> T:
        try:
            done = work(self._connection)
            self._connection.commit()
        except BaseException:
            with suppress(DatabaseError, OneCurveError):
                self._connection.rollback()
            raise
        return done

    def read(self, work: Callable[[Connection], T]) -> T:
        return work(self._connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        yield self._connection

    def check(self) -> Checked:
        return self._look_over(whole=True)

    def close(self) -> None:
        self._connection.close()
        self._connection.engine.dispose()

    def _opened(self, engine: Engine, *, writable: bool) -> Connection:
        try:
            connection = engine.connect()
            version = noted_schema(connection)
            if version is not None:
                require_known(version, self.place)
                self.large = is_large(connection)
                require_sound(self.place, self._look_over(whole=not self.large))
                connection = self._brought_up(connection, version, writable=writable)
            elif not writable:
                # The schema is noted last, so some tables may not be there yet.
                raise DataError(f"no results yet in: {self._path.parent}", "the run there has just started; wait a moment")
            if writable:
                lay_out(connection)
                connection.commit()
        except BaseException:
            engine.dispose()
            raise
        return connection

    def _brought_up(self, connection: Connection, version: int, *, writable: bool) -> Connection:
        """The connection to the tables as they are now; those of an older schema are changed, on the disk only if it may be written."""
        if version != tables.SCHEMA:
            connection = connection if writable else _in_memory(connection)
            bring_up(connection, version, self.place)
            connection.commit()
        return connection

    def _look_over(self, *, whole: bool) -> Checked:
        """What a check over a connection of its own finds now, in one transaction: a run that goes on meanwhile does not disturb it."""
        how = self._how if "immutable" in self._how else "mode=ro"
        engine = _engine(self._path, how, writable=False)
        with _told(self._path), engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            if not whole:
                return check_opening(connection)
            broken = tuple(str(words) for (words,) in connection.exec_driver_sql("PRAGMA integrity_check(20)") if words != "ok")
            found = check_rows(connection)
            return Checked(found.rows, found.unchecked, (*broken, *found.faults))


def uri_of(path: Path, how: str) -> str:
    """The address of a database file for SQLite; every character of the path may be one that addresses give a meaning to."""
    return f"file:{quote(bytes(path.absolute()))}?{how}"


def _engine(path: Path, how: str, *, writable: bool) -> Engine:
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(uri_of(path, how), uri=True, timeout=WAIT), poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        # Survives kill -9 at any moment without a disk flush per cell.
        if writable:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    @event.listens_for(engine, "handle_error", retval=True)
    def _held(context: ExceptionContext) -> OneCurveError | None:
        """A lock that somebody else holds is no damage and no fault of the code; it may come with any statement."""
        return _locked(path) if _is_locked(context.original_exception) else None

    return engine


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Errors of the database in words of ours."""
    try:
        yield
    except (DatabaseError, sqlite3.Error, ValueError, OverflowError) as error:
        if _is_locked(error):
            raise _locked(path) from error
        raise damaged(str(path), str(getattr(error, "orig", error))) from error


def _reading(path: Path) -> str:
    return "mode=ro" if _has_log(path) else "mode=ro&immutable=1"


def _has_log(path: Path) -> bool:
    """Whether the database has a log beside it: it is being written, or its writer was killed."""
    log = path.with_name(f"{path.name}-wal")
    return log.is_file() and log.stat().st_size > 0


def _in_memory(connection: Connection) -> Connection:
    """The same database in memory, where an old one can be brought up to date and stays as it is on the disk."""
    copied = sqlite3.connect(":memory:")
    source: Any = connection.connection.driver_connection
    source.backup(copied)
    connection.close()
    connection.engine.dispose()
    return create_engine("sqlite://", creator=lambda: copied, poolclass=NullPool).connect()


def _is_locked(error: BaseException) -> bool:
    """Whether another program holds the database; an error of sqlalchemy is asked for the one that it wraps."""
    found = getattr(error, "orig", None) or error
    code = getattr(found, "sqlite_errorcode", 0) & 0xFF
    return isinstance(found, sqlite3.OperationalError) and code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _locked(path: Path) -> UsageError:
    """The error for a database that another program holds for longer than is waited for."""
    return UsageError(
        f"another program holds the results: {path}: database is locked",
        "close it, for instance a viewer of databases; everything finished is kept, and the same command goes on",
    )
