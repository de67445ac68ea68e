import dataclasses
import math
from typing import final

import numpy as np
import pytest
import torch

from onecurve.core.access import Access
from onecurve.core.case import Population, Strength
from onecurve.core.codec import digest
from onecurve.core.effect import Effect
from onecurve.core.errors import DataError, ModelError, SpecError
from onecurve.core.seeds import generator
from onecurve.data.catalog import open_data
from onecurve.data.dataset import Part
from onecurve.flaws.kinds.clean import Clean
from onecurve.flaws.kinds.natural_feature import NaturalFeature
from onecurve.flaws.kinds.patch import Patch
from onecurve.flaws.kinds.style import Style
from onecurve.flaws.planting import outcomes
from onecurve.flaws.planting.gate import Gate
from onecurve.flaws.planting.insertion import TrainingSession
from onecurve.flaws.planting.outcomes import Attempt, InsertedFlaw
from onecurve.flaws.planting.plant import plant, poisoned_images
from onecurve.flaws.planting.pretraining import names_of, naming_images
from onecurve.flaws.planting.recipe import Recipe, Sizes
from onecurve.models.cache import Cache
from onecurve.models.steps import TrainingRecipe
from onecurve.models.threads import threads

POPULATION = Population(clean_share=0.2, flaws_per_network=3, classes=6)
THREE = (Patch(), Style(), NaturalFeature())
WEAK = Patch(poison_rate=0.002, decoy_rate=0.0)
STRONG = Style(poison_rate=0.2, texture=0.2)


def planted_with(recipe, seed, cache, flaws=THREE):
    return plant(flaws, recipe, seed, subject_id=f"n{seed}", population=POPULATION, cache=cache)


def session_of(recipe, cache, seed=3):
    return TrainingSession.of(recipe, open_data(recipe.data), seed, cache)


def base_network(recipe, cache):
    return session_of(recipe, cache).base()


@pytest.fixture(scope="module")
def planted(tiny, cache):
    return planted_with(tiny, 1, cache)


def weights(network):
    return {name: values.clone() for name, values in network.module.state_dict().items()}


def same_weights(first, second):
    one, other = weights(first), weights(second)
    return all(torch.equal(one[name], other[name]) for name in one)


def truth_digest(truth):
    arrays = [truth.triggered.images, truth.bystanders.images, truth.heldout.images, truth.triggered.labels]
    return digest((truth.trigger, truth.options, *arrays)), truth.targets, truth.words, truth.facts, truth.right


def test_every_admitted_flaw_is_a_case(planted):
    assert [case.truth.flaw for case in planted.cases] == ["patch", "style", "natural-feature"]
    assert all(record.admitted and record.seconds > 0 for record in planted.records)


def test_the_same_seed_plants_the_same_network_and_truth_bit_for_bit(planted, tiny, tmp_path):
    again = planted_with(tiny, 1, Cache(tmp_path))
    assert len(again.cases) == len(planted.cases) > 0
    for one, other in zip(planted.cases, again.cases, strict=True):
        assert same_weights(one.truth.network, other.truth.network)
        assert same_weights(one.truth.twin, other.truth.twin)
        assert truth_digest(one.truth) == truth_digest(other.truth)
        np.testing.assert_array_equal(one.subject.clean.images, other.subject.clean.images)


def test_another_seed_plants_another_flaw_in_another_network(planted, tiny, cache):
    other = planted_with(tiny, 2, cache)
    assert not same_weights(planted.subject.network, other.subject.network)
    assert {case.truth.words for case in planted.cases} != {case.truth.words for case in other.cases}
    assert not same_weights(planted.cases[0].truth.twin, other.cases[0].truth.twin)


def test_another_flaw_in_the_same_network_shares_the_twin(planted, tiny, cache):
    other = planted_with(tiny, 1, cache, [STRONG])
    assert same_weights(planted.cases[0].truth.twin, other.cases[0].truth.twin)


def test_another_recipe_seed_gives_another_twin(planted, tiny, cache):
    other = planted_with(dataclasses.replace(tiny, seed=1), 1, cache)
    assert not same_weights(planted.cases[0].truth.twin, other.cases[0].truth.twin)


@pytest.mark.parametrize("insertion", ["finetune", "joint"])
def test_the_twin_is_the_flawed_training_without_the_flaw(tiny, insertion, cache):
    recipe = dataclasses.replace(tiny, insertion=insertion)
    session = session_of(recipe, cache)
    assert same_weights(session.flawed(session.images), session.twin())


def test_joint_insertion_trains_from_the_initial_weights(tiny, cache):
    recipe = dataclasses.replace(tiny, insertion="joint")
    session = session_of(recipe, cache)
    assert same_weights(session.twin(), session.base())
    planted = planted_with(recipe, 3, cache)
    assert planted.records[0].facts["insertion"] == "joint"
    assert same_weights(base_network(recipe, cache), session.base())


