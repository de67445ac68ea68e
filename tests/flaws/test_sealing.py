import hashlib
import io
import json
import shutil
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from planted_records import load_records

from onecurve.core.case import Population
from onecurve.core.codec import digest
from onecurve.core.errors import DataError, MissingExtraError, OneCurveError, SchemaError, UsageError
from onecurve.flaws.kinds.clean import Clean
from onecurve.flaws.kinds.patch import Patch
from onecurve.flaws.planting import sealing
from onecurve.flaws.planting.plant import plant
from onecurve.flaws.planting.sealing import open_sealed, seal
from onecurve.flaws.planting.storage import load_case, save_planted

pytest.importorskip("cryptography", reason="the extra `seal` is not installed")

LEAST = 2**12


class Draws:
    """Random bytes that are the same every time."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)

    def __call__(self, count: int) -> bytes:
        return self.rng.bytes(count)


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A folder laid out like a planted network's, with small files."""
    files = {
        "subject/subject.json": "{}",
        "subject/network.safetensors": "weights",
        "sealed/network.json": '{"schema": 2}',
        "sealed/net.1.json": "the trigger is a red star",
        "sealed/twin.safetensors": "twin",
    }
    for name, text in files.items():
        (tmp_path / "planted" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "planted" / name).write_text(text)
    return tmp_path / "planted"


@pytest.fixture
def published(planted: Path, tmp_path: Path) -> Path:
    seal(planted, tmp_path / "published", tmp_path / "key", least=LEAST)
    return tmp_path / "published"


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_real_case_comes_back_bit_for_bit(tiny, cache, tmp_path: Path) -> None:
    made = plant([Patch()], replace(tiny, train_images=300), 3, subject_id="net", population=Population(0.0, 1, 6), cache=cache)
    save_planted(tmp_path / "planted", made)
    committed = seal(tmp_path / "planted", tmp_path / "published", tmp_path / "key")
    assert open_sealed(tmp_path / "published", tmp_path / "key", tmp_path / "opened") == committed
    assert content(tmp_path / "opened") == content(tmp_path / "planted")
    truth, back = made.cases[0].truth, load_case(tmp_path / "opened", "net.1").truth
    assert digest((truth.trigger, truth.options)) == digest((back.trigger, back.options))
    assert (truth.flaw, truth.words, truth.targets, truth.right) == (back.flaw, back.words, back.targets, back.right)
    assert load_records(tmp_path / "opened") == made.records


def test_a_clean_network_s_truth_is_as_long_as_a_flawed_one_s(tiny, cache, tmp_path: Path) -> None:
    lengths = set()
    for name, flaw in (("a", Clean()), ("b", Patch())):
        recipe = replace(tiny, train_images=300)
        save_planted(tmp_path / name, plant([flaw], recipe, 3, subject_id="net", population=Population(0.0, 1, 6), cache=cache))
        seal(tmp_path / name, tmp_path / f"{name}-out", tmp_path / "key")
        lengths.add((tmp_path / f"{name}-out" / "truth.sealed").stat().st_size)
    assert lengths == {2**24 + 32 + 12 + 16}


def test_what_is_published_holds_the_subject_and_nothing_of_the_truth(planted: Path, published: Path, tmp_path: Path) -> None:
    files = content(published)
    assert sorted(files) == ["commitment.json", "subject/network.safetensors", "subject/subject.json", "truth.sealed"]
    assert files["subject/network.safetensors"] == b"weights"
    everything = b"".join(files.values())
    key = (tmp_path / "key").read_text().strip()
    assert not any(secret in everything for secret in (b"red star", b"net.1", b"twin", key.encode(), bytes.fromhex(key)))
    assert len(files["truth.sealed"]) == LEAST * 4 + 32 + 12 + 16
    assert set(json.loads(files["commitment.json"])) == {"schema", "truth", "key", "subject"}


