"""Questions to a snapshot of the rows, in SQL, by DuckDB: read-only, over one view, without any other access."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

from onecurve.core.errors import MissingExtraError, UsageError
from onecurve.store.columns import EXTRA

if TYPE_CHECKING:
    import duckdb

VIEW: Final = "rows"
PATTERN: Final = frozenset("*?[]{}")
"""What DuckDB gives a meaning to in the name of a file."""
_BATCH: Final = 2_000


@final
@dataclass(frozen=True)
class Found:
    """The answer to a question."""

    names: tuple[str, ...]
    """Of its columns."""
    lines: Iterator[tuple[Any, ...]]
    """Fetched as they are asked for."""

    def records(self) -> Iterator[dict[str, Any]]:
        """The lines with the names of their columns."""
        return (dict(zip(self.names, line, strict=True)) for line in self.lines)


@final
class RowsDatabase:
    """The view ``rows`` of a snapshot: every column of a row, and `equivalents`, its forward-equivalents."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self._connection = connection

    def ask(self, query: str) -> Found:
        """The answer to one SELECT of a person; raises ``UsageError`` for anything else and for a query that fails."""
        import duckdb  # noqa: PLC0415 - an extra

        with _told():
            statements = self._connection.extract_statements(query)
            if [one.type for one in statements] != [duckdb.StatementType.SELECT]:
                raise UsageError("only one SELECT can be asked", f"DESCRIBE {VIEW} lists the columns that it may name")
            return self._found(query)

    def look(self, name: str, query: str) -> None:
        """Give the answer to a query of ours a name, by which it is found anew each time."""
        self._connection.execute(f"CREATE TEMP VIEW {name} AS {query}")

    def keep(self, name: str, query: str) -> None:
        """Keep the answer to a query of ours as a table in memory."""
        self._connection.execute(f"CREATE TEMP TABLE {name} AS {query}")

    def find(self, query: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The answer to a query of ours, whole; ``values`` stand for its question marks."""
        return list(self._found(query, values).records())

    def arrays(self, query: str, values: Sequence[Any] = ()) -> dict[str, Any]:
        """The same as one numpy array per column."""
        return dict(self._connection.execute(query, list(values)).fetchnumpy())

    def _found(self, query: str, values: Sequence[Any] = ()) -> Found:
        cursor = self._connection.execute(query, list(values))
        return Found(tuple(column[0] for column in cursor.description or ()), _fetched(cursor))


@contextmanager
def rows_database(place: Path) -> Iterator[RowsDatabase]:
    """The view over the snapshot at ``place``; raises ``MissingExtraError`` without duckdb.

    From then on nothing can be read but this file, nothing written, and no setting changed.
    """
    try:
        import duckdb  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError.needing("a question to the rows", EXTRA) from error
    connection = duckdb.connect(":memory:", config={"python_enable_replacements": "false"})
    try:
        with _plain(place.absolute()) as plain:
            file = "'" + str(plain).replace("'", "''") + "'"
            connection.execute(f"SET allowed_paths = [{file}]")
            connection.execute("SET enable_external_access = false")
            every = f"SELECT *, forward + 2 * backward AS equivalents FROM read_parquet([{file}])"  # noqa: S608 - our own names
            connection.execute(f"CREATE VIEW {VIEW} AS {every}")
            connection.execute("SET lock_configuration = true")
            yield RowsDatabase(connection)
    finally:
        connection.close()


@contextmanager
def _plain(place: Path) -> Iterator[Path]:
    """The file by a name that DuckDB does not take for a pattern."""
    if not PATTERN & set(str(place)):
        yield place
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / "rows.parquet"
        link.symlink_to(place)
        yield link


@contextmanager
def _told() -> Iterator[None]:
    """Errors of a person's query in words of ours."""
    import duckdb  # noqa: PLC0415 - an extra

    try:
        yield
    except duckdb.Error as error:
        raise UsageError(f"the query failed: {str(error).splitlines()[0]}", f"DESCRIBE {VIEW} lists the columns") from error


def _fetched(cursor: "duckdb.DuckDBPyConnection") -> Iterator[tuple[Any, ...]]:
    with _told():
        while lines := cursor.fetchmany(_BATCH):
            yield from lines