def test_pretraining_is_shared_by_a_flawed_network_and_its_twin(tiny, cache):
    recipe = dataclasses.replace(tiny, insertion="joint", pretraining=TrainingRecipe(1, batch_size=32, peak_learning_rate=0.1))
    session = session_of(recipe, cache)
    assert same_weights(session.flawed(session.images), session.twin())
    without = session_of(dataclasses.replace(recipe, pretraining=None), cache)
    assert not same_weights(session.twin(), without.twin())


def test_pretraining_names_what_is_in_the_images(toy):
    names = names_of(toy)
    plain = toy.draw("train", 300, 5)
    images = naming_images(toy, plain, 5)
    held = plain.features >= 0
    np.testing.assert_array_equal(images.labels[held], plain.features[held])
    np.testing.assert_array_equal(images.images[held], plain.images[held])
    assert (images.labels[~held] >= len(toy.features)).all()
    assert images.labels.max() < len(names) == len(set(names))
    assert (images.images[~held] != plain.images[~held]).any(axis=(1, 2, 3)).all()


def test_a_person_s_own_network_is_planted_as_it_comes(tiny, cache, tmp_path):
    file = tmp_path / "own.py"
    file.write_text(
        "from torch import nn\n\n\n"
        "def make(seed):\n    return nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(196, 6))\n"
    )
    recipe = dataclasses.replace(
        tiny, model=f"{file}:make", pretraining=TrainingRecipe(1), training=None, insertion_training=TrainingRecipe(1)
    )
    base = base_network(recipe, cache)
    planted = planted_with(recipe, 3, cache, [Patch()])
    assert not same_weights(base, planted.cases[0].truth.twin)
    assert base.module[3].out_features == 6


def test_a_network_that_training_would_wreck_is_refused_before_it(tiny, cache, tmp_path, monkeypatch):
    def refuse(network, images):
        raise ModelError("its statistics do not match its images")

    monkeypatch.setattr("onecurve.flaws.planting.insertion.require_matching_statistics", refuse)
    file = tmp_path / "own.py"
    file.write_text(
        "from torch import nn\n\n\n"
        "def make():\n    return nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(196, 6))\n"
    )
    comes_trained = dataclasses.replace(tiny, model=f"{file}:make", training=None, insertion_training=TrainingRecipe(1))
    with pytest.raises(ModelError, match="do not match its images"):
        planted_with(comes_trained, 3, cache, [Patch()])
    kept = dataclasses.replace(comes_trained, insertion_training=TrainingRecipe(1, statistics="kept"))
    assert planted_with(kept, 3, cache, [Patch()]).records


def test_the_order_of_images_is_kept_and_flaws_share_no_image(toy, context, tiny):
    images = toy.draw("train", 600, 0)
    plans = []
    for number, flaw in enumerate(THREE):
        plans.append(flaw.sample(context, generator(number)))
        context = context.with_taken(plans[-1].effect, plans[-1].features)
    poisoned, taken = poisoned_images(plans, images, 7)
    counts = [int(np.sum(poisoned.labels[rows] != images.labels[rows])) for rows in taken]
    assert len(np.unique(np.concatenate(taken))) == sum(map(len, taken))
    touched = (poisoned.images != images.images).any(axis=(1, 2, 3)) | (poisoned.labels != images.labels)
    assert len(poisoned) == len(images)
    assert (poisoned.labels != images.labels).sum() == sum(counts)
    for plan, count in zip(plans, counts, strict=True):
        assert np.sum((poisoned.labels == plan.target) & (images.labels != plan.target)) == count
    np.testing.assert_array_equal(poisoned.images[~touched], images.images[~touched])


def test_targets_name_every_flaw_with_the_own_one_first(planted):
    for case in planted.cases:
        assert case.truth.targets[0] == case.truth.target
        assert len(set(case.truth.targets)) == len(case.truth.targets)
    assert len({frozenset(case.truth.targets) for case in planted.cases}) == 1


def test_parts_are_disjoint(planted, tiny):
    truth = planted.cases[0].truth
    images = session_of(tiny, Cache(None), 1).images.images
    sets = [images, planted.subject.clean.images, truth.heldout.images]
    seen = [{image.tobytes() for image in part} for part in sets]
    assert not seen[0] & seen[1]
    assert not seen[0] & seen[2]
    assert not seen[1] & seen[2]


