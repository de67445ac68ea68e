"""What a bundle says of the runs that it comes from, read as from a stranger."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, final

from onecurve.core.display import PlantRecord
from onecurve.core.errors import DataError, SchemaError
from onecurve.core.grade import Status
from onecurve.core.row import Role, Row
from onecurve.runner.bundles.layout import MOST_LINE, MOST_TEXT, RECORD, ROWS, SCHEMA

NUMBERS: Final = ("budget", "retrain_budget", "forward", "backward", "seconds", "peak_mb", "person_seconds")
PERHAPS: Final = ("raw", "floor", "ceiling", "skill", "cpu_seconds", "passes")
WHOLE: Final = ("repeat", "task_version")
PERHAPS_WHOLE: Final = ("clean_images",)
NESTED: Final = ("figures", "facts")
LARGEST: Final = 2**53
"""Whole numbers from there on are no numbers of a row, and too large to calculate with."""


@final
@dataclass(frozen=True)
class Record:
    """The content of `bundle.json`. Mappings hold plain values."""

    schema: int
    onecurve: str
    """The version that bundled it."""
    planting: str
    """The version of planting."""
    runs: Mapping[str, Mapping[str, Any]]
    """Suite, command, times, versions, machine and isolation of each run, by its id."""
    seeds: Mapping[str, int]
    """By run: with the suite they plant the same networks again."""
    networks: Mapping[str, str]
    """The content key of each network."""
    cases: Mapping[str, tuple[str, str]]
    """By name: what the network itself calls the case, and the planting key of the run that asked about it."""
    plants: tuple[Mapping[str, Any], ...]
    calibrations: tuple[Mapping[str, Any], ...]
    solvers: tuple[Mapping[str, Any], ...]
    """Tools, readers and solvers with their versions and parameters."""
    rows: int
    with_networks: bool

    @property
    def records(self) -> tuple[PlantRecord, ...]:
        """The plants as records; raises ``DataError`` for what is none."""
        try:
            return tuple(PlantRecord(**one) for one in self.plants)
        except TypeError as error:
            raise DataError(f"not a bundle: its plants cannot be read: {error}") from error


def read_record(folder: Path) -> Record:
    """What `bundle.json` says; raises ``DataError`` for what is none, ``SchemaError`` for a bundle of another version."""
    path = folder / RECORD
    try:
        if path.stat().st_size > MOST_TEXT:
            raise DataError(f"larger than {MOST_TEXT} bytes: {path}")
        found = json.loads(path.read_bytes())
        if found["schema"] != SCHEMA:
            raise SchemaError(f"{path} has schema {found['schema']}, this version reads {SCHEMA}", "update onecurve")
        known = Record(**found)
        _require_types(known)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"not a bundle: {path}: {type(error).__name__}: {error}"[:500], "fetch it again from who made it") from error
    return known


def read_rows(folder: Path) -> Iterator[Row]:
    """The rows one after another; raises ``DataError`` for a line that is none."""
    path = folder / ROWS
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(MOST_LINE + 1), b""), 1):
            try:
                if len(line) > MOST_LINE:
                    raise DataError(f"longer than {MOST_LINE} bytes")
                yield _row(json.loads(line))
            except (ValueError, KeyError, TypeError, RecursionError, DataError) as error:
                raise DataError(f"not a row: {path}, line {number}: {error}"[:500], "fetch it again from who made it") from error


def _require_types(record: Record) -> None:
    wanted = {
        "runs": dict,
        "seeds": dict,
        "networks": dict,
        "cases": dict,
        "plants": list,
        "calibrations": list,
        "solvers": list,
        "rows": int,
        "with_networks": bool,
        "planting": str,
    }
    for name, kind in wanted.items():
        if not isinstance(getattr(record, name), kind):
            raise TypeError(f"`{name}` is a {type(getattr(record, name)).__name__}, wanted: {kind.__name__}")
    if not all(isinstance(one, list) and len(one) == 2 and all(isinstance(part, str) for part in one) for one in record.cases.values()):
        raise TypeError("`cases` does not name a case and a plan each")


def _row(values: Any) -> Row:
    """A row of plain values of the types that it must have."""
    if not isinstance(values, dict):
        raise TypeError("not an object")
    for item in fields(Row):
        if item.name in values and not _fits(item.name, values[item.name]):
            raise TypeError(f"`{item.name}` is a {type(values[item.name]).__name__}")
    return Row(**{**values, "role": Role(values["role"]), "status": Status(values["status"])})


def _fits(name: str, value: object) -> bool:
    number = isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < LARGEST)
    if name == "figures":
        return isinstance(value, dict) and all(_fits("raw", one) for one in value.values())
    if name in NESTED:
        return isinstance(value, dict)
    if name in WHOLE:
        return number and isinstance(value, int)
    if name in PERHAPS_WHOLE:
        return value is None or (number and isinstance(value, int))
    if name in PERHAPS:
        return number or value is None
    return number if name in NUMBERS else isinstance(value, str)
