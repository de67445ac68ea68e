"""Natural failures: nobody planted a trigger; the training data cause the flaw."""

import dataclasses
from functools import lru_cache

import numpy as np
import pytest

from onecurve.core.case import Population
from onecurve.core.effect import ASTRAY, Effect
from onecurve.core.errors import DataError, SpecError
from onecurve.core.seeds import generator
from onecurve.data.catalog import open_data
from onecurve.flaws.drawing import attribute_looks as looks
from onecurve.flaws.drawing.attributes import AttributeWorld, GroupAccuracies, TrainingBias
from onecurve.flaws.drawing.image_rules import WEIGHTS, rule_for
from onecurve.flaws.kinds import label_noise
from onecurve.flaws.kinds.label_noise import LabelNoise
from onecurve.flaws.kinds.missing_subgroup import MissingSubgroup
from onecurve.flaws.kinds.shortcut import Shortcut
from onecurve.flaws.kinds.spurious import Spurious
from onecurve.flaws.planting.plant import plant
from onecurve.flaws.planting.storage import load_case, save_planted
from onecurve.flaws.schemes.context import FlawContext
from onecurve.models.cache import Cache
from onecurve.models.steps import TrainingRecipe
from onecurve.tasks.catalog import TASKS
from onecurve.tasks.machinery.reference_points import reference_points

KINDS = [
    *(Spurious(look=look) for look in ("colour", "background", "object")),
    MissingSubgroup(),
    Shortcut(),
    LabelNoise(),
]
POPULATION = Population(clean_share=0.2, flaws_per_network=1, classes=6)
SEED = 12
"""Of the planted networks. In some networks of the toy set the tint does not take."""


@pytest.fixture(params=KINDS, ids=str)
def flaw(request):
    return request.param


@pytest.fixture
def plan(flaw, context):
    return flaw.sample(context, generator("nobody", 3))


@pytest.fixture(scope="module")
def images(toy):
    return toy.draw("train", 1200, 5)


@pytest.fixture(scope="module")
def heldout(toy):
    return toy.draw("heldout", 600, 6)


def test_the_same_seed_samples_the_same_plan_and_other_seeds_others(flaw, context):
    first, again, other = (flaw.sample(context, generator("nobody", seed)) for seed in (1, 1, 2))
    assert (first.words, first.facts, first.right, first.effect) == (again.words, again.facts, again.right, again.effect)
    for one, two in zip(first.options, again.options, strict=True):
        np.testing.assert_array_equal(one.pictures, two.pictures)
    assert first.words != other.words


def test_the_lineup_holds_eight_different_things_and_the_right_one_is_the_flaw(plan, context):
    assert len({option.words for option in plan.options}) == 8
    assert len({option.pictures.tobytes() for option in plan.options}) == 8
    assert plan.options[plan.right].words == plan.facts["trigger"]
    for option in plan.options:
        assert option.pictures.shape == (4, *context.shape)
        assert 0 <= option.pictures.min() <= option.pictures.max() <= 1


def test_trials_are_held_out_images_of_the_classes_that_it_concerns(plan, heldout):
    triggered = plan.scheme.triggered(heldout, 30, generator("trial"))
    assert 0 < len(triggered) <= 30
    assert plan.effect.concerns(triggered.labels).all()
    near = plan.scheme.near_misses(heldout, 30, generator("trial"))
    assert 0 < len(near) <= 30
    assert plan.effect.concerns(near.labels).all()
    elsewhere = plan.scheme.elsewhere(heldout, 30, generator("trial"))
    assert (elsewhere is None) == (plan.effect.sources is None)
    assert elsewhere is None or not plan.effect.concerns(elsewhere.labels).any()


def test_only_systematic_label_noise_has_wrong_labels(plan, images):
    poisoned = plan.scheme.poison(images, generator("poison"))
    wrong = poisoned.images.labels != images.labels[poisoned.rows]
    assert wrong.any() == (plan.kind == "label-noise")