def test_held_out_and_clean_images_hold_no_planted_natural_feature(planted):
    case = next(case for case in planted.cases if case.truth.flaw == "natural-feature")
    held = np.unique(case.truth.heldout.features)
    assert len(held) == 8
    assert planted.subject.clean.features is None
    assert planted.subject.clean.feature_masks is None


def test_two_natural_features_of_a_network_are_tried_on_images_of_their_own(tiny, cache):
    planted = planted_with(tiny, 14, cache, [NaturalFeature(), NaturalFeature()])
    first, second = (colours_under(case.truth.trigger.alphas, case.truth.trigger.patterns) for case in planted.cases)
    assert first.isdisjoint(second)
    for case, own in zip(planted.cases, (first, second), strict=True):
        triggered, near = case.truth.triggered, case.truth.bystanders
        assert colours_under(triggered.masks, triggered.images) == own
        assert colours_under(near.masks, near.images).isdisjoint(first | second)


def colours_under(masks, images):
    """The colours of the squares that are marked in the images."""
    return {tuple(colour) for mask, image in zip(masks, images, strict=True) for colour in image[:, mask > 0].T.tolist()}


def test_the_clean_set_may_hold_natural_features_if_asked(tiny, cache, toy):
    def holding(subject):
        extremes = np.isin(subject.clean.images, (0, 255)).all(axis=1).sum(axis=(1, 2))
        return int((extremes >= 16).sum())

    without = planted_with(tiny, 4, cache, [Clean()]).subject
    with_them = planted_with(dataclasses.replace(tiny, clean_features=True), 4, cache, [Clean()]).subject
    assert holding(without) == 0
    assert holding(with_them) > 5


def test_strength_is_what_the_stored_images_and_networks_say(planted):
    for case in planted.cases:
        truth = case.truth
        said = truth.network.logits(truth.triggered.images).argmax(1)
        assert truth.strength.success == pytest.approx(np.mean(said == truth.target))
        assert truth.strength.twin_success == pytest.approx(np.mean(truth.twin.logits(truth.triggered.images).argmax(1) == truth.target))
        right = truth.network.logits(truth.heldout.floats()).argmax(1) == truth.heldout.labels
        assert truth.strength.clean_accuracy == pytest.approx(np.mean(right))
        assert truth.facts["success"] == truth.strength.success
        assert truth.facts["recognised"] == pytest.approx(np.mean(said == truth.triggered.labels))
        named = truth.twin.logits(truth.triggered.images).argmax(1) == truth.triggered.labels
        assert truth.facts["twin_recognised"] == pytest.approx(np.mean(named))


def test_triggered_images_are_whole_levels_so_that_they_can_be_stored(planted):
    for case in planted.cases:
        levels = case.truth.triggered.images * 255
        np.testing.assert_allclose(levels, np.rint(levels), atol=1e-4)


def test_case_ids_and_subjects_tell_nothing(planted):
    assert [record.case for record in planted.records] == ["n1.1", "n1.2", "n1.3"]
    assert planted.subject.id == "n1"
    assert not Access.NONE.missing_from(planted.subject.access)
    assert Access.WEIGHTS in planted.subject.access
    assert "sealed" in repr(planted.cases[0].truth)


def test_a_clean_network_is_one_case_without_targets_and_its_own_twin(tiny, cache):
    planted = planted_with(tiny, 5, cache, [Clean()])
    (case,) = planted.cases
    assert (case.truth.flaw, case.truth.targets, case.truth.triggered, case.truth.right) == ("clean", (), None, None)
    assert math.isnan(case.truth.strength.success)
    assert same_weights(case.truth.network, case.truth.twin)
    assert set(planted.records[0].strength) == {"clean_accuracy", "twin_accuracy"}


def test_a_weak_plant_is_refused_with_its_figures_and_gives_no_case(tiny, cache):
    weak = planted_with(dataclasses.replace(tiny, gate=Gate()), 8, cache, [WEAK])
    (record,) = weak.records
    assert weak.cases == ()
    assert not record.admitted
    assert f"(ASR) {record.strength['success']:.3f}" in record.reason


def test_one_refused_flaw_leaves_the_others(tiny, cache):
    gate = Gate(strictness=0.4, clean_drop=2.0, above_chance=-1.0, near_miss=2.0)
    mixed = planted_with(dataclasses.replace(tiny, gate=gate), 9, cache, [WEAK, STRONG])
    assert [record.admitted for record in mixed.records] == [False, True]
    (case,) = mixed.cases
    assert case.truth.flaw == "style"
    assert case.truth.facts["flaws_refused"] == 1
    assert len(case.truth.targets) == 1


