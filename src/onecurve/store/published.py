"""Published results: the rows of a run as Parquet, and beside them suite, seed, plants, calibrations and versions.

Small enough to commit, and enough to check every number of a page that is made from it. Networks, evidence and answers stay in the run;
the suite and the seed plant the same networks again.
"""

import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, final

from onecurve.core.digests import FILE as DIGESTS
from onecurve.core.digests import digest_of, faults, write_digests
from onecurve.core.display import Calibration, PlantRecord
from onecurve.core.errors import DataError, MissingExtraError, SchemaError, UngradeableError
from onecurve.core.folders import require_empty
from onecurve.core.grade import Status, skill_of
from onecurve.core.row import Role, Row
from onecurve.store.export import NESTED, row_as_dict, write_parquet
from onecurve.store.store import PUBLISHED

ROWS, RUN = PUBLISHED, "run.json"
SCHEMA: Final = 1
NEAR: Final = 1e-9
"""How far a skill may lie from the one that raw, floor and ceiling give."""


@final
@dataclass(frozen=True)
class PublishedRun:
    """What is published of one run."""

    rows: tuple[Row, ...]
    plants: tuple[PlantRecord, ...]
    calibrations: tuple[Calibration, ...]
    suite: str
    """The suite as text."""
    seed: int
    """The networks were planted by it; it was secret while the run went on, unless the suite has one."""
    facts: Mapping[str, Any]
    """When, with what command and versions, on which machine, how isolated."""


def is_published(folder: Path) -> bool:
    """Whether the folder holds published results, or what is left of them."""
    return (folder / ROWS).is_file() or (folder / RUN).is_file()


def publish(run: PublishedRun, out: Path) -> None:
    """Write the results into ``out``, a new or empty folder; raises ``UsageError`` for any other, ``MissingExtraError`` without pyarrow."""
    require_empty(out)
    out.mkdir(parents=True, exist_ok=True)
    # Tracebacks and folders of the command name places of the machine that ran it.
    write_parquet([_flat(row) for row in run.rows], out / ROWS)
    record = {
        "schema": SCHEMA,
        "suite": run.suite,
        "seed": run.seed,
        "facts": {name: _without_folders(value) if name == "command" else value for name, value in run.facts.items()},
        "plants": [one.plain() for one in run.plants],
        "calibrations": [asdict(one) for one in run.calibrations],
    }
    (out / RUN).write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    write_digests(out)


def read_published(folder: Path) -> PublishedRun:
    """What ``publish`` wrote; raises ``DataError`` for a damaged file, ``SchemaError`` for another version."""
    found = _file_faults(folder)
    if found:
        raise DataError(found[0], "fetch it again from where it was published")
    try:
        record = json.loads((folder / RUN).read_text(encoding="utf-8"))
        if record["schema"] != SCHEMA:
            raise SchemaError(f"{folder / RUN} has schema {record['schema']}, this version reads {SCHEMA}")
        plants = tuple(PlantRecord(**one) for one in record["plants"])
        calibrations = tuple(Calibration(**one) for one in record["calibrations"])
        return PublishedRun(_rows(folder / ROWS), plants, calibrations, record["suite"], int(record["seed"]), record["facts"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"not published results: {folder}: {type(error).__name__}: {error}") from error


def published_faults(folder: Path) -> list[str]:
    """What is wrong with published results, one line each: damaged files, cells that occur twice, skills that do not follow from raw,
    flaws that are not among those that were planted.
    """
    found = _file_faults(folder)
    if found:
        return found
    try:
        run = read_published(folder)
    except (DataError, SchemaError) as error:
        return [error.message]
    return row_faults(run.rows, run.plants, folder / ROWS)


def row_faults(rows: Sequence[Row], plants: Sequence[PlantRecord], place: Path) -> list[str]:
    """What rows and plants say against themselves, one line each: cells that occur twice, skills that do not follow from raw, floor and
    ceiling, flaws that are not among those that were planted. ``place`` is where the rows lie.
    """
    twice = len(rows) - len({row.key for row in rows})
    wrong = [row for row in rows if row.status is Status.GRADED and not _follows(row)]
    admitted = {one.case for one in plants if one.admitted}
    unknown = sorted({row.case for row in rows} - admitted)
    return [
        *([f"{twice} cells occur more than once in {place}"] if twice else []),
        *(f"the skill of {row.solver} on {row.task} of {row.case} does not follow from raw, floor and ceiling" for row in wrong),
        *(f"no admitted plant is called {case}" for case in unknown),
    ]


def _file_faults(folder: Path) -> list[str]:
    """Files that are missing or are not as they were written."""
    missing = [f"a file is missing: {folder / name}" for name in (ROWS, RUN, DIGESTS) if not (folder / name).is_file()]
    return missing or faults(folder)


def published_digest(folder: Path) -> str:
    """64 hexadecimal digits of the rows' file, by which a page can name what it was made from."""
    return digest_of(folder / ROWS)


def _without_folders(command: str) -> str:
    """The command with the last name alone of each word that is an absolute path."""
    return shlex.join(Path(word).name if Path(word).is_absolute() else word for word in shlex.split(command))


def _flat(row: Row) -> dict[str, Any]:
    nested = {name: json.dumps(dict(getattr(row, name)), sort_keys=True) for name in NESTED}
    return {**row_as_dict(row), **nested, "traceback": ""}


def _follows(row: Row) -> bool:
    if row.raw is None or row.floor is None or row.ceiling is None or row.skill is None:
        return False
    try:
        return math.isclose(skill_of(row.raw, row.floor, row.ceiling), row.skill, abs_tol=NEAR)
    except UngradeableError:
        return False


def _rows(path: Path) -> tuple[Row, ...]:
    try:
        import pyarrow.parquet as pq  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError.needing("reading Parquet", "export") from error
    known = {field.name for field in fields(Row)}
    return tuple(_row({name: value for name, value in one.items() if name in known}) for one in pq.read_table(path).to_pylist())


def _row(values: Mapping[str, Any]) -> Row:
    nested = {name: json.loads(values[name]) for name in NESTED}
    return Row(**{**values, **nested, "role": Role(values["role"]), "status": Status(values["status"])})
