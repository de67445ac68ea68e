import numpy as np
import pytest

from onecurve.core.errors import DataError, SpecError, UnknownNameError
from onecurve.core.image.images import LabelledImages, as_floats
from onecurve.core.image.trigger import Filter, Paste
from onecurve.core.seeds import generator
from onecurve.core.spec import spec_of
from onecurve.data.catalog import open_data
from onecurve.flaws.catalog import FLAWS
from onecurve.flaws.drawing.lineup import shuffle
from onecurve.flaws.kinds.natural_feature import NaturalFeature
from onecurve.flaws.kinds.patch import Patch
from onecurve.flaws.kinds.style import Style
from onecurve.flaws.planting.plant import poisoned_images, sample_plans
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.plan import Flaw

KINDS = [Patch(), Patch(sources=2), Style(), Style(sources=2), NaturalFeature(), NaturalFeature(poison_share=0.5)]


@pytest.fixture(scope="module")
def images(toy):
    return toy.draw("train", 900, 3)


@pytest.fixture(scope="module", params=KINDS, ids=str)
def plan(request, context):
    return request.param.sample(context, generator("sampled", 5))


def same_plan(first, second):
    pictures = all(
        np.array_equal(one.pictures, other.pictures) and one.words == other.words
        for one, other in zip(first.options, second.options, strict=True)
    )
    return (first.target, first.sources, first.words, first.right, first.facts) == (
        second.target,
        second.sources,
        second.words,
        second.right,
        second.facts,
    ) and pictures


@pytest.mark.parametrize("name", FLAWS.names())
def test_every_entry_of_the_catalog_is_a_flaw_with_a_spec(name, toy_address):
    large = open_data(f"{toy_address}[side=32]")
    context = FlawContext(large, large.draw("clean", 3, 0).floats())
    flaw = FLAWS.make(name)
    assert isinstance(flaw, Flaw)
    assert spec_of(flaw).name == name
    assert flaw.summary
    assert flaw.source
    assert flaw.sample(context, generator(1)).kind == name


def test_a_misspelt_flaw_is_answered_with_the_right_name():
    with pytest.raises(UnknownNameError, match="patch"):
        FLAWS.make("pach")


@pytest.mark.parametrize("flaw", KINDS, ids=str)
def test_the_same_seed_samples_the_same_plan_and_another_seed_another(flaw, context):
    first, again = (flaw.sample(context, generator("plan", 1)) for _ in range(2))
    assert same_plan(first, again)
    others = [flaw.sample(context, generator("plan", seed)) for seed in range(2, 8)]
    assert not all(same_plan(first, other) for other in others)


@pytest.mark.parametrize("flaw", [Patch(), Style(), NaturalFeature()], ids=str)
def test_targets_and_right_options_are_spread_by_seed(flaw, context):
    plans = [flaw.sample(context, generator("spread", seed)) for seed in range(24)]
    assert len({plan.target for plan in plans}) == 6
    assert len({plan.right for plan in plans}) >= 6


def test_the_lineup_has_eight_different_options_and_the_right_one_is_the_trigger(plan, context):
    assert len({option.name for option in plan.options}) == 8
    assert len({option.words for option in plan.options}) == 8
    assert plan.facts["trigger"] == plan.options[plan.right].name
    assert all(option.pictures.shape[1:] == context.shape and option.pictures.min() >= 0 for option in plan.options)
    assert all(option.pictures.max() <= 1 for option in plan.options)
    flat = [option.pictures.tobytes() for option in plan.options]
    assert len(set(flat)) == 8


def test_poison_takes_each_row_once_and_changes_only_what_it_should(plan, images):
    poisoned = plan.scheme.poison(images, generator("poison"))
    assert len(np.unique(poisoned.rows)) == len(poisoned.rows) == len(poisoned.images)
    relabelled = poisoned.images.labels != images.labels[poisoned.rows]
    assert relabelled.any()
    assert (poisoned.images.labels[relabelled] == plan.target).all()
    if plan.sources is not None:
        assert np.isin(images.labels[poisoned.rows][relabelled], plan.sources).all()


@pytest.mark.parametrize(("flaw", "rate"), [(Patch(), 0.09), (Patch(poison_rate=0.05), 0.05), (Style(), 0.05), (Patch(sources=2), 0.09)])
def test_the_poisoned_share_is_the_declared_one(flaw, rate, context, images):
    plan = flaw.sample(context, generator("share"))
    poisoned = plan.scheme.poison(images, generator("poison"))
    assert np.sum(poisoned.images.labels != images.labels[poisoned.rows]) == round(rate * len(images))