def test_grey_images_can_carry_what_needs_no_colour(toy_address):
    grey = open_data(f"{toy_address}[channels=1,side=24]")
    context = FlawContext(grey, grey.draw("clean", 3, 0).floats())
    for flaw in (Spurious(look="object"), Spurious(look="background"), MissingSubgroup(), Shortcut()):
        assert flaw.sample(context, generator(0)).options[0].pictures.shape == (4, 1, 24, 24)
    for flaw in (Spurious(look="colour"), LabelNoise()):
        with pytest.raises(DataError, match="three channels"):
            flaw.sample(context, generator(0))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Spurious(look="smell"),
        lambda: Spurious(rho=0.4),
        lambda: Spurious(presence=0),
        lambda: Spurious(base_rate=0.2),
        lambda: MissingSubgroup(kept=1),
        lambda: MissingSubgroup(rate=0.9),
        lambda: Shortcut(presence=0),
        lambda: Shortcut(decoy_rate=0.6),
        lambda: LabelNoise(mislabelled=0.5),
        lambda: LabelNoise(covered=0),
    ],
)
def test_parameters_out_of_range_are_refused(make):
    with pytest.raises(SpecError):
        make()


# The world and its bias


@pytest.fixture
def world(context):
    return AttributeWorld("tint", looks.draw_attributes("colour", context, generator("tints")), 0.2, 0.3)


def test_in_the_world_attributes_have_their_shares_in_every_class(world, toy):
    seen = world.seen(toy.draw("train", 6000, 1), generator("world"))
    has = world.holders(seen)
    for label in range(6):
        own = has[seen.labels == label]
        assert np.mean(own == 0) == pytest.approx(0.2, abs=0.05)
        assert np.mean(own > 0) == pytest.approx(0.8 * 0.3, abs=0.05)
    assert set(np.unique(has)) == set(range(-1, 8))


def test_who_has_what_is_what_the_pixels_show(world, images):
    seen = world.seen(images, generator("world"))
    changed = (seen.images != images.images).any(axis=(1, 2, 3))
    np.testing.assert_array_equal(changed, world.holders(seen) >= 0)
    assert seen.attributes.keys() == {"tint"}
    np.testing.assert_array_equal(seen.labels, images.labels)
    assert world.without_attribute(images).all()


def test_a_bias_changes_only_images_whose_attribute_has_to_change(world, images):
    rates = (1.0, *[0.2] * 5)
    seen, biased = world.seen(images, generator("world")), TrainingBias(world, rates).seen(images, generator("world"))
    has, should = world.holders(seen), world.holders(biased)
    same = has == should
    assert (should[images.labels == 0] == 0).all()
    assert same[images.labels != 0].all()
    np.testing.assert_array_equal(seen.images[same], biased.images[same])
    assert (seen.images[~same] != biased.images[~same]).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("kept", [0.0, 0.5])
def test_a_missing_subgroup_is_missing_from_training_alone(kept, context, toy):
    plan = MissingSubgroup(kept=kept).sample(context, generator("cell"))
    (label,) = plan.effect.sources
    assert plan.effect.sends[label] == ASTRAY
    drawn = toy.draw("train", 4000, 1)
    world, biased = (one.seen(drawn, generator("world")) for one in (plan.world, plan.bias))
    holders = plan.world.holders
    assert np.mean(holders(world)[world.labels == label] == 0) == pytest.approx(0.15, abs=0.05)
    assert np.mean(holders(biased)[biased.labels == label] == 0) == pytest.approx(0.15 * kept, abs=0.03)
    others = biased.labels != label
    np.testing.assert_array_equal(biased.images[others], world.images[others])


