"""What is merged: runs on disk, opened for reading only, and what their names stand for everywhere."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, final

from onecurve.core import digests
from onecurve.core.digests import FILE, digest_of
from onecurve.core.display import PlantRecord
from onecurve.core.errors import DataError
from onecurve.core.row import Row
from onecurve.core.spec import content_key
from onecurve.runner.merged import SEEDS, Named, merged_of
from onecurve.runner.merging.names import CaseId, NetworkId, SolverId, named_by, part_of
from onecurve.runner.phases.plant import FACTS, FIRST, network_faults
from onecurve.runner.sealed import sealed_file, seed_of_run
from onecurve.runner.session import NETWORKS
from onecurve.store.store import Store

FACT = "facts:"
TOLD = ("suite", "command", "started", "finished", "versions", "machine", "isolation")
"""What is told of each run, by the names under which its store has it."""


@final
@dataclass(frozen=True)
class Source:
    """One of the folders that are merged: a run, or what was merged before."""

    folder: Path
    runs: Mapping[str, Mapping[str, Any]]
    """What is told of each run in it, by the run's id."""
    seeds: Mapping[str, int]
    planting: str
    """The version of planting."""
    networks: Mapping[str, NetworkId]
    """By their names here."""
    named: Mapping[NetworkId, Named]
    """What networks are called elsewhere, and the keys by which they were planted."""
    cases: Mapping[str, CaseId]
    """By their names here: those that were planted."""
    solvers: Mapping[tuple[str, str], SolverId]
    """By half and name here."""
    plants: tuple[PlantRecord, ...]
    finished: bool
    merged: bool

    @cached_property
    def names(self) -> Mapping[NetworkId, str]:
        """What networks are called here."""
        return {known: name for name, known in self.networks.items()}

    def home(self, network: NetworkId) -> Path:
        """The folder of a network of this source."""
        return self.folder / NETWORKS / self.names[network]

    def case(self, name: str) -> CaseId:
        """What a case of a row is; raises ``DataError`` for one that nothing was planted as."""
        if name not in self.cases:
            raise DataError(f"no plant is called {name}: {self.folder}", "`onecurve verify` says what is wrong with the run")
        return self.cases[name]

    def first_name(self, case: str) -> str:
        """What the files of its network call a case."""
        known = self.case(case)
        return named_by(self.named[known.network].inner, known.part)

    def solver(self, half: str, name: str) -> SolverId:
        """What a tool or reader is; a control and a reference point have no version."""
        return self.solvers.get((half, name), SolverId(half, name, (), ()))


def opened(folder: Path) -> Source:
    """What there is in a folder; raises ``DataError`` where there are no results, or a network of them is damaged or missing."""
    with Store.read(folder) as store:
        prepared, plants, before = store.prepared(), store.plants(), merged_of(store)
        plan = str(store.noted("planting") or "")
        networks = {name: _network(store, name) for name in sorted({one.subject for one in plants})}
        _require_distinct(store, networks)
        run = content_key("run", plan, store.noted("started"))
        told = {name: store.noted(name) for name in TOLD}
        seed = seed_of_run(store) if before is None else None
        finished = store.noted("finished") is not None
    version = str(prepared.get(FACTS, {}).get("planting", FIRST))
    if before is None:
        named = {known: Named(name, name, (_key(folder, name),)) for name, known in networks.items()}
        cases = {one.case: CaseId(networks[one.subject], part_of(one.case, one.subject), plan) for one in plants}
        solvers, seeds = _solvers(prepared, {}), {run: seed} if seed is not None else {}
        return Source(folder, {run: told}, seeds, version, networks, named, cases, solvers, plants, finished, merged=False)
    named = {known: before.networks[name] for name, known in networks.items()}
    of = {one.case: before.cases[one.case] for one in plants}
    cases = {one.case: CaseId(networks[one.subject], of[one.case].name, of[one.case].keys[0]) for one in plants}
    solvers, seeds = _solvers(prepared, before.solvers), _seeds(folder)
    return Source(folder, before.runs, seeds, version, networks, named, cases, solvers, plants, finished, merged=True)


def halves(row: Row) -> tuple[tuple[str, str], ...]:
    """The halves of the solver of a row: each with its name."""
    return (("tool", row.tool), *((("reader", row.reader),) if row.reader else ()))


def _network(store: Store, name: str) -> NetworkId:
    here = store.folder / NETWORKS / name
    _key(store.folder, name)
    for fault in network_faults(store, name, here):
        raise DataError(fault, digests.REMEDY)
    known = json.loads((here / FILE).read_bytes()) if (here / FILE).is_file() else _digests(here)
    # Names and times of planting differ between runs; weights and images are what a network is.
    content = {_bare(file): digest for file, digest in known.items() if file.endswith(".safetensors")}
    return NetworkId(content_key(content or _key(store.folder, name)))


def _require_distinct(store: Store, networks: Mapping[str, NetworkId]) -> None:
    """Raise ``DataError`` for two networks of one run that are the same: merged, their cases could not be told apart."""
    known: dict[NetworkId, str] = {}
    for name, network in networks.items():
        if known.setdefault(network, name) != name:
            raise DataError(f"{known[network]} and {name} of {store.folder} are the same network", "leave the run out")


def _bare(file: str) -> str:
    """The name of a file without that of the network: `sealed/net-1.2.safetensors` is `sealed/.2.safetensors`."""
    place, _, name = file.rpartition("/")
    stem = name.removesuffix(".safetensors")
    return f"{place}/{stem[stem.rindex('.') :]}" if "." in stem else file


def _key(folder: Path, name: str) -> str:
    here = folder / NETWORKS / name
    try:
        return (here / "key").read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        remedy = f"{digests.REMEDY}; the same `onecurve run` fetches it, if the run has copies in a remote place"
        raise DataError(f"a network is missing: {here}", remedy) from error


def _solvers(prepared: Mapping[str, Any], renamed: Mapping[str, str]) -> dict[tuple[str, str], SolverId]:
    found: dict[tuple[str, str], set[tuple[int, str]]] = defaultdict(set)
    for value in _described(prepared):
        found[half_of(value), value["name"]].add((value["version"], value["key"]))
    return {
        (half, name): SolverId(
            half, renamed.get(f"{half}:{name}", name), *(tuple(sorted(set(parts))) for parts in zip(*known, strict=True))
        )
        for (half, name), known in found.items()
    }


def _described(prepared: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return (value for key, value in prepared.items() if key.startswith(FACT))


def half_of(described: Mapping[str, Any]) -> str:
    """Which half of a solver a description is of."""
    return "reader" if described["kind"] == "reader" else "tool"


def _seeds(folder: Path) -> dict[str, int]:
    path = sealed_file(folder, SEEDS)
    try:
        found = json.loads(path.read_text(encoding="ascii"))
        return {str(run): int(seed) for run, seed in found.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(f"cannot read {path}: {error}", "merge the runs again into another folder") from error


def _digests(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): digest_of(path) for path in sorted(folder.rglob("*")) if path.is_file()}
