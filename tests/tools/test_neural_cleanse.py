"""Neural Cleanse on networks where the answer is known: a planted trigger, none at all, and one out of reach."""

import numpy as np
import pytest
import torch
from torch import nn

from onecurve.core.image.images import LabelledImages
from onecurve.core.question import Brief
from onecurve.models.network import torch_module
from onecurve.tools.inversion.machinery.attack_success import share_reaching
from onecurve.tools.inversion.machinery.class_search import InversionRecipe
from onecurve.tools.inversion.machinery.cost_schedule import ScheduleConstants, scores_of_sizes
from onecurve.tools.inversion.machinery.trigger_inversion import invert
from onecurve.tools.inversion.neural_cleanse import NeuralCleanse

BUDGET = 12000


def test_finds_a_planted_trigger_blind(world, target):
    world = world()
    evidence = NeuralCleanse().look(Brief(), world.bench(BUDGET))
    scores = evidence.class_scores()[0].values
    assert scores.argmax() == target
    assert scores[target] - np.delete(scores, target).max() > 0.7
    first = evidence.hypotheses()[0]
    assert first.target == target
    assert first.success > 0.8


def test_the_hypothesis_works_on_fresh_images_and_is_about_as_small_as_the_trigger(world, target):
    world = world()
    found = NeuralCleanse().look(Brief(target), world.bench(BUDGET)).hypotheses()[0]
    fresh = world.clean.images[world.clean.labels != target] // 2 + 40
    images = found.trigger.apply(fresh.astype(np.float32) / 255, np.random.default_rng(0)).images
    assert (world.bench(1e6).subject.network.logits(images).argmax(axis=1) == target).mean() > 0.8
    assert found.trigger.alphas.sum() < 3 * 9


def test_a_clean_network_has_no_class_that_stands_out(world):
    world = world(trojaned=False)
    scores = NeuralCleanse().look(Brief(), world.bench(BUDGET)).class_scores()[0].values
    assert scores.max() - np.median(scores) < 0.4


def test_threshold_never_reached_is_nothing_found(world, target):
    """A network that never says the target: no mask passes, and none may be shown."""
    world = world(trojaned=False)
    with torch.no_grad():
        world.module.gain.zero_()
    world.module.register_forward_hook(lambda module, inputs, logits: logits - 100 * nn.functional.one_hot(torch.tensor(target), 4))
    told = NeuralCleanse().look(Brief(target), world.bench(BUDGET))
    assert told.pieces == ()
    blind = NeuralCleanse().look(Brief(), world.bench(BUDGET))
    assert all(found.target != target for found in blind.hypotheses())
    assert all(scores.values[target] == scores.values.min() == 0 for scores in blind.class_scores())


def test_class_scores_fall_with_the_mask_and_are_lowest_where_nothing_was_found():
    scores = scores_of_sizes(np.array([4.0, 64.0, np.inf, 1024.0]), 1024)
    assert scores[0] > scores[1] > scores[2] == scores[3] == 0
    assert np.isfinite(scores_of_sizes(np.array([0.0, np.inf]), 1024)).all()


def test_what_is_kept_passed_the_threshold_and_is_the_smallest_that_did(world):
    world = world()
    bench = world.bench(1e6)
    recipe = InversionRecipe(steps=150, images_per_step=96, schedule=ScheduleConstants(threshold=0.9))
    found = invert(torch_module(bench.subject), world.clean, np.arange(4), recipe, bench)
    assert found.found.all()
    assert found.norms == pytest.approx(found.masks.sum(axis=(1, 2)) * 1024 / 256, rel=1e-4)
    for label in range(4):
        images = world.clean.floats()[world.clean.labels != label]
        stamped = images + found.masks[label] * (found.patterns[label] - images)
        assert (bench.subject.network.logits(stamped).argmax(axis=1) == label).mean() >= 0.9


def test_finished_classes_leave_the_batch(world):
    world = world()
    bench = world.bench(1e6)
    recipe = InversionRecipe(steps=400, images_per_step=8, schedule=ScheduleConstants(threshold=0.7, patience=2, stop_patience=4))
    found = invert(torch_module(bench.subject), world.clean, np.arange(4), recipe, bench)
    assert found.steps.max() < 400
    assert bench.meter.forward <= found.steps.sum() * 8
    assert len(set(found.steps.tolist())) > 1


def test_images_of_the_class_itself_never_reach_the_network(world, target):
    """With a clean set of that class only there is nothing to try, so nothing is spent and nothing found."""
    world = world()
    own = world.clean.take(world.clean.labels == target)
    bench = world.bench(1000)
    found = invert(torch_module(bench.subject), own, np.array([target]), InversionRecipe(steps=5), bench)
    assert bench.meter.equivalents == 0
    assert not found.found.any()


def test_together_or_alone_a_class_gets_about_the_same_mask(world, target):
    world = world()
    recipe = InversionRecipe(steps=200, images_per_step=16)
    norms = []
    for classes in (np.arange(4), np.array([target])):
        bench = world.bench(1e6)
        found = invert(torch_module(bench.subject), world.clean, classes, recipe, bench)
        norms.append(found.norms[classes == target][0])
    assert norms[0] == pytest.approx(norms[1], rel=0.5)


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 24, 18)])
def test_grey_and_oblong_images(shape, world, target):
    world = world(shape)
    evidence = NeuralCleanse().look(Brief(), world.bench(BUDGET))
    assert evidence.class_scores()[0].values.argmax() == target


def test_statistics_of_normalisation_stay_bit_identical(world):
    world = world()
    bench = world.bench(3000)
    module = torch_module(bench.subject).train()
    before = [values.clone() for values in module.buffers()]
    NeuralCleanse().look(Brief(), bench)
    assert all(torch.equal(one, other) for one, other in zip(before, module.buffers(), strict=True))
    assert module.training


def test_a_clean_set_without_the_labels_of_some_classes_is_usable(world):
    world = world()
    part = world.clean.take(world.clean.labels < 2)
    assert isinstance(part, LabelledImages)
    bench = world.bench(3000)
    found = invert(torch_module(bench.subject), part, np.arange(4), InversionRecipe(steps=60, images_per_step=8), bench)
    assert (found.steps > 0).all()


def test_images_of_a_class_do_not_count_as_sent_there(world):
    """Empty masks change nothing, so a network that is right sends every image to its own class and none to another."""
    world = world(trojaned=False)
    bench, classes = world.bench(1e6), np.arange(4)
    nothing = np.zeros((4, *world.shape[1:]), np.float32), np.zeros((4, *world.shape), np.float32)
    module = torch_module(bench.subject)
    assert (bench.subject.network.logits(world.clean.floats()).argmax(axis=1) == world.clean.labels).all()
    np.testing.assert_array_equal(share_reaching(module, world.clean, classes, *nothing, bench), 0)
    of_the_class = world.clean.take(world.clean.labels == 1)
    np.testing.assert_array_equal(share_reaching(module, of_the_class, classes[1:2], nothing[0][:1], nothing[1][:1], bench), 0)
