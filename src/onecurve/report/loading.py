"""From the folder of a run to what a report is made of. Reads the store and runs nothing."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from onecurve.core.access import Access
from onecurve.core.display import Calibration, CaseDisplay
from onecurve.core.spec import content_key
from onecurve.report.results import Entry, Results, RunFacts
from onecurve.store.store import Store


def load_results(folder: Path) -> Results:
    """Everything a report shows of the run in ``folder``; raises ``DataError`` if there is none."""
    with Store.read(folder) as store:
        rows = store.rows()
        prepared = store.prepared()
        plants = store.plants()
        run = _run(store, content_key([row.key for row in rows], [row.skill for row in rows]))
        calibrated = store.noted("calibrations") or ()
        blobs = store.blobs
    return Results(
        rows=rows,
        displays=_displays(prepared, blobs.get),
        plants=plants,
        calibrations=_calibrations(prepared, calibrated),
        record=blobs.get,
        entries=_entries(prepared),
        run=run,
    )


def _displays(prepared: Mapping[str, Any], record: Any) -> dict[str, CaseDisplay]:
    return {value["case"]: record(value["display"]) for key, value in prepared.items() if key.startswith("case:")}


def _calibrations(prepared: Mapping[str, Any], keys: Sequence[str]) -> tuple[Calibration, ...]:
    return tuple(Calibration(**one) for key in keys for one in prepared.get(key, ()))


def _entries(prepared: Mapping[str, Any]) -> dict[str, Entry]:
    facts = [value for key, value in prepared.items() if key.startswith("facts:")]
    return {
        one["name"]: Entry(
            name=one["name"],
            kind=one["kind"],
            version=one["version"],
            summary=one["summary"],
            source=one["source"],
            needs=Access(one["needs"]).words(),
            tasks=tuple(one["tasks"]),
            parameters=one["parameters"],
        )
        for one in facts
    }


def _run(store: Store, rows_hash: str) -> RunFacts:
    suite = json.loads(store.noted("suite") or "{}")
    started = datetime.fromisoformat(store.noted("started")) if store.noted("started") else datetime.now(UTC)
    finished = store.noted("finished") or {"at": started.isoformat(), "seconds": 0.0}
    return RunFacts(
        command=store.noted("command") or "",
        suite=str(suite.get("name", "")),
        suite_text=yaml.safe_dump(suite, sort_keys=False, allow_unicode=True),
        seed=int(suite.get("seed", 0)),
        started=started,
        finished=datetime.fromisoformat(finished["at"]),
        seconds=float(finished["seconds"]),
        versions=store.noted("versions") or {},
        machine=store.noted("machine") or "",
        hashes={"rows": rows_hash, "planting": str(store.noted("planting") or "")},
    )
