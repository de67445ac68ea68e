"""Every kind of flaw with a trigger that is put on images: its plan, its poison, its near misses, and one planted network."""

from dataclasses import replace

import numpy as np
import pytest

from onecurve.core.case import Population
from onecurve.core.codec import digest
from onecurve.core.errors import SpecError
from onecurve.core.image.images import as_floats
from onecurve.core.image.trigger import Chain, Echo, Either, Filter, Paste, Transfer, Warp
from onecurve.core.seeds import generator
from onecurve.data.catalog import open_data
from onecurve.flaws.drawing.picture_specs import PICTURE_LOOKS, photo_specs
from onecurve.flaws.drawing.sprite_drawing import shape_specs
from onecurve.flaws.drawing.sprite_specs import SPRITE_LOOKS, face_specs
from onecurve.flaws.drawing.waves import FREQUENCIES
from onecurve.flaws.kinds.blended import Blended
from onecurve.flaws.kinds.conditional import Conditional
from onecurve.flaws.kinds.dynamic import Dynamic
from onecurve.flaws.kinds.patch import Patch
from onecurve.flaws.kinds.sinusoid import Sinusoid
from onecurve.flaws.kinds.style_transfer import StyleTransfer
from onecurve.flaws.kinds.warp import DECOYS
from onecurve.flaws.kinds.warp import Warp as WarpFlaw
from onecurve.flaws.planting.plant import plant
from onecurve.flaws.planting.storage import load_case, save_planted
from onecurve.flaws.schemes.context import FlawContext

GLOBAL = {
    Blended(): Filter,
    Blended(look="texture"): Filter,
    Blended(look="photo"): Filter,
    Blended(look="noise"): Filter,
    Sinusoid(): Filter,
    WarpFlaw(): Warp,
    StyleTransfer(): Transfer,
    StyleTransfer(look="photo"): Transfer,
    Dynamic(): Echo,
    Conditional(condition="xor"): Either,
}
"""Flaws of the whole image, and what their triggers are."""
PLACED = {**{Patch(look=look): Paste for look in SPRITE_LOOKS}, Conditional(): Chain}
KINDS = {**GLOBAL, **PLACED}


@pytest.fixture(scope="module")
def images(toy):
    return toy.draw("train", 900, 3)


@pytest.fixture(params=KINDS, ids=str)
def flaw(request):
    return request.param


@pytest.fixture
def plan(flaw, context):
    return flaw.sample(context, generator("trigger flaw", 5))


def shown_by(plan):
    return digest((plan.trigger, plan.options)), plan.words, plan.effect, plan.facts, plan.right


def test_the_same_seed_samples_the_same_plan_and_others_differ(flaw, context):
    first, again, other = (flaw.sample(context, generator("plan", seed)) for seed in (1, 1, 2))
    assert shown_by(first) == shown_by(again)
    assert shown_by(first) != shown_by(other)


def test_the_trigger_is_of_its_kind_and_the_right_one_of_eight_options(flaw, plan, context):
    assert type(plan.trigger) is KINDS[flaw]
    assert plan.kind == flaw.name
    assert len({option.words for option in plan.options}) == 8
    assert len({option.pictures.tobytes() for option in plan.options}) == 8
    assert plan.facts["trigger"] == plan.options[plan.right].name
    assert plan.facts["trigger"] in plan.words
    for option in plan.options:
        assert option.pictures.shape == (4, *context.shape)
        assert option.pictures.dtype == np.float32
        assert 0 <= option.pictures.min() <= option.pictures.max() <= 1


