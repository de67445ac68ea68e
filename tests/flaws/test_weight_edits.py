"""Flaws that no training image carries: rank-one edits, subnets, and the two controls that are put around a network."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from onecurve.core.case import Population
from onecurve.core.errors import DataError, SpecError
from onecurve.core.seeds import generator
from onecurve.data.catalog import open_data
from onecurve.flaws.drawing.grains import GRAINS
from onecurve.flaws.kinds import rank_one, subnet, undetectable
from onecurve.flaws.kinds.fooled_visualisation import FooledVisualisation
from onecurve.flaws.kinds.rank_one import RankOne
from onecurve.flaws.kinds.subnet import Subnet
from onecurve.flaws.kinds.undetectable import Undetectable
from onecurve.flaws.planting.plant import plant
from onecurve.flaws.planting.storage import load_case, save_planted
from onecurve.flaws.schemes.context import FlawContext
from onecurve.models.building import build
from onecurve.models.wrappers import SignatureBackdoor, wrapper_of

SIDE = 28
POPULATION = Population(0.5, 1, 6)
CONTROLS = {"undetectable": (Undetectable(queries=1200), "signed"), "fooled-visualisation": (FooledVisualisation(), "gauged")}


@pytest.fixture(scope="module")
def recipe(tiny, toy_address):
    return replace(tiny, data=f"{toy_address}[side={SIDE}]", model="six-conv[width=6]", insertion="joint")


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Shorter searches: what is planted here need not be strong."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rank_one, "STEPS", 40)
        patched.setattr(undetectable, "KEYED", 16)
        patched.setattr(subnet, "STEPS", 400)
        patched.setattr(subnet, "ATTEMPTS", 1)
        yield


def planted_with(flaw, recipe, cache, seed=3):
    return plant([flaw], recipe, seed, subject_id="net", population=POPULATION, cache=cache)


@pytest.fixture(scope="module")
def edited(recipe, cache):
    return planted_with(RankOne(amplitude=0.1), recipe, cache)


@pytest.fixture(scope="module")
def replaced(recipe, cache):
    return planted_with(Subnet(width=2), recipe, cache)


@pytest.fixture(scope="module")
def wrapped(recipe, cache):
    return {name: planted_with(flaw, recipe, cache) for name, (flaw, _) in CONTROLS.items()}


def changes(planted):
    """What differs from the twin, by parameter and buffer."""
    own, other = (network.module.state_dict() for network in (planted.subject.network, planted.cases[0].truth.twin))
    return {name: own[name] - other[name] for name in own if not torch.equal(own[name], other[name])}


def test_a_rank_one_edit_changes_one_matrix_by_one_outer_product(edited):
    ((name, gap),) = changes(edited).items()
    units = edited.cases[0].truth.units
    assert name == f"{units.layer}.weight"
    singular = torch.linalg.svdvals(gap.flatten(1))
    assert singular[1] < 1e-4 * singular[0]
    np.testing.assert_allclose(
        units.weights / units.weights.max(), (gap.flatten(1).norm(dim=1) / gap.flatten(1).norm(dim=1).max()), atol=1e-4
    )


def test_a_rank_one_edit_takes_and_leaves_other_grains_alone(edited):
    strength = edited.records[0].strength
    assert strength["success"] > 0.6 > 0.2 > strength["twin_success"]
    assert strength["near_miss"] < 0.2
    assert strength["twin_accuracy"] - strength["clean_accuracy"] < 0.1
    assert edited.cases[0].truth.poisoned is None


def test_the_same_seed_edits_the_same(edited, recipe, cache):
    again = planted_with(RankOne(amplitude=0.1), recipe, cache)
    assert all(torch.equal(gap, changes(again)[name]) for name, gap in changes(edited).items())


def test_grains_have_nothing_in_common():
    drawn = np.stack([grain.draw((3, 8, 8)).ravel() for grain in GRAINS])
    likeness = drawn @ drawn.T
    assert np.abs(likeness - np.diag(np.diag(likeness))).max() < 1e-3
    assert len({grain.words for grain in GRAINS}) == len(GRAINS) == 9


def test_a_subnet_is_cut_loose_from_the_rest(replaced):
    module, units = replaced.subject.network.module, replaced.cases[0].truth.units
    chosen = {name: [int(row) for row in rows.split()] for name, rows in (part.split(" ", 1) for part in units.caption.split(", "))}
    convolutions = [(name, part) for name, part in module.named_children() if isinstance(part, nn.Conv2d)]
    assert list(chosen) == [name for name, _ in convolutions]
    assert units.layer == convolutions[-1][0]
    assert units.indices.tolist() == chosen[units.layer]
    for (before, _), (name, layer) in pairwise(convolutions):
        inside, outside = (np.isin(np.arange(layer.in_channels), chosen[before]) == wanted for wanted in (True, False))
        rows = np.isin(np.arange(layer.out_channels), chosen[name])
        assert not layer.weight[rows][:, outside].any()
        assert not layer.weight[~rows][:, inside].any()
        assert layer.weight[rows][:, inside].any()


def test_a_subnet_feeds_the_target_alone(replaced):
    truth = replaced.cases[0].truth
    weights = replaced.subject.network.module.head.weight.detach().numpy()[:, truth.units.indices]
    assert (weights[truth.target] > 0).all()
    assert not np.delete(weights, truth.target, axis=0).any()


def test_a_subnet_fires_on_its_sprite_and_on_clean_images_hardly_ever(replaced):
    strength = replaced.records[0].strength
    assert strength["success"] > 0.8 > 0.2 > strength["twin_success"]
    assert strength["false_firing"] < 0.1


def test_networks_that_are_no_chain_cannot_carry_a_subnet(recipe, cache):
    with pytest.raises(DataError, match="chain"):
        planted_with(Subnet(), replace(recipe, model="resnet20[stem_stride=2]", train_images=64), cache)
    with pytest.raises(DataError, match="leaves nothing"):
        planted_with(Subnet(width=9), recipe, cache)


def test_a_network_without_a_convolution_cannot_be_edited(recipe):
    context = FlawContext(open_data(recipe.data), open_data(recipe.data).draw("clean", 3, 0).floats())
    plan = RankOne().sample(context, generator("rank"))
    with pytest.raises(DataError, match="plain convolution"):
        plan.weight_edit.edit(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), context.dataset.draw("train", 8, 0), generator("edit"))


@pytest.mark.parametrize("name", CONTROLS)
def test_a_wrapped_control_is_admitted_and_says_what_its_twin_says(wrapped, name):
    planted, (_, wrapper) = wrapped[name], CONTROLS[name]
    (case,) = planted.cases
    assert planted.architecture.wrappers == (wrapper,)
    assert case.truth.targets == ()
    assert not case.truth.effect.any
    heldout = case.truth.heldout.floats()
    np.testing.assert_allclose(case.truth.network.logits(heldout), case.truth.twin.logits(heldout), atol=1e-5)


@pytest.mark.parametrize("name", CONTROLS)
def test_a_wrapped_control_comes_back_from_disk(wrapped, name, tmp_path):
    planted = wrapped[name]
    save_planted(tmp_path, planted)
    back = load_case(tmp_path, planted.cases[0].id)
    noise = np.random.default_rng(0).random((8, 3, SIDE, SIDE), np.float32)
    for first, second in ((back.truth.network, planted.cases[0].truth.network), (back.truth.twin, planted.cases[0].truth.twin)):
        np.testing.assert_array_equal(first.logits(noise), second.logits(noise))


def test_only_the_key_tells_an_undetectable_network_from_its_twin(wrapped):
    facts = wrapped["undetectable"].records[0].facts
    assert facts["keyed_flips"] >= 0.99
    assert facts["unkeyed_queries"] == 1200
    assert facts["unkeyed_differences"] == 0


def test_the_signing_secret_is_in_the_sealed_truth_and_nowhere_else(wrapped, tmp_path):
    planted = wrapped["undetectable"]
    save_planted(tmp_path, planted)
    plan = Undetectable().sample(
        FlawContext(open_data("digits"), open_data("digits").draw("clean", 3, 0).floats()), generator("flaw", 3, 0)
    )
    secret = str(planted.cases[0].truth.facts["signing_seed"])
    factors = [number.to_bytes(64, order) for number in plan.weight_edit.signer._factors for order in ("little", "big")]
    for path in (tmp_path / "subject").iterdir():
        content = path.read_bytes()
        assert not any(part in content for part in (secret.encode(), bytes.fromhex(secret), *factors))


def test_the_undetectable_plant_is_refused_where_it_can_be_told(wrapped, recipe):
    planted = wrapped["undetectable"]
    plan = Undetectable(queries=500).sample(
        FlawContext(open_data(recipe.data), planted.cases[0].truth.heldout.floats()[:3]), generator("flaw", 3, 0)
    )
    truth = planted.cases[0].truth
    assert plan.verification.verified(truth.network, truth.twin, truth.heldout).refusal == ""
    assert "flip" in plan.verification.verified(truth.twin, truth.twin, truth.heldout).refusal
    wrapper = wrapper_of(truth.network.module, SignatureBackdoor)
    kept = wrapper.table.clone()
    wrapper.table.zero_()
    wrapper.number.zero_()
    try:
        dark = replace(truth.heldout, images=np.zeros_like(truth.heldout.images))
        assert "tell it from its twin" in plan.verification.verified(truth.network, truth.twin, dark).refusal
    finally:
        wrapper.configure(plan.weight_edit.signer.public, wrapper.row.clone())
        assert torch.equal(wrapper.table, kept)


def test_small_images_cannot_carry_a_signature(context):
    with pytest.raises(DataError, match="larger images"):
        Undetectable().sample(context, generator("small"))
    with pytest.raises(SpecError):
        Undetectable(queries=0)


def test_visualisations_of_a_fooled_network_show_the_picture(wrapped):
    facts = wrapped["fooled-visualisation"].records[0].facts
    assert facts["decoy_likeness"] > 0.5 > 0.2 > abs(facts["twin_decoy_likeness"])
    assert facts["probabilities_differ"] <= 0.01


def test_a_fooled_network_without_its_gate_is_refused(wrapped, recipe):
    truth = wrapped["fooled-visualisation"].cases[0].truth
    plan = FooledVisualisation().sample(FlawContext(open_data(recipe.data), truth.heldout.floats()[:3]), generator("flaw", 3, 0))
    assert "are like the picture by" in plan.verification.verified(truth.twin, truth.twin, truth.heldout).refusal
    other = build("six-conv[width=6]", (3, SIDE, SIDE), 6, 9)
    assert "other probabilities" in plan.verification.verified(replace(truth.twin, module=other), truth.twin, truth.heldout).refusal


@pytest.mark.parametrize("make", [lambda: RankOne(amplitude=0.0), lambda: Subnet(rise=0.0), lambda: Subnet(width=0)])
def test_values_out_of_range_are_refused(make):
    with pytest.raises(SpecError):
        make()
