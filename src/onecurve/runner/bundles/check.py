"""Check a bundle without running anything: files, rows, blobs, and that every skill follows from raw, floor and ceiling."""

from collections.abc import Iterator
from pathlib import Path

from onecurve.core.digests import faults
from onecurve.core.errors import DataError, SchemaError
from onecurve.core.row import Row
from onecurve.runner.bundles.layout import ROWS
from onecurve.runner.bundles.opening import opened_bundle
from onecurve.runner.bundles.record import Record, read_record, read_rows
from onecurve.runner.grading_again import Answers, architecture_of, grade_again
from onecurve.runner.session import NETWORKS, Display
from onecurve.runner.soundness import Soundness, all_blobs, blobs_of_rows
from onecurve.store.blobs import REBUILT, Blobs
from onecurve.store.published import row_faults
from onecurve.store.store import SEALED

NO_NETWORKS = "the bundle holds no networks, so no answer can be graded again; its suites and seeds plant them"


def check_bundle(path: Path, most_bytes: int, *, jobs: int = 0, display: Display | None = None) -> Soundness:
    """Check a bundle, with ``jobs`` at a time grading every answer of it again; 0 to grade none.

    Raises ``DataError`` for what is no bundle.
    """
    with opened_bundle(path, most_bytes) as folder:
        files = sum(one.is_file() for one in folder.rglob("*"))
        blobs, broken = all_blobs(*_blobs(folder))
        try:
            record = read_record(folder)
            found = [*faults(folder), *broken, *_contents(folder, record)]
            networks = _networks(folder)
        except (DataError, SchemaError) as error:
            return Soundness(path, 0, 0, blobs, 0, files, (), (error.message,), bundle=True)
        counts = (record.rows, 0, blobs, len(networks), files)
        if found:
            return Soundness(path, *counts, (), tuple(dict.fromkeys(found)), bundle=True)
        if not record.with_networks:
            return Soundness(path, *counts, (NO_NETWORKS,), (), bundle=True)
        if not jobs:
            return Soundness(path, *counts, (), (), bundle=True)
        graded = grade_again(_answers(folder, record), jobs, display)
        return Soundness(path, *counts, graded.unchecked, graded.faults, bundle=True, graded=graded.answers)


def _answers(folder: Path, record: Record) -> Answers:
    return Answers(
        folder=folder,
        rows=tuple(read_rows(folder)),
        plants=record.records,
        first_names={case: first for case, (first, _) in record.cases.items()},
        plans={case: plan for case, (_, plan) in record.cases.items()},
    )


def _contents(folder: Path, record: Record) -> Iterator[str]:
    """What is wrong with rows, plants and networks, told as a line each."""
    rows = tuple(read_rows(folder))
    if len(rows) != record.rows:
        yield f"{folder / ROWS} holds {len(rows)} rows, and the bundle says {record.rows}"
    yield from row_faults(rows, record.records, folder / ROWS)
    yield from (f"no case is called {case}" for case in sorted({row.case for row in rows} - record.cases.keys()))
    yield from _missing_blobs(folder, rows)
    there = _networks(folder)
    if record.with_networks and set(there) != set(record.networks):
        yield "the networks are not those that the bundle names"
    for name in there:
        here = folder / NETWORKS / name
        yield from faults(here)
        key = here / "key"
        if not key.is_file() or key.read_text(encoding="ascii", errors="replace").strip() != record.networks.get(name):
            yield f"{here} is another network than the bundle names"
        yield from _subject_faults(here)


def _subject_faults(here: Path) -> Iterator[str]:
    try:
        architecture_of(here)
    except DataError as error:
        yield error.message


def _missing_blobs(folder: Path, rows: tuple[Row, ...]) -> Iterator[str]:
    there = {key for blobs in _blobs(folder) for key in blobs.keys()}  # noqa: SIM118 - not a dict
    for key in dict.fromkeys(blobs_of_rows(rows)):
        if key not in there:
            yield f"a blob is missing: {key.removeprefix(REBUILT)}"


def _blobs(folder: Path) -> tuple[Blobs, Blobs]:
    return Blobs(folder / "blobs"), Blobs(folder / SEALED / "blobs")


def _networks(folder: Path) -> list[str]:
    root = folder / NETWORKS
    return sorted(path.name for path in root.iterdir()) if root.is_dir() else []
