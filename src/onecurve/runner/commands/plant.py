"""Planting on request: one network in a folder of its own, or every kind of flaw there is."""

from dataclasses import dataclass
from typing import Any, final

from onecurve.core.display import PlantRecord
from onecurve.flaws.catalog import FLAWS
from onecurve.runner.networks import wanted_networks
from onecurve.runner.run import Place, plant_suite
from onecurve.runner.sealed import seed_of_run
from onecurve.runner.session import Display
from onecurve.runner.suite import Networks, Suite
from onecurve.store.store import Store


@final
@dataclass(frozen=True)
class CatalogueOrder:
    """Every kind of flaw, each in a network of its own."""

    data: str
    model: str
    seed: int | None
    """None to have one drawn, which is kept in the sealed part of the folder."""
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
    with Store.read(place.out) as store:
        suite = suite.changed({"seed": seed_of_run(store)})
    for network in wanted_networks(suite, (), place.device):
        kind = network.flaws[0] if network.flaws else "clean"
        record = by_network.get(network.name) or PlantRecord(
            network.name, network.name, kind, "", admitted=False, reason=unplanted.get(network.name, "was not planted"), strength={}
        )
        found.append(record.plain())
    return sorted(found, key=lambda record: (record["flaw"], record["case"]))
