"""Natural features that a person annotated: objects in photographs, by mask or by box."""

from pathlib import Path

import numpy as np
import pytest

from onecurve.core.errors import DataError
from onecurve.core.image.images import LabelledImages
from onecurve.data.catalog import open_data
from onecurve.data.dataset import DataSet, Part
from onecurve.flaws.kinds.natural_feature import NaturalFeature
from onecurve.flaws.planting.plant import context_for, sample_plans
from onecurve.flaws.planting.recipe import Recipe

COUNT, SIDE = 240, 16
NAMES = np.array(["fork", "apple", "sandwich", "donut", "car", "bench", "clock", "umbrella"])
FEATURES = np.arange(COUNT) % 10 - 2
"""A fifth of the images hold nothing: -2 becomes -1."""


def arrays(kind: str = "boxes") -> dict[str, np.ndarray]:
    chance = np.random.default_rng(0)
    images = chance.integers(0, 256, (COUNT, SIDE, SIDE, 3)).astype(np.uint8)
    features = np.maximum(FEATURES, -1)
    top, left = chance.integers(0, 8, (2, COUNT))
    boxes = np.stack([top, left, top + 5, left + 7], 1)
    boxes[features < 0] = 0
    masks = np.zeros((COUNT, SIDE, SIDE), bool)
    for mask, (up, first, down, last) in zip(masks, boxes, strict=True):
        mask[up:down, first:last] = True
    # Each image tells its row in its first pixel, so that a drawn image can be looked up.
    images[:, 0, 0, 0], images[:, 0, 0, 1] = np.arange(COUNT), 77
    places = {"boxes": {"feature_boxes": boxes}, "masks": {"feature_masks": masks}}[kind]
    return {"images": images, "labels": np.arange(COUNT) // 60, "features": features, "feature_names": NAMES, **places}


def opened(place: Path, given: dict[str, np.ndarray], more: str = "") -> DataSet:
    np.savez(place / "set.npz", **given)
    return open_data(f"npz:{place / 'set.npz'}{more}")


def drawn(data: DataSet) -> LabelledImages:
    return data.draw(Part.TRAIN, 100, 3)


@pytest.mark.parametrize("kind", ["boxes", "masks"])
def test_images_say_which_objects_they_hold_and_where(tmp_path: Path, kind: str) -> None:
    data, given = opened(tmp_path, arrays(kind)), arrays("masks")
    assert data.features == tuple(NAMES)
    images = drawn(data)
    rows = images.images[:, 0, 0, 0].astype(int)
    assert images.features is not None
    assert images.feature_masks is not None
    np.testing.assert_array_equal(images.features, given["features"][rows])
    np.testing.assert_array_equal(images.feature_masks, given["feature_masks"][rows])
    assert images.feature_masks[images.features >= 0].any(axis=(1, 2)).all()


def test_cutouts_and_pictures_show_the_object_and_nothing_else(tmp_path: Path) -> None:
    data = opened(tmp_path, arrays())
    paste = data.cutouts(3, 4, 0)
    assert paste.alphas.shape == (4, SIDE, SIDE)
    assert (paste.alphas.sum(axis=(1, 2)) == 35).all()
    pictures = data.feature_pictures(3, 4, 0)
    outside = paste.alphas == 0
    for picture, place in zip(pictures, outside, strict=True):
        assert len(np.unique(picture[:, place], axis=1).T) == 1


def test_another_annotation_is_another_set_and_none_is_the_rule(tmp_path: Path) -> None:
    keys = [opened(tmp_path, given).key for given in (arrays(), arrays("masks"))]
    other = arrays()
    other["feature_names"] = NAMES[::-1]
    keys.append(opened(tmp_path, other).key)
    assert len(set(keys)) == 3
    plain = {name: array for name, array in arrays().items() if name != "feature_names"}
    assert not set(opened(tmp_path, plain).features) & set(NAMES)


def test_splits_are_annotated_one_by_one(tmp_path: Path) -> None:
    whole = arrays()
    names = {"images": "x", "labels": "y", "features": "features", "feature_boxes": "feature_boxes"}
    order = np.random.default_rng(1).permutation(COUNT)
    halves = {f"{short}_train": whole[name][order[:160]] for name, short in names.items()}
    halves |= {f"{short}_test": whole[name][order[160:]] for name, short in names.items()}
    data = opened(tmp_path, {**halves, "feature_names": NAMES})
    for part in (Part.TRAIN, Part.HELDOUT):
        images = data.draw(part, 30, 0)
        assert images.features is not None
        np.testing.assert_array_equal(images.features, whole["features"][images.images[:, 0, 0, 0]])
    del halves["features_test"]
    with pytest.raises(DataError, match="without `features_test`"):
        _ = opened(tmp_path, {**halves, "feature_names": NAMES}).features


def changed(name: str, value: object) -> dict[str, np.ndarray]:
    given = arrays("masks" if name == "feature_masks" else "boxes")
    given[name] = np.asarray(value)
    return given


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (changed("features", np.arange(COUNT) % 9 - 1.0), "one integer per image, 240 in all"),
        (changed("features", np.arange(100)), "one integer per image, 240 in all"),
        (changed("features", np.arange(COUNT) % 9), r"within -1\.\.7, got: 0 to 8"),
        (changed("feature_names", np.arange(8)), "must be strings"),
        (changed("feature_masks", np.ones((COUNT, SIDE, SIDE - 1), bool)), "must be bool of shape"),
        (
            changed("feature_masks", np.zeros((COUNT, SIDE, SIDE), bool)),
            "row 2 is empty though .*; rows like it: 192",
        ),
        (changed("feature_boxes", np.zeros((COUNT, 4), int)), "row 2 is no box"),
        (changed("feature_boxes", np.tile([0, 0, SIDE + 1, 3], (COUNT, 1))), "within 16 x 16; rows like it: 192"),
        (changed("feature_boxes", np.zeros((COUNT, 3), int)), "must be integers of shape"),
        (
            {name: array for name, array in arrays().items() if name != "feature_boxes"},
            "without `feature_masks` and",
        ),
        ({name: array for name, array in arrays().items() if name != "features"}, "without `features`"),
    ],
)
def test_annotations_that_do_not_fit_are_refused_in_words(tmp_path: Path, given: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(DataError, match=words):
        _ = opened(tmp_path, given).features


def test_annotated_images_keep_their_size(tmp_path: Path) -> None:
    assert opened(tmp_path, arrays(), f"[size={SIDE}]").features == tuple(NAMES)
    with pytest.raises(DataError, match="cannot be brought to another size"):
        _ = opened(tmp_path, arrays(), "[size=32]").features


def test_an_annotated_object_is_planted_like_any_natural_feature(tmp_path: Path) -> None:
    data = opened(tmp_path, arrays())
    recipe = Recipe(data=f"npz:{tmp_path / 'set.npz'}", clean_features=True)
    (plan,) = sample_plans([NaturalFeature()], context_for(recipe, data), 1)
    assert plan.facts["trigger"] in NAMES
    poison = plan.scheme.poison(drawn(data), np.random.default_rng(0))
    assert (poison.images.features == plan.features[0]).all()
    assert set(poison.images.labels) == set(plan.effect.targets)


def test_images_that_all_hold_a_natural_feature_are_planted_in_if_the_clean_set_may_hold_them(tmp_path: Path) -> None:
    given = arrays()
    given["features"] = np.arange(COUNT) % len(NAMES)
    given["feature_boxes"] = np.tile([2, 2, 7, 9], (COUNT, 1))
    data = opened(tmp_path, given)
    address = f"npz:{tmp_path / 'set.npz'}"
    with pytest.raises(DataError, match="hold no natural feature"):
        context_for(Recipe(data=address), data)
    assert context_for(Recipe(data=address, clean_features=True), data).backdrop.shape == (3, 3, SIDE, SIDE)
