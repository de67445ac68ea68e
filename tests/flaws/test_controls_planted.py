"""Controls that carry something odd and no effect: whatever reports a flaw in them is wrong."""

import dataclasses

import numpy as np
import pytest

from onecurve.core.case import Population, Strength
from onecurve.core.errors import SpecError
from onecurve.core.seeds import generator
from onecurve.flaws.catalog import CONTROLS, FLAWS
from onecurve.flaws.kinds.benign import Benign
from onecurve.flaws.kinds.decoy import Decoy
from onecurve.flaws.kinds.patch import Patch
from onecurve.flaws.planting.gate import Gate
from onecurve.flaws.planting.plant import plant
from onecurve.tasks.catalog import TASKS

KINDS = [
    *(Benign(look=look) for look in ("colour", "background", "object", "pose")),
    *(Decoy(trigger=trigger) for trigger in ("patch", "style", "blended")),
]
POPULATION = Population(clean_share=0.2, flaws_per_network=1, classes=6)


@pytest.fixture(params=KINDS, ids=str)
def plan(request, context):
    return request.param.sample(context, generator("control", 3))


@pytest.fixture(scope="module")
def images(toy):
    return toy.draw("train", 1000, 5)


def test_every_control_is_in_the_catalogue_as_one_and_has_no_effect(context):
    assert {"clean", "benign", "decoy"} <= set(CONTROLS)
    for name in ("clean", "benign", "decoy"):
        plan = FLAWS.make(name).sample(context, generator(1))
        assert not plan.effect.any
        assert plan.effect.named == ()
        assert plan.needed.success is None


def test_no_label_is_changed_and_every_class_shows_it(plan, images):
    poisoned = plan.scheme.poison(images, generator("poison"))
    count = round(plan.facts["shown_rate"] * len(images))
    assert len(np.unique(poisoned.rows)) == len(poisoned.rows) >= count > 0
    np.testing.assert_array_equal(poisoned.images.labels, images.labels[poisoned.rows])
    assert len(np.unique(poisoned.images.labels[:count])) == 6
    changed = (poisoned.images.images != images.images[poisoned.rows]).any(axis=(1, 2, 3))
    assert changed.mean() > 0.95


def test_it_is_tried_on_images_of_every_class(plan, toy):
    heldout = toy.draw("heldout", 300, 6)
    triggered = plan.scheme.triggered(heldout, 100, generator("trial"))
    assert len(triggered) == 100
    assert len(np.unique(triggered.labels)) == 6
    assert plan.scheme.elsewhere(heldout, 100, generator("trial")) is None
    assert plan.scheme.near_misses(heldout, 100, generator("trial")) is None


def test_a_decoy_is_the_trigger_of_a_trojan_as_often_as_a_trojan_s(context, images):
    decoy, patch = Decoy().sample(context, generator(4)), Patch().sample(context, generator(4))
    np.testing.assert_array_equal(decoy.trigger.patterns, patch.trigger.patterns)
    assert decoy.facts["trigger"] == patch.facts["trigger"]
    rows = [len(plan.scheme.poison(images, generator("poison")).rows) for plan in (decoy, patch)]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("make", [lambda: Decoy(trigger="clean"), lambda: Benign(look="veil"), lambda: Benign(rate=0)])
def test_parameters_out_of_range_are_refused(make):
    with pytest.raises(SpecError):
        make()


@pytest.fixture(scope="module", params=[Benign(), Decoy()], ids=str)
def planted(request, tiny, cache):
    recipe = dataclasses.replace(tiny, insertion="joint", gate=dataclasses.replace(tiny.gate, disturbance=2.0))
    return plant([request.param], recipe, 1, subject_id="control", population=POPULATION, cache=cache)


def test_a_planted_control_has_no_target_and_a_network_of_its_own(planted):
    (case,) = planted.cases
    truth = case.truth
    assert truth.targets == ()
    assert truth.target is None
    assert len(truth.triggered) > 0
    assert planted.records[0].facts["poisoned_images"] == 0
    assert len(truth.poisoned) > 0
    clean = truth.heldout.floats()
    assert (truth.network.logits(clean) != truth.twin.logits(clean)).any()


def test_only_what_is_asked_of_every_network_is_asked_of_a_control(planted):
    (case,) = planted.cases
    asked = [name for name in TASKS.names() if not TASKS.make(name).refusal(case.truth)]
    assert asked == ["detect", "replace"]
    detect = TASKS.make("detect")
    question = detect.pose(case, 0)
    right = detect.measure(case, question, detect.ceiling(case, question))
    assert right.raw == 1
    assert right.figures["mass_none"] == 1


def test_a_control_that_has_an_effect_after_all_is_refused(context):
    needed = Decoy().sample(context, generator(1)).needed
    assert Gate().refusal(Strength(0.95, 0.95, recognised=0.94, twin_recognised=0.95), needed, 0.1) == ""
    assert "it has an effect" in Gate().refusal(Strength(0.95, 0.95, recognised=0.8, twin_recognised=0.95), needed, 0.1)