def test_the_key_is_made_once_and_for_its_owner_alone(planted: Path, published: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    seal(planted, tmp_path / "again", key, least=LEAST)
    assert key.read_bytes() == before
    assert (tmp_path / "again" / "truth.sealed").read_bytes() != (published / "truth.sealed").read_bytes()
    assert open_sealed(tmp_path / "again", key, tmp_path / "opened")


def test_the_same_random_bytes_publish_the_same(planted: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        seal(planted, tmp_path / name, tmp_path / f"{name}.key", least=LEAST, draw=Draws())
        # Neither the age of the files nor the order in which they were made may show.
        shutil.copytree(planted, tmp_path / "copy")
        shutil.rmtree(planted)
        (tmp_path / "copy").rename(planted)
    assert content(tmp_path / "a") == content(tmp_path / "b")
    seal(planted, tmp_path / "c", tmp_path / "c.key", least=LEAST, draw=Draws(1))
    first, other = (json.loads((tmp_path / name / "commitment.json").read_text()) for name in ("a", "c"))
    assert first["subject"] == other["subject"]
    assert first["truth"] != other["truth"]


def test_a_commitment_that_was_laid_out_anew_still_opens(published: Path, tmp_path: Path) -> None:
    record = json.loads((published / "commitment.json").read_text())
    (published / "commitment.json").write_text(json.dumps(record))
    assert open_sealed(published, tmp_path / "key", tmp_path / "opened") == record["truth"]


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def recommitted(published: Path, **changes: object) -> None:
    record = json.loads((published / "commitment.json").read_text())
    (published / "commitment.json").write_text(json.dumps({**record, **changes}))


def swapped_subject(published: Path) -> None:
    """A subject with a commitment to match, from one who has no key."""
    (published / "subject" / "network.safetensors").write_text("others")
    digests = {name: hashlib.sha256(body).hexdigest() for name, body in content(published / "subject").items()}
    recommitted(published, subject=digests)


TAMPERED: dict[str, tuple[Callable[[Path], object], type[OneCurveError], str]] = {
    "a bit of the truth": (lambda p: flipped(p / "truth.sealed"), DataError, "has changed since it was sealed"),
    "half of the truth": (lambda p: (p / "truth.sealed").write_bytes(b"x" * 99), DataError, "has changed since it was sealed"),
    "an empty truth": (lambda p: (p / "truth.sealed").write_bytes(b""), DataError, "has changed since it was sealed"),
    "no truth": (lambda p: (p / "truth.sealed").unlink(), UsageError, "no such file"),
    "a bit of the subject": (lambda p: flipped(p / "subject" / "network.safetensors"), DataError, "not the one that was sealed: network"),
    "a file more": (lambda p: (p / "subject" / "more.py").write_text(""), DataError, "not the one that was sealed: more.py"),
    "a file less": (lambda p: (p / "subject" / "subject.json").unlink(), DataError, "not the one that was sealed: subject.json"),
    "a link": (lambda p: (p / "subject" / "link").symlink_to("/etc"), DataError, "neither a link nor a folder"),
    "no subject": (lambda p: shutil.rmtree(p / "subject"), UsageError, "no such folder"),
    "another subject and commitment": (swapped_subject, DataError, "has changed since it was sealed"),
    "another hash": (lambda p: recommitted(p, truth="0" * 64), DataError, "has changed since it was sealed"),
    "a commitment of the future": (lambda p: recommitted(p, schema=9), SchemaError, "has schema 9, this version reads 1"),
    "a commitment without digests": (lambda p: recommitted(p, subject=None), DataError, "not a complete commitment"),
    "a commitment that is a list": (lambda p: (p / "commitment.json").write_text("[1]"), DataError, "not a commitment"),
    "a commitment that is no JSON": (lambda p: (p / "commitment.json").write_bytes(b"\xff"), DataError, "not a commitment"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_whatever_was_changed_since_is_refused_and_nothing_is_written(published: Path, tmp_path: Path, name: str) -> None:
    change, kind, words = TAMPERED[name]
    change(published)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(kind, match=words):
        open_sealed(published, tmp_path / "key", tmp_path / "opened")
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_keys_that_are_missing_wrong_or_no_keys(published: Path, tmp_path: Path) -> None:
    for text, words in (("0" * 64, "sealed with another key"), ("0" * 62, "not a key file"), ("red star", "not a key file")):
        (tmp_path / "other").write_text(text)
        with pytest.raises(UsageError, match=words):
            open_sealed(published, tmp_path / "other", tmp_path / "opened")
    with pytest.raises(UsageError, match="no such key file"):
        open_sealed(published, tmp_path / "none", tmp_path / "opened")
    assert not (tmp_path / "opened").exists()


def test_a_second_truth_under_the_same_key_is_no_truth(planted: Path, published: Path, tmp_path: Path) -> None:
    """Whoever holds the key may write any ciphertext, but not one with another content than they committed to."""
    record = json.loads((published / "commitment.json").read_text())
    secret = bytes.fromhex((tmp_path / "key").read_text())
    other = bytes(32) + sealing._archive({"net.1.json": planted / "sealed" / "network.json"}, LEAST)
    sealed = sealing._cipher(secret).encrypt(bytes(12), other, sealing._canonical(record))
    (published / "truth.sealed").write_bytes(bytes(12) + sealed)
    with pytest.raises(DataError, match="another truth than"):
        open_sealed(published, tmp_path / "key", tmp_path / "opened")


def test_a_network_is_sealed_with_no_key_that_others_know(planted: Path, published: Path, tmp_path: Path) -> None:
    for text in ("0" * 64, "ab" * 32, "00112233445566778899aabbccddee" * 2 + "0000"):
        (tmp_path / "weak").write_text(text)
        (tmp_path / "weak").chmod(0o600)
        with pytest.raises(UsageError, match="not drawn at random"):
            seal(planted, tmp_path / "again", tmp_path / "weak", least=LEAST)
    for mode in (0o644, 0o640, 0o602):
        (tmp_path / "key").chmod(mode)
        with pytest.raises(UsageError, match="others can read or write the key"):
            seal(planted, tmp_path / "again", tmp_path / "key", least=LEAST)
    assert not (tmp_path / "again").exists()
    # A key that was published opens for everyone, however its copy was saved.
    assert open_sealed(published, tmp_path / "key", tmp_path / "opened")


@pytest.mark.parametrize("place", ["published/key", "planted/subject/key", "published/../published/key"])
def test_a_key_is_never_put_where_it_would_be_published(planted: Path, tmp_path: Path, place: str) -> None:
    with pytest.raises(UsageError, match="lies inside"):
        seal(planted, tmp_path / "published", tmp_path / place, least=LEAST)
    assert not (tmp_path / "published").exists()
    assert "key" not in {path.name for path in tmp_path.rglob("*")}


def test_nothing_is_published_inside_the_truth_nor_opened_inside_what_is_published(planted: Path, published: Path, tmp_path: Path) -> None:
    for place in ("subject", "sealed", "new", "."):
        with pytest.raises(UsageError, match="lies inside"):
            seal(planted, planted / place, tmp_path / "key", least=LEAST)
    with pytest.raises(UsageError, match="lies inside"):
        open_sealed(published, tmp_path / "key", published / "opened")


def test_a_folder_that_holds_something_is_left_alone(planted: Path, published: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    with pytest.raises(UsageError, match="not an empty folder"):
        seal(planted, tmp_path / "full", tmp_path / "new-key", least=LEAST)
    with pytest.raises(UsageError, match="not an empty folder"):
        open_sealed(published, tmp_path / "key", tmp_path / "full")
    assert content(tmp_path / "full") == {"mine": b"mine"}
    assert not (tmp_path / "new-key").exists()
    (tmp_path / "empty").mkdir()
    open_sealed(published, tmp_path / "key", tmp_path / "empty")
    opened = content(tmp_path / "empty")
    assert "digests.json" in opened
    assert {name: kept for name, kept in opened.items() if name != "digests.json"} == content(planted)


def test_folders_that_cannot_be_sealed(planted: Path, tmp_path: Path) -> None:
    def refused(words: str, kind: type[OneCurveError] = UsageError) -> None:
        with pytest.raises(kind, match=words):
            seal(planted, tmp_path / "published", tmp_path / "key", least=LEAST)
        assert not (tmp_path / "published").exists()
        assert not (tmp_path / "key").exists()

    (planted / "subject" / "truth").symlink_to(planted / "sealed")
    refused("neither a link nor a folder", DataError)
    (planted / "subject" / "truth").unlink()
    (planted / "sealed" / "more").mkdir()
    refused("neither a link nor a folder", DataError)
    (planted / "sealed" / "more").rmdir()
    (planted / "sealed" / "network.json").unlink()
    refused("no sealed truth of an admitted flaw")


def test_a_truth_that_is_too_large_is_refused(planted: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at most 1,073,741,824 bytes"):
        seal(planted, tmp_path / "published", tmp_path / "key", least=2**30 + 1)


def test_a_key_that_cannot_be_written_publishes_nothing(planted: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write the key to"):
        seal(planted, tmp_path / "published", tmp_path / "none" / "key", least=LEAST)
    assert [path.name for path in tmp_path.iterdir()] == ["planted"]


@pytest.mark.parametrize(
    "entry",
    [
        *(tarfile.TarInfo(name) for name in ("../out", "/out", "a/b", "..", "a\\b")),
        *("symlink", "hard link", "folder", "device"),
    ],
    ids=lambda entry: getattr(entry, "name", entry),
)
def test_an_archive_with_anything_but_plain_files_is_not_unpacked(entry: tarfile.TarInfo | str) -> None:
    kinds = {"symlink": tarfile.SYMTYPE, "hard link": tarfile.LNKTYPE, "folder": tarfile.DIRTYPE, "device": tarfile.CHRTYPE}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        if isinstance(entry, str):
            kind, entry = kinds[entry], tarfile.TarInfo("name")
            entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(DataError, match="plain files only"):
        sealing._unpacked(packed.getvalue())


def test_an_archive_with_a_name_twice_or_cut_short_is_not_unpacked() -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for _ in range(2):
            entry = tarfile.TarInfo("name")
            entry.size = 600
            archive.addfile(entry, io.BytesIO(bytes(600)))
    with pytest.raises(DataError, match="plain files only"):
        sealing._unpacked(packed.getvalue())
    with pytest.raises(DataError, match="not a complete archive"):
        sealing._unpacked(packed.getvalue()[:700])


def test_without_the_extra_the_install_line_is_told(
    planted: Path, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "cryptography"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(MissingExtraError, match=r"onecurve\[seal\]"):
        seal(planted, tmp_path / "new", tmp_path / "new-key", least=LEAST)
    with pytest.raises(MissingExtraError, match=r"onecurve\[seal\]"):
        open_sealed(published, tmp_path / "key", tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "planted", "published"]
