"""Patches that send classes to more than one place: all-to-all and several targets."""

from dataclasses import replace

import numpy as np
import pytest

from onecurve.core.case import Population
from onecurve.core.codec import digest
from onecurve.core.effect import Effect
from onecurve.core.errors import SpecError
from onecurve.core.seeds import generator
from onecurve.data.catalog import open_data
from onecurve.flaws.kinds.all_to_all import AllToAll
from onecurve.flaws.kinds.multi_target import MultiTarget
from onecurve.flaws.kinds.patch import Patch
from onecurve.flaws.planting.plant import plant
from onecurve.flaws.planting.storage import load_case, save_planted
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.variants import OnlyAtTestTime, stamping_of, with_effect

KINDS = [AllToAll(), MultiTarget(), MultiTarget(groups=3)]


@pytest.fixture(scope="module")
def images(toy):
    return toy.draw("train", 900, 3)


@pytest.fixture(params=KINDS, ids=str)
def flaw(request):
    return request.param


@pytest.fixture
def plan(flaw, context):
    return flaw.sample(context, generator("mapped", 5))


def test_the_same_seed_samples_the_same_plan(flaw, plan, context):
    again = flaw.sample(context, generator("mapped", 5))
    assert (plan.effect, plan.words, plan.facts, plan.right) == (again.effect, again.words, again.facts, again.right)
    assert digest((plan.trigger, plan.options)) == digest((again.trigger, again.options))


def test_main_targets_are_spread_by_seed(flaw, context):
    assert len({flaw.sample(context, generator("spread", seed)).target for seed in range(30)}) == 6


def test_all_to_all_sends_each_class_to_the_next_and_the_last_to_the_first(context):
    plan = AllToAll().sample(context, generator(0))
    assert plan.effect.sends == (1, 2, 3, 4, 5, 0)
    assert set(plan.effect.targets) == set(range(6))
    assert "`bar 0` for `bar 5`" in plan.words


@pytest.mark.parametrize("groups", [2, 3])
def test_each_group_has_a_target_that_keeps_its_own_class(context, groups):
    plan = MultiTarget(groups=groups).sample(context, generator(1))
    targets = plan.effect.targets
    assert len(targets) == groups == plan.facts["targets"]
    assert plan.effect.sources is None
    assert all(plan.effect.sends[target] == target for target in targets)
    assert set(plan.effect.sends) == set(targets)
    sizes = np.bincount(plan.effect.sends, minlength=6)[list(targets)]
    assert np.ptp(sizes) <= 1


def test_poison_goes_where_the_effect_says(flaw, plan, images):
    poisoned = plan.scheme.poison(images, generator("poison"))
    true, count = images.labels[poisoned.rows], round(flaw.poison_rate * len(images))
    np.testing.assert_array_equal(poisoned.images.labels[:count], np.array(plan.effect.sends)[true[:count]])
    assert (poisoned.images.labels[:count] != true[:count]).all()
    np.testing.assert_array_equal(poisoned.images.labels[count:], true[count:])


def test_the_lineup_is_the_patch_s_and_the_words_say_where_classes_go(plan):
    assert len({option.words for option in plan.options}) == 8
    assert plan.options[plan.right].name == plan.facts["trigger"]
    assert plan.facts["trigger"] in plan.words
    assert plan.words.count(" for ") == (6 if plan.kind == "all-to-all" else len(plan.effect.targets))


def test_all_to_all_needs_a_network_of_its_own(context):
    with pytest.raises(SpecError, match="of its own"):
        AllToAll().sample(context.with_taken(Effect.towards(0, 6), ()), generator(0))


def test_several_targets_need_classes_for_their_groups(toy_address):
    few = open_data(f"{toy_address}[classes=5]")
    context = FlawContext(few, few.draw("clean", 3, 0).floats())
    with pytest.raises(SpecError, match="need 6 classes, got: 5"):
        MultiTarget(groups=3).sample(context, generator(0))
    assert MultiTarget().sample(context, generator(0)).effect.any


@pytest.mark.parametrize("make", [lambda: MultiTarget(groups=4), lambda: MultiTarget(poison_rate=0.6), lambda: AllToAll(poison_rate=0)])
def test_parameters_out_of_range_are_refused(make):
    with pytest.raises(SpecError):
        make()


def test_a_trigger_that_appears_only_at_test_time_poisons_nothing(context, images, toy):
    plan = Patch().sample(context, generator(3))
    only_at_test_time, heldout = OnlyAtTestTime(stamping_of(plan)), toy.draw("heldout", 200, 1)
    assert len(only_at_test_time.poison(images, generator(0)).rows) == 0
    for name in ("triggered", "near_misses"):
        first, second = (getattr(scheme, name)(heldout, 20, generator(1)) for scheme in (only_at_test_time, plan.scheme))
        np.testing.assert_array_equal(first.images, second.images)
    assert only_at_test_time.elsewhere(heldout, 20, generator(1)) is None


def test_another_effect_changes_nothing_that_is_shown(context):
    plan = Patch().sample(context, generator(3))
    onward = with_effect(plan, Effect.onward(6, main=2))
    assert onward.effect == stamping_of(onward).effect
    assert digest((onward.trigger, onward.options)) == digest((plan.trigger, plan.options))


@pytest.fixture(scope="module", params=[AllToAll(poison_rate=0.4), MultiTarget(poison_rate=0.4)], ids=["all-to-all", "multi-target"])
def planted(request, tiny, cache):
    return plant([request.param], replace(tiny, train_images=900), 3, subject_id="net", population=Population(0.2, 1, 6), cache=cache)


def test_success_counts_what_is_said_against_each_class_s_own_goal(planted):
    (case,) = planted.cases
    truth = case.truth
    said = truth.network.logits(truth.triggered.images).argmax(axis=1)
    goals = np.array(truth.effect.sends)[truth.triggered.labels]
    assert truth.strength.success == pytest.approx(np.mean(said == goals))
    assert truth.strength.success > truth.strength.twin_success + 0.2
    assert truth.targets == truth.effect.targets


def test_the_map_comes_back_from_disk(planted, tmp_path):
    save_planted(tmp_path, planted)
    (case,) = planted.cases
    back = load_case(tmp_path, case.id).truth
    assert back.effect == case.truth.effect
    assert back.effect.rule() == case.truth.effect.rule()
    assert str(back.strength) == str(case.truth.strength)