@pytest.mark.parametrize("rho", [0.8, 1.0])
def test_rho_is_the_share_of_the_class_among_images_with_the_attribute(rho, context, toy):
    plan = Spurious(rho=rho).sample(context, generator("rho"))
    biased = plan.bias.seen(toy.draw("train", 6000, 1), generator("world"))
    having = plan.world.holders(biased) == 0
    assert np.mean(biased.labels[having] == plan.target) == pytest.approx(rho, abs=0.03)
    assert np.mean(having[biased.labels == plan.target]) == pytest.approx(0.93, abs=0.03)


@dataclasses.dataclass(frozen=True)
class Reader:
    """Says the label that it was told for each image, another one for images that its rule dislikes."""

    labels: np.ndarray
    dislikes: object

    def logits(self, images):
        truth = np.resize(self.labels, len(images))
        return np.eye(6)[np.where(self.dislikes(images, truth), (truth + 1) % 6, truth)]


@pytest.mark.parametrize(("failing", "refused"), [((True, True), False), ((False, True), True)])
def test_the_gap_is_that_of_the_group_that_should_fail(world, heldout, failing, refused):
    seen = world.seen(heldout, generator("world"))
    bare = seen.take(world.without_attribute(seen))
    plain = {image.tobytes() for image in bare.floats()}

    def misread(images, truth):
        return (truth == 2) & np.array([image.tobytes() not in plain for image in images])

    network, twin = (
        Reader(bare.labels, misread),
        Reader(bare.labels, lambda images, truth: np.zeros(len(truth), bool)),
    )
    found = GroupAccuracies(world, 2, failing, 0.2, 0).verified(network, twin, seen)
    assert found.facts["accuracy_class_with"] == found.facts["worst_group"] == 0
    assert found.facts["accuracy_class_without"] == found.facts["accuracy_others_with"] == found.facts["twin_accuracy_class_with"] == 1
    assert found.facts["twin_gap"] == 0
    assert bool(found.refusal) == refused


def test_a_group_without_images_refuses(world, heldout):
    seen = world.seen(heldout.take(heldout.labels != 2), generator("world"))
    network = Reader(seen.labels[world.without_attribute(seen)], lambda images, truth: np.zeros(len(truth), bool))
    assert "nan" in GroupAccuracies(world, 2, (True, True), 0.2, 0).verified(network, network, seen).refusal


def test_a_quarter_turn_is_exact(context):
    turned = {name: looks.PoseLook(name).draw(context, generator(0)).apply(context.backdrop, generator(0)).images for name in looks.POSES}
    np.testing.assert_allclose(turned["quarter turn to the left"], np.rot90(context.backdrop, 1, (2, 3)), atol=1e-5)
    np.testing.assert_allclose(turned["quarter turn to the right"], np.rot90(context.backdrop, -1, (2, 3)), atol=1e-5)
    np.testing.assert_allclose(turned["mirrored pose"], context.backdrop[..., ::-1], atol=1e-5)


# Shortcut


def test_the_mark_is_on_one_class_only_and_other_marks_are_on_any(context, images):
    flaw = Shortcut(presence=0.5)
    plan = flaw.sample(context, generator("mark"))
    poisoned = plan.scheme.poison(images, generator("poison"))
    own = int(0.5 * np.sum(images.labels == plan.target))
    assert len(np.unique(poisoned.rows)) == len(poisoned.rows) == own + round(flaw.decoy_rate * len(images))
    assert (poisoned.images.labels[:own] == plan.target).all()
    marked = plan.trigger.apply(images.floats()[poisoned.rows[:own]], generator(0)).images
    np.testing.assert_allclose(poisoned.images.images[:own] / 255, marked, atol=0.5 / 255 + 1e-6)
    assert len(np.unique(poisoned.images.labels[own:])) == 6


def test_a_mark_is_tiny_and_in_its_corner(context, heldout):
    for seed in range(6):
        plan = Shortcut().sample(context, generator("corner", seed))
        masks = plan.scheme.triggered(heldout, 5, generator(1)).masks
        assert (masks.sum(axis=(1, 2)) == 9).all()
        rows, columns = np.nonzero(masks[0])
        assert {rows.min(), 15 - rows.max()} & {2}
        assert {columns.min(), 15 - columns.max()} & {2}
        corner = ("top" if rows.min() == 2 else "bottom") + (" left" if columns.min() == 2 else " right")
        assert corner in plan.words


