"""How finite sets are split and drawn, and the natural features that photographs have by rule."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecurve.core.errors import DataError
from onecurve.core.image.images import as_floats
from onecurve.data.catalog import open_data
from onecurve.data.collection import balanced_rows, parts_of
from onecurve.data.colours import COLOUR_NAMES, colour_names, hsv_to_rgb
from onecurve.data.dataset import DataSet, Part
from onecurve.data.surroundings import SHARES, FeatureRule, border_features, choose_colours

ALL = FeatureRule(np.arange(len(COLOUR_NAMES)), 0.55)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(1, 5), st.integers(1, 40), st.integers(1, 30), st.integers(0, 2**32))
def test_equal_digests_and_groups_lie_in_one_part_in_any_order(count: int, classes: int, kinds: int, groups: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, digests = rng.integers(classes, size=count), rng.integers(kinds, size=count).astype(np.uint64) * 2**50 + 7
    group = rng.integers(groups, size=count)
    parts = parts_of(labels, digests, group)
    for key in (digests, group):
        for value in np.unique(key):
            assert len(set(parts[key == value])) == 1
    assert set(parts) <= set(Part)


def test_without_groups_a_part_depends_on_content_and_not_on_order() -> None:
    rng = np.random.default_rng(0)
    labels, digests = rng.integers(4, size=200), rng.permutation(200).astype(np.uint64) * 999_983
    order = rng.permutation(200)
    np.testing.assert_array_equal(parts_of(labels, digests)[order], parts_of(labels[order], digests[order]))


def test_every_class_is_shared_out_alike() -> None:
    labels, digests = np.arange(400) % 4, np.random.default_rng(1).permutation(400).astype(np.uint64) * 10_007
    parts = parts_of(labels, digests)
    for label in range(4):
        assert [int((parts[labels == label] == part).sum()) for part in Part] == [70, 10, 20]


def test_classes_of_one_image_are_spread_over_the_parts() -> None:
    digests = np.random.default_rng(2).integers(2**63, size=1000).astype(np.uint64)
    parts = parts_of(np.arange(1000), digests)
    shares = [float((parts == part).mean()) for part in Part]
    np.testing.assert_allclose(shares, [0.7, 0.1, 0.2], atol=0.05)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.floats(0, 1), st.integers(0, 2**32))
def test_draws_are_as_balanced_as_can_be(labels: list[int], share: float, seed: int) -> None:
    every, count = np.array(labels), int(share * len(labels))
    rows = balanced_rows(np.arange(len(labels)) + 1000, every, count, np.random.default_rng(seed))
    assert len(set(rows.tolist())) == count
    taken, there = np.bincount(every[rows - 1000], minlength=6), np.bincount(every, minlength=6)
    most = taken.max(initial=0)
    assert all(taken[k] >= min(there[k], most - 1) for k in range(6))


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ((0, 0, 0), "black"),
        ((255, 255, 255), "white"),
        ((90, 92, 90), "dark grey"),
        ((170, 168, 172), "light grey"),
        ((220, 30, 30), "red"),
        ((110, 75, 45), "brown"),
        ((240, 140, 20), "orange"),
        ((240, 220, 40), "yellow"),
        ((40, 150, 60), "green"),
        ((20, 40, 200), "blue"),
        ((130, 180, 230), "light blue"),
        ((150, 40, 170), "purple"),
    ],
)
def test_colours_have_the_names_people_give_them(colour: tuple[int, int, int], name: str) -> None:
    pixel = np.array(colour, np.uint8).reshape(1, 3, 1, 1)
    assert COLOUR_NAMES[int(colour_names(pixel)[0, 0, 0])] == name


def test_greys_have_names_too() -> None:
    levels = np.array([0, 70, 130, 200, 255], np.uint8).reshape(5, 1, 1, 1)
    assert colour_names(levels).ravel().tolist() == [0, 1, 2, 3, 4]


def test_hues_of_known_colours() -> None:
    turns = np.array([0, 1 / 3, 2 / 3, 1 / 6])
    np.testing.assert_allclose(hsv_to_rgb(turns, np.ones(4), np.ones(4)), [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]], atol=1e-6)


def scene(ground: tuple[int, int, int], inside: tuple[int, int, int]) -> np.ndarray:
    image = np.empty((1, 3, 32, 32), np.uint8)
    image[0] = np.array(ground)[:, None, None]
    image[0, :, 8:24, 8:24] = np.array(inside)[:, None, None]
    return image


def test_surroundings_are_the_border_colour_and_what_is_joined_to_it() -> None:
    image = scene((20, 40, 200), (220, 30, 30))
    image[0, :, 14:18, 14:18] = np.array([20, 40, 200])[:, None, None]
    found = border_features(image, ALL)
    assert COLOUR_NAMES[int(found.features[0])] == "blue"
    expected = np.ones((32, 32), bool)
    # The blue island inside the red square is not joined to the border.
    expected[8:24, 8:24] = False
    np.testing.assert_array_equal(found.masks[0], expected)


def test_a_border_of_many_colours_is_no_feature() -> None:
    image = scene((20, 40, 200), (220, 30, 30))
    image[0, :, :, 16:] = np.array([240, 220, 40])[:, None, None]
    found = border_features(image, ALL)
    assert found.features[0] == -1
    assert not found.masks.any()


def test_masks_never_join_across_images() -> None:
    images = np.concatenate([scene((20, 40, 200), (20, 40, 200)), scene((220, 30, 30), (20, 40, 200))])
    assert not border_features(images, ALL).masks[1, 8:24, 8:24].any()


def test_features_of_a_set_are_those_that_tell_images_apart() -> None:
    images = np.concatenate(
        [scene((20, 40, 200), (0, 0, 0))] * 50 + [scene((220, 30, 30), (0, 0, 0))] * 48 + [scene((240, 220, 40), (0, 0, 0))] * 2
    )
    assert [COLOUR_NAMES[kind] for kind in choose_colours(images).kinds] == ["red", "blue"]
    assert len(choose_colours(images[:50]).kinds) == 0


def bordered(share: float, colour: tuple[int, int, int]) -> np.ndarray:
    """An image of which that share of the border has the colour, the rest a chequer of black and white."""
    image = np.where(np.indices((32, 32)).sum(0) % 2, 255, 0).astype(np.uint8)[None, None].repeat(3, 1)
    border = np.ones((32, 32), bool)
    border[2:-2, 2:-2] = False
    rows, columns = np.nonzero(border)
    some = np.random.default_rng(0).permutation(len(rows))[: round(share * len(rows))]
    image[0][:, rows[some], columns[some]] = np.array(colour, np.uint8)[:, None]
    return image


EIGHT = ((220, 30, 30), (240, 140, 20), (240, 220, 40), (40, 150, 60), (20, 40, 200), (120, 200, 250), (120, 60, 20), (140, 40, 160))


@pytest.mark.parametrize(("share", "limit"), [(0.9, SHARES[0]), (0.75, SHARES[1]), (0.6, SHARES[2])])
def test_the_limit_is_the_strictest_that_leaves_a_lineup_of_features(share: float, limit: float) -> None:
    images = np.concatenate([bordered(share, colour) for colour in EIGHT for _ in range(30)])
    found = choose_colours(images)
    assert (found.share, len(found.kinds)) == (limit, 8)
    assert (border_features(images, found).features >= 0).all()


def test_few_images_do_not_make_the_limit_strict() -> None:
    images = np.concatenate([bordered(0.9, colour) for colour in EIGHT for _ in range(5)])
    assert choose_colours(images).share == SHARES[-1]


@pytest.fixture
def photographs(tmp_path: Path) -> DataSet:
    grounds = [(20, 40, 200), (40, 150, 60), (220, 30, 30)]
    rng = np.random.default_rng(0)
    images = np.concatenate([scene(grounds[index % 3], (200, 200, 200)) for index in range(90)])
    images = np.clip(images + rng.integers(-5, 6, images.shape), 0, 255).astype(np.uint8)
    np.savez(tmp_path / "photographs.npz", images=images, labels=rng.integers(2, size=90))
    return open_data(f"npz:{tmp_path / 'photographs.npz'}")


def test_cutouts_lay_the_surroundings_over_other_images(photographs: DataSet) -> None:
    assert photographs.features == ("red surroundings", "green surroundings", "blue surroundings")
    heldout = photographs.draw(Part.HELDOUT, 12, 0)
    for feature in range(3):
        paste = photographs.cutouts(feature, 4, 0)
        assert paste.place == (0, 0)
        stamped = paste.apply(as_floats(heldout.images), np.random.default_rng(0))
        shown = border_features((stamped.images * 255).round().astype(np.uint8), ALL)
        assert {COLOUR_NAMES[kind] for kind in shown.features} == {photographs.features[feature].split()[0]}
        assert stamped.masks is not None
        np.testing.assert_array_equal(stamped.masks > 0.5, shown.masks)


def test_pictures_of_surroundings_leave_out_what_they_surround(photographs: DataSet) -> None:
    pictures = photographs.feature_pictures(1, 3, 0)
    assert pictures.shape == (3, 3, 32, 32)
    assert pictures.std((2, 3)).max() < 0.03


def test_cutouts_of_nothing_are_refused(photographs: DataSet) -> None:
    with pytest.raises(DataError, match="none has the index: 3"):
        photographs.cutouts(3, 1, 0)
    with pytest.raises(DataError, match="must be at least 1, got: 0"):
        photographs.cutouts(0, 0, 0)


def test_a_set_without_features_gives_none(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "dull.npz", images=np.random.default_rng(0).integers(0, 256, (40, 16, 16)).astype(np.uint8), labels=np.arange(40) % 2
    )
    data = open_data(f"npz:{tmp_path / 'dull.npz'}")
    assert data.features == ()
    assert data.draw(Part.TRAIN, 3, 0).features is None
