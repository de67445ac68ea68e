"""Makes a zoo: plants the networks of its suite, takes the first of each kind that pass the gate, and rounds their weights."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import torch

from onecurve.core.digests import write_digests
from onecurve.core.display import PlantRecord
from onecurve.core.errors import UnknownNameError
from onecurve.data.catalog import open_data
from onecurve.data.dataset import DataSet, Part
from onecurve.flaws.catalog import FLAWS
from onecurve.flaws.planting.plant import stored_key
from onecurve.flaws.planting.storage import SEALED, SUBJECT
from onecurve.flaws.zoo.manifest import FOLDER, Manifest, ZooNetwork, manifest, write_manifest
from onecurve.flaws.zoo.weights import State, StoredWeights, stored_weights, write_weights
from onecurve.models.building import build
from onecurve.models.weights import put_state, read_safetensors
from onecurve.runner.networks import WantedNetwork, wanted_networks
from onecurve.runner.recipes import recipe_of
from onecurve.runner.run import Place, plant_suite
from onecurve.runner.session import NETWORKS, Display
from onecurve.runner.suite import load_suite

COMPOSITIONS: Final[Mapping[str, Mapping[str, int]]] = {
    "digits": {
        "patch": 5,
        "style": 2,
        "natural-feature": 2,
        "spurious": 1,
        "missing-subgroup": 1,
        "label-noise": 1,
        "decoy": 2,
        "benign": 2,
        "clean": 8,
    }
}
"""How many networks of each kind a zoo holds, references apart."""
LARGEST = 2**28
"""Bytes; the largest file of weights that is read."""
PROBES = 1000
"""Held-out images on which the shipped networks and those made again are compared."""


@final
@dataclass(frozen=True)
class Compared:
    """A network that was made again, beside the one that is shipped."""

    flaws: tuple[str, ...]
    seed: int
    shipped: bool
    """Whether the shipped zoo has a network of that recipe, seed and kind."""
    same_bits: bool
    """Whether the rounded weights are equal, bit for bit."""
    agreement: float | None
    """Share of held-out images of which both networks predict the same class; None where there is nothing to compare."""


def make_zoo(name: str, place: Place, display: Display) -> tuple[Compared, ...]:
    """Plant the zoo ``name`` anew in ``place.out``, write it to ``place.out/zoo`` and compare it with the one that is shipped.

    Started again it goes on where it was. Raises ``UnknownNameError`` for a zoo that nobody composed.
    """
    if name not in COMPOSITIONS:
        raise UnknownNameError.among("zoo", name, tuple(COMPOSITIONS))
    suite = load_suite(f"zoo-{name}")
    records, _ = plant_suite(suite, place, display)
    chosen = list(_chosen(COMPOSITIONS[name], wanted_networks(suite, (), place.device), records))
    folder = place.out / "zoo"
    folder.mkdir(exist_ok=True)
    made = {_key(network): network for network, _ in chosen}
    listed = tuple(
        ZooNetwork(_key(network), network.flaws, network.seed, network.reference, record.strength if record else {})
        for network, record in chosen
    )
    recipe = {key: value for key, value in chosen[0][0].recipe.items() if key != "device"}
    write_weights({key: _weights(place.out / NETWORKS / network.name) for key, network in made.items()}, folder / f"{name}.safetensors")
    write_manifest(Manifest(name, recipe, listed), folder)
    write_digests(folder, [path.name for path in sorted(folder.iterdir()) if path.stem == name])
    return tuple(_compared(name, folder, one, recipe) for one in manifest(name, folder).networks)


def _chosen(
    composition: Mapping[str, int], networks: Sequence[WantedNetwork], records: Sequence[PlantRecord]
) -> Iterator[tuple[WantedNetwork, PlantRecord | None]]:
    """The first admitted networks of each kind, in order of seed, and all references."""
    by_network = {record.subject: record for record in records}
    for kind, count in composition.items():
        alike = [network for network in networks if not network.reference and (network.flaws or ("clean",)) == (kind,)]
        admitted = [one for one in sorted(alike, key=lambda one: one.seed) if (found := by_network.get(one.name)) and found.admitted]
        yield from ((network, by_network[network.name]) for network in admitted[:count])
    yield from ((network, None) for network in networks if network.reference)


def _key(network: WantedNetwork) -> str:
    recipe = recipe_of(network.recipe)
    return stored_key([FLAWS.make(flaw) for flaw in network.flaws or ("clean",)], recipe, open_data(recipe.data), network.seed)


def _weights(planted: Path) -> StoredWeights:
    network = read_safetensors(planted / SUBJECT / "network.safetensors", LARGEST)
    twin = planted / SEALED / "twin.safetensors"
    return StoredWeights(network, read_safetensors(twin, LARGEST) if twin.is_file() else network)


def _compared(name: str, folder: Path, one: ZooNetwork, recipe: Mapping[str, Any]) -> Compared:
    known = {network.key for network in manifest(name).networks} if (FOLDER / f"{name}.json").is_file() else set()
    if one.key not in known:
        return Compared(one.flaws, one.seed, shipped=False, same_bits=False, agreement=None)
    new, old = (stored_weights(name, one.key, place).network for place in (folder, FOLDER))
    bits = all(torch.equal(value, old[key]) for key, value in new.items())
    dataset = _opened(str(recipe["data"]))
    first, second = (_predicted(state, str(recipe["model"]), dataset) for state in (new, old))
    return Compared(one.flaws, one.seed, shipped=True, same_bits=bits, agreement=float(np.mean(first == second)))


@cache
def _opened(address: str) -> DataSet:
    return open_data(address)


def _predicted(state: State, model: str, dataset: DataSet) -> np.ndarray:
    module = build(model, dataset.shape, len(dataset.class_names), 0).eval()
    put_state(module, state, "a network of the zoo")
    with torch.inference_mode():
        predicted: np.ndarray = module(torch.from_numpy(dataset.draw(Part.HELDOUT, PROBES, 0).floats())).argmax(1).numpy()
    return predicted