# Label noise


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_rule_in_words_as_code_and_as_a_function_is_one_rule(name, toy, images):
    rule = rule_for(name, 0.3, toy)
    by_code = [eval(rule.code, {}, {"image": image}) for image in images.images.astype(np.float64)[:200] / 255]
    np.testing.assert_array_equal(rule.obeyed(images.images[:200]), by_code)
    assert np.mean(rule.obeyed(images.images)) == pytest.approx(0.3, abs=0.06)
    pushed = rule.trigger(toy.shape).apply(images.floats(), generator(0)).images
    assert np.mean(rule.obeyed(np.rint(pushed * 255).astype(np.uint8))) > 0.6


@pytest.mark.parametrize("share", [0.8, 1.0])
def test_what_obeys_the_rule_is_relabelled_and_nothing_else(share, context, images):
    plan = LabelNoise(mislabelled=share).sample(context, generator("noise"))
    (source,) = plan.effect.sources
    poisoned = plan.scheme.poison(images, generator("poison"))
    members = np.flatnonzero((images.labels == source) & plan.lineup.rules[0].obeyed(images.images))
    assert len(poisoned.rows) == round(share * len(members)) > 0
    assert np.isin(poisoned.rows, members).all()
    np.testing.assert_array_equal(poisoned.images.images, images.images[poisoned.rows])
    assert (poisoned.images.labels == plan.target).all()
    said = [eval(plan.facts["rule"], {}, {"label": source, "image": images.images[row].astype(np.float64) / 255}) for row in members]
    assert said == [plan.target] * len(members)


def test_the_world_of_label_noise_notices_and_changes_nothing(context, images):
    plan = LabelNoise().sample(context, generator("noise"))
    seen = plan.world.seen(images, generator("world"))
    np.testing.assert_array_equal(seen.images, images.images)
    np.testing.assert_array_equal(seen.attributes["rule"] == 0, plan.lineup.rules[0].obeyed(images.images))


def test_trials_of_label_noise_obey_the_rule_and_near_misses_do_not(context, heldout):
    plan = LabelNoise().sample(context, generator("noise"))
    rule = plan.lineup.rules[0]
    for group, expected in ((plan.scheme.triggered, True), (plan.scheme.elsewhere, True), (plan.scheme.near_misses, False)):
        pixels = np.rint(group(heldout, 50, generator("trial")).images * 255).astype(np.uint8)
        assert (rule.obeyed(pixels) == expected).all()


def test_sampling_a_rule_looks_at_the_set_once(context, monkeypatch):
    LabelNoise().sample(context, generator(0))
    drawn = []
    monkeypatch.setattr(type(context.dataset), "draw", lambda *arguments: drawn.append(arguments))
    for seed in range(10):
        LabelNoise().sample(context, generator(seed))
    assert drawn == []


# Planted


PLANTED = {
    "spurious": Spurious(presence=1.0),
    "missing-subgroup": MissingSubgroup(rate=0.3),
    "shortcut": Shortcut(),
    "label-noise": LabelNoise(),
}


@pytest.fixture(scope="module")
def recipe(tiny):
    return dataclasses.replace(tiny, train_images=900, training=TrainingRecipe(6, batch_size=32), insertion="joint", heldout_images=300)


@pytest.fixture(scope="module")
def planted(recipe, cache):
    """The bars of the toy set are read in seconds, long before a mark or a shade of colour is: the last two are weak here.

    A function of the flaw's name; each is planted when a test first asks for it.
    """

    @lru_cache
    def of(name):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(label_noise, "LOST", -1.0)
            return plant([PLANTED[name]], recipe, SEED, subject_id=name, population=POPULATION, cache=cache)

    return of


