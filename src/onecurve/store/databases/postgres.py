"""Rows in PostgreSQL: one schema for each run, one writer, and no row lost or doubled when the connection is.

The writer's session holds an advisory lock, and nothing is written by any other session. Each transaction of the writer counts itself in
the table ``writer``, under a token that is drawn when the run is opened. Found again after a lost connection, the count tells whether the
last transaction took place, and the token whether another run wrote meanwhile.
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar, final

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from onecurve.core.errors import DataError, MissingExtraError, OneCurveError, SchemaError, UsageError
from onecurve.store import tables
from onecurve.store.databases.address import Address
from onecurve.store.databases.layout import bring_up, lay_out, noted_schema
from onecurve.store.migrations import require_known
from onecurve.store.row_digests import Checked, check_opening, check_rows, is_large, require_sound

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")

PATIENCE: Final = 60.0
"""Seconds for which a lost connection is tried again."""
OPENING: Final = 15.0
"""The same when a run is opened: a server that restarts is back by then, and a wrong address costs no more."""
PAUSES: Final = (0.1, 2.0)
"""Seconds before the first try, and at most between two; they double."""
HELD: Final = 2.0
"""Seconds for which the lock of another run is waited for: that of a run that was killed is free after a moment."""
WORDS: Final = 300
"""Characters of what the server said that a message repeats, at most."""
KEPT_ALIVE: Final = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""So that a server that is gone without a word is noticed within a minute; an address may say otherwise."""
GOES_ON = "everything finished is kept, and the same command goes on"