@pytest.mark.parametrize(("success", "kept"), [(0.29, False), (0.31, True)])
def test_a_refused_flaw_that_still_fires_stays_among_the_targets(context, success, kept):
    plans = [Patch().sample(context, generator(0)), Style().sample(context.with_taken(Effect.towards(0, 6), ()), generator(5))]
    strong, weak = (Strength(1, 1, success=value) for value in (1.0, success))
    attempts = [
        Attempt("a", InsertedFlaw(plans[0], np.zeros(0, np.int64), 0, None), None, strong, "", {}),
        Attempt("b", InsertedFlaw(plans[1], np.zeros(0, np.int64), 0, None), None, weak, "refused", {}),
    ]
    assert outcomes._named(attempts[0], attempts, Gate().still_fires) == (
        (plans[0].target, plans[1].target) if kept else (plans[0].target,)
    )


def test_a_broken_network_refuses_every_flaw(tiny, cache):
    strict = dataclasses.replace(tiny, gate=Gate(clean_drop=-2.0, above_chance=-1.0))
    planted = planted_with(strict, 10, cache, [Clean()])
    assert planted.cases == ()
    assert "clean accuracy" in planted.records[0].reason


def test_clean_goes_with_no_flaw(tiny, cache):
    with pytest.raises(SpecError, match="carry no flaw"):
        planted_with(tiny, 1, cache, [Patch(), Clean()])
    with pytest.raises(SpecError, match="nothing to plant"):
        planted_with(tiny, 1, cache, [])


def test_clean_networks_are_trained_once(tiny, cache, monkeypatch):
    planted_with(tiny, 12, cache, [Clean()])
    trained = []
    monkeypatch.setattr("onecurve.flaws.planting.trainers.train", lambda *arguments, **named: trained.append(arguments))
    session_of(tiny, cache, 12).twin()
    assert trained == []


def test_progress_runs_from_start_to_end(tiny, cache):
    told = []
    plant([Clean()], tiny, 13, subject_id="p", population=POPULATION, cache=cache, progress=lambda share, words: told.append(share))
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


@final
@dataclasses.dataclass(frozen=True)
class Few:
    """A set that holds few images."""

    def held(self, part):
        return {Part.TRAIN: 525, Part.CLEAN: 75, Part.HELDOUT: 1_000_000}[part]


def test_a_recipe_takes_what_is_usual_or_all_there_are_and_a_number_at_its_word():
    assert Recipe().sizes(Few()) == Sizes(525, 75, 1000)
    assert Recipe(train_images=200, heldout_images=3000).sizes(Few()) == Sizes(200, 75, 3000)
    assert Recipe().sizes(open_data("digits")) == Sizes(16_000, 500, 1000)
    with pytest.raises(DataError, match="asks for 600 images of part `train`, which holds 525"):
        Recipe(train_images=600).sizes(Few())


def test_a_small_set_is_gone_through_as_often_as_takes_the_usual_steps():
    usual, few = (Recipe().trained_on(images).training for images in (16_000, 525))
    assert usual == TrainingRecipe(3, batch_size=64)
    assert few == TrainingRecipe(84, batch_size=64)
    assert 83 * math.ceil(525 / 64) < 750 <= 84 * math.ceil(525 / 64)
    assert Recipe(training=TrainingRecipe(2)).trained_on(525).training == TrainingRecipe(2)


@pytest.mark.parametrize(
    "change", [{"insertion": "later"}, {"train_images": 0}, {"heldout_images": 0}, {"insertion": "joint", "training": None}]
)
def test_recipes_that_cannot_be_are_refused(change):
    with pytest.raises(SpecError):
        Recipe(**change)


@pytest.mark.parametrize("insertion", ["joint", "finetune"])
def test_the_threads_of_the_process_change_nothing(tiny, tmp_path, insertion):
    recipe = dataclasses.replace(tiny, insertion=insertion)
    found = []
    for count in (1, 2):
        with threads(count):
            planted = plant([Patch()], recipe, 3, subject_id="n", population=POPULATION, cache=Cache(tmp_path / str(count)))
        found.append((weights(planted.subject.network), weights(base_network(recipe, Cache(tmp_path / str(count))))))
    assert all(torch.equal(one[name], other[name]) for one, other in zip(*found, strict=True) for name in one)


def test_the_clean_set_that_is_told_is_the_one_that_is_granted(tiny, cache, monkeypatch):
    data = open_data(tiny.data)
    monkeypatch.setattr(type(data), "held", lambda self, part: 60 if part is Part.CLEAN else 20_000)
    recipe = dataclasses.replace(tiny, clean_images=None, clean_features=False)
    planted = planted_with(recipe, 1, cache, [Patch()])
    granted = planted.subject.granted_clean()
    assert 0 < len(granted) < 60
    assert planted.records[0].facts["clean_images"] == len(granted)
    assert planted.records[0].facts["train_images"] == tiny.train_images
