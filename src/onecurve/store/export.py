"""Rows for other programs: JSON, CSV, Parquet. Rows are written as they come, so that any number of them takes the same memory."""

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, TypeVar, final

from onecurve.core.errors import MissingExtraError
from onecurve.core.row import Row

T = TypeVar("T")
NESTED = ("figures", "facts")
_FIELDS: Final = tuple(item.name for item in fields(Row))
_PLAIN: Final = tuple(name for name in _FIELDS if name not in NESTED)
_BEFORE: Final = _FIELDS[: _FIELDS.index(NESTED[0])]
_BATCH, _GROUP = 5_000, 100_000
"""Rows of one batch of columns, and of one row group of a Parquet file."""


def row_as_dict(row: Row) -> dict[str, Any]:
    """A row as plain values; figures and facts stay nested."""
    values = {field: getattr(row, field) for field in _FIELDS}  # asdict would copy all that is nested
    words = {"role": str(row.role), "status": str(row.status), "beyond_meter": row.beyond_meter}
    return {**values, **words, "figures": dict(row.figures), "facts": dict(row.facts)}


def row_as_columns(row: Row) -> dict[str, Any]:
    """A row as one level of columns: `figures.top1`, `facts.insertion`."""
    values = row_as_dict(row)
    nested = {f"{name}.{key}": value for name in NESTED for key, value in values[name].items()}
    return {**{name: value for name, value in values.items() if name not in NESTED}, **nested}


@final
@dataclass(frozen=True)
class Columns:
    """Rows as lines of columns, made anew each time that they are gone through."""

    rows: Iterable[Row]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(row_as_columns, self.rows)


def as_json(rows: Iterable[Row]) -> Iterator[str]:
    """An array with one object per row, in pieces."""
    first = True
    for row in rows:
        yield ("[" if first else ",") + _indented(row)
        first = False
    yield "[]\n" if first else "\n]\n"


def as_csv(rows: Iterable[Row]) -> Iterator[str]:
    """A header and one line per row, in pieces; a column for every figure and fact that occurs. Goes twice through ``rows``."""
    columns = columns_of(Columns(rows)) or list(_PLAIN)
    line = _Line()
    writer = csv.DictWriter(line, columns, restval="", lineterminator="\n")
    writer.writeheader()
    yield line.text
    for row in rows:
        writer.writerow(row_as_columns(row))
        yield line.text


def lines_as_json(names: Sequence[str], lines: Iterable[Sequence[Any]]) -> Iterator[str]:
    """An array with one object per line, in pieces; what JSON does not know, such as a date, as text."""
    first = True
    for line in lines:
        yield ("[\n " if first else ",\n ") + json.dumps(dict(zip(names, line, strict=True)), default=str)
        first = False
    yield "[]\n" if first else "\n]\n"


def lines_as_csv(names: Sequence[str], lines: Iterable[Sequence[Any]]) -> Iterator[str]:
    """A header and the lines, in pieces."""
    line = _Line()
    writer = csv.writer(line, lineterminator="\n")
    for values in chain((names,), lines):
        writer.writerow(values)
        yield line.text


def columns_of(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """The columns of all lines, in the order in which they occur."""
    columns: dict[str, None] = {}
    for line in lines:
        columns |= dict.fromkeys(line)
    return list(columns)


def write_parquet(lines: Iterable[Mapping[str, Any]], path: Path, told: Mapping[str, str] | None = None, extra: str = "export") -> Path:
    """Write the lines as columns to ``path``, whole or not at all; raises ``MissingExtraError`` without pyarrow.

    ``told`` is kept in the file as its metadata, ``extra`` is what a message says is missing.
    """
    try:
        import pyarrow.parquet as pq  # noqa: PLC0415 - an extra

        from onecurve.store.spooling import spooled  # noqa: PLC0415 - it needs pyarrow
    except ImportError as error:
        raise MissingExtraError.needing("Parquet", extra) from error
    with spooled(batched(lines, _BATCH)) as spool:
        schema = spool.schema.with_metadata(dict(told)) if told else spool.schema
        with _replaced(path) as place, pq.ParquetWriter(place, schema) as writer:
            for group in batched(spool.tables(), _GROUP // _BATCH):
                writer.write_table(spool.joined(group, schema))
    return path


@final
class _Line:
    """What `csv` writes into; holds the last line."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text = text


_outer = json.JSONEncoder(separators=(",\n  ", ": ")).encode
_inner = json.JSONEncoder(separators=(",\n   ", ": ")).encode


def _indented(row: Row) -> str:
    """The row as `json.dumps` with an indent of 1 has it inside an array, several times as fast."""
    values = row_as_dict(row)
    before = {name: values.pop(name) for name in _BEFORE}
    nested = [f'"{name}": {_braced(values.pop(name))}' for name in NESTED]
    return "\n {\n  " + ",\n  ".join([_outer(before)[1:-1], *nested, _outer(values)[1:-1]]) + "\n }"


def _braced(values: Mapping[str, Any]) -> str:
    return "{\n   " + _inner(values)[1:-1] + "\n  }" if values else "{}"


@contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    """A place beside ``path`` to write to; what was written there takes its place, or goes if something went wrong."""
    path.parent.mkdir(parents=True, exist_ok=True)
    place = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        yield place
        place.replace(path)
    finally:
        place.unlink(missing_ok=True)


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of that size, the last one maybe shorter."""
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
