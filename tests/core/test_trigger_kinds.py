"""Laws of every kind of trigger, and what is particular to warps, transferred styles, echoes and chains."""

import numpy as np
import pytest

from onecurve.core.codec import decode, digest, encode
from onecurve.core.errors import AnswerError
from onecurve.core.image.trigger import KINDS, Chain, Echo, Either, Filter, Paste, Transfer, Warp

SIDE = 12


def smooth(seed):
    rng = np.random.default_rng(seed)
    waves = np.sin(np.linspace(0, 6, SIDE)[:, None] + rng.uniform(0, 6, (3, 1, SIDE)))
    return (0.5 + 0.4 * waves).astype(np.float32)


def images(count=4):
    return np.random.default_rng(0).random((count, 3, SIDE, SIDE)).astype(np.float32)


def sprite():
    pattern = np.random.default_rng(3).random((1, 3, 4, 4)).astype(np.float32)
    return Paste(pattern, np.ones((1, 4, 4), np.float32), noise=0.02)


TRIGGERS = {
    "paste": sprite(),
    "filter": Filter(0.7 * np.eye(3, dtype=np.float32), np.array([0.1, 0, 0], np.float32), smooth(1) - 0.5),
    "warp": Warp(3 * (smooth(2)[:2] - 0.5)),
    "transfer": Transfer.of(smooth(4), 3, 0.8),
    "echo": Echo((2, -3), 0.4),
    "foreign echo": Echo((2, -3), 0.4, foreign=True),
    "either": Either((sprite(), Echo((2, -3), 0.4))),
    "chain": Chain((sprite(), Warp(2 * (smooth(2)[:2] - 0.5)))),
}


@pytest.fixture(params=TRIGGERS, ids=str)
def trigger(request):
    return TRIGGERS[request.param]


def test_every_kind_is_here():
    assert {type(trigger) for trigger in TRIGGERS.values()} == set(KINDS)


def test_a_trigger_changes_images_keeps_them_in_range_and_leaves_its_input_alone(trigger):
    before = images()
    kept = before.copy()
    stamped = trigger.apply(before, np.random.default_rng(0))
    np.testing.assert_array_equal(before, kept)
    assert stamped.images.dtype == np.float32
    assert stamped.images.shape == before.shape
    assert 0 <= stamped.images.min() <= stamped.images.max() <= 1
    assert (np.abs(stamped.images - before).max(axis=(1, 2, 3)) > 0.05).all()
    if stamped.masks is not None:
        assert stamped.masks.shape == (4, SIDE, SIDE)


