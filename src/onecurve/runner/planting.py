"""The planting phase: networks planted in parallel, each kept whole in the cache and copied into the run."""

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from onecurve.core.display import PlantRecord
from onecurve.core.errors import UsageError
from onecurve.core.seeds import seed_for
from onecurve.core.spec import content_key
from onecurve.runner.jobs import Job, Outcome, Room
from onecurve.runner.session import Session
from onecurve.version import __version__

RECORD = "planted.json"
FACTS = "planting"
"""Name under which the store keeps what there is to plant with."""
SECONDS = 7200.0
"""A network that takes longer than this to plant is given up."""


@final
@dataclass(frozen=True)
class PlantedNetwork:
    """One network of the run."""

    name: str
    flaws: tuple[str, ...]
    reference: bool
    """True for a clean network that detectors are calibrated on."""
    key: str
    cases: tuple[str, ...]

    @property
    def kinds(self) -> str:
        """All kinds planted in it, joined by `+`."""
        return "+".join(sorted({flaw.partition("[")[0] for flaw in self.flaws})) or "clean"


@final
@dataclass(frozen=True)
class _Wanted:
    name: str
    flaws: tuple[str, ...]
    reference: bool
    seed: int
    key: str


def plant_all(session: Session) -> tuple[PlantedNetwork, ...]:
    """Plant every network of the suite that is not there yet; raises ``UsageError`` if none can be."""
    facts = _facts(session)
    wanted = _wanted(session, facts)
    missing = [network for network in wanted if not _fetched(session, network)]
    if missing:
        _plant(session, missing, int(facts["classes"]))
    planted = tuple(_planted(session, network) for network in wanted if (session.network_folder(network.name) / RECORD).is_file())
    if not any(network.cases for network in planted if not network.reference):
        raise UsageError(f"no network could be planted: {'; '.join(session.failures) or 'all were refused'}")
    return planted


def _wanted(session: Session, facts: Mapping[str, Any]) -> tuple[_Wanted, ...]:
    suite = session.suite
    networks: list[tuple[str, tuple[str, ...], bool]] = []
    for some in suite.networks:
        for _ in range(some.count):
            kind = "flawed" if some.flaws else "clean"
            number = 1 + sum(name.startswith(kind) for name, _, _ in networks)
            networks.append((f"{kind}-{number}", some.flaws, False))
    networks += [(f"reference-{number + 1}", (), True) for number in range(suite.references)]
    return tuple(
        _Wanted(
            name, flaws, reference, seed, content_key(__version__, facts["recipe"], [facts["flaws"][flaw] for flaw in flaws], seed, name)
        )
        for name, flaws, reference in networks
        for seed in [seed_for(suite.seed, "network", name)]
    )


def _facts(session: Session) -> dict[str, Any]:
    """What there is to plant with; noted, so that a run that is gone on with keeps the networks that it has."""
    suite = session.suite
    noted = session.store.prepared().get(FACTS)
    # A set or a network that is a file may have changed since, one that is drawn or built may not.
    if noted is not None and not any(":" in address for address in (suite.data, suite.model)):
        return dict(noted)
    flaws = sorted({flaw for some in suite.networks for flaw in some.flaws})
    facts = session.ask(Room.SEALED, "planting_facts", f"open the data `{suite.data}`", {"recipe": _recipe(session), "flaws": flaws})
    session.store.prepare(FACTS, facts)
    return facts


def _recipe(session: Session) -> dict[str, Any]:
    suite = session.suite
    return {"data": suite.data, "model": suite.model, "seed": suite.seed, "device": session.device, **suite.recipe}


def _plant(session: Session, missing: Sequence[_Wanted], classes: int) -> None:
    session.display.phase("plant", len(missing) + 1)
    recipe = _recipe(session)
    base = Job(
        Room.SEALED,
        "train_base",
        {"recipe": recipe, "cache": str(session.cache / "weights")},
        "train the clean network",
        seconds=SECONDS,
        alone=True,
    )
    population = {"clean_share": session.suite.clean_share, "flaws_per_network": session.suite.flaws_per_network, "classes": classes}
    jobs = {network.name: _plant_job(session, network, recipe, population) for network in missing}
    wanted = {network.name: network for network in missing}

    def done(job: Job, outcome: Outcome) -> Iterable[Job]:
        session.display.done(1, outcome.failed)
        if job is base:
            if outcome.value is None:
                raise UsageError(f"cannot train on `{session.suite.data}`: {outcome.reason}")
            return list(jobs.values())
        if outcome.value is None:
            session.failures.append(f"{job.key}: {outcome.reason}")
            session.display.say(f"{job.key} could not be planted: {outcome.reason}")
            return ()
        _keep(session, wanted[job.key], outcome.value, Path(job.arguments["folder"]))
        return ()

    session.run([base], done)


def _plant_job(session: Session, network: _Wanted, recipe: dict[str, Any], population: dict[str, Any]) -> Job:
    building = session.cache / "building"
    building.mkdir(parents=True, exist_ok=True)
    arguments = {
        "flaws": list(network.flaws) or ["clean"],
        "recipe": recipe,
        "seed": network.seed,
        "subject": network.name,
        "folder": tempfile.mkdtemp(prefix=f"{network.name}-", dir=building),
        "cache": str(session.cache / "weights"),
        "population": population,
    }
    words = " + ".join(network.flaws) or "nothing"
    return Job(Room.SEALED, "plant_network", arguments, f"plant {words} in {network.name}", key=network.name, seconds=SECONDS)


def _keep(session: Session, network: _Wanted, value: Any, built: Path) -> None:
    (built / RECORD).write_text(json.dumps({"cases": value["cases"], "records": value["records"]}))
    kept = session.cache / "networks" / network.key
    kept.parent.mkdir(parents=True, exist_ok=True)
    if kept.exists():
        shutil.rmtree(built)
    else:
        built.rename(kept)
    _fetched(session, network)


def _fetched(session: Session, network: _Wanted) -> bool:
    """Bring a network from the cache into the run; False if it is in neither."""
    here = session.network_folder(network.name)
    marker = here / "key"
    if marker.is_file():
        if marker.read_text() == network.key:
            return True
        raise UsageError(
            f"{session.out} holds networks of another suite, seed or version", "choose another folder with --out, or delete that one"
        )
    kept = session.cache / "networks" / network.key
    if not (kept / RECORD).is_file():
        return False
    arriving = here.with_name(f".{here.name}")
    shutil.rmtree(arriving, ignore_errors=True)
    shutil.copytree(kept, arriving)
    (arriving / "key").write_text(network.key)
    shutil.rmtree(here, ignore_errors=True)
    arriving.rename(here)
    return True


def _planted(session: Session, network: _Wanted) -> PlantedNetwork:
    value = json.loads((session.network_folder(network.name) / RECORD).read_text())
    session.store.add_plants(network.name, [PlantRecord(**record) for record in value["records"]])
    return PlantedNetwork(network.name, network.flaws, network.reference, network.key, tuple(value["cases"]))
