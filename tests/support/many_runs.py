"""Runs that differ in what a test says, made of the small finished run: other networks, rows, versions of tools."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from onecurve.core.row import Row
from onecurve.core.spec import content_key
from onecurve.store.store import FILE, Store

PARTS = ("networks", "blobs", "sealed")


def another_run(
    base: Path,
    folder: Path,
    *,
    networks: str = "a",
    plan: str = "",
    rows: Callable[[Row], Row | None] = lambda row: row,
    prepared: Callable[[str, Any], Any] = lambda key, value: value,
    notes: Mapping[str, Any] | None = None,
    started: str = "2026-01-01T00:00:00+00:00",
) -> Path:
    """A run like ``base`` with networks of other keys (and so other cells), another plan, rows, prepared values and notes."""
    folder.mkdir(parents=True)
    for part in (part for part in PARTS if (base / part).exists()):
        shutil.copytree(base / part, folder / part)
    for place in (folder / "networks").iterdir():
        (place / "key").write_text(content_key(networks, place.name))
    plan = plan or networks
    with Store.read(base) as old, Store.create(folder) as new:
        changed = {**old.facts(), "planting": content_key(plan), "started": started, **(notes or {})}
        for name, value in changed.items():
            if name not in {"schema", "digests"} and value is not None:
                new.note(name, value)
        for subject in sorted({record.subject for record in old.plants()}):
            new.add_plants(subject, [record for record in old.plants() if record.subject == subject])
        for key, value in old.prepared().items():
            new.prepare(key, prepared(key, value))
        for look in old.looks().values():
            new.add_look(replace(look, key=content_key(look.key, networks, plan)))
        for row in old.rows():
            found = rows(replace(row, key=content_key(row.key, networks, plan)))
            if found is not None:
                new.add_cell(found)
    return folder


def contents(folder: Path) -> dict[str, Any]:
    """Everything that results hold, in an order of its own: what two merges must agree in."""
    with Store.read(folder) as store:
        notes = store.facts()
        looks = {key: (look.evidence, look.cost) for key, look in store.looks().items()}
        prepared = dict(sorted(store.prepared().items()))
        plants = sorted(str(one.plain()) for one in store.plants())
        blobs = (store.blobs.keys(), store.sealed.keys())
        return {"rows": store.rows(), "notes": notes, "looks": looks, "prepared": prepared, "plants": plants, "blobs": blobs}


def files(folder: Path) -> dict[str, bytes]:
    """The bytes of every file."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found if path.name != f"{FILE}-shm"}
