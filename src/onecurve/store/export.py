"""Rows for other programs: JSON, CSV, Parquet."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from onecurve.core.errors import MissingExtraError
from onecurve.core.row import Row

NESTED = ("figures", "facts")


def row_as_dict(row: Row) -> dict[str, Any]:
    """A row as plain values; figures and facts stay nested."""
    values = {field: getattr(row, field) for field in Row.__dataclass_fields__}  # asdict would copy all that is nested
    words = {"role": str(row.role), "status": str(row.status), "beyond_meter": row.beyond_meter}
    return {**values, **words, "figures": dict(row.figures), "facts": dict(row.facts)}


def row_as_columns(row: Row) -> dict[str, Any]:
    """A row as one level of columns: `figures.top1`, `facts.insertion`."""
    values = row_as_dict(row)
    nested = {f"{name}.{key}": value for name in NESTED for key, value in values[name].items()}
    return {**{name: value for name, value in values.items() if name not in NESTED}, **nested}


def as_json(rows: Sequence[Row]) -> str:
    """An array with one object per row."""
    return json.dumps([row_as_dict(row) for row in rows], indent=1) + "\n"


def as_csv(rows: Sequence[Row]) -> str:
    """A header and one line per row; a column for every figure and fact that occurs."""
    lines = [row_as_columns(row) for row in rows]
    columns = list(dict.fromkeys(name for line in lines for name in line)) or [
        field for field in Row.__dataclass_fields__ if field not in NESTED
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def write_parquet(lines: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """Write the lines as columns to ``path``; raises ``MissingExtraError`` without pyarrow."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError.needing("Parquet", "export") from error
    columns = list(dict.fromkeys(name for line in lines for name in line))
    table = pa.table({name: [line.get(name) for line in lines] for name in columns})
    pq.write_table(table, path)
    return path
