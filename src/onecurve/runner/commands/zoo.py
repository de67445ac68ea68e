"""Makes a zoo: plants the networks of its suite, takes the first of each kind that pass the gate, and rounds their weights."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import torch

from onecurve.core.case import Population, Truth
from onecurve.core.digests import write_digests
from onecurve.core.errors import UnknownNameError, UsageError
from onecurve.core.image.images import Ints
from onecurve.data.catalog import open_data
from onecurve.data.dataset import DataSet, Part
from onecurve.flaws.catalog import FLAWS
from onecurve.flaws.planting.plant import plant, stored_key
from onecurve.flaws.planting.storage import SEALED, SUBJECT, case_names, load_case
from onecurve.flaws.zoo.manifest import Manifest, ZooNetwork, manifest, write_manifest, zoo_names
from onecurve.flaws.zoo.weights import ChangedImages, State, StoredWeights, same, stored_weights, write_weights
from onecurve.models.building import build
from onecurve.models.cache import Cache
from onecurve.models.weight_files import read_safetensors
from onecurve.models.weights import put_state
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

    The gate judges networks as they are stored, after rounding. Started again it goes on where it was. Raises ``UnknownNameError`` for a
    zoo that nobody composed, ``UsageError`` where too few networks of a kind pass the gate.
    """
    if name not in COMPOSITIONS:
        raise UnknownNameError.among("zoo", name, tuple(COMPOSITIONS))
    suite = load_suite(f"zoo-{name}")
    records, _ = plant_suite(suite, place, display)
    admitted = {record.subject for record in records if record.admitted}
    wanted = [network for network in wanted_networks(suite, (), place.device) if network.reference or network.name in admitted]
    recipe = {key: value for key, value in wanted[0].recipe.items() if key != "device"}
    found = {_key(network): network for network in wanted}
    weights = {key: _weights(place.out / NETWORKS / network.name) for key, network in found.items()}
    listed = [ZooNetwork(key, network.flaws, network.seed, network.reference, {}) for key, network in found.items()]
    rounded = _written(Manifest(name, recipe, tuple(listed)), weights, place.out / "candidates")
    chosen = tuple(_chosen(COMPOSITIONS[name], listed, {**recipe, "zoo": rounded}, display))
    made = _written(Manifest(name, recipe, chosen), {one.key: weights[one.key] for one in chosen}, place.out / "zoo")
    return tuple(_compared(name, made, one, recipe) for one in chosen)


def _written(made: Manifest, weights: Mapping[str, StoredWeights], folder: Path) -> str:
    """Write a zoo into the folder; returns its path, as a recipe names it."""
    folder.mkdir(exist_ok=True)
    write_weights(weights, folder / f"{made.name}.safetensors")
    write_manifest(made, folder)
    write_digests(folder, [f"{made.name}.json", f"{made.name}.safetensors"])
    return str((folder / made.name).resolve())


def _chosen(
    composition: Mapping[str, int], networks: Sequence[ZooNetwork], recipe: Mapping[str, Any], display: Display
) -> Iterator[ZooNetwork]:
    """The first of each kind that the gate admits after rounding, in order of seed, and all references."""
    for kind, count in composition.items():
        alike = sorted((one for one in networks if not one.reference and one.kind == kind), key=lambda one: one.seed)
        passed = islice(_admitted(alike, recipe, display), count)
        found = tuple(passed)
        if len(found) < count:
            raise UsageError(
                f"only {len(found)} networks with {kind} pass the gate, wanted: {count}", "raise their count in the zoo's suite"
            )
        yield from found
    yield from (one for one in networks if one.reference)


def _admitted(networks: Sequence[ZooNetwork], recipe: Mapping[str, Any], display: Display) -> Iterator[ZooNetwork]:
    values = recipe_of(recipe)
    classes = len(_opened(values.data).class_names)
    for one in networks:
        record = plant(
            [FLAWS.make(flaw) for flaw in one.flaws or ("clean",)],
            values,
            one.seed,
            subject_id=one.kind,
            population=Population(0.0, 1, classes),
            cache=Cache(Path(os.devnull)),  # nothing is trained
        ).records[0]
        if record.admitted:
            yield replace(one, facts=record.strength)
        else:
            display.say(f"{one.kind} with seed {one.seed} is refused after rounding: {record.reason}")


def _key(network: WantedNetwork) -> str:
    recipe = recipe_of(network.recipe)
    return stored_key([FLAWS.make(flaw) for flaw in network.flaws or ("clean",)], recipe, open_data(recipe.data), network.seed)


def _weights(planted: Path) -> StoredWeights:
    network = read_safetensors(planted / SUBJECT / "network.safetensors", LARGEST)
    twin = planted / SEALED / "twin.safetensors"
    truths = [load_case(planted, case).truth for case in case_names(planted)]
    changed = [ChangedImages(_rows(truth), int(truth.facts["poisoned_images"])) for truth in truths]
    return StoredWeights(network, read_safetensors(twin, LARGEST) if twin.is_file() else network, tuple(changed))


def _rows(truth: Truth) -> Ints:
    return np.zeros(0, np.int64) if truth.poisoned is None else truth.poisoned


def _compared(name: str, made: str, one: ZooNetwork, recipe: Mapping[str, Any]) -> Compared:
    known = {network.key for network in manifest(name).networks} if name in zoo_names() else set()
    if one.key not in known:
        return Compared(one.flaws, one.seed, shipped=False, same_bits=False, agreement=None)
    new, old = (stored_weights(zoo, one.key).network for zoo in (made, name))
    dataset = _opened(str(recipe["data"]))
    first, second = (_predicted(state, str(recipe["model"]), dataset) for state in (new, old))
    return Compared(one.flaws, one.seed, shipped=True, same_bits=same(new, old), agreement=float(np.mean(first == second)))


@cache
def _opened(address: str) -> DataSet:
    return open_data(address)


def _predicted(state: State, model: str, dataset: DataSet) -> np.ndarray:
    module = build(model, dataset.shape, len(dataset.class_names), 0).eval()
    put_state(module, state, "a network of the zoo")
    with torch.inference_mode():
        predicted: np.ndarray = module(torch.from_numpy(dataset.draw(Part.HELDOUT, PROBES, 0).floats())).argmax(1).numpy()
    return predicted