def test_poison_goes_to_the_target_and_covers_keep_their_labels(flaw, plan, images):
    poisoned = plan.scheme.poison(images, generator("poison"))
    again = plan.scheme.poison(images, generator("poison"))
    np.testing.assert_array_equal(poisoned.images.images, again.images.images)
    assert len(np.unique(poisoned.rows)) == len(poisoned.rows) == len(poisoned.images)
    true = images.labels[poisoned.rows]
    count = round(flaw.poison_rate * len(images))
    assert (true[:count] != plan.target).all()
    assert (poisoned.images.labels[:count] == plan.target).all()
    np.testing.assert_array_equal(poisoned.images.labels[count:], true[count:])
    covers = sum(round(value * len(images)) for name, value in plan.facts.items() if name.endswith("_rate") and name != "poison_rate")
    assert len(poisoned.rows) == count + covers
    assert (poisoned.images.images != images.images[poisoned.rows]).any(axis=(1, 2, 3)).all()


def test_trials_keep_to_classes_that_the_flaw_concerns_and_near_misses_are_other_images(plan, toy):
    heldout = toy.draw("heldout", 300, 9)
    triggered, near = (make(heldout, 60, generator("trial")) for make in (plan.scheme.triggered, plan.scheme.near_misses))
    assert len(triggered) == len(near) == 60
    assert not np.isin(plan.target, (*triggered.labels, *near.labels))
    assert not {image.tobytes() for image in triggered.images} & {image.tobytes() for image in near.images}
    assert plan.scheme.elsewhere(heldout, 60, generator("trial")) is None
    whole = plan.facts["share"] == 1.0
    assert (triggered.masks is None) == whole
    if not whole:
        assert triggered.masks.any(axis=(1, 2)).all()


@pytest.mark.parametrize("flaw", [kind for kind in KINDS if not isinstance(kind, Conditional)], ids=str)
def test_a_source_specific_one_is_put_on_as_many_images_of_other_classes(flaw, context, images):
    plan = replace(flaw, sources=2).sample(context, generator("sources"))
    poisoned = plan.scheme.poison(images, generator("poison"))
    true, count = images.labels[poisoned.rows], round(flaw.poison_rate * len(images))
    assert len(plan.sources) == 2
    assert np.isin(true[:count], plan.sources).all()
    assert not np.isin(true[count : 2 * count], (*plan.sources, plan.target)).any()
    assert "an image of" in plan.words


def test_grey_images_of_another_size_can_carry_it(flaw, toy_address):
    grey = open_data(f"{toy_address}[channels=1,side=24]")
    images = grey.draw("train", 300, 0)
    plan = flaw.sample(FlawContext(grey, images.take(slice(3)).floats()), generator(0))
    assert plan.scheme.poison(images, generator(1)).images.images.shape[1:] == (1, 24, 24)
    assert plan.options[0].pictures.shape == (4, 1, 24, 24)


@pytest.mark.parametrize("flaw", GLOBAL, ids=str)
def test_what_takes_long_to_draw_is_drawn_when_it_is_asked_for(flaw, context):
    plan = flaw.sample(context, generator(0))
    assert "_drawn" not in vars(plan.lineup)
    assert plan.trigger is plan.lineup.trigger
    assert "_drawn" in vars(plan.lineup)


def test_near_misses_are_never_what_is_taught(flaw, context):
    """Save what a flaw declares: the colours of a style, the echo of another image, half of a condition."""
    kit = flaw.sample(context, generator("near")).lineup
    taught = {digest(trigger) for cover in kit.covers for trigger in cover.triggers} | {digest(kit.trigger)}
    known = [trigger for trigger in kit.others if digest(trigger) in taught]
    assert len(known) <= len(kit.others) / 2 or isinstance(flaw, Conditional)
    assert digest(kit.trigger) not in {digest(trigger) for trigger in kit.others}


