"""The second pass: blobs and networks are copied first, each whole or not at all, and the rows then appear at once."""

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from onecurve.core.digests import FILE as DIGESTS_FILE
from onecurve.core.digests import digest_of, has_digests
from onecurve.core.display import PlantRecord
from onecurve.core.row import Row
from onecurve.runner.merged import NOTE, SEEDS, Merged, Named
from onecurve.runner.merging.alone import alone_in
from onecurve.runner.merging.gather import Gathered
from onecurve.runner.merging.names import Names, NetworkId, named_by
from onecurve.runner.merging.notes import notes_of
from onecurve.runner.merging.prepared import PASS, pass_key, prepared_of, renamed
from onecurve.runner.merging.sources import Source
from onecurve.runner.phases.plant import DIGESTS, FACTS
from onecurve.runner.session import NETWORKS
from onecurve.runner.soundness import bring_all
from onecurve.store.blobs import REBUILT, Blobs
from onecurve.store.bulk import add_cells, add_looks
from onecurve.store.columns import place_of
from onecurve.store.store import FILE, SEALED, Store

STAGE = ".merging"
"""Where the rows are written before they appear; what is left of a merge that was killed."""
MOST_BYTES = 2**40
"""Blobs come from a person's own runs: any size that a disk holds."""


@final
@dataclass(frozen=True)
class Plan:
    """What is merged, from where, and under which names."""

    sources: Sequence[Source]
    gathered: Gathered
    names: Names
    networks: Mapping[NetworkId, Sequence[int]]
    """With the sources that have them."""
    named: Mapping[NetworkId, Named]
    """What networks are called elsewhere."""

    def takes(self, kind: str, key: str, source: int) -> bool:
        """Whether that version counts."""
        return self.gathered.taken[kind, key].source == source

    def home(self, network: NetworkId) -> Source:
        """Whose folder of the network is copied: what was merged before stays, else that of the smallest digest."""
        having = [self.sources[number] for number in self.networks[network]]
        return min(having, key=lambda source: (not source.merged, _digest(source.home(network))))


def write(plan: Plan, out: Path) -> None:
    """Write everything into ``out``; interrupted, it leaves what was there, and begun again it ends the same."""
    with alone_in(out):
        _write(plan, out)


def _write(plan: Plan, out: Path) -> None:
    stage = out / STAGE
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    for source in plan.sources:
        if source.folder.resolve() != out.resolve():
            _copy_blobs(source.folder, out)
    for network in plan.networks:
        _copy_network(plan.home(network).home(network), out / NETWORKS / plan.names.networks[network])
    _write_seeds(plan, out)
    with Store.create(stage) as store:
        _write_rows(plan, store, out)
    (stage / FILE).replace(out / FILE)
    for reveal in (False, True):
        shutil.rmtree(place_of(out, reveal=reveal).parent, ignore_errors=True)  # columns of the rows as they were
    _remove_other_networks(plan, out)
    shutil.rmtree(stage)


def _copy_blobs(source: Path, out: Path) -> None:
    with Store.read(source) as store:
        bring_all(store)
    for part in ("blobs", f"{SEALED}/blobs"):
        there, here = Blobs(source / part), Blobs(out / part)
        for key in there.keys():  # noqa: SIM118 - not a dict
            if key.startswith(REBUILT):
                here.take(key.removeprefix(REBUILT), there, MOST_BYTES)
            else:
                here.take(key, there, MOST_BYTES, lambda _record: None)
    (out / SEALED).mkdir(mode=0o700, exist_ok=True)


def _copy_network(source: Path, here: Path) -> None:
    if here.resolve() == source.resolve() or (here.is_dir() and _digest(here) == _digest(source)):
        return
    arriving = here.with_name(f".{here.name}")
    shutil.rmtree(arriving, ignore_errors=True)
    shutil.copytree(source, arriving)
    shutil.rmtree(here, ignore_errors=True)
    arriving.rename(here)


def _digest(folder: Path) -> str:
    return digest_of(folder / DIGESTS_FILE) if has_digests(folder) else digest_of(folder / "key")


def _remove_other_networks(plan: Plan, out: Path) -> None:
    """Networks under names that they no longer have, since more was merged."""
    kept = {plan.names.networks[network] for network in plan.networks}
    for place in (out / NETWORKS).iterdir() if (out / NETWORKS).is_dir() else ():
        if place.name not in kept:
            shutil.rmtree(place)


