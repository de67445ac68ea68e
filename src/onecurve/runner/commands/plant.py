"""Planting on request: one network in a folder of its own, or every kind of flaw there is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from onecurve.core.case import Population
from onecurve.core.display import PlantRecord
from onecurve.core.errors import UsageError
from onecurve.data.catalog import open_data
from onecurve.flaws.catalog import FLAWS
from onecurve.flaws.planting.plant import plant
from onecurve.flaws.planting.storage import save_planted
from onecurve.models.cache import Cache
from onecurve.runner.networks import wanted_networks
from onecurve.runner.recipes import recipe_of
from onecurve.runner.run import Place, plant_suite
from onecurve.runner.session import Display
from onecurve.runner.suite import Networks, Suite


@final
@dataclass(frozen=True)
class PlantOrder:
    """What to plant in what."""

    flaws: tuple[str, ...]
    data: str
    model: str
    seed: int
    insertion: str
    device: str


def plant_here(order: PlantOrder, out: Path, cache: Path, display: Display) -> list[dict[str, Any]]:
    """Plant in this process and write ``out/subject`` and ``out/sealed``; returns the planting records.

    Raises ``UsageError`` if the folder already holds something.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"not an empty folder: {out}", "choose another --out")
    flaws = [FLAWS.make(flaw) for flaw in order.flaws]
    classes = len(open_data(order.data).class_names)
    named = {"data": order.data, "model": order.model, "seed": order.seed, "insertion": order.insertion, "device": order.device}
    recipe = recipe_of({**named, "clean_features": True})
    display.phase("plant", 100)
    done = 0

    def progress(fraction: float, words: str) -> None:
        nonlocal done
        steps = int(100 * fraction) - done
        done += steps
        display.done(steps, failed=False)

    planted = plant(
        flaws,
        recipe,
        order.seed,
        subject_id=out.name,
        population=Population(0.0, max(1, len(flaws)), classes),
        cache=Cache(cache / "weights"),
        progress=progress,
    )
    save_planted(out, planted)
    return [record.plain() for record in planted.records]


@final
@dataclass(frozen=True)
class CatalogueOrder:
    """Every kind of flaw, each in a network of its own."""

    data: str
    model: str
    seed: int
    repeats: int
    """Networks per kind."""
    insertion: str


def plant_catalogue(order: CatalogueOrder, place: Place, display: Display) -> list[dict[str, Any]]:
    """Plant and verify every kind of the catalogue in ``place.out``; a record per network, in the order of the catalogue.

    A kind that the set or the network cannot carry has a record with the reason. Started again it goes on where it was.
    """
    networks = tuple(Networks(flaws=() if name == "clean" else (name,), count=order.repeats) for name in FLAWS.names())
    suite = Suite(
        name="every-kind",
        summary="Every kind of flaw in a network of its own.",
        seed=order.seed,
        data=order.data,
        model=order.model,
        recipe={"clean_features": True, "insertion": order.insertion},
        networks=networks,
        references=0,
        solvers=("edges",),
    )
    records, unplanted = plant_suite(suite, place, display)
    by_network = {record.subject: record for record in records}
    found = []
    for network in wanted_networks(suite, (), place.device):
        kind = network.flaws[0] if network.flaws else "clean"
        record = by_network.get(network.name) or PlantRecord(
            network.name, network.name, kind, "", admitted=False, reason=unplanted.get(network.name, "was not planted"), strength={}
        )
        found.append(record.plain())
    return sorted(found, key=lambda record: (record["flaw"], record["case"]))
