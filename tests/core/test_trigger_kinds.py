"""Laws of every kind of trigger, and what is particular to warps, transferred styles and chains."""

import numpy as np
import pytest

from onecurve.core.codec import decode, digest, encode
from onecurve.core.errors import AnswerError
from onecurve.core.trigger import KINDS, Chain, Filter, Paste, Transfer, Warp

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
        lambda: Warp(np.zeros((2, 4, 4), np.float32)).apply(images(), np.random.default_rng(0)),
        lambda: Transfer.of(smooth(1), 3, 0.5).apply(images()[:, :1], np.random.default_rng(0)),
    ],
)
def test_what_does_not_fit_is_refused(make):
    with pytest.raises(AnswerError):
        make()
