"""A zoo is made from what its suite plants: the first admitted networks of each kind, rounded, and compared with what is shipped."""

from pathlib import Path

import pytest
import torch
from tiny_world import suite_of

from onecurve.core.errors import UnknownNameError, UsageError
from onecurve.flaws.zoo.manifest import manifest
from onecurve.flaws.zoo.weights import stored_weights
from onecurve.models.weight_files import read_safetensors
from onecurve.runner.commands import zoo
from onecurve.runner.commands.harden import _suite_of
from onecurve.runner.commands.preview import preview
from onecurve.runner.commands.sample import sampled_cases
from onecurve.runner.networks import wanted_networks
from onecurve.runner.run import Place
from onecurve.runner.session import Silent
from onecurve.runner.suite import Suite, load_suite, suite_names


def test_a_zoo_holds_the_first_of_each_kind_and_the_references(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = suite_of("edges").changed({"networks": ({"flaws": ("patch",)}, {"flaws": ()})})
    monkeypatch.setattr(zoo, "load_suite", lambda name: tiny)
    monkeypatch.setattr(zoo, "COMPOSITIONS", {"tiny": {"patch": 1, "clean": 1}})
    compared = zoo.make_zoo("tiny", Place(tmp_path, cache, 2), Silent())
    assert [(one.flaws, one.agreement) for one in compared] == [(("patch",), None), ((), None), ((), None)]
    made = manifest(str(tmp_path / "zoo" / "tiny"))
    assert [one.reference for one in made.networks] == [False, False, True]
    by_seed = {network.seed: network.name for network in wanted_networks(tiny, (), "cpu")}
    for one in made.networks:
        planted = tmp_path / "networks" / by_seed[one.seed]
        exact = read_safetensors(planted / "subject" / "network.safetensors", 2**30)
        weights = stored_weights(str(tmp_path / "zoo" / "tiny"), one.key)
        assert all(torch.equal(value.half().float(), weights.network[name]) for name, value in exact.items() if value.is_floating_point())
        assert (weights.twin is weights.network) == (not one.flaws)


def test_too_few_of_a_kind_are_told(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = suite_of("edges").changed({"networks": ({"flaws": ()},), "references": 0})
    monkeypatch.setattr(zoo, "load_suite", lambda name: tiny)
    monkeypatch.setattr(zoo, "COMPOSITIONS", {"tiny": {"clean": 2}})
    with pytest.raises(UsageError, match="only 1 networks with clean pass the gate, wanted: 2"):
        zoo.make_zoo("tiny", Place(tmp_path, cache, 2), Silent())


def test_an_unknown_zoo_is_refused_before_anything_is_planted(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="digits"):
        zoo.make_zoo("photographs", Place(tmp_path / "out", tmp_path, 1), Silent())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", zoo.COMPOSITIONS)
def test_a_zoo_is_what_its_suite_can_give(name: str) -> None:
    assert f"zoo-{name}" in suite_names()
    wanted: dict[str, int] = {}
    for some in load_suite(f"zoo-{name}").networks:
        kind = "+".join(some.flaws) or "clean"
        wanted[kind] = wanted.get(kind, 0) + some.count
    assert all(wanted[kind] >= count for kind, count in zoo.COMPOSITIONS[name].items())
    found = [network.flaws or ("clean",) for network in manifest(name).examined]
    assert {kind: found.count((kind,)) for kind in zoo.COMPOSITIONS[name]} == zoo.COMPOSITIONS[name]


def test_a_suite_with_a_zoo_examines_its_networks_and_takes_its_references_first() -> None:
    suite = Suite(name="with-zoo", seed=3, zoo="digits", references=4, solvers=("edges",), recipe={"training": {"epochs": 1}})
    networks = wanted_networks(suite, (), "cpu")
    known = manifest("digits")
    assert {network.seed for network in networks if not network.reference} == {one.seed for one in known.examined}
    references = [network for network in networks if network.reference]
    assert [network.seed for network in references[:3]] == [one.seed for one in known.references]
    assert [network.recipe.get("zoo") for network in references] == ["digits"] * 3 + [None]
    assert {network.recipe["seed"] for network in networks if "zoo" in network.recipe} == {known.recipe["seed"]}
    assert all("training" not in network.recipe for network in networks if "zoo" in network.recipe), "a zoo says how it was planted"
    assert suite.count == len(known.examined)


def test_another_zoo_is_another_run() -> None:
    suite = Suite(name="with-zoo", seed=3, zoo="digits", networks=({"flaws": ()},), solvers=("edges",))
    assert suite.planting_key != suite.changed({"zoo": ""}).planting_key


def test_a_network_of_a_suite_can_name_the_zoo_and_gets_the_whole_recipe() -> None:
    one = manifest("digits").examined[0]
    recipe = {"training": {"epochs": 1}}
    named = {"flaws": one.flaws, "seed": one.seed, "recipe": {"zoo": "digits"}}
    suite = Suite(name="named", seed=3, recipe=recipe, networks=(named,), references=0, solvers=("edges",))
    (network,) = wanted_networks(suite, (), "cpu")
    assert dict(network.recipe) == {**manifest("digits").recipe, "device": "cpu", "zoo": "digits"}
    preview(suite, "cpu")
    with pytest.raises(UsageError, match="holds no network with patch and seed 1"):
        preview(suite.changed({"networks": ({**named, "seed": 1},)}), "cpu")


def test_a_hard_suite_of_a_run_with_a_zoo_has_the_chosen_networks_alone() -> None:
    suite = Suite(name="with-zoo", seed=3, zoo="digits", references=1, solvers=("edges",), recipe={"clean_features": True})
    chosen = [network for network in wanted_networks(suite, (), "cpu") if not network.reference][:2]
    hard = _suite_of(suite, chosen, 24, 4)
    again = [network for network in wanted_networks(hard, (), "cpu") if not network.reference]
    assert {(network.flaws, network.seed) for network in again} == {(network.flaws, network.seed) for network in chosen}
    assert [dict(network.recipe) for network in again] == [dict(chosen[0].recipe)] * 2


def test_a_sample_shows_the_zoo_as_it_was_planted() -> None:
    suite = Suite(name="with-zoo", seed=3, zoo="digits", solvers=("edges",), recipe={"training": {"epochs": 1}})
    cases = sampled_cases(suite, 1000)
    assert len(cases) == len(manifest("digits").examined)
    assert {case["epochs"] for case in cases} == {3}