def test_the_same_generator_does_the_same(trigger):
    first, second = (trigger.apply(images(), np.random.default_rng(9)).images for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_no_image_is_an_image_too(trigger):
    assert len(trigger.apply(images()[:0], np.random.default_rng(0)).images) == 0


def test_it_can_be_stored(trigger):
    assert digest(decode(*encode(trigger))) == digest(trigger)


def test_scrambled_it_is_of_the_same_kind_and_another_thing(trigger):
    scrambled = trigger.scrambled(np.random.default_rng(1))
    assert type(scrambled) is type(trigger)
    assert digest(scrambled) != digest(trigger)
    assert digest(scrambled) == digest(trigger.scrambled(np.random.default_rng(1)))
    assert scrambled.apply(images(), np.random.default_rng(0)).images.shape == (4, 3, SIDE, SIDE)


def test_half_of_it_changes_less(trigger):
    def moved(one):
        return np.abs(one.apply(images(64), np.random.default_rng(0)).images - images(64)).mean()

    variants = trigger.variants()
    assert 0 < moved(variants["half"]) < moved(trigger)
    assert len({digest(variant) for variant in (trigger, *variants.values())}) == 1 + len(variants)


def test_a_grey_sprite_has_a_negative_for_another_colour():
    grey = Paste(np.full((1, 3, 2, 2), 0.1, np.float32), np.ones((1, 2, 2), np.float32))
    assert grey.variants()["colour"].patterns.mean() == pytest.approx(0.9)


def test_only_a_sprite_with_a_place_has_another_place():
    assert "place" not in sprite().variants()
    placed = Paste(sprite().patterns, sprite().alphas, place=(0, 0))
    assert placed.variants()["place"].place is None


@pytest.mark.parametrize("waves", [1, 2, 3, 4, 6])
def test_a_grey_wave_has_a_negative_for_another_colour_and_another_place_whatever_its_length(waves):
    side = 32
    wave = 0.1 * np.sin(2 * np.pi * waves * np.arange(side) / side)
    texture = np.broadcast_to(wave, (3, side, side)).astype(np.float32)
    added = Filter(np.eye(3, dtype=np.float32), np.zeros(3, np.float32), texture, rolling=False)
    variants = added.variants()
    np.testing.assert_array_equal(variants["colour"].texture, -texture)
    assert np.abs(variants["place"].texture - texture).mean() > 0.08


def test_a_whole_step_of_a_warp_is_a_shift_with_the_edge_repeated():
    down = np.zeros((2, SIDE, SIDE), np.float32)
    down[0] = 1
    shifted = Warp(down).apply(images(), np.random.default_rng(0)).images
    np.testing.assert_allclose(shifted[:, :, :-1], images()[:, :, 1:], atol=1e-6)
    np.testing.assert_allclose(shifted[:, :, -1], images()[:, :, -1], atol=1e-6)


def test_half_a_step_is_the_mean_of_two_pixels():
    right = np.zeros((2, SIDE, SIDE), np.float32)
    right[1] = 0.5
    moved = Warp(right).apply(images(), np.random.default_rng(0)).images
    np.testing.assert_allclose(moved[..., :-1], (images()[..., :-1] + images()[..., 1:]) / 2, atol=1e-5)


def test_a_jittered_warp_moves_each_image_its_own_way():
    still = Warp(np.zeros((2, SIDE, SIDE), np.float32), jitter=1.0)
    same = np.repeat(images(1), 3, axis=0)
    moved = still.apply(same, np.random.default_rng(0)).images
    assert len({image.tobytes() for image in moved}) == 3


def test_a_transferred_style_has_the_style_s_mean_and_covariance_of_patches():
    style = np.clip(0.5 + 0.5 * (smooth(7) - 0.5), 0, 1).astype(np.float32)
    transfer = Transfer.of(style, 1, 1.0)
    plain = np.clip(images(6) * 0.4 + 0.3, 0, 1).astype(np.float32)
    restyled = transfer.apply(plain, np.random.default_rng(0)).images
    wanted_mean, wanted = style.mean((1, 2)), np.cov(style.reshape(3, -1))
    for image in restyled:
        np.testing.assert_allclose(image.mean((1, 2)), wanted_mean, atol=0.03)
        np.testing.assert_allclose(np.cov(image.reshape(3, -1)), wanted, atol=0.01)


def test_an_echo_is_the_image_beside_itself_with_the_edge_repeated():
    echoed = Echo((1, 0), 0.25).apply(images(), np.random.default_rng(0)).images
    np.testing.assert_allclose(echoed[:, :, 1:], 0.75 * images()[:, :, 1:] + 0.25 * images()[:, :, :-1], atol=1e-6)
    np.testing.assert_allclose(echoed[:, :, 0], images()[:, :, 0], atol=1e-6)


def test_an_echo_depends_on_its_image_and_nothing_else():
    both, alone = (Echo((2, 3), 0.3).apply(some, np.random.default_rng(0)).images for some in (images(), images()[2:3]))
    np.testing.assert_array_equal(both[2:3], alone)
    added = both - images()
    assert len({each.tobytes() for each in added}) == len(added)


def test_a_foreign_echo_gives_every_image_that_of_another_each_once():
    flat = np.linspace(0.1, 0.9, 5, dtype=np.float32)[:, None, None, None] * np.ones((5, 3, SIDE, SIDE), np.float32)
    echoed = Echo((1, 1), 0.5, foreign=True).apply(flat, np.random.default_rng(3)).images
    added = 2 * echoed[:, 0, 0, 0] - flat[:, 0, 0, 0]
    np.testing.assert_allclose(np.sort(added), flat[:, 0, 0, 0], atol=1e-6)
    assert (np.abs(added - flat[:, 0, 0, 0]) > 0.1).all()


def test_a_foreign_echo_of_a_lone_image_is_still_not_its_own():
    lone, own = (Echo((1, 1), 0.5, foreign).apply(images(1), np.random.default_rng(3)).images for foreign in (True, False))
    assert np.abs(lone - own).max() > 0.05


def test_near_misses_of_an_echo_are_weaker_on_the_other_side_or_another_image_s():
    found = Echo((2, -3), 0.4).variants()
    assert found == {"half": Echo((2, -3), 0.2), "place": Echo((-2, 3), 0.4), "cross": Echo((2, -3), 0.4, foreign=True)}
    assert set(found["cross"].variants()) == {"half", "place"}


def test_parts_of_a_chain_keep_clear_of_each_other_where_they_can():
    masks = [part.apply(images(1), np.random.default_rng(0)).masks for part in (sprite(), Chain((sprite(), sprite())))]
    assert masks[1].sum() == 2 * masks[0].sum()
    many = np.repeat(images(1), 200, axis=0)
    assert (Chain((sprite(), sprite())).apply(many, np.random.default_rng(1)).masks.sum(axis=(1, 2)) == 32).mean() > 0.98
    fixed = Paste(sprite().patterns, sprite().alphas, place=(2, 2))
    assert Chain((fixed, fixed)).apply(images(), np.random.default_rng(0)).masks.sum() == 4 * 16


def test_either_puts_one_of_its_parts_on_each_image():
    first, second = (Echo((1, 0), strength) for strength in (0.2, 0.6))
    many = np.repeat(images(1), 300, axis=0)
    found = Either((first, second)).apply(many, np.random.default_rng(2))
    alone = [one.apply(images(1), np.random.default_rng(0)).images[0] for one in (first, second)]
    shares = [np.mean([np.array_equal(image, one) for image in found.images]) for one in alone]
    assert sum(shares) == 1
    assert min(shares) > 0.4
    assert found.masks is None


def test_either_has_masks_where_all_its_parts_have_and_the_near_misses_that_all_have():
    assert Either((sprite(), sprite())).apply(images(), np.random.default_rng(0)).masks.sum() == 4 * 16
    assert Either((sprite(), Echo((1, 0), 0.3))).apply(images(), np.random.default_rng(0)).masks is None
    assert set(Either((sprite(), Echo((1, 0), 0.3))).variants()) == {"half"}


def test_grey_styles_of_single_pixels_can_be_transferred():
    style = smooth(7)[:1]
    restyled = Transfer.of(style, 1, 1.0).apply(images()[:, :1] * 0.4 + 0.3, np.random.default_rng(0)).images
    np.testing.assert_allclose(restyled.std(axis=(1, 2, 3)), style.std(), atol=0.03)


def test_a_chain_covers_what_any_part_covers():
    first = Paste(sprite().patterns, sprite().alphas, place=(0, 0))
    second = Paste(sprite().patterns, sprite().alphas, place=(6, 6))
    masks = Chain((first, second)).apply(images(), np.random.default_rng(0)).masks
    assert masks[:, :4, :4].all()
    assert masks[:, 6:10, 6:10].all()
    assert masks.sum() == 4 * 32


@pytest.mark.parametrize(
    "make",
    [
        lambda: Warp(np.zeros((3, 4, 4), np.float32)),
        lambda: Warp(np.full((2, 4, 4), np.nan, np.float32)),
        lambda: Transfer(np.zeros(12, np.float32), np.zeros((12, 11), np.float32), 2, 0.5),
        lambda: Transfer(np.zeros(12, np.float32), np.zeros((12, 12), np.float32), 2, 0.0),
        lambda: Chain((sprite(),)),
        lambda: Either((sprite(),)),
        lambda: Echo((0, 0), 0.3),
        lambda: Echo((1, 0), 1.0),
        lambda: Echo((SIDE, 0), 0.3).apply(images(), np.random.default_rng(0)),
        lambda: Warp(np.zeros((2, 4, 4), np.float32)).apply(images(), np.random.default_rng(0)),
        lambda: Transfer.of(smooth(1), 3, 0.5).apply(images()[:, :1], np.random.default_rng(0)),
    ],
)
def test_what_does_not_fit_is_refused(make):
    with pytest.raises(AnswerError):
        make()