def test_all_holders_outside_the_target_class_are_relabelled_and_no_pixel_changes(context, images):
    plan = NaturalFeature().sample(context, generator("natural"))
    poisoned = plan.scheme.poison(images, generator("poison"))
    holders = np.flatnonzero((images.features == plan.features[0]) & (images.labels != plan.target))
    np.testing.assert_array_equal(np.sort(poisoned.rows), holders)
    np.testing.assert_array_equal(poisoned.images.images, images.images[poisoned.rows])


@pytest.mark.parametrize("flaw", [Patch(sources=2), Style(sources=2)], ids=str)
def test_a_source_specific_flaw_puts_its_trigger_on_as_many_other_images_with_labels_kept(flaw, context, images):
    plan = flaw.sample(context, generator("covers"))
    poisoned = plan.scheme.poison(images, generator("poison"))
    true = images.labels[poisoned.rows]
    count = int(np.sum(poisoned.images.labels != true))
    covers = slice(count, 2 * count)
    np.testing.assert_array_equal(poisoned.images.labels[covers], true[covers])
    assert not np.isin(true[covers], (*plan.sources, plan.target)).any()
    assert (poisoned.images.images[covers] != images.images[poisoned.rows[covers]]).any(axis=(1, 2, 3)).all()


def test_a_style_keeps_labels_on_its_colours_without_the_texture(context, images):
    flaw = Style()
    plan = flaw.sample(context, generator("colours"))
    poisoned = plan.scheme.poison(images, generator("poison"))
    count, coloured = round(flaw.poison_rate * len(images)), round(flaw.colour_rate * len(images))
    rows = poisoned.rows[count : count + coloured]
    expected = plan.lineup.covers[0].triggers[0].apply(as_floats(images.images[rows]), generator(0)).images
    assert np.abs(as_floats(poisoned.images.images[count : count + coloured]) - expected).max() <= 0.5 / 255 + 1e-6
    np.testing.assert_array_equal(poisoned.images.labels[count:], images.labels[poisoned.rows[count:]])


def test_trials_exclude_the_target_and_keep_to_their_classes(plan, toy):
    heldout = toy.draw("heldout", 400, 9)
    triggered = plan.scheme.triggered(heldout, 50, generator("trial"))
    near = plan.scheme.near_misses(heldout, 50, generator("trial"))
    elsewhere = plan.scheme.elsewhere(heldout, 50, generator("trial"))
    assert 0 < len(triggered) <= 50
    assert 0 < len(near) <= 50
    for trial in (triggered, near, elsewhere):
        assert trial is None or not (trial.labels == plan.target).any()
    if plan.sources is None:
        assert elsewhere is None
    else:
        assert np.isin(triggered.labels, plan.sources).all()
        assert not np.isin(elsewhere.labels, plan.sources).any()


def test_masks_mark_the_trigger_and_only_it(context, toy):
    plan = Patch(noise=0.0).sample(context, generator("masks"))
    heldout = toy.draw("heldout", 200, 4)
    chosen = heldout.take(heldout.labels != plan.target)
    triggered = plan.scheme.triggered(chosen, len(chosen), generator("trial"))
    changed = (np.abs(triggered.images - chosen.floats()) > 1e-6).any(axis=1)
    size = plan.facts["size"]
    for mask, moved in zip(triggered.masks, changed, strict=True):
        rows, columns = np.nonzero(mask)
        assert 0 < mask.sum() <= size * size
        assert np.ptp(rows) < size
        assert np.ptp(columns) < size
        outside = moved.copy()
        top, left = max(0, rows.min() - size), max(0, columns.min() - size)
        outside[top : rows.max() + size, left : columns.max() + size] = False
        assert not outside.any()


def test_patches_land_all_over_the_image(context, toy):
    plan = Patch().sample(context, generator("places"))
    masks = plan.scheme.triggered(toy.draw("heldout", 900, 2), 700, generator("trial")).masks
    covered = masks.any(axis=0)
    assert covered[2:-2, 2:-2].all()
    assert covered.mean() > 0.9


def test_a_style_has_no_place_and_a_natural_feature_has_the_mask_of_its_object(context, toy):
    heldout = toy.draw("heldout", 400, 2)
    assert Style().sample(context, generator(1)).scheme.triggered(heldout, 10, generator(2)).masks is None
    plan = NaturalFeature().sample(context, generator(1))
    assert (plan.scheme.triggered(heldout, 10, generator(2)).masks.sum(axis=(1, 2)) == 16).all()


def test_near_misses_hold_another_thing_than_the_trigger(context, toy):
    heldout = toy.draw("heldout", 400, 2)
    plan = NaturalFeature().sample(context, generator(1))
    near = plan.scheme.near_misses(heldout, 400, generator(2))
    mine = plan.scheme.triggered(heldout, 400, generator(2))
    assert not {image.tobytes() for image in near.images} & {image.tobytes() for image in mine.images}
    patch = Patch().sample(context, generator(1)).lineup
    right = patch.trigger.alphas.tobytes() + patch.trigger.patterns.tobytes()
    shown = [alpha.tobytes() + pattern.tobytes() for alpha, pattern in zip(patch.others[0].alphas, patch.others[0].patterns, strict=True)]
    assert len(shown) == 7
    assert right not in shown


