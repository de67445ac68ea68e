"""The zoo that comes with OneCurve: what it says of itself is true, and planting takes its weights in place of training."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from onecurve.core.case import Population
from onecurve.core.errors import DataError, UnknownNameError
from onecurve.data.catalog import open_data
from onecurve.flaws.catalog import FLAWS
from onecurve.flaws.planting.insertion import TrainingSession
from onecurve.flaws.planting.plant import context_for, plant, poisoned_images, sample_plans, stored_key
from onecurve.flaws.zoo.manifest import FOLDER, ZooNetwork, manifest, zoo_names
from onecurve.flaws.zoo.weights import ChangedImages, StoredWeights, same, stored_weights, write_weights
from onecurve.models.cache import Cache
from onecurve.runner.recipes import recipe_of

DIGITS = manifest("digits")
RECIPE = recipe_of({**DIGITS.recipe, "zoo": "digits"})
POPULATION = Population(clean_share=0.5, flaws_per_network=1, classes=10)


def of_kind(kind: str) -> ZooNetwork:
    return next(network for network in DIGITS.examined if (network.flaws or ("clean",)) == (kind,))


def test_zoos_are_small_enough_for_a_wheel() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 10_000_000


def test_as_many_networks_have_no_flaw_with_an_effect() -> None:
    clean = [network for network in DIGITS.examined if network.flaws in {(), ("decoy",), ("benign",)}]
    assert len(clean) >= 12
    assert len(DIGITS.examined) - len(clean) >= 12


def test_every_network_is_the_one_that_this_version_would_plant() -> None:
    dataset = open_data(RECIPE.data)
    keys = [stored_key([FLAWS.make(flaw) for flaw in one.flaws or ("clean",)], RECIPE, dataset, one.seed) for one in DIGITS.networks]
    assert keys == [one.key for one in DIGITS.networks], "make the zoo again: onecurve plant --zoo digits --out DIR"
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("kind", ["patch", "clean"])
def test_a_network_is_planted_from_the_zoo_without_training(kind: str, tmp_path: Path) -> None:
    one = of_kind(kind)
    flaws = [FLAWS.make(flaw) for flaw in one.flaws or ("clean",)]
    planted = plant(flaws, RECIPE, one.seed, subject_id="net", population=POPULATION, cache=Cache(tmp_path))
    assert not any(tmp_path.iterdir()), "nothing was trained, so nothing is cached"
    assert [record.admitted for record in planted.records] == [True]
    weights = stored_weights("digits", one.key)
    assert same(planted.subject.granted_network().module.state_dict(), weights.network)
    assert same(planted.cases[0].truth.twin.module.state_dict(), weights.twin)
    assert planted.records[0].strength == pytest.approx(one.facts, abs=0.01)


def test_the_stored_rows_are_those_that_the_flaw_changes(tmp_path: Path) -> None:
    one, dataset = of_kind("patch"), open_data(RECIPE.data)
    session = TrainingSession.of(RECIPE, dataset, one.seed, Cache(tmp_path))
    plans = sample_plans([FLAWS.make("patch")], context_for(RECIPE, dataset), one.seed)
    poisoned, taken = poisoned_images(plans, session.drawn, one.seed)
    stored = stored_weights("digits", one.key).changed
    assert [some.rows.tolist() for some in stored] == [rows.tolist() for rows in taken]
    assert stored[0].relabelled == np.sum(poisoned.labels != session.drawn.labels) > 0


def test_another_seed_is_not_in_the_zoo(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no network of this recipe"):
        plant([FLAWS.make("patch")], RECIPE, 1, subject_id="net", population=POPULATION, cache=Cache(tmp_path))


def test_an_unknown_zoo_is_named() -> None:
    assert "digits" in zoo_names()
    with pytest.raises(UnknownNameError, match="digits"):
        manifest("digit")


def test_a_damaged_zoo_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "stored"
    shutil.copytree(FOLDER, folder)
    content = bytearray((folder / "digits.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "digits.safetensors").write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        stored_weights(str(folder / "digits"), DIGITS.networks[0].key)


def test_weights_are_rounded_once_and_a_twin_that_is_the_network_is_kept_once(tmp_path: Path) -> None:
    state = {"weight": torch.tensor([0.1, 1.0]), "steps": torch.tensor(3)}
    other = {"weight": torch.tensor([0.2, 1.0]), "steps": torch.tensor(3)}
    changed = (ChangedImages(np.array([3, 1]), 1),)
    write_weights({"a": StoredWeights(state, state, ()), "b": StoredWeights(state, other, changed)}, tmp_path / "all.safetensors")
    found = load_file(tmp_path / "all.safetensors")
    own = {"a.network.weight", "a.network.steps", "a.relabelled", "b.network.weight", "b.network.steps", "b.relabelled", "b.rows.0"}
    assert set(found) == own | {"b.twin.weight", "b.twin.steps"}
    assert found["b.rows.0"].tolist() == [3, 1]
    assert found["b.relabelled"].tolist() == [1]
    assert found["b.twin.weight"].dtype == torch.float16
    assert found["b.twin.steps"].dtype == torch.int64
