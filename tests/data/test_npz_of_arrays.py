"""An npz of arrays: the layouts that are understood, and one clear error for each that is not."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onecurve.core.errors import DataError
from onecurve.data.catalog import open_data
from onecurve.data.dataset import Part
from onecurve.data.npz import Npz


def pixels(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


LABELS = np.arange(60) % 3


def opened(path: Path, **arrays: np.ndarray) -> Npz:
    np.savez_compressed(path / "set.npz", **arrays)
    data = open_data(f"npz:{path / 'set.npz'}")
    assert isinstance(data, Npz)
    return data


def everything(data: Npz, part: Part) -> set[bytes]:
    return {image.tobytes() for image in data.draw(part, len(data._collection.rows(part)), 0).images}


def encoded(images: np.ndarray, kind: str = "PNG") -> tuple[np.ndarray, np.ndarray]:
    bodies = []
    for image in images:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, kind)
        bodies.append(buffer.getvalue())
    return np.frombuffer(b"".join(bodies), np.uint8), np.cumsum([0, *map(len, bodies)])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((60, 16, 20, 3), (3, 16, 20)),
        ((60, 3, 16, 20), (3, 16, 20)),
        ((60, 16, 20), (1, 16, 20)),
        ((60, 16, 20, 1), (1, 16, 20)),
        ((60, 1, 16, 20), (1, 16, 20)),
        ((60, 16, 20, 4), (3, 16, 20)),
    ],
)
def test_channels_may_come_first_last_or_not_at_all(tmp_path: Path, shape: tuple[int, ...], expected: tuple[int, int, int]) -> None:
    data = opened(tmp_path, images=pixels(*shape), labels=LABELS)
    assert data.shape == expected
    assert data.draw(Part.TRAIN, 10, 0).images.shape == (10, *expected)
    assert open_data(f"npz:{tmp_path / 'set.npz'}[size=32]").shape == (expected[0], 32, 32)


def test_pixels_and_labels_stay_together(tmp_path: Path) -> None:
    images = pixels(60, 16, 16, 3)
    data = opened(tmp_path, x=images, y=LABELS.astype(np.uint8), class_names=np.array(["a", "b", "c"]))
    known = {np.moveaxis(image, 2, 0).tobytes(): label for image, label in zip(images, LABELS, strict=True)}
    drawn = data.draw(Part.TRAIN, 42, 0)
    assert [known[image.tobytes()] for image in drawn.images] == drawn.labels.tolist()
    assert data.class_names == ("a", "b", "c")
    assert [len(everything(data, part)) for part in Part] == [42, 6, 12]


def test_a_test_split_is_never_trained_on(tmp_path: Path) -> None:
    images = pixels(60, 16, 16, 3)
    repeated = np.concatenate([images[40:], images[:4]])
    data = opened(tmp_path, x_train=images[:40], y_train=LABELS[:40], x_test=repeated, y_test=np.concatenate([LABELS[40:], LABELS[:4]]))
    train, clean, heldout = (everything(data, part) for part in Part)
    assert train == {np.moveaxis(image, 2, 0).tobytes() for image in images[:40]}
    assert len(clean) + len(heldout) == 20
    assert min(len(clean), len(heldout)) >= 5
    assert not clean & heldout
    # Test images that are also training images are not held out.
    assert len(data._collection.rows(Part.TRAIN)) == 44


def test_numbers_without_images_are_no_classes(tmp_path: Path) -> None:
    images = pixels(60, 16, 16, 3)
    assert opened(tmp_path, images=images, labels=LABELS + 1).class_names == ("1", "2", "3")
    data = opened(tmp_path, images=images, labels=np.where(LABELS == 0, 7, 3))
    assert data.class_names == ("3", "7")
    assert np.bincount(data.draw(Part.TRAIN, 42, 0).labels).min() >= 10


@pytest.mark.parametrize("names", [("x_{}", "y_{}"), ("{}_images", "{}_labels")])
def test_no_split_is_dropped(tmp_path: Path, names: tuple[str, str]) -> None:
    images = pixels(90, 16, 16, 3)
    arrays = {}
    for at, split in enumerate(("train", "val", "test")):
        rows = slice(30 * at, 30 * at + 30)
        arrays |= {names[0].format(split): images[rows], names[1].format(split): LABELS[:30]}
    train, clean, heldout = (everything(opened(tmp_path, **arrays), part) for part in Part)
    assert train == {np.moveaxis(image, 2, 0).tobytes() for image in images[:30]}
    assert len(clean | heldout) == 60


def test_images_beside_a_test_split_are_those_to_train_on(tmp_path: Path) -> None:
    images = pixels(60, 16, 16, 3)
    data = opened(tmp_path, images=images[:40], labels=LABELS[:40], x_test=images[40:], y_test=LABELS[40:])
    assert everything(data, Part.TRAIN) == {np.moveaxis(image, 2, 0).tobytes() for image in images[:40]}
    alone = opened(tmp_path, x_train=images[:40], y_train=LABELS[:40])
    assert [len(everything(alone, part)) for part in Part] == [28, 4, 8]


def test_groups_are_not_split(tmp_path: Path) -> None:
    groups = np.arange(60) // 6
    data = opened(tmp_path, images=pixels(60, 16, 16, 3), labels=np.arange(60) // 30, groups=groups)
    owners = [{int(groups[row]) for row in data._collection.rows(part)} for part in Part]
    assert sum(len(owner) for owner in owners) == 10
    assert len(owners[0]) in {6, 7, 8}


def test_encoded_pictures(tmp_path: Path) -> None:
    images = pixels(60, 16, 16, 3)
    buffer, offsets = encoded(images)
    data = opened(tmp_path, jpeg=buffer, offsets=offsets, label=LABELS)
    raw = opened(tmp_path, images=images, labels=LABELS)
    assert data.key == raw.key
    np.testing.assert_array_equal(data.draw(Part.CLEAN, 6, 0).images, raw.draw(Part.CLEAN, 6, 0).images)


def test_encoded_splits(tmp_path: Path) -> None:
    images = pixels(60, 16, 16, 3)
    first, ends = encoded(images[:30])
    second, others = encoded(images[30:])
    padded = np.concatenate([pixels(7), second])
    arrays = {"jpeg_train": first, "offsets_train": ends, "label_train": LABELS[:30]}
    data = opened(tmp_path, **arrays, jpeg_test=padded, offsets_test=others + 7, label_test=LABELS[30:])
    assert everything(data, Part.TRAIN) == {np.moveaxis(image, 2, 0).tobytes() for image in images[:30]}
    assert len(everything(data, Part.CLEAN) | everything(data, Part.HELDOUT)) == 30


def test_names_by_row_and_names_that_occur_twice(tmp_path: Path) -> None:
    names = np.array(["crane", "tench", "crane"])[LABELS]
    assert opened(tmp_path, images=pixels(60, 16, 16, 3), labels=LABELS, name=names).class_names == ("crane (0)", "tench", "crane (2)")
    assert opened(tmp_path, images=pixels(60, 16, 16, 3), labels=LABELS).class_names == ("0", "1", "2")


GOOD = {"images": pixels(60, 16, 16, 3), "labels": LABELS}
FAULTS: list[tuple[dict[str, np.ndarray], str]] = [
    ({"pictures": GOOD["images"], "labels": LABELS}, "no arrays of images and labels among: pictures, labels"),
    ({"images": GOOD["images"]}, "no arrays of images and labels among: images"),
    ({**GOOD, "images": GOOD["images"] / 255}, "`images` must be uint8, got: float64"),
    ({**GOOD, "images": np.full((60, 16, 16, 3), np.nan)}, "got: float64 with NaN"),
    ({**GOOD, "images": pixels(60, 16)}, "got the shape: (60, 16)"),
    ({**GOOD, "images": pixels(60, 16, 16, 5)}, "got the shape: (60, 16, 16, 5)"),
    ({**GOOD, "images": pixels(60, 2, 2, 3)}, "images of 2 x 2 pixels"),
    ({**GOOD, "labels": LABELS[:50]}, "there are 60 images in `images` and 50 labels in `labels`"),
    ({**GOOD, "labels": LABELS / 1}, "`labels` must hold whole numbers, got: float64"),
    ({**GOOD, "labels": np.where(LABELS > 1, np.nan, LABELS)}, "`labels` holds 20 NaN"),
    ({**GOOD, "labels": np.array(["a", "b", "c"])[LABELS]}, "`labels` must hold integers, got: <U1"),
    ({**GOOD, "labels": np.eye(3, dtype=int)[LABELS]}, "save the argmax"),
    ({**GOOD, "labels": LABELS - 1}, "`labels` must be within 0..99999, got: -1 to 1"),
    ({**GOOD, "labels": LABELS + 10**9}, "`labels` must be within 0..99999"),
    ({**GOOD, "labels": np.full(60, 2)}, "only one class, all labels are: 2"),
    ({**GOOD, "class_names": np.array(["a", "b"])}, "labels go up to 2 but `class_names` names 2 classes"),
    ({**GOOD, "class_names": np.array(["a", "b", "c", "eel"])}, "1 of 4 classes have no image: `eel`"),
    ({**GOOD, "images": GOOD["images"] % 2}, "the pixels hold only 0 and 1, of 0 to 255"),
    ({**GOOD, "class_names": np.arange(3)}, "`class_names` must be strings"),
    ({**GOOD, "class_names": np.array(["a", "b", None])}, "`class_names` holds Python objects"),
    ({**GOOD, "groups": np.arange(7)}, "60 images in `images` and 7 entries in `groups`"),
    ({**GOOD, "groups": np.arange(60) / 2}, "`groups` must be one integer per image"),
    ({"images": pixels(0, 16, 16, 3), "labels": LABELS[:0]}, "`images` holds no images"),
    ({"jpeg": pixels(100), "offsets": np.array([0, 90, 200]), "labels": LABELS[:2]}, "`offsets` must rise within 0..100"),
    ({"jpeg": pixels(100), "offsets": np.array([0.0, 50, 90]), "labels": LABELS[:2]}, "`offsets` must be integers"),
    ({"jpeg": pixels(10, 10), "offsets": np.array([0, 5, 9]), "labels": LABELS[:2]}, "`jpeg` must be uint8 in one dimension"),
    ({"jpeg": pixels(100), "offsets": np.array([0, 50, 90]), "labels": LABELS[:2]}, "`jpeg`, row 1: not an image"),
    (
        {"x_train": pixels(6, 16, 16, 3), "y_train": LABELS[:6], "x_test": pixels(6, 20, 16, 3), "y_test": LABELS[:6]},
        "the splits have images of different shapes",
    ),
]


@pytest.mark.parametrize(("arrays", "message"), FAULTS, ids=[message[:40] for _, message in FAULTS])
def test_each_fault_is_one_clear_error(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(DataError) as caught:
        opened(tmp_path, **arrays)
    assert message in str(caught.value)
    assert str(tmp_path / "set.npz") in str(caught.value)


def test_files_that_are_no_npz(tmp_path: Path) -> None:
    def fault(path: Path) -> str:
        with pytest.raises(DataError) as caught:
            open_data(f"npz:{path}")
        return str(caught.value)

    text = tmp_path / "text.npz"
    text.write_text("hello")
    assert "not an .npz file" in fault(text)
    np.save(tmp_path / "one.npy", pixels(3, 3))
    assert "not an .npz file" in fault(tmp_path / "one.npy")
    assert "folder:PATH" in fault(tmp_path)
    assert "no such file" in fault(tmp_path / "missing.npz")
    np.savez(tmp_path / "good.npz", **GOOD)
    whole = (tmp_path / "good.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    assert "not an .npz file" in fault(tmp_path / "cut.npz")
    spoilt = bytearray(whole)
    spoilt[2000:3000] = bytes(1000)
    (tmp_path / "spoilt.npz").write_bytes(bytes(spoilt))
    assert "`images` cannot be read" in fault(tmp_path / "spoilt.npz")


def test_files_that_do_not_fit_in_memory_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onecurve.data.archive.MOST_BYTES", 1000)
    with pytest.raises(DataError, match="GiB, the most is"):
        opened(tmp_path, **GOOD)