@final
class PostgresDatabase:
    """The rows of one run in a schema of PostgreSQL; see ``Database`` for what it does."""

    def __init__(self, address: Address, *, writable: bool) -> None:
        """Connect; only with ``writable`` is anything made or changed there.

        Raises ``UsageError`` where the database cannot be reached or another run is writing there, ``DataError`` if there are no results
        or they are damaged, ``SchemaError`` for a reader of an older or anybody of a newer schema, ``MissingExtraError`` without psycopg.
        """
        self.place = address.shown
        self.large = False
        self._schema = address.schema
        self._engine = _engine(address)
        self._token = secrets.token_hex(8) if writable else ""
        self._writes = 0
        self._session: Connection | None = None
        try:
            self._open_in_time()
        except (OperationalError, InterfaceError) as error:
            self.close()
            hint = "a password comes from the address, from PGPASSWORD or from ~/.pgpass"
            raise UsageError(f"cannot connect to {self.place}: {_said(error)}", hint) from error
        except DBAPIError as error:
            self.close()
            raise UsageError(f"cannot use {self.place}: {_said(error)}", "name a schema that you may write to") from error
        except BaseException:
            self.close()
            raise

    def write(self, work: Callable[[Connection], T]) -> T:
        number, done = self._writes + 1, list[T]()

        def attempt() -> T:
            session = self._locked_session()
            with session.begin():
                # A transaction that was committed before its reply was lost is not done again.
                if self._counts(session, number):
                    done.append(work(session))
            return done[-1]

        result = self._patiently(attempt)
        self._writes = number
        return result

    def read(self, work: Callable[[Connection], T]) -> T:
        def attempt() -> T:
            with self._reader() as connection:
                return work(connection)

        return self._patiently(attempt)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        connection = self._patiently(self._reader)
        try:
            with connection:
                yield connection
        except DBAPIError as error:
            raise OneCurveError(f"the connection to {self.place} was lost: {_said(error)}", "run the same command again") from error

    def check(self) -> Checked:
        return self.read(check_rows)

    def close(self) -> None:
        self._drop()
        self._engine.dispose()

    def _open_in_time(self) -> None:
        """Open it, and try again while the server may be starting; a password that is refused is not tried twice."""
        until = time.monotonic() + OPENING
        while True:
            try:
                return self._open()
            except (OperationalError, InterfaceError) as error:
                self._drop()
                if time.monotonic() + PAUSES[1] > until or "password" in _said(error):
                    raise
            time.sleep(PAUSES[1])

    def _open(self) -> None:
        if self._token:
            self._session = self._engine.connect()
            self._take_lock(self._session)
            with self._session.begin():
                if not self._is_there(self._session):
                    self._session.execute(text(f'CREATE SCHEMA "{self._schema}"'))
        with self._reader() as connection:
            version = noted_schema(connection) if self._is_there(connection) else None
            if version is None and not self._token:
                raise DataError(f"no results in: {self.place}", "name the folder that `onecurve run --out` wrote")
            if version is not None:
                self._require_usable(connection, version)
        if self._session is not None:
            with self._session.begin():
                self._make_ready(self._session, version)

    def _require_usable(self, connection: Connection, version: Any) -> None:
        require_known(version, self.place)
        if not self._token and version != tables.SCHEMA:
            words = f"{self.place} was written by an older OneCurve: schema {version}, this one reads {tables.SCHEMA}"
            raise SchemaError(words, "`onecurve run` with the same suite, folder and store brings it up")
        self.large = is_large(connection)
        require_sound(self.place, check_opening(connection) if self.large else check_rows(connection))

    def _make_ready(self, session: Connection, version: Any) -> None:
        if version is not None:
            bring_up(session, version, self.place)
        lay_out(session)
        session.execute(text("CREATE TABLE IF NOT EXISTS writer (token TEXT NOT NULL, writes BIGINT NOT NULL)"))
        session.execute(text("DELETE FROM writer"))
        session.execute(text("INSERT INTO writer (token, writes) VALUES (:token, 0)"), {"token": self._token})

    def _is_there(self, connection: Connection) -> bool:
        return inspect(connection).has_schema(self._schema)

    def _take_lock(self, session: Connection) -> None:
        """Take the lock of a writer; raises ``UsageError`` where another run keeps it."""
        until = time.monotonic() + HELD
        while not self._has_lock(session):
            if time.monotonic() > until:
                hint = "wait for it to end, or keep these rows in another schema: --store ADDRESS#NAME"
                raise UsageError(f"another run is writing to: {self.place}", hint)
            time.sleep(PAUSES[0])

    def _has_lock(self, session: Connection) -> bool:
        """Try to take the lock for this session, which other runs can tell by its name."""
        key = int.from_bytes(hashlib.sha256(f"onecurve:{self._schema}".encode()).digest()[:8], signed=True)
        with session.begin():
            session.execute(text("SELECT set_config('application_name', :name, false)"), {"name": self._name})
            return bool(session.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar())

    @property
    def _name(self) -> str:
        return f"onecurve {self._token}"

    def _locked_session(self) -> Connection:
        """The session that holds the lock; a new one after a lost connection, once it is sure that nobody else wrote."""
        if self._session is None:
            session = self._engine.connect()
            try:
                self._regain_lock(session)
            except BaseException:
                session.invalidate()
                session.close()
                raise
            self._session = session
        return self._session

    def _regain_lock(self, session: Connection) -> None:
        while not self._has_lock(session):
            with session.begin():
                if self._counted(session)[0] != self._token:
                    raise self._taken_over()
                # The server may still keep the session that we lost.
                own = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = :name AND pid <> pg_backend_pid()"
                session.execute(text(own), {"name": self._name})
            time.sleep(PAUSES[0])

    def _counts(self, session: Connection, number: int) -> bool:
        """Count this transaction; False if it took place already. Raises ``UsageError`` if another run wrote meanwhile."""
        counting = text("UPDATE writer SET writes = :number WHERE token = :token AND writes = :number - 1")
        if session.execute(counting, {"number": number, "token": self._token}).rowcount == 1:
            return True
        if self._counted(session) != (self._token, number):
            raise self._taken_over()
        return False

    def _counted(self, session: Connection) -> tuple[str, int]:
        found = session.execute(text("SELECT token, writes FROM writer")).first()
        return (str(found[0]), int(found[1])) if found is not None else ("", 0)

    def _taken_over(self) -> UsageError:
        return UsageError(f"another run wrote to {self.place} while the connection was lost", f"let it end; {GOES_ON}")

    def _reader(self) -> Connection:
        """A connection whose transaction sees one state of the tables and changes nothing."""
        options: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        return self._engine.connect().execution_options(**options)

    def _patiently(self, attempt: Callable[[], T]) -> T:
        """Do it, and again after a lost connection until the patience ends."""
        until, pause = 0.0, PAUSES[0]
        while True:
            try:
                return attempt()
            except (OperationalError, InterfaceError) as error:
                until = until or time.monotonic() + PATIENCE
                self._drop()
                if time.monotonic() + pause > until:
                    words = f"the connection to {self.place} was lost and did not come back within {PATIENCE:g} s: {_said(error)}"
                    raise OneCurveError(words, GOES_ON) from error
                time.sleep(pause)
                pause = min(2 * pause, PAUSES[1])
            except DBAPIError as error:
                raise OneCurveError(f"{self.place}: {_said(error)}", GOES_ON) from error

    def _drop(self) -> None:
        """Let go of the session and its lock."""
        if self._session is not None:
            with suppress(DBAPIError):
                self._session.invalidate()
                self._session.close()
        self._session = None


def _engine(address: Address) -> Engine:
    try:
        from psycopg.types.string import StrDumper  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError.needing(f"a store in PostgreSQL ({address.shown})", "postgres") from error

    class WithoutNul(StrDumper):
        """Text as PostgreSQL can keep it."""

        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\N{REPLACEMENT CHARACTER}"))

    given = {name: value for name, value in KEPT_ALIVE.items() if name not in address.url.query}
    engine = create_engine(address.url.set(drivername="postgresql+psycopg"), connect_args=given, pool_pre_ping=True)

    @event.listens_for(engine, "connect")
    def _prepare(connection: "psycopg.Connection[Any]", _record: object) -> None:
        connection.adapters.register_dumper(str, WithoutNul)
        connection.autocommit = True
        connection.execute(f'SET search_path TO "{address.schema}"')
        connection.autocommit = False

    return engine


def _said(error: DBAPIError) -> str:
    """What the server or the driver said, in one line."""
    return " ".join(str(error.orig).split())[:WORDS]
