"""Runs that differ in what a test says, made of the small finished run: other networks, rows, versions of tools."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from onecurve.core.digests import FILE as FILE_OF_DIGESTS
from onecurve.core.digests import digest_of, write_digests
from onecurve.core.row import Row
from onecurve.core.spec import content_key
from onecurve.runner.phases.plant import DIGESTS
from onecurve.store.store import FILE, Store

PARTS = ("networks", "blobs", "sealed")


def another_run(
    base: Path,
    folder: Path,
    *,
    networks: str = "a",
    plan: str = "",
    rename: tuple[str, str] = ("", ""),
    rows: Callable[[Row], Row | None] = lambda row: row,
    prepared: Callable[[str, Any], Any] = lambda key, value: value,
    notes: Mapping[str, Any] | None = None,
    started: str = "2026-01-01T00:00:00+00:00",
) -> Path:
    """A run like ``base`` with networks of other keys (and so other cells), another plan, rows, prepared values and notes."""
    folder.mkdir(parents=True)
    for part in (part for part in PARTS if (base / part).exists()):
        shutil.copytree(base / part, folder / part)
    if rename[0]:
        renamed_network(folder, *rename)
    found = {f"{DIGESTS}{place.name}": other_network(place, networks) for place in sorted((folder / "networks").iterdir())}
    plan = plan or networks
    with Store.read(base) as old, Store.create(folder) as new:
        noted = {**old.facts(), "planting": content_key(plan), "started": started, **found, **(notes or {})}
        for name, value in noted.items():
            if name not in {"schema", "digests"} and value is not None:
                new.note(name, value)
        for record in old.plants():
            case, subject = (text.replace(*rename) if rename[0] else text for text in (record.case, record.subject))
            new.add_plants(subject, [replace(record, case=case, subject=subject)])
        for key, value in old.prepared().items():
            known = json.loads(json.dumps(value).replace(*rename)) if rename[0] else value
            new.prepare(key.replace(*rename) if rename[0] else key, prepared(key, known))
        for look in old.looks().values():
            new.add_look(replace(look, key=content_key(look.key, networks, plan)))
        for row in old.rows():
            case, subject = (text.replace(*rename) if rename[0] else text for text in (row.case, row.subject))
            changed = rows(replace(row, key=content_key(row.key, networks, plan), case=case, subject=subject))
            if changed is not None:
                new.add_cell(changed)
    return folder


def other_network(place: Path, networks: str) -> str:
    """Give a network another key, and unless it is `a` another image; returns the digest of its digests."""
    (place / "key").write_text(content_key(networks, place.name))
    if networks != "a":
        images = place / "subject" / "clean.safetensors"
        content = images.read_bytes()
        images.write_bytes(content[:-1] + bytes([(content[-1] + sum(networks.encode())) % 256]))
        (place / FILE_OF_DIGESTS).unlink()
        write_digests(place, [path.relative_to(place).as_posix() for path in place.rglob("*.*") if path.is_file()])
    return digest_of(place / FILE_OF_DIGESTS)


def renamed_network(run: Path, name: str, other: str) -> None:
    """Call a network and its case otherwise, as a run of another seed calls a network of a zoo."""
    place = (run / "networks" / name).rename(run / "networks" / other)
    for path in list(place.rglob(f"{name}.*")):
        path.rename(path.with_name(path.name.replace(name, other)))
    for path in place.rglob("*.json"):
        path.write_text(path.read_text().replace(name, other))
    (place / FILE_OF_DIGESTS).unlink()
    write_digests(place, [path.relative_to(place).as_posix() for path in place.rglob("*.*") if path.is_file()])


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
