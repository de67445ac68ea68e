"""Bundle a finished run, or merged results."""

import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from onecurve.core.digests import write_digests
from onecurve.core.errors import UsageError
from onecurve.core.folders import require_empty
from onecurve.core.grade import Status
from onecurve.core.row import Row
from onecurve.runner.bundles.layout import RECORD, ROWS, SCHEMA, may_lie_in_a_bundle
from onecurve.runner.bundles.record import Record
from onecurve.runner.merging.sources import FACT, Source, opened
from onecurve.runner.session import NETWORKS
from onecurve.runner.soundness import require_blobs
from onecurve.store.blobs import REBUILT, Blobs
from onecurve.store.export import row_as_dict
from onecurve.store.store import SEALED, Store
from onecurve.version import __version__

UNFINISHED = (Status.PENDING, Status.WAITING, Status.LOST)
ANY = 2**62
"""Bytes: a person's own blobs have any size."""
ZIP = ".zip"
OTHER_ARCHIVES = frozenset({".tar", ".gz", ".tgz", ".xz", ".bz2", ".zst", ".7z"})
"""Endings that a folder would not be given on purpose."""


def bundle_run(folder: Path, out: Path, *, networks: bool = True) -> Record:
    """Write the bundle of a run into ``out``, a new or empty folder, or a new file that ends with `.zip`.

    Raises ``UsageError`` for a run that has not ended and for ``out`` that is there, ``DataError`` for a run that is damaged.
    """
    if out.suffix in OTHER_ARCHIVES:
        raise UsageError(f"a bundle is a folder or a zip, and not: {out.name}", f"call it {out.stem}{ZIP}")
    if out.suffix == ZIP and out.exists():
        raise UsageError(f"there is a file already: {out}", "choose another name with --out")
    if out.suffix != ZIP:
        require_empty(out, "choose another folder with --out")
    source = opened(folder)
    record = _record(source, networks=networks)
    with _target(out) as place:
        _write(source, place, record)
    return record


@contextmanager
def _target(out: Path) -> Iterator[Path]:
    """A folder that becomes the bundle once it is whole."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as temporary:
        place = Path(temporary) / "bundle"
        place.mkdir()
        yield place
        if out.suffix == ZIP:
            packed = Path(temporary) / out.name
            _pack(place, packed)
            packed.rename(out)
        else:
            if out.exists():
                out.rmdir()
            place.rename(out)


def _pack(place: Path, out: Path) -> None:
    # Networks that came from another machine have the time 0, which a zip cannot hold.
    with zipfile.ZipFile(out, "x", zipfile.ZIP_DEFLATED, strict_timestamps=False) as packed:
        for path in sorted(path for path in place.rglob("*") if path.is_file()):
            packed.write(path, path.relative_to(place).as_posix())


def _record(source: Source, *, networks: bool) -> Record:
    with Store.read(source.folder) as store:
        counts = store.counts()
        left = {status: counts[status] for status in UNFINISHED if counts[status]}
        if left or not source.finished:
            told = ", ".join(f"{count} cells are {status}" for status, count in left.items()) or "it has not ended"
            raise UsageError(f"the run is not finished, and a bundle would reveal its truths: {source.folder}: {told}", "finish it first")
        prepared, facts = store.prepared(), store.facts()
    seedless = sorted(set(source.runs) - set(source.seeds))
    if seedless:
        raise UsageError(f"nothing was planted in: {source.folder}", "finish it with `onecurve run`")
    return Record(
        schema=SCHEMA,
        onecurve=__version__,
        planting=source.planting,
        runs={run: dict(told) for run, told in source.runs.items()},
        seeds=dict(source.seeds),
        networks={name: (source.home(known) / "key").read_text(encoding="ascii").strip() for name, known in source.networks.items()},
        cases={name: (source.first_name(name), known.plan) for name, known in source.cases.items()},
        plants=tuple(one.plain() for one in source.plants),
        calibrations=tuple(one for key in facts.get("calibrations") or () for one in prepared.get(key, ())),
        solvers=tuple(value for key, value in sorted(prepared.items()) if key.startswith(FACT)),
        rows=counts.total(),
        with_networks=networks,
    )


def _write(source: Source, place: Path, record: Record) -> None:
    open_blobs, sealed = Blobs(place / "blobs"), Blobs(place / SEALED / "blobs")
    with Store.read(source.folder) as store, (place / ROWS).open("w", encoding="utf-8") as file:
        for row in store.stream():
            named = [key for key in (row.question, row.evidence, row.answer) if key]
            store.holdings.bring(named)
            require_blobs(store, named)
            for key in named:
                _copy(store, key, open_blobs, sealed)
            file.write(json.dumps(_plain(row), sort_keys=True) + "\n")
    (place / RECORD).write_text(json.dumps(asdict(record), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    if record.with_networks:
        for name, known in source.networks.items():
            shutil.copytree(source.home(known), place / NETWORKS / name)
    _require_known_names(place)
    write_digests(place)


def _copy(store: Store, key: str, open_blobs: Blobs, sealed: Blobs) -> None:
    if key.startswith(REBUILT):
        open_blobs.take(key.removeprefix(REBUILT), store.blobs, ANY)
        return
    held = store.holder(key)
    (sealed if held is store.sealed else open_blobs).take(key, held, ANY, lambda _record: None)


def _plain(row: Row) -> Mapping[str, Any]:
    """A row without its traceback, which names places of the machine that ran it."""
    values = row_as_dict(row)
    return {name: value for name, value in values.items() if name not in {"traceback", "beyond_meter"}}


def _require_known_names(place: Path) -> None:
    for path in place.rglob("*"):
        name = path.relative_to(place).as_posix()
        if path.is_file() and not may_lie_in_a_bundle(name):
            raise UsageError(f"a file of the run has no place in a bundle: {name}", "move it out of the folder of the run")
