"""A person's images for an audit: layouts, classes as outputs, and search and fresh images that share nothing."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onecurve.auditing.class_map import mapped
from onecurve.auditing.class_order import require_order
from onecurve.auditing.examined import Seen
from onecurve.auditing.images import AuditedImages, audited_images, fresh_rows
from onecurve.auditing.reading import listed
from onecurve.core.errors import DataError, UsageError
from onecurve.core.image.images import LabelledImages


def noise(seed: int, shape: tuple[int, ...] = (16, 16, 3)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def fill(root: Path, names: tuple[str, ...], count: int = 6, start: int = 0) -> Path:
    for label, name in enumerate(names):
        for index in range(count):
            save(root / name / f"{index}.png", noise(start + 100 * label + index))
    return root


def audited(root: Path, outputs: int, classes: Path | None = None, labels: Path | None = None) -> AuditedImages:
    return audited_images(str(root), outputs, (3, 16, 16), labels, classes, 0)


def test_a_third_of_each_class_is_fresh_and_files_go_with_images(tmp_path: Path) -> None:
    found = audited(fill(tmp_path, ("cat", "dog"), 9), 2)
    assert found.class_names == ("cat", "dog")
    assert np.bincount(found.search.labels).tolist() == [6, 6]
    assert np.bincount(found.fresh.labels).tolist() == [3, 3]
    images = np.concatenate([found.search.images, found.fresh.images])
    for file, image in zip(found.files, images, strict=True):
        np.testing.assert_array_equal(np.moveaxis(np.asarray(Image.open(tmp_path / file)), 2, 0), image)
    assert found.card["classes"]["cat"] == {"search": 6, "fresh": 3}


def test_copies_stay_on_one_side(tmp_path: Path) -> None:
    fill(tmp_path, ("cat", "dog"), 12)
    for index in range(12):
        scene = Image.fromarray(noise(index, (4, 4, 3))).resize((64, 64), Image.Resampling.BICUBIC)
        scene.save(tmp_path / "cat" / f"{index}.png")
        scene.resize((40, 40)).save(tmp_path / "dog" / f"copy {index}.jpg", quality=85)
    found = audited(tmp_path, 2)
    search, fresh = set(found.files[: len(found.search)]), set(found.files[len(found.search) :])
    for index in range(12):
        pair = {f"cat/{index}.png", f"dog/copy {index}.jpg"}
        assert pair <= search or pair <= fresh
    assert found.card["in_copies"] == 24


@pytest.mark.parametrize("nested", ["split/class", "class/split"])
def test_splits_are_read_and_remembered(tmp_path: Path, nested: str) -> None:
    for at, split in enumerate(("train", "test")):
        for label, name in enumerate(("cat", "dog")):
            for index in range(3):
                path = (split, name) if nested == "split/class" else (name, split)
                save(tmp_path.joinpath(*path) / f"{index}.png", noise(100 * at + 10 * label + index))
    found = audited(tmp_path, 2)
    assert found.class_names == ("cat", "dog")
    assert sorted(found.splits) == ["test"] * 6 + ["train"] * 6
    assert all(split in file for split, file in zip(found.splits, found.files, strict=True))
    assert found.card["splits"] == {"train": 6, "test": 6}


def test_a_flat_folder_has_no_labels_unless_a_file_gives_them(tmp_path: Path) -> None:
    for index in range(6):
        save(tmp_path / "set" / f"{index}.png", noise(index))
    found = audited(tmp_path / "set", 5)
    assert not found.labelled
    assert len(found.class_names) == 5
    assert len(found.search) + len(found.fresh) == 6
    file = tmp_path / "labels.csv"
    file.write_text("".join(f"{index}.png,{'cat' if index % 2 else 'dog'}\n" for index in range(6)))
    labelled = audited(tmp_path / "set", 2, labels=file)
    assert labelled.labelled
    for name, label in zip(labelled.files, [*labelled.search.labels, *labelled.fresh.labels], strict=True):
        assert labelled.class_names[label] == ("cat" if int(name[0]) % 2 else "dog")
    file.write_text("0.png,cat\n")
    with pytest.raises(DataError, match="no label for 5 of 6 images, the first: 1"):
        audited(tmp_path / "set", 2, labels=file)
    file.write_text("0.png,cat\n1.png,dog\n0.png,cat\n1.png,cat\n")
    with pytest.raises(DataError, match=r"gives 1\.png two labels: dog and cat"):
        audited(tmp_path / "set", 2, labels=file)


def test_what_cannot_be_read_is_passed_over_with_its_reason(tmp_path: Path) -> None:
    fill(tmp_path, ("cat", "dog"))
    (tmp_path / "cat" / "notes.txt").write_text("x")
    (tmp_path / "cat" / "broken.png").write_text("x")
    (tmp_path / "eel").mkdir()
    (tmp_path / "about.md").write_text("x")
    card = audited(tmp_path, 2).card
    assert {each["what"]: each["why"] for each in card["passed_over"]} == {
        "about.md": "beside the folders of classes",
        "cat/notes.txt": "not a picture by its ending",
        "cat/broken.png": "not an image",
        "eel": "a class folder without pictures",
    }
    assert card["images"] == 12


def test_names_that_no_output_can_hold_are_escaped(tmp_path: Path) -> None:
    fill(tmp_path, ("cat", "do\x1b[31mg\n"))
    (tmp_path / "cat" / "0.png").rename(tmp_path / "cat" / "\udcff.png")
    (tmp_path / "cat" / "\udcfe.txt").write_text("x")
    found = audited(tmp_path, 2)
    assert found.class_names == ("cat", r"do\x1b[31mg\n")
    assert r"cat/\udcff.png" in found.files
    assert found.card["passed_over"][0]["what"] == r"cat/\udcfe.txt"
    json.dumps([*found.files, found.card], ensure_ascii=False).encode()


def test_an_npz_file_keeps_its_splits_and_groups(tmp_path: Path) -> None:
    images, labels = noise(0, (40, 16, 16, 3)), np.arange(40) % 2
    groups = np.arange(40) // 4
    np.savez(tmp_path / "a.npz", images=images, labels=labels, groups=groups)
    found = audited_images(f"npz:{tmp_path / 'a.npz'}", 2, None, None, None, 0)
    rows = [int(file.removeprefix("row ")) for file in found.files]
    assert not set(groups[rows[: len(found.search)]]) & set(groups[rows[len(found.search) :]])
    np.savez(tmp_path / "b.npz", x_train=images[:30], y_train=labels[:30], x_test=images[30:], y_test=labels[30:])
    split = audited(tmp_path / "b.npz", 2)
    assert split.card["splits"] == {"train": 30, "test": 10}
    assert audited_images(str(tmp_path / "b.npz"), 2, (1, 16, 16), None, None, 0).search.images.shape[1:] == (1, 16, 16)


def test_an_npz_file_may_have_no_labels(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=noise(0, (30, 16, 16, 3)))
    found = audited(tmp_path / "a.npz", 7)
    assert not found.labelled
    assert len(found.class_names) == 7
    assert len(found.search) + len(found.fresh) == 30


def test_classes_are_outputs_by_number_order_or_file(tmp_path: Path) -> None:
    assert mapped(("1", "3"), 5, None).outputs == (1, 3)
    assert mapped(("1", "10", "2"), 10, None).outputs == (0, 9, 1)
    assert mapped(("a", "b"), 2, None).outputs == (0, 1)
    lines = tmp_path / "names.txt"
    lines.write_text("background\ntench, Tinca tinca\nsnow-plow\nFrench horn\n")
    found = mapped(("French_Horn", "tinca tinca"), 3, lines)
    assert found.outputs == (2, 0)
    assert found.names == ("tench", "snow-plow", "French horn")
    synsets = tmp_path / "index.json"
    synsets.write_text(json.dumps({"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}))
    assert mapped(("n01443537",), 2, synsets).outputs == (1,)
    assert mapped(("goldfish", "n01440764"), 2, synsets).outputs == (1, 0)
    numbers = tmp_path / "numbers.json"
    numbers.write_text(json.dumps({"cat": 3, "dog": 1}))
    assert mapped(("dog", "cat"), 5, numbers).outputs == (1, 3)


def test_an_npz_file_numbers_its_classes_with_images_or_without(tmp_path: Path) -> None:
    names = np.array(["owl", "cat", "eel", "dog"])
    np.savez(tmp_path / "a.npz", images=noise(0, (30, 16, 16, 3)), labels=np.arange(30) % 2 + 1, class_names=names)
    found = audited(tmp_path / "a.npz", 4)
    assert found.class_names == tuple(names)
    assert set(found.search.labels) == {1, 2}
    assert not found.guessed
    assert found.card["outputs_without_images"] == ["owl", "dog"]


def test_an_order_that_was_guessed_wrongly_is_noticed() -> None:
    labels = np.arange(40) % 4
    images = LabelledImages(np.zeros((40, 3, 8, 8), np.uint8), labels)
    answers = np.eye(4, dtype=np.float32)[labels]
    require_order(Seen(images, answers), 4)
    require_order(Seen(images, np.roll(answers, 1, axis=0) * 0 + 1), 4)
    with pytest.raises(UsageError, match="0% of the images are recognised, and 100% if the classes are outputs in another order"):
        require_order(Seen(images, answers[:, [1, 2, 3, 0]]), 4)


def test_classes_that_cannot_be_told_are_refused(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("crane\ncrane\nplow\n")
    for found, outputs, file, words in [
        (("cat", "dog"), 10, None, "2 classes and the network 10 outputs.*\n.*--classes FILE"),
        (("cat", "dog"), 1, None, "2 classes and the network 1 outputs"),
        (("3", "11"), 10, None, "a class `11`, and the network has 10 outputs"),
        (("plough",), 3, names, "no output of the network is called `plough`.*\n.*did you mean `plow`"),
        (("crane",), 3, names, "`crane` is the name of several outputs: 0, 1"),
        (("Plow", "plow"), 3, names, "several classes are one output"),
        (("plow",), 4, names, "3 names and the network 4 outputs"),
    ]:
        with pytest.raises(UsageError, match=words):
            mapped(found, outputs, file)
    file = tmp_path / "names.json"
    for text, words in [('[["n1", "cat"], [], ["dog"]]', "no name for output 1"), ("[" * 100_000, "is not JSON")]:
        file.write_text(text)
        with pytest.raises(DataError, match=words):
            mapped(("cat",), 3, file)


def test_every_output_has_a_name_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "names.json"
    file.write_text('{"1": 0, "cat": 2}')
    names = mapped(("1", "cat"), 3, file).names
    assert (names[0], names[2], len(set(names))) == ("1", "cat", 3)
    file.write_text(r'["1", "\ud800", "cat"]')
    assert mapped(("1", "cat"), 3, file).names == ("1", r"\ud800", "cat")


@pytest.mark.parametrize("address", ["", " ", "folder:", "npz:"])
def test_an_empty_address_is_not_the_current_folder(address: str) -> None:
    with pytest.raises(UsageError, match="no images are named"):
        listed(address, None)


def test_places_that_hold_no_images(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        audited(tmp_path / "none", 2)
    with pytest.raises(DataError, match="no pictures in"):
        audited(tmp_path, 2)
    save(tmp_path / "cat" / "0.png", noise(0))
    save(tmp_path / "dog" / "0.png", noise(1))
    with pytest.raises(DataError, match="only 2 images"):
        audited(tmp_path, 2)
    save(tmp_path / "cat" / "again.png", noise(0))
    save(tmp_path / "dog" / "0.png", noise(0))
    with pytest.raises(DataError, match="all 3 images are copies of one"):
        audited(tmp_path, 2)


def test_classes_of_one_image_lie_on_both_sides() -> None:
    count = 300
    fresh = fresh_rows(np.arange(count), np.full(count, ""), np.arange(count), np.random.default_rng(0))
    assert 60 < fresh.sum() < 140
    few = [fresh_rows(np.arange(3), np.full(3, ""), np.arange(3), np.random.default_rng(seed)) for seed in range(30)]
    assert all(0 < some.sum() < 3 for some in few)
