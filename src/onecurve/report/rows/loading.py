"""Loads the results of a run from its folder. Reads the store and runs nothing."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from onecurve.core.access import Access
from onecurve.core.display import Calibration, CaseDisplay
from onecurve.core.spec import content_key
from onecurve.report.rows.limits import other_limits
from onecurve.report.rows.results import CatalogEntry, Results, RunFacts
from onecurve.report.rows.secrecy import redacted_display, redacted_record, redacted_row, secret_cases
from onecurve.statistics.versions import left_out, of_one_version
from onecurve.store.store import Store


def load_results(folder: Path, *, reveal: bool = False) -> Results:
    """Everything a report shows of the run in ``folder``. Secret flaws are shown only with ``reveal``.

    Raises ``DataError`` if there is no run.
    """
    with Store.read(folder) as store:
        secret = secret_cases(store, reveal=reveal)
        kept = store.rows()
        rows = tuple(redacted_row(row, secret) for row in of_one_version(kept))
        prepared = store.prepared()
        plants = tuple(redacted_record(record, secret) for record in store.plants())
        run = replace(
            run_facts(store, content_key([row.key for row in rows], [row.skill for row in rows])),
            other_versions=tuple(
                f"{left.rows} rows of {left.task} version {left.version}, on another scale than version {left.compared}"
                for left in left_out(kept)
            ),
        )
        calibrations = calibrations_of(store, prepared)
        load = store.record
    return Results(
        rows=rows,
        displays=_displays(prepared, load, secret),
        plants=plants,
        calibrations=calibrations,
        record=load,
        entries=catalog_entries(prepared, ((row.tool, row.reader, row.task) for row in rows)),
        run=run,
    )


def _displays(prepared: Mapping[str, Any], load: Callable[[str], CaseDisplay], secret: Collection[str]) -> dict[str, CaseDisplay]:
    cases = (value for key, value in prepared.items() if key.startswith("case:"))
    return {value["case"]: redacted_display(load(value["display"]), secret) for value in cases}


def calibrations_of(store: Store, prepared: Mapping[str, Any]) -> tuple[Calibration, ...]:
    """How the readers of a run were calibrated; ``prepared`` is what the store prepared."""
    return tuple(Calibration(**one) for key in store.noted("calibrations") or () for one in prepared.get(key, ()))


def catalog_entries(prepared: Mapping[str, Any], asked: Iterable[tuple[str, str, str]]) -> dict[str, CatalogEntry]:
    """The facts of every tool, reader and direct solver that the store prepared; ``asked`` are tools with readers and tasks."""
    served: dict[str, dict[str, None]] = {}
    for *halves, task in asked:
        for half in halves:
            served.setdefault(half, {})[task] = None
    # A class may be tool and reader in one; then its entry is the tool's.
    facts = sorted((value for key, value in prepared.items() if key.startswith("facts:")), key=lambda one: one["kind"] == "tool")
    return {
        one["name"]: CatalogEntry(
            name=one["name"],
            kind=one["kind"],
            version=one["version"],
            summary=one["summary"],
            source=one["source"],
            needs=Access(one["needs"]).words(),
            tasks=tuple(served.get(one["name"], ())),
            parameters=one["parameters"],
        )
        for one in facts
    }


def run_facts(store: Store, rows_hash: str) -> RunFacts:
    """What was run, when and with which versions; ``rows_hash`` is the digest by which a report names its rows."""
    suite = json.loads(store.noted("suite") or "{}")
    started = datetime.fromisoformat(store.noted("started")) if store.noted("started") else datetime.now(UTC)
    finished = store.noted("finished") or {"at": started.isoformat(), "seconds": 0.0}
    return RunFacts(
        command=store.noted("command") or "",
        suite=str(suite.get("name", "")),
        suite_text=yaml.safe_dump(suite, sort_keys=False, allow_unicode=True),
        seed=suite.get("seed"),
        started=started,
        finished=datetime.fromisoformat(finished["at"]),
        seconds=float(finished["seconds"]),
        versions=store.noted("versions") or {},
        machine=store.noted("machine") or "",
        isolation=tuple(store.noted("isolation") or ()),
        hashes={"rows": rows_hash, "planting": str(store.noted("planting") or "")},
        own=tuple(store.noted("own") or ()),
        other_limits=other_limits(suite),
        names_seeds=_names_seeds(suite),
    )


def _names_seeds(suite: Mapping[str, Any]) -> bool:
    networks = suite.get("networks", ())
    if suite.get("zoo"):
        return True
    return "seed" in suite.get("recipe", {}) or any(some["seed"] is not None or "seed" in some["recipe"] for some in networks)
