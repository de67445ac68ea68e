"""Whether a run on disk is as it was written: rows, blobs and networks, each against its digest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from onecurve.core import digests
from onecurve.core.digests import FILE, has_digests
from onecurve.core.errors import DataError
from onecurve.core.row import Row
from onecurve.runner.phases.plant import RECORD, network_faults
from onecurve.runner.session import NETWORKS
from onecurve.store.blobs import REBUILT, REMEDY, Blobs
from onecurve.store.published import is_published, published_faults, read_published
from onecurve.store.store import SEALED, Store

OF_A_TASK = ("question", "brief", "oracle", "noise")
"""Blobs that the preparation of a task names."""
SHOWN = 3
"""Faults that one message names at most."""


@final
@dataclass(frozen=True)
class Soundness:
    """What was checked, and what is wrong."""

    folder: Path
    rows: int
    """Graded and other cells, each with its question, evidence and answer."""
    entries: int
    """Rows of every table of the database."""
    blobs: int
    networks: int
    files: int
    """Files of the networks."""
    unchecked: tuple[str, ...]
    """What an earlier version wrote without digests, in words."""
    faults: tuple[str, ...]
    published: bool = False
    """Whether these are published results, which hold rows and no networks."""
    bundle: bool = False
    """Whether it is a bundle."""
    graded: int = 0
    """Answers of a bundle that were graded again."""

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    def in_words(self) -> str:
        """What was checked, for a person."""
        if self.published:
            return f"{self.files} files of published results with {self.rows} rows; every graded skill follows from raw, floor and ceiling"
        if self.bundle:
            graded = f"; {self.graded} answers graded again" if self.graded else ""
            return f"{self.files} files of a bundle with {self.rows} rows, {self.blobs} blobs and {self.networks} networks{graded}"
        counts = f"{self.entries} database entries, {self.rows} rows with question, evidence and answer, {self.blobs} blobs"
        return f"{counts}, {self.networks} networks of {self.files} files"


def check_run(folder: Path) -> Soundness:
    """Check a whole run, or results published from one; a database that cannot be opened is a fault like others.

    Raises ``DataError`` where there is neither.
    """
    if is_published(folder):
        return _published(folder)
    Store.require(folder)
    blobs, broken = all_blobs(Blobs(folder / "blobs"), Blobs(folder / SEALED / "blobs"))
    try:
        with Store.read(folder) as store:
            found, rows = store.checked, _named_by_rows(store)
            named = dict.fromkeys((*rows.blobs, *_blobs_besides_rows(store)))
            lacking = {fault: None for key in named if (fault := blob_fault(store, key)) and fault not in broken}
            networks = _networks(store, rows.networks)
    except DataError as error:
        return Soundness(folder, 0, 0, blobs, 0, 0, (), (error.message, *broken))
    counts = (rows.count, sum(found.rows.values()), blobs, networks.count, networks.files)
    unchecked = (f"{found.unchecked} database entries",) if found.unchecked else ()
    return Soundness(folder, *counts, (*unchecked, *networks.unchecked), (*broken, *lacking, *networks.faults))


@final
@dataclass(frozen=True)
class _Named:
    """What the rows of a store name."""

    count: int
    blobs: Mapping[str, None]
    """Their keys, each once."""
    networks: set[str]


def _named_by_rows(store: Store) -> _Named:
    """What the rows name; the rows themselves are not held."""
    count, blobs, networks = 0, dict[str, None](), set[str]()
    for row in store.stream():
        count += 1
        networks.add(row.subject)
        blobs.update(dict.fromkeys(blobs_of_rows((row,))))
    return _Named(count, blobs, networks)


def _published(folder: Path) -> Soundness:
    found, files = published_faults(folder), sum(path.is_file() for path in folder.iterdir())
    rows = 0 if found else len(read_published(folder).rows)
    return Soundness(folder, rows, 0, 0, 0, files, (), tuple(found), published=True)


def require_blobs(store: Store, keys: Iterable[str]) -> None:
    """Raise ``DataError`` unless all these blobs are there as they were stored; what is missing or damaged is fetched if it can be."""
    found = [fault for key in dict.fromkeys(keys) if (fault := _fault_after_mending(store, key))]
    if found:
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise DataError("; ".join(found[:SHOWN]) + more, REMEDY)


def _fault_after_mending(store: Store, key: str) -> str:
    """What is wrong with a blob that the remote place of the run, if it has one, does not mend."""
    found = blob_fault(store, key)
    if not found or store.holdings.remote is None:
        return found
    store.holdings.mend(key)
    return blob_fault(store, key)


def require_network(store: Store, name: str) -> None:
    """Raise ``DataError`` for a network of the run that is not as it was planted."""
    for fault in network_faults(store, name, store.folder / NETWORKS / name):
        raise DataError(fault, digests.REMEDY)


def blob_fault(store: Store, key: str) -> str:
    """What is wrong with a record or a network that a row names; empty for nothing."""
    return _fault_in(store.blobs if key.startswith(REBUILT) else store.holder(key), key)


def _fault_in(blobs: Blobs, key: str) -> str:
    return blobs.file_fault(key.removeprefix(REBUILT)) if key.startswith(REBUILT) else blobs.fault(key)


def blobs_of_rows(rows: Iterable[Row]) -> list[str]:
    """Keys of questions, evidence and answers."""
    return [key for row in rows for key in (row.question, row.evidence, row.answer) if key]


def bring_all(store: Store) -> None:
    """Have in the folder whatever the run names and a remote place holds; raises ``DataError`` for what is nowhere."""
    if store.holdings.remote is not None:
        store.holdings.bring([*blobs_of_rows(store.stream()), *_blobs_besides_rows(store)])


def _blobs_besides_rows(store: Store) -> list[str]:
    cases = [value for name, value in store.prepared().items() if name.startswith("case:")]
    return [*blobs_of_looks(store), *(key for case in cases for key in blobs_of_case(case))]


def blobs_of_looks(store: Store, *, here: bool = False) -> list[str]:
    """Keys of the evidence of all looks; with ``here`` without those that a remote place may hold and nobody needs yet."""
    keys = [look.evidence for look in store.looks().values() if look.evidence]
    return [key for key in keys if store.holdings.is_here(key)] if here and store.holdings.remote is not None else keys


def blobs_of_case(prepared: Mapping[str, Any]) -> list[str]:
    """Keys of what was prepared for one case: its display, and the questions and evidence of its tasks."""
    keys = [prepared["display"], *(asked.get(kind, "") for asked in prepared["tasks"].values() for kind in OF_A_TASK)]
    return [key for key in keys if key]


def all_blobs(*kept: Blobs) -> tuple[int, dict[str, None]]:
    """How many blobs there are, and what is wrong with them."""
    keys = [(blobs, key) for blobs in kept for key in blobs.keys()]  # noqa: SIM118 - not a dict
    return len(keys), {fault: None for blobs, key in keys if (fault := _fault_in(blobs, key))}


@final
@dataclass(frozen=True)
class _Networks:
    count: int
    files: int
    unchecked: tuple[str, ...]
    faults: tuple[str, ...]


def _networks(store: Store, subjects: Iterable[str]) -> _Networks:
    root = store.folder / NETWORKS
    there = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")) if root.is_dir() else []
    missing = sorted(set(subjects) - {path.name for path in there})
    found = [f"a network is missing: {root / name}" for name in missing]
    found += [f"a file is missing: {path / RECORD}" for path in there if not (path / RECORD).is_file()]
    for path in there:
        found += network_faults(store, path.name, path)
    old = sum(not has_digests(path) for path in there)
    files = sum(1 for path in there for file in path.rglob("*") if file.is_file() and file.name not in {FILE, "key"})
    return _Networks(len(there), files, (f"{old} networks",) if old else (), tuple(dict.fromkeys(found)))
