"""Opens a large run for its report: the rows as aggregates, all else as a small report has it."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from onecurve.core.digests import digest_of
from onecurve.core.display import Calibration, CaseDisplay, PlantRecord
from onecurve.report.large.figures import names_in
from onecurve.report.large.scores import SCORES
from onecurve.report.rows.loading import calibrations_of, catalog_entries, run_facts
from onecurve.report.rows.results import CatalogEntry, RunFacts
from onecurve.report.rows.secrecy import Redacted, redacted_display, redacted_record, secret_cases
from onecurve.report.words.naming import Names
from onecurve.store.columns import place_of, require_extra, snapshot
from onecurve.store.querying import RowsDatabase, rows_database
from onecurve.store.store import Store

LARGE = 20_000
"""Rows above which a report is made from aggregates: with as many, the first page took 4 s of a processor from the rows themselves."""


@final
@dataclass(frozen=True)
class LargeRun:
    """A run of many rows."""

    folder: Path
    snapshot: Path
    """The rows as columns; pages link to it."""
    database: RowsDatabase
    """With the table ``scores``."""
    rows: int
    names: Names
    plants: tuple[PlantRecord, ...]
    calibrations: tuple[Calibration, ...]
    entries: Mapping[str, CatalogEntry]
    run: RunFacts
    shown: Collection[str]
    """The cases of which a display was kept."""
    display: Callable[[str], CaseDisplay]
    """Loads the display of a case, without what would reveal a secret flaw."""
    record: Callable[[str], object]
    """Loads the stored question, evidence or answer of a blob key."""

    @property
    def command(self) -> str:
        """The beginning of the command that asks the rows."""
        return f"onecurve results {self.folder.name}"


def is_large(folder: Path) -> bool:
    """Whether the run in ``folder`` has so many rows that its report is made from aggregates; raises ``DataError`` if there is no run."""
    with Store.read(folder) as store:
        return store.count() > LARGE


@contextmanager
def large_run(folder: Path, out: Path, *, reveal: bool = False) -> Iterator[LargeRun]:
    """The run in ``folder`` for pages in ``out``, where its snapshot is made if it is not there yet.

    Raises ``MissingExtraError`` without the extra `large`.
    """
    with Store.read(folder) as store:
        require_extra(f"the report of {store.count():,} rows")
        secret = secret_cases(store, reveal=reveal)
        revealed = reveal and bool(secret_cases(store, reveal=False))
        place = snapshot(store, Redacted(store, secret), secret, place_of(out, reveal=revealed))
        prepared = store.prepared()
        plants = tuple(redacted_record(record, secret) for record in store.plants())
        calibrations = calibrations_of(store, prepared)
        facts = run_facts(store, digest_of(place))
        count, load = store.count(), store.record
        kept = {value["case"]: value["display"] for key, value in prepared.items() if key.startswith("case:")}
    with rows_database(place) as database:
        database.keep("scores", SCORES)
        asked = database.find("SELECT DISTINCT tool, reader, task FROM scores")
        yield LargeRun(
            folder=folder,
            snapshot=place.relative_to(out),
            database=database,
            rows=count,
            names=names_in(database),
            plants=plants,
            calibrations=calibrations,
            entries=catalog_entries(prepared, ((line["tool"], line["reader"], line["task"]) for line in asked)),
            run=replace(facts, other_versions=_left_out(database)),
            shown=kept.keys(),
            display=lambda case: redacted_display(load(kept[case]), secret),
            record=load,
        )


def _left_out(database: RowsDatabase) -> tuple[str, ...]:
    compared = {
        line["task"]: line["task_version"] for line in database.find("SELECT DISTINCT task, task_version FROM scores WHERE compared")
    }
    query = "SELECT task, task_version, sum(cells)::BIGINT AS cells FROM scores WHERE NOT compared GROUP BY ALL ORDER BY ALL"
    return tuple(
        f"{line['cells']} rows of {line['task']} version {line['task_version']}, on another scale than version {compared[line['task']]}"
        for line in database.find(query)
    )
