"""The law of a population: whatever is planted in a network, all that its training begins with is its own, drawn by one rule."""

import dataclasses
from itertools import combinations

import numpy as np
import pytest
import torch

from onecurve.core.case import Population
from onecurve.core.seeds import seed_for
from onecurve.data.catalog import open_data
from onecurve.flaws.kinds.clean import Clean
from onecurve.flaws.kinds.decoy import Decoy
from onecurve.flaws.kinds.patch import Patch
from onecurve.flaws.planting import trainers
from onecurve.flaws.planting.insertion import TrainingSession
from onecurve.flaws.planting.plant import plant
from onecurve.models.building import build
from onecurve.models.cache import Cache
from onecurve.models.steps import TrainingRecipe

EACH = 8
"""Networks of each kind."""
KINDS = {"flawed": Patch(), "control": Decoy(), "clean": Clean()}
CHANCE = 0.4
"""Correlations of unrelated heads of these networks lie below."""


@pytest.fixture(scope="module")
def recipe(tiny):
    """Trained so little that a network still resembles what it began with."""
    return dataclasses.replace(
        tiny,
        model="six-conv[width=8]",
        train_images=192,
        pretraining=None,
        training=TrainingRecipe(1, batch_size=64, peak_learning_rate=0.001),
        insertion="joint",
        clean_images=8,
        heldout_images=60,
        triggered_images=8,
    )


def planted_with(recipe, flaw, seed, cache):
    return plant([flaw], recipe, seed, subject_id="n", population=Population(0.5, 1, 6), cache=cache)


@pytest.fixture(scope="module")
def networks(recipe, cache):
    """Planted networks of each kind, each with a seed of its own."""
    seeds = iter(range(len(KINDS) * EACH))
    return {kind: [planted_with(recipe, flaw, next(seeds), cache) for _ in range(EACH)] for kind, flaw in KINDS.items()}


def session_of(recipe, seed, cache):
    return TrainingSession.of(recipe, open_data(recipe.data), seed, cache)


def head(module):
    """The weights of the last layer, centred and of length 1."""
    values = [each for each in module.modules() if isinstance(each, torch.nn.Linear)][-1].weight.detach().numpy().ravel()
    centred = values - values.mean()
    return centred / np.linalg.norm(centred)


def heads(networks):
    return {kind: np.stack([head(one.subject.network.module) for one in some]) for kind, some in networks.items()}


def test_no_initial_head_that_anybody_can_compute_resembles_one_kind_more_than_another(networks, recipe):
    dataset = open_data(recipe.data)
    seeds = [*range(100), *(seed_for("initial", seed) for seed in range(100))]
    public = [head(build(recipe.model, dataset.shape, len(dataset.class_names), seed)) for seed in seeds]
    highest = {kind: np.abs(some @ np.stack(public).T).max() for kind, some in heads(networks).items()}
    assert max(highest.values()) < CHANCE


def test_no_two_networks_of_any_kind_resemble_each_other(networks):
    together = np.concatenate(list(heads(networks).values()))
    assert np.abs(together @ together.T - np.eye(len(together))).max() < CHANCE


def test_a_network_and_its_twin_begin_with_the_same_weights_that_no_other_network_has(networks, recipe, cache):
    started = {seed: head(session_of(recipe, seed, cache).initial()) for seed in range(len(KINDS) * EACH)}
    for some in networks.values():
        for one in some:
            own = [float(started[one.seed] @ head(each.module)) for each in (one.subject.network, one.cases[0].truth.twin)]
            others = [abs(float(begun @ head(one.subject.network.module))) for seed, begun in started.items() if seed != one.seed]
            assert min(own) > 0.9
            assert max(others) < CHANCE


def test_a_clean_network_is_trained_as_every_twin_is(networks):
    for kind, some in networks.items():
        for one in some:
            same = torch.equal(*(each.state_dict()["head.weight"] for each in (one.subject.network.module, one.cases[0].truth.twin.module)))
            assert same is (kind == "clean")


@pytest.mark.parametrize("insertion", ["joint", "finetune"])
def test_two_networks_of_a_recipe_have_different_bases_images_and_orders(recipe, monkeypatch, tmp_path, insertion):
    orders, plain = [], trainers.train

    def heard(module, images, recipe, seed, **named):
        orders.append(seed)
        plain(module, images, recipe, seed, **named)

    monkeypatch.setattr(trainers, "train", heard)
    found = []
    for seed, flaw in ((1, Patch()), (2, Clean()), (3, Decoy())):
        own = dataclasses.replace(recipe, insertion=insertion, pretraining=recipe.training)
        planted_with(own, flaw, seed, Cache(tmp_path))
        session = session_of(own, seed, Cache(tmp_path))
        found.append((set(orders), session.base().module.state_dict(), {image.tobytes() for image in session.drawn.images}))
        orders.clear()
    for (order, base, images), (other_order, other_base, other_images) in combinations(found, 2):
        assert len(order) == len(other_order) == 1
        assert order != other_order
        assert not any(torch.equal(base[name], other_base[name]) for name in base if name.endswith("conv.weight") or name == "head.weight")
        assert not images & other_images


def test_the_seed_of_the_recipe_draws_other_networks_for_the_same_seeds(recipe, cache):
    first, second = (head(session_of(dataclasses.replace(recipe, seed=seed), 1, cache).initial()) for seed in (0, 1))
    assert abs(first @ second) < CHANCE


def test_a_fine_tuned_twin_begins_with_the_base_of_its_own_network(recipe, cache):
    own = dataclasses.replace(recipe, insertion="finetune", insertion_training=recipe.training)
    planted = planted_with(own, Patch(), 5, cache)
    base = head(session_of(own, 5, cache).base().module)
    assert base @ head(planted.cases[0].truth.twin.module) > 0.9
    assert base @ head(planted.subject.network.module) > 0.9
