"""Lines as columns in a temporary file, until it is known which columns there are and of which types.

So lines are gone through once, and memory does not grow with them. Needs pyarrow, an extra: import it only where that is asked for.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any, final

import pyarrow as pa  # the file is imported only for what needs the extra

Line = Mapping[str, Any]


@final
class Spool:
    """Batches of columns on disk; each batch has the columns and types that its own lines need."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._kinds: dict[str, pa.DataType] = {}

    def add(self, batch: Sequence[Line]) -> None:
        """Keep some lines."""
        names = list(dict.fromkeys(name for line in batch for name in line))
        table = pa.table({name: _column([line.get(name) for line in batch]) for name in names})
        for field in table.schema:
            self._kinds[field.name] = _both(self._kinds.get(field.name, field.type), field.type)
        with pa.ipc.new_stream(self._file, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as stream:
            stream.write_table(table)

    @property
    def schema(self) -> pa.Schema:
        """The columns of all lines in the order in which they occur, of types that hold all their values."""
        return pa.schema(list(self._kinds.items()))

    def tables(self) -> Iterator[pa.Table]:
        """The batches again."""
        self._file.seek(0)
        with pa.PythonFile(self._file, "r") as source:
            while source.tell() < source.size():
                yield pa.ipc.open_stream(source).read_all()

    def joined(self, batches: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
        """Some batches as one table of that schema."""
        return pa.concat_tables([_as(table, schema) for table in batches]).combine_chunks()


@contextmanager
def spooled(batches: Iterable[Sequence[Line]]) -> Iterator[Spool]:
    """All batches in a file that goes again."""
    with tempfile.TemporaryFile() as file:
        spool = Spool(file)
        for batch in batches:
            spool.add(batch)
        yield spool


def _column(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # numbers and text in one column
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def _both(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The type that holds the values of two: whole numbers among others are such, and what else is mixed is text."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    return pa.float64() if {one, other} == {pa.int64(), pa.float64()} else pa.string()


def _as(table: pa.Table, schema: pa.Schema) -> pa.Table:
    there = set(table.column_names)
    columns = [table[field.name].cast(field.type) if field.name in there else pa.nulls(len(table), field.type) for field in schema]
    return pa.table(columns, schema=schema)
