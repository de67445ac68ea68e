"""The drawn sets: exact masks, disjoint sources, balance, and images that are a function of part, count and seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecurve.core.errors import DataError, SpecError
from onecurve.core.image.images import as_floats
from onecurve.data.catalog import open_data
from onecurve.data.dataset import DataSet, Part
from onecurve.data.digits import Digits
from onecurve.data.photographs import blocks_of
from onecurve.data.scans import scans_of
from onecurve.data.shapes import Shapes
from onecurve.data.textures import TEXTURES

ADDRESSES = ("digits", "shapes", "shapes[size=64]")


@pytest.fixture(params=ADDRESSES)
def drawn(request: pytest.FixtureRequest) -> DataSet:
    return open_data(request.param)


def without_clutter(dataset: DataSet) -> DataSet:
    return Digits(clutter=0.0) if isinstance(dataset, Digits) else Shapes(size=dataset.shape[1], clutter=0.0)


def test_facts(drawn: DataSet) -> None:
    assert isinstance(drawn, DataSet)
    assert len(drawn.class_names) == len(set(drawn.class_names)) == 10
    assert len(set(drawn.features)) >= 10
    assert not set(drawn.features) & set(drawn.class_names)
    assert drawn.summary
    assert drawn.source


def test_a_mask_is_exactly_where_the_object_changes_pixels(drawn: DataSet) -> None:
    images = drawn.draw(Part.TRAIN, 600, 3)
    bare = without_clutter(drawn).draw(Part.TRAIN, 600, 3)
    assert images.feature_masks is not None
    np.testing.assert_array_equal(images.feature_masks, (images.images != bare.images).any(1))
    np.testing.assert_array_equal(images.labels, bare.labels)
    assert bare.features is not None
    assert (bare.features == -1).all()


def test_half_of_the_images_hold_one_object_of_a_fair_size(drawn: DataSet) -> None:
    images = drawn.draw(Part.CLEAN, 600, 1)
    assert images.features is not None
    assert images.feature_masks is not None
    held = images.features >= 0
    assert 0.4 < held.mean() < 0.6
    share = images.feature_masks.mean((1, 2))
    assert (share[~held] == 0).all()
    assert share[held].min() > 0.008
    assert share[held].max() < 0.16
    assert (np.bincount(images.features[held], minlength=len(drawn.features)) > 5).all()


def test_objects_stand_out(drawn: DataSet) -> None:
    images, bare = drawn.draw(Part.TRAIN, 400, 9), without_clutter(drawn).draw(Part.TRAIN, 400, 9)
    assert images.feature_masks is not None
    change = np.abs(images.images.astype(float) - bare.images).max(1)
    means = (change * images.feature_masks).sum((1, 2)) / np.maximum(images.feature_masks.sum((1, 2)), 1)
    held = images.feature_masks.any((1, 2))
    assert np.percentile(means[held], 5) > 60


def test_classes_are_balanced(drawn: DataSet) -> None:
    counts = np.bincount(drawn.draw(Part.HELDOUT, 123, 0).labels, minlength=10)
    assert counts.max() - counts.min() == 1
    assert counts.sum() == 123


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(ADDRESSES), st.sampled_from([*Part]), st.integers(0, 40), st.integers(0, 2**40))
def test_images_are_a_function_of_part_count_and_seed(address: str, part: Part, count: int, seed: int) -> None:
    first, second = (open_data(address).draw(part, count, seed) for _ in range(2))
    assert first.images.shape == (count, *open_data(address).shape)
    for mine, yours in ((first.images, second.images), (first.labels, second.labels), (first.features, second.features)):
        np.testing.assert_array_equal(mine, yours)


def test_other_seeds_and_parts_give_other_images(drawn: DataSet) -> None:
    base = drawn.draw(Part.TRAIN, 8, 0).images
    for other in (drawn.draw(Part.TRAIN, 8, 1), drawn.draw(Part.CLEAN, 8, 0), drawn.draw(Part.HELDOUT, 8, 0)):
        assert (base != other.images).any((1, 2, 3)).all()


def test_more_images_than_a_chunk_are_all_different(drawn: DataSet) -> None:
    images = drawn.draw(Part.TRAIN, 1100, 0).images
    assert len(np.unique(images.reshape(len(images), -1), axis=0)) == 1100


def test_no_scan_is_in_two_parts() -> None:
    rows = {part: np.concatenate(scans_of(part)) for part in Part}
    every = np.concatenate([*rows.values()])
    assert len(every) == len(np.unique(every)) == 1797
    assert all(len(scans) >= 15 for part in Part for scans in scans_of(part))


def test_no_pixel_of_a_photograph_is_in_two_parts() -> None:
    owners = np.zeros((2, 427, 640), int)
    for part in Part:
        mine = np.zeros(owners.shape, bool)
        for photo, top, left, height, width in blocks_of(part).places:
            scale = 1 if photo < 2 else 2
            mine[photo % 2, scale * top : scale * (top + height), scale * left : scale * (left + width)] = True
        owners += mine
    assert owners.max() == 1
    assert owners.mean() > 0.9


def test_crops_are_pieces_of_the_blocks_of_their_part() -> None:
    blocks = blocks_of(Part.CLEAN)
    for photo, top, left, height, width in blocks.places:
        assert height >= 32
        assert width >= 32
        assert top + height <= 427
        assert left + width <= 640
        assert photo in range(4)
    crops = blocks.crops(50, 32, np.random.default_rng(0))
    assert crops.shape == (50, 3, 32, 32)
    assert crops.flags.c_contiguous


def test_a_digit_stands_out_from_what_lies_under_it() -> None:
    images = as_floats(Digits(clutter=0.0).draw(Part.TRAIN, 300, 0).images).mean(1)
    assert (images.max((1, 2)) - images.min((1, 2)) > 0.3).all()


@pytest.mark.parametrize("size", [32, 64])
def test_scenes_tell_their_attributes(size: int) -> None:
    dataset = Shapes(size=size)
    scene = dataset.draw_scene(Part.TRAIN, 200, 4)
    np.testing.assert_array_equal(scene.images.images, dataset.draw(Part.TRAIN, 200, 4).images)
    assert scene.figures.shape == (200, size, size)
    assert ((scene.figures.mean((1, 2)) > 0.05) & (scene.figures.mean((1, 2)) < 0.4)).all()
    assert set(scene.textures.tolist()) <= set(range(len(TEXTURES)))
    assert len(set(scene.textures.tolist())) >= 16
    assert scene.images.feature_masks is not None
    # The figure lies over the object, so only its soft edge lets the object show.
    both = scene.images.feature_masks & scene.figures
    assert both.sum() < 0.1 * scene.images.feature_masks.sum()


def test_cutouts_look_like_the_objects_and_fit_the_images(drawn: DataSet) -> None:
    images = as_floats(drawn.draw(Part.HELDOUT, 12, 0).images)
    for feature in range(len(drawn.features)):
        paste = drawn.cutouts(feature, 5, 0)
        stamped = paste.apply(images, np.random.default_rng(0))
        assert stamped.masks is not None
        assert stamped.images.shape == images.shape
        assert 0.02 < (stamped.masks > 0.5).mean() < 0.16
        np.testing.assert_array_equal(paste.patterns, drawn.cutouts(feature, 5, 0).patterns)


def test_feature_pictures_show_different_features(drawn: DataSet) -> None:
    pictures = np.stack([drawn.feature_pictures(feature, 3, 0) for feature in range(len(drawn.features))])
    assert pictures.shape[1:] == (3, *drawn.shape)
    assert 0 <= pictures.min() <= pictures.max() <= 1
    assert pictures.std((2, 3, 4)).min() > 0.05


def test_wrong_requests_are_told(drawn: DataSet) -> None:
    with pytest.raises(DataError, match="must not be negative, got: -1"):
        drawn.draw(Part.TRAIN, -1, 0)
    with pytest.raises(DataError, match="none has the index: 99"):
        drawn.cutouts(99, 1, 0)
    with pytest.raises(DataError, match="none has the index: -1"):
        drawn.feature_pictures(-1, 1, 0)


def test_parameters_out_of_range_are_told() -> None:
    with pytest.raises(SpecError, match="must be 32 or 64, got: 48"):
        open_data("shapes[size=48]")
    with pytest.raises(SpecError, match=r"within \[0, 1\], got: 2"):
        open_data("digits[clutter=2]")
    with pytest.raises(SpecError, match=r"within \[0, 1\], got: -1"):
        open_data("shapes[clutter=-1]")


def test_keys_tell_parameters_apart() -> None:
    keys = [open_data(address).key for address in ("digits", "digits[clutter=0.2]", "shapes", "shapes[size=64]")]
    assert len(set(keys)) == 4
    assert open_data("digits").key == keys[0]