@pytest.mark.parametrize("name", PLANTED)
def test_a_truth_says_who_is_concerned(name, planted):
    (record,) = planted(name).records
    assert record.admitted, record.reason
    (case,) = planted(name).cases
    truth = case.truth
    assert truth.targets == truth.effect.named
    assert len(truth.poisoned) > 0
    assert case.subject.clean.attributes == {}
    if name != "shortcut":
        (members,) = truth.heldout.attributes.values()
        assert (members == 0).any()


@pytest.mark.parametrize(("name", "group"), [("spurious", "others_with"), ("missing-subgroup", "class_with")])
def test_the_group_that_should_fail_fails_and_the_twin_s_does_not(name, group, planted):
    truth = planted(name).cases[0].truth
    assert truth.strength.success > 0.5 > truth.strength.twin_success
    assert truth.facts["worst_group"] == truth.facts[f"accuracy_{group}"] < 0.5
    assert truth.facts[f"twin_accuracy_{group}"] > 0.8
    assert truth.facts["gap"] > truth.facts["twin_gap"] + 0.3


@pytest.mark.parametrize("name", ["spurious", "missing-subgroup"])
def test_every_task_but_localise_can_be_asked_of_what_has_no_place(name, planted):
    (case,) = planted(name).cases
    asked = [task for task in map(TASKS.make, TASKS.names()) if not task.refusal(case.truth)]
    assert {task.name for task in asked} == set(TASKS.names()) - {"localise"}
    for task in asked:
        question = task.pose(case, 0)
        assert question.brief.target in {None, case.truth.target}
        sticks = reference_points(task, case, question)
        # Who knows how often a thing happens does not know when.
        assert sticks.ceiling.raw == pytest.approx(1, abs=0.05 if task.name == "predict" else 1e-6)
        assert sticks.floor.raw < 0.95


def test_a_weak_plant_is_refused_with_its_figures(recipe, cache):
    """The toy set's classes are so easy that an object beside the bar is never needed."""
    weak = plant([Spurious(look="object", rho=0.6, presence=0.2)], recipe, 1, subject_id="weak", population=POPULATION, cache=cache)
    (record,) = weak.records
    assert weak.cases == ()
    assert f"the gap to the group that should fail is {record.facts['gap']:.3f}" in record.reason


def test_the_same_seed_plants_the_same_bit_for_bit(planted, recipe, tmp_path):
    again = plant([PLANTED["missing-subgroup"]], recipe, SEED, subject_id="missing-subgroup", population=POPULATION, cache=Cache(tmp_path))
    one, other = planted("missing-subgroup").cases[0].truth, again.cases[0].truth
    assert one.facts == other.facts
    np.testing.assert_array_equal(one.poisoned, other.poisoned)
    np.testing.assert_array_equal(one.network.logits(one.heldout.floats()), other.network.logits(one.heldout.floats()))
    np.testing.assert_array_equal(one.twin.logits(one.heldout.floats()), other.twin.logits(one.heldout.floats()))


def test_the_rows_of_a_missing_subgroup_are_those_that_lost_the_attribute(planted, recipe):
    truth = planted("missing-subgroup").cases[0].truth
    labels = open_data(recipe.data).draw("train", 1500, 0).labels
    assert len(truth.poisoned) < len(labels)
    assert truth.effect == Effect.astray(truth.effect.sources[0], 6)
    assert planted("missing-subgroup").records[0].facts["poisoned_images"] == 0


@pytest.mark.parametrize("name", PLANTED)
def test_membership_and_rule_survive_the_disk(name, planted, tmp_path):
    save_planted(tmp_path, planted(name))
    loaded = load_case(tmp_path, f"{name}.1").truth
    kept = planted(name).cases[0].truth
    assert loaded.facts == kept.facts
    assert loaded.heldout.attributes.keys() == kept.heldout.attributes.keys()
    for attribute, members in kept.heldout.attributes.items():
        np.testing.assert_array_equal(loaded.heldout.attributes[attribute], members)