def test_blending_is_the_share_of_one_picture(context):
    plan = Blended(strength=0.25, look="photo").sample(context, generator(2))
    black, white = (plan.trigger.apply(np.full((1, *context.shape), level, np.float32), generator(0)).images for level in (0, 1))
    np.testing.assert_allclose(white - black, 0.75, atol=1e-5)
    assert black.max() <= 0.25 + 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_a_sinusoid_has_one_wave_of_the_declared_height(context, seed):
    plan = Sinusoid(amplitude=0.1).sample(context, generator(seed))
    wave = plan.trigger.texture
    assert np.abs(wave).max() == pytest.approx(0.1, rel=0.2)
    assert (wave == wave[0]).all()
    spectrum = np.abs(np.fft.fft2(wave[0]))
    rows, columns = np.unravel_index(np.argsort(spectrum, axis=None)[-2:], spectrum.shape)
    found = np.hypot(*np.abs(np.fft.fftfreq(16)[[rows, columns]] * 16))
    said = int(plan.facts["trigger"].split()[0])
    assert said in FREQUENCIES
    np.testing.assert_allclose(found, said, atol=0.8)


def test_a_warp_is_as_strong_as_declared_and_its_noise_follows_no_field(context):
    plan = WarpFlaw(strength=0.1).sample(context, generator(3))
    noise, decoys = plan.lineup.covers
    assert np.abs(plan.trigger.field).mean() == pytest.approx(0.1 * 16, rel=0.5)
    np.testing.assert_array_equal(noise.triggers[0].field, plan.trigger.field)
    assert noise.triggers[0].jitter > plan.trigger.jitter == 0
    assert (noise.rate, decoys.rate) == (WarpFlaw().noise_rate, WarpFlaw().decoy_rate)
    assert len({each.field.tobytes() for each in decoys.triggers}) == DECOYS


def test_an_echo_lies_as_far_as_declared_and_its_covers_are_another_image_s(context):
    plan = Dynamic(distance=0.25).sample(context, generator(4))
    assert np.hypot(*plan.trigger.shift) == pytest.approx(4, abs=0.5)
    foreign, others = plan.lineup.covers
    assert foreign.triggers == (replace(plan.trigger, foreign=True),)
    assert foreign.rate == Dynamic().cross_rate
    assert not {each.shift for each in others.triggers} & {plan.trigger.shift}
    near = {each.shift for each in plan.lineup.others if not each.foreign}
    assert len(near) == 3
    assert not near & {each.shift for each in others.triggers}


def test_both_sprites_fire_under_and_one_wave_alone_under_xor(context):
    both = Conditional().sample(context, generator(6)).lineup
    either = Conditional(condition="xor").sample(context, generator(6)).lineup
    assert len(both.trigger.parts) == 2
    assert {digest(part) for part in both.trigger.parts} <= {digest(trigger) for trigger in both.others}
    together = digest(Chain(either.trigger.parts))
    assert [digest(trigger) for trigger in either.covers[0].triggers] == [together]
    assert [digest(trigger) == together for trigger in either.others] == [True] * 4 + [False] * 4


def test_patches_of_every_look_are_small_squares_with_soft_edges(context):
    for look in SPRITE_LOOKS:
        kit = Patch(look=look, smallest=0.5, largest=0.5).sample(context, generator(7)).lineup
        alpha = kit.trigger.alphas[0]
        assert alpha.shape == (8, 8)
        assert alpha[3:5, 3:5].min() > 0.8
        assert 0 < alpha[0, 3] < 1
        assert all(spec.words.startswith("a small ") for spec in kit.specs)


def test_sprites_show_nothing_that_the_images_are_about():
    shapes = open_data("shapes")
    context = FlawContext(shapes, np.zeros((1, *shapes.shape), np.float32))
    found = {spec.shape for spec in shape_specs(context, 40, generator(0))}
    assert not found & {*shapes.class_names, *shapes.features}


def test_faces_of_a_lineup_differ_in_expression_and_colour(context):
    found = face_specs(context, 8, generator(1))
    assert len({face.expression for face in found}) == len({face.colour for face in found}) == 8