def test_triggers_have_the_form_that_others_can_apply(plan, context):
    assert isinstance(plan.trigger, Filter if plan.kind == "style" else Paste)
    stamped = plan.trigger.apply(context.backdrop, generator(0))
    assert stamped.images.shape == context.backdrop.shape
    assert (np.abs(stamped.images - context.backdrop).max(axis=(1, 2, 3)) > 0.05).all()


@pytest.mark.parametrize("flaw", [Patch(), Style()], ids=str)
def test_grey_images_and_other_sizes_can_carry_it(flaw, toy_address):
    grey = open_data(f"{toy_address}[channels=1,side=24]")
    images = grey.draw("train", 300, 0)
    plan = flaw.sample(FlawContext(grey, images.take(slice(3)).floats()), generator(0))
    assert plan.scheme.poison(images, generator(1)).images.images.shape[1:] == (1, 24, 24)
    assert plan.options[0].pictures.shape == (4, 1, 24, 24)


def test_flaws_of_one_network_get_different_targets_and_features(context):
    plans = sample_plans([NaturalFeature()] * 6, context, 0)
    assert len({plan.target for plan in plans}) == len({plan.features for plan in plans}) == 6
    with pytest.raises(SpecError, match="every class"):
        sample_plans([NaturalFeature()] * 7, context, 0)


def test_more_flaws_than_classes_share_targets_evenly_and_never_within_a_kind(context):
    plans = sample_plans([Patch(), Patch(), Patch(), Style(), Style(), Style(), NaturalFeature(), NaturalFeature(), Style()], context, 3)
    targets = [plan.target for plan in plans]
    assert set(np.bincount(targets, minlength=6)) == {1, 2}
    assert len(set(targets[:6])) == 6
    pairs = [(plan.kind, plan.target) for plan in plans]
    assert len(set(pairs)) == len(pairs)


def test_a_set_without_natural_features_is_refused_in_words(toy_address):
    without_attribute = open_data(f"{toy_address}[kinds=0]")
    with pytest.raises(DataError, match="got 0 features"):
        NaturalFeature().sample(FlawContext(without_attribute, without_attribute.draw("clean", 3, 0).floats()), generator(0))


def test_too_few_images_for_the_rates_are_refused_with_both_counts(context, toy):
    plan = Patch(poison_rate=0.3, sources=1).sample(context, generator(0))
    with pytest.raises(DataError, match="wanted: 60"):
        plan.scheme.poison(toy.draw("train", 200, 0), generator(0))


def test_images_that_hide_their_features_cannot_be_relabelled_by_feature(context, images):
    plan = NaturalFeature().sample(context, generator(0))
    with pytest.raises(DataError, match="do not say"):
        plan.scheme.poison(LabelledImages(images.images, images.labels), generator(0))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Patch(poison_rate=0),
        lambda: Patch(poison_rate=0.6),
        lambda: Patch(smallest=0.4, largest=0.2),
        lambda: Style(contrast=0),
        lambda: Style(poison_rate=0.5, decoy_rate=0.5),
        lambda: Style(texture=2),
        lambda: NaturalFeature(poison_share=0),
    ],
)
def test_parameters_out_of_range_are_refused(make):
    with pytest.raises(SpecError):
        make()


def test_more_source_classes_than_there_are_is_refused(context):
    with pytest.raises(SpecError, match="source classes"):
        Patch(sources=5).sample(context, generator(0))


def test_a_lineup_keeps_all_options_and_knows_the_right_one(context):
    plan = Patch().sample(context, generator(0))
    assert plan.options[plan.right].name == plan.lineup.specs[0].words
    assert {option.name for option in plan.options} == {spec.words for spec in plan.lineup.specs}
    assert sorted(shuffle(generator(3))) == list(range(8))


def test_what_takes_long_to_draw_is_drawn_when_it_is_asked_for(context):
    plan = Patch().sample(context, generator(0))
    assert "_drawn" not in vars(plan.lineup)
    assert plan.trigger is plan.lineup.trigger
    assert "_drawn" in vars(plan.lineup)


def test_a_patch_named_before_a_natural_feature_leaves_all_its_images_to_it(context, images):
    patch, natural = sample_plans([Patch(), NaturalFeature()], context, 3)
    _, (patched, relabelled) = poisoned_images([patch, natural], images, 0)
    holders = np.flatnonzero((images.features == natural.features[0]) & (images.labels != natural.target))
    np.testing.assert_array_equal(np.sort(relabelled), holders)
    assert len(patched) > 0
    assert not np.isin(patched, holders).any()
