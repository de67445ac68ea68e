"""A folder of images: every format, every fault in one message, and parts that duplicates never straddle."""

import shutil
import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from onecurve.core.errors import DataError
from onecurve.data.catalog import open_data
from onecurve.data.dataset import Part
from onecurve.data.folder import Folder


def noise(seed: int, shape: tuple[int, ...] = (32, 32, 3)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for label, name in enumerate(("cat", "dog")):
        for index in range(30):
            save(tmp_path / "set" / name / f"{index}.png", noise(100 * label + index))
    return tmp_path / "set"


def drawn_rows(data: Folder, part: Part) -> set[bytes]:
    count = len(data._collection.rows(part))
    return {image.tobytes() for image in data.draw(part, count, 0).images}


def test_images_come_back_as_they_are(root: Path) -> None:
    data = open_data(f"folder:{root}")
    assert data.class_names == ("cat", "dog")
    assert data.shape == (3, 32, 32)
    known = {np.moveaxis(noise(100 * label + index), 2, 0).tobytes(): label for label in (0, 1) for index in range(30)}
    images = data.draw(Part.TRAIN, 42, 5)
    assert [known[image.tobytes()] for image in images.images] == images.labels.tolist()
    assert np.bincount(images.labels).tolist() == [21, 21]


def test_parts_share_nothing_and_hold_everything(root: Path) -> None:
    data = Folder(str(root))
    parts = [drawn_rows(data, part) for part in Part]
    assert [len(part) for part in parts] == [42, 6, 12]
    assert len(set.union(*parts)) == 60


def test_duplicates_lie_in_one_part_whatever_their_names_formats_and_classes(root: Path) -> None:
    for index in range(30):
        shutil.copy(root / "cat" / f"{index}.png", root / "cat" / f"copy of {index}.png")
        Image.open(root / "cat" / f"{index}.png").save(root / "dog" / f"also {index}.bmp")
    data = Folder(str(root))
    parts = [drawn_rows(data, part) for part in Part]
    assert sum(len(part) for part in parts) == len(set.union(*parts)) == 60


def test_the_key_is_of_the_content_and_not_of_the_place(root: Path, tmp_path: Path) -> None:
    before = open_data(f"folder:{root}").key
    moved = tmp_path / "elsewhere"
    shutil.copytree(root, moved)
    assert open_data(f"folder:{moved}").key == before
    assert open_data(f"folder:{moved}[size=16]").key != before
    save(moved / "cat" / "0.png", noise(999))
    assert open_data(f"folder:{moved}").key != before


def test_a_draw_is_a_function_of_part_count_and_seed(root: Path) -> None:
    first, again, other = (Folder(str(root)).draw(Part.TRAIN, 20, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert (first.images != other.images).any()


def test_asking_for_too_many_tells_how_many_there_are(root: Path) -> None:
    with pytest.raises(DataError, match=r"asked for 43 images, but the part `train` holds 42(?s:.*)train 42, clean 6, heldout 12"):
        open_data(f"folder:{root}").draw(Part.TRAIN, 43, 0)


def test_greys_palettes_alpha_sixteen_bits_and_rotation(root: Path) -> None:
    odd = root / "cat"
    grey = noise(1, (32, 32))
    save(odd / "grey.png", grey)
    Image.fromarray(noise(2)).quantize(16).save(odd / "palette.gif")
    clear = np.dstack([noise(3), np.zeros((32, 32), np.uint8)])
    save(odd / "clear.png", clear)
    Image.fromarray(np.full((32, 32), 65535, np.uint16)).save(odd / "sixteen.png")
    half = np.zeros((32, 32, 3), np.uint8)
    half[:, 16:] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(half).save(odd / "turned.jpg", exif=exif, quality=95)
    data = Folder(str(root))
    paths = data._collection.pixels.read(np.arange(len(data._collection.labels)))
    names = sorted(path.name for path in odd.iterdir())
    found = {name: paths[at] for at, name in enumerate(names)}
    np.testing.assert_array_equal(found["grey.png"], np.broadcast_to(grey, (3, 32, 32)))
    assert (found["clear.png"] == 255).all()
    assert (found["sixteen.png"] == 255).all()
    # Orientation 6: what was right is now below.
    assert found["turned.jpg"][:, :12].mean() < 20
    assert found["turned.jpg"][:, 20:].mean() > 235


@pytest.mark.parametrize(
    ("sizes", "expected"), [([(20, 30), (30, 20)], (3, 32, 32)), ([(100, 300), (90, 90)], (3, 224, 224)), ([(24, 40)], (3, 24, 40))]
)
def test_sizes_are_chosen_by_rule(tmp_path: Path, sizes: list[tuple[int, int]], expected: tuple[int, int, int]) -> None:
    for index in range(12):
        save(tmp_path / "ab"[index % 2] / f"{index}.png", noise(index, (*sizes[index // 2 % len(sizes)], 3)))
    assert open_data(f"folder:{tmp_path}").shape == expected
    assert open_data(f"folder:{tmp_path}[size=16]").shape == (3, 16, 16)


@settings(max_examples=8, deadline=None)
@given(st.integers(8, 90), st.integers(9, 90), st.integers(9, 90))
def test_the_middle_is_cut_out_and_not_squeezed(size: int, height: int, width: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for index in range(4):
            save(Path(folder) / "ab"[index % 2] / f"{index}.png", np.full((height, width, 3), 60 * index, np.uint8))
        images = Folder(folder, size)._collection.pixels.read(np.arange(4))
    assert images.shape == (4, 3, size, size)
    np.testing.assert_array_equal(images[:, 0, 0, 0], [0, 120, 60, 180])


def png_claiming(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def test_all_unusable_pictures_are_told_in_one_error(root: Path) -> None:
    whole = (root / "cat" / "0.png").read_bytes()
    (root / "cat" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (root / "cat" / "notes.txt").write_text("not an image")
    (root / "dog" / "empty.jpg").write_bytes(b"")
    (root / "dog" / "huge.png").write_bytes(png_claiming(60_000, 60_000))
    (root / "dog" / "large.png").write_bytes(png_claiming(8_000, 8_000))
    (root / "dog" / "gone.png").symlink_to(root / "nowhere.png")
    with pytest.raises(DataError) as caught:
        open_data(f"folder:{root}")
    message = str(caught.value)
    assert f"6 of 66 pictures cannot be used: {root}" in message
    for name in ("cut.png: ", "notes.txt: not an image", "empty.jpg: ", "huge.png: ", "large.png: 8000 x 8000 pixels", "gone.png: "):
        assert name in message
    assert "mend or remove them" in message


def test_at_most_ten_faults_are_listed(root: Path) -> None:
    for index in range(25):
        (root / "cat" / f"bad {index:02}.png").write_text("x")
    with pytest.raises(DataError, match=r"25 of 85 pictures(?s:.*)… and 15 more") as caught:
        open_data(f"folder:{root}")
    assert caught.value.message.count("not an image") == 10


def test_litter_is_passed_over(root: Path) -> None:
    before = open_data(f"folder:{root}").key
    (root / "cat" / ".DS_Store").write_text("x")
    (root / "dog" / "Thumbs.db").write_text("x")
    (root / ".git").mkdir()
    (root / "README.txt").write_text("about this set")
    assert open_data(f"folder:{root}").key == before


def test_deeper_folders_belong_to_their_class(root: Path) -> None:
    (root / "cat" / "more").mkdir()
    shutil.move(root / "cat" / "3.png", root / "cat" / "more" / "3.png")
    assert len(Folder(str(root))._collection.labels) == 60


def test_layouts_that_are_none(tmp_path: Path) -> None:
    def fault(path: Path) -> str:
        with pytest.raises(DataError) as caught:
            open_data(f"folder:{path}")
        return str(caught.value)

    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no sub-folders" in fault(empty)
    assert "PATH/cat/1.jpg" in fault(empty)
    assert "no such folder" in fault(tmp_path / "missing")
    (tmp_path / "file.npz").write_text("x")
    assert "npz:PATH" in fault(tmp_path / "file.npz")
    save(tmp_path / "one" / "cat" / "0.png", noise(0))
    assert "only one class: cat" in fault(tmp_path / "one")
    (tmp_path / "one" / "dog").mkdir()
    (tmp_path / "one" / "eel").mkdir()
    assert "2 of 3 class folders hold no files" in fault(tmp_path / "one")
    save(tmp_path / "splits" / "train" / "cat" / "0.png", noise(0))
    save(tmp_path / "splits" / "test" / "cat" / "0.png", noise(0))
    assert "splits and not classes: test, train" in fault(tmp_path / "splits")
    for index in range(4):
        save(tmp_path / "tiny" / "ab"[index % 2] / f"{index}.png", noise(index, (4, 4, 3)))
    assert "only 4 x 4 pixels" in fault(tmp_path / "tiny")


@pytest.mark.parametrize("splits", [("seg_train", "seg_test"), ("train2017", "val2017"), ("train", "test", "extra")])
def test_splits_are_not_taken_for_classes(tmp_path: Path, splits: tuple[str, ...]) -> None:
    for split in splits:
        for name in ("cat", "dog"):
            save(tmp_path / split / name / "0.png", noise(0))
    with pytest.raises(DataError, match="splits and not classes"):
        open_data(f"folder:{tmp_path}")


def test_the_same_folders_in_every_class_are_refused_unless_they_are_splits(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        for index, inner in enumerate(("train", "test")):
            for number in range(4):
                save(tmp_path / "splits" / name / inner / f"{number}.png", noise(10 * index + number))
                save(tmp_path / "years" / name / f"202{index}" / f"{number}.png", noise(10 * index + number))
    assert Folder(str(tmp_path / "splits")).class_names == ("cat", "dog")
    with pytest.raises(DataError, match=r"the same folders \(2020, 2021\), so either may be the classes: cat, dog"):
        open_data(f"folder:{tmp_path / 'years'}")


def test_linked_folders_are_read_and_circles_end(root: Path, tmp_path: Path) -> None:
    for index in range(5):
        save(tmp_path / "elsewhere" / f"{index}.png", noise(500 + index))
    (root / "cat" / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "cat" / "circle").symlink_to(root / "cat")
    assert len(Folder(str(root))._collection.labels) == 65


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_sixteen_bit_greys_are_read_over_the_bits_that_the_set_uses(tmp_path: Path, bits: int) -> None:
    rng = np.random.default_rng(0)
    for index in range(6):
        save(tmp_path / "ab"[index % 2] / f"{index}.png", rng.integers(0, 2**bits, (32, 32)).astype(np.uint16))
    pixels = Folder(str(tmp_path))._collection.pixels.read(np.arange(6))
    assert 120 < pixels.mean() < 135
    assert pixels.max() >= 254


def test_one_larger_picture_does_not_enlarge_all(tmp_path: Path) -> None:
    for index in range(12):
        side = 65 if index == 0 else 32
        save(tmp_path / "ab"[index % 2] / f"{index}.png", noise(index, (side, side, 3)))
    assert open_data(f"folder:{tmp_path}").shape == (3, 32, 32)


def test_a_set_too_large_for_memory_is_decoded_when_drawn(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Folder(str(root)).draw(Part.TRAIN, 20, 0)
    monkeypatch.setattr("onecurve.data.validation.KEPT_BYTES", 1000)
    stored = Folder(str(root))
    np.testing.assert_array_equal(stored.draw(Part.TRAIN, 20, 0).images, held.images)
    shutil.rmtree(root / "cat")
    with pytest.raises(DataError, match="could be read before and no longer can"):
        stored.draw(Part.TRAIN, 42, 0)


def test_a_card_tells_counts_and_parts_and_whatever_is_odd(root: Path, tmp_path: Path) -> None:
    (line,) = Folder(str(root)).card
    assert line.startswith(f"{root}: 60 images of 2 classes (30 to 30 each), 32 x 32 pixels, 3 channels: ")
    assert line.endswith(" held out")
    save(root / "dog" / "copy.png", noise(0))
    shutil.copy(root / "cat" / "1.png", root / "cat" / "again.png")
    assert Folder(str(root)).card[1:] == (
        "2 pictures occur more than once; copies are kept in one part; 1 of them have more than one label",
    )
    for label in range(2):
        for index in range(3):
            pixels = np.full((32, 32), 10 * label + index, np.uint8)
            pixels[0, index] = 8
            save(tmp_path / "dark" / str(label) / f"{index}.png", pixels)
    told = Folder(str(tmp_path / "dark")).card[1:]
    assert any(words.startswith(("no held out image of: ", "no clean image of: ")) for words in told)
    assert told[-1] == "its pixels have 7 different values, from 0 to 12 of 0 to 255"