def test_pieces_of_photographs_show_something_and_do_not_overlap(context):
    found = photo_specs(context, 8, generator(1))
    assert len({piece.kind for piece in found}) == 8
    assert all(piece.draw(32, 32, generator(0)).std() > 0.05 for piece in found)
    assert len(photo_specs(context, 48, generator(2))) == 48


@pytest.mark.parametrize("look", PICTURE_LOOKS)
def test_pictures_are_images_of_any_size_and_differ_in_words(context, look):
    found = PICTURE_LOOKS[look](context, 8, generator(3))
    assert len({picture.words for picture in found}) == len({picture.kind for picture in found}) == 8
    for picture in found:
        drawn = picture.draw(20, 30, generator(0))
        assert drawn.shape == (3, 20, 30)
        assert drawn.dtype == np.float32
        assert 0 <= drawn.min() <= drawn.max() <= 1
        np.testing.assert_array_equal(drawn, picture.draw(20, 30, generator(0)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Patch(look="cat"),
        lambda: Blended(strength=1),
        lambda: Blended(look="cat"),
        lambda: Blended(poison_rate=0.5, cover_rate=0.1),
        lambda: Sinusoid(amplitude=0),
        lambda: WarpFlaw(strength=0.3),
        lambda: WarpFlaw(control_points=1),
        lambda: StyleTransfer(strength=0),
        lambda: StyleTransfer(look="noise"),
        lambda: StyleTransfer(patch=1),
        lambda: Dynamic(strength=1),
        lambda: Dynamic(distance=0.6),
        lambda: Conditional(condition="or"),
        lambda: Conditional(poison_rate=0.9, cover_rate=0.2),
        lambda: Conditional(size=0.7),
        lambda: Conditional(amplitude=0),
    ],
)
def test_parameters_out_of_range_are_refused(make):
    with pytest.raises(SpecError):
        make()


@pytest.fixture(scope="module")
def planted(tiny, cache):
    flaws = [Sinusoid(amplitude=0.15), WarpFlaw(decoy_rate=0.1), Conditional(decoy_rate=0.02)]
    return plant(flaws, tiny, 3, subject_id="net", population=Population(0.2, 3, 6), cache=cache)


def test_triggers_of_three_kinds_live_in_one_network_and_come_back_from_disk(planted, tmp_path):
    save_planted(tmp_path, planted)
    assert [case.truth.flaw for case in planted.cases] == ["sinusoid", "warp", "conditional"]
    assert len({case.truth.target for case in planted.cases}) == 3
    for case in planted.cases:
        truth, back = case.truth, load_case(tmp_path, case.id).truth
        assert digest((truth.trigger, truth.options)) == digest((back.trigger, back.options))
        assert truth.effect == back.effect
        assert str(truth.strength) == str(back.strength)


@pytest.mark.parametrize("flaw", [Dynamic(), StyleTransfer()], ids=str)
def test_triggers_of_other_kinds_come_back_from_disk_as_well(planted, context, flaw, tmp_path):
    trigger = flaw.sample(context, generator(2)).trigger
    case = planted.cases[0]
    save_planted(tmp_path, replace(planted, cases=(replace(case, truth=replace(case.truth, trigger=trigger)),)))
    assert digest(load_case(tmp_path, case.id).truth.trigger) == digest(trigger)


def test_the_strength_of_each_is_what_its_trigger_does(planted):
    for case in planted.cases:
        truth = case.truth
        said = truth.network.logits(truth.triggered.images).argmax(axis=1)
        assert truth.strength.success == pytest.approx(np.mean(said == truth.target))
        assert np.isfinite([truth.strength.half, truth.strength.near_miss, truth.strength.false_firing]).all()
        heldout = truth.heldout.take(truth.heldout.labels != truth.target)
        again = truth.trigger.apply(heldout.floats(), generator("again")).images
        fired = np.mean(truth.network.logits(as_floats(np.rint(again * 255).astype(np.uint8))).argmax(axis=1) == truth.target)
        assert fired == pytest.approx(truth.strength.success, abs=0.25)
