"""Triggers as data: what is pasted, where, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecurve.core.errors import AnswerError
from onecurve.core.image.trigger import Filter, Paste


def images(count: int = 3, channels: int = 3, size: int = 12) -> np.ndarray:
    return np.random.default_rng(0).random((count, channels, size, size)).astype(np.float32)


def sprite(size: int = 4, channels: int = 3, alpha: float = 1.0) -> Paste:
    return Paste(np.full((1, channels, size, size), 0.25, np.float32), np.full((1, size, size), alpha, np.float32))


@settings(max_examples=40)
@given(st.integers(1, 12), st.integers(1, 5), st.sampled_from([1, 3]), st.floats(0, 1, width=32), st.integers(0, 2**31))
def test_pixels_change_only_under_the_mask(size: int, count: int, channels: int, alpha: float, seed: int) -> None:
    before = images(count, channels)
    stamped = sprite(size, channels, alpha).apply(before, np.random.default_rng(seed))
    assert stamped.masks is not None
    assert stamped.images.shape == before.shape
    np.testing.assert_allclose(stamped.masks.sum(axis=(1, 2)), alpha * size * size, rtol=1e-4)
    mask = stamped.masks[:, None]
    np.testing.assert_allclose(stamped.images, before * (1 - mask) + 0.25 * mask, atol=1e-6)


def test_a_fixed_place_is_kept_and_a_free_one_varies() -> None:
    fixed = Paste(sprite().patterns, sprite().alphas, place=(2, 5)).apply(images(8), np.random.default_rng(1))
    assert fixed.masks is not None
    assert (fixed.masks[:, 2:6, 5:9] == 1).all()
    free = sprite().apply(images(32), np.random.default_rng(1))
    assert free.masks is not None
    assert len({mask.tobytes() for mask in free.masks}) > 10


def test_black_pixels_are_pasted_too() -> None:
    black = Paste(np.zeros((1, 3, 4, 4), np.float32), np.ones((1, 4, 4), np.float32), place=(0, 0))
    stamped = black.apply(images() + 0.0, np.random.default_rng(0))
    assert (stamped.images[:, :, :4, :4] == 0).all()


def test_every_sprite_is_drawn() -> None:
    patterns = np.stack([np.full((3, 2, 2), level, np.float32) for level in (0.0, 0.5, 1.0)])
    stamped = Paste(patterns, np.ones((3, 2, 2), np.float32), place=(0, 0)).apply(images(60), np.random.default_rng(0))
    assert set(np.unique(stamped.images[:, :, :2, :2])) == {0.0, 0.5, 1.0}


def test_the_same_generator_gives_the_same_images() -> None:
    first, second = (sprite().apply(images(), np.random.default_rng(5)).images for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("patterns", "alphas", "message"),
    [
        (np.zeros((1, 3, 4, 4)), np.zeros((1, 4, 5)), "a Paste needs patterns"),
        (np.zeros((0, 3, 4, 4)), np.zeros((0, 4, 4)), "a Paste needs patterns"),
        (np.zeros((3, 4, 4)), np.zeros((4, 4)), "a Paste needs patterns"),
        (np.full((1, 3, 4, 4), 1.5), np.zeros((1, 4, 4)), "patterns of a Paste must be finite and within"),
        (np.zeros((1, 3, 4, 4)), np.full((1, 4, 4), np.nan), "alphas of a Paste"),
    ],
)
def test_sprites_that_do_not_fit_are_refused(patterns: np.ndarray, alphas: np.ndarray, message: str) -> None:
    with pytest.raises(AnswerError, match=message):
        Paste(patterns.astype(np.float32), alphas.astype(np.float32))


def test_a_sprite_larger_than_the_image() -> None:
    with pytest.raises(AnswerError, match="does not fit an image"):
        sprite(13).apply(images(), np.random.default_rng(0))
    with pytest.raises(AnswerError, match="does not fit an image"):
        sprite(4, channels=1).apply(images(), np.random.default_rng(0))


def identity(texture: np.ndarray | None = None, *, rolling: bool = True) -> Filter:
    nothing = np.zeros((3, 12, 12), np.float32) if texture is None else texture
    return Filter(np.eye(3, dtype=np.float32), np.zeros(3, np.float32), nothing, rolling)


def test_the_identity_filter_changes_nothing() -> None:
    np.testing.assert_allclose(identity().apply(images(), np.random.default_rng(0)).images, images(), atol=1e-6)


def test_a_rolling_texture_starts_anywhere_and_keeps_its_values() -> None:
    texture = (np.arange(3 * 144, dtype=np.float32) / 1000).reshape(3, 12, 12)
    stamped = identity(texture).apply(np.zeros((20, 3, 12, 12), np.float32), np.random.default_rng(0)).images
    for image in stamped:
        np.testing.assert_allclose(np.sort(image.ravel()), np.sort(texture.ravel()), atol=1e-6)
    assert len({image.tobytes() for image in stamped}) > 10


def test_filters_stay_in_range_and_refuse_what_does_not_fit() -> None:
    strong = Filter(5 * np.eye(3, dtype=np.float32), np.full(3, -1, np.float32), np.zeros((3, 12, 12), np.float32))
    out = strong.apply(images(), np.random.default_rng(0)).images
    assert (out.min(), out.max()) == (0.0, 1.0)
    with pytest.raises(AnswerError, match="a Filter needs matrix"):
        Filter(np.eye(2, dtype=np.float32), np.zeros(3, np.float32), np.zeros((3, 4, 4), np.float32))
    with pytest.raises(AnswerError, match="finite"):
        Filter(np.eye(3, dtype=np.float32) * np.nan, np.zeros(3, np.float32), np.zeros((3, 4, 4), np.float32))
    with pytest.raises(AnswerError, match="does not fit images"):
        identity().apply(images(size=8), np.random.default_rng(0))