def _write_seeds(plan: Plan, out: Path) -> None:
    seeds = {run: seed for source in plan.sources for run, seed in source.seeds.items()}
    (out / SEALED).mkdir(mode=0o700, parents=True, exist_ok=True)
    arriving = out / SEALED / f".{SEEDS}"
    arriving.unlink(missing_ok=True)
    with os.fdopen(os.open(arriving, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        json.dump(dict(sorted(seeds.items())), file)
    arriving.replace(out / SEALED / SEEDS)


def _write_rows(plan: Plan, store: Store, out: Path) -> None:
    secret, calibrations = set(), set()
    for number, source in enumerate(plan.sources):
        with Store.read(source.folder) as read:
            secret |= {plan.names.cases[source.case(case)] for case in read.noted("secret") or () if case in source.cases}
            calibrations |= set(read.noted("calibrations") or ())
            _write_prepared(plan, number, read, store, Blobs(out / SEALED / "blobs"))
            add_looks(store, (look for look in read.looks().values() if plan.takes("look", look.key, number)))
            add_cells(store, (_row(plan, source, row) for row in read.stream() if plan.takes("cell", row.key, number)))
    _write_plants(plan, store)
    for network in plan.networks:
        name = plan.names.networks[network]
        if has_digests(out / NETWORKS / name):
            store.note(f"{DIGESTS}{name}", digest_of(out / NETWORKS / name / DIGESTS_FILE))
    store.prepare(FACTS, {"planting": plan.sources[0].planting})
    lists = {"secret": sorted(secret), "calibrations": sorted(calibrations)}
    for name, value in {**notes_of(plan.sources), **lists, NOTE: _merged(plan).plain()}.items():
        if value is not None:
            store.note(name, value)


def _merged(plan: Plan) -> Merged:
    names = plan.names
    inner = {network: plan.home(network).named[network].inner for network in plan.networks}
    return Merged(
        runs={run: told for source in plan.sources for run, told in source.runs.items()},
        networks={name: replace(plan.named[one], inner=inner[one]) for one, name in names.networks.items()},
        cases={name: Named(one.part, named_by(inner[one.network], one.part), (one.plan,)) for one, name in names.cases.items()},
        solvers={f"{one.half}:{name}": one.name for one, name in names.solvers.items() if name != one.name},
    )


def _row(plan: Plan, source: Source, row: Row) -> Row:
    case = source.case(row.case)
    tool = plan.names.solvers[source.solver("tool", row.tool)]
    reader = plan.names.solvers[source.solver("reader", row.reader)] if row.reader else ""
    solver = f"{tool}@{reader}" if row.reader and row.solver != row.tool else tool
    network = plan.names.networks[case.network]
    return replace(row, case=plan.names.cases[case], subject=network, tool=tool, reader=reader, solver=solver)


def _write_prepared(plan: Plan, number: int, read: Store, store: Store, sealed: Blobs) -> None:
    source, values = plan.sources[number], read.prepared()
    for one in prepared_of(source, read):
        if not plan.takes("prepared", one.key, number):
            continue
        value = values[one.here]
        if one.here.startswith(PASS):
            store.prepare(pass_key(source, plan.names, one.here), value)
            continue
        display = read.record(value["display"]) if one.content == "case" and _is_renamed(plan, source, value["case"]) else None
        value, shown = renamed(source, plan.names, one.here, value, display)
        if shown is not None:
            sealed.put(shown)
        store.prepare(one.key, value)


def _is_renamed(plan: Plan, source: Source, case: str) -> bool:
    known = source.case(case)
    return (plan.names.cases[known], plan.names.networks[known.network]) != (case, source.names[known.network])


def _write_plants(plan: Plan, store: Store) -> None:
    found: dict[NetworkId, dict[str, PlantRecord]] = {}
    for source in plan.sources:
        for record in source.plants:
            case = source.case(record.case)
            name = plan.names.cases[case]
            mine = replace(record, case=name, subject=plan.names.networks[case.network])
            kept = found.setdefault(case.network, {}).get(name)
            found[case.network][name] = mine if kept is None else min(kept, mine, key=_time_of)
    for network, records in sorted(found.items()):
        store.add_plants(plan.names.networks[network], _in_order(records))


def _time_of(record: PlantRecord) -> tuple[float, str]:
    return record.seconds, json.dumps(record.plain(), sort_keys=True)


def _in_order(records: Mapping[str, PlantRecord]) -> Iterable[PlantRecord]:
    return [records[name] for name in sorted(records)]
