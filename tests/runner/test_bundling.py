"""A bundle: somebody else finds out whether the rows follow from the answers, and a hostile one costs a message."""

import json
import os
import shutil
import stat
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from many_runs import another_run
from tiny_world import suite_of

import onecurve
from onecurve.cli.main import main
from onecurve.core.digests import write_digests
from onecurve.core.errors import DataError, UsageError
from onecurve.core.grade import skill_of
from onecurve.runner.bundles.record import read_rows
from onecurve.runner.isolation.walls import Wanted
from onecurve.runner.run import Place, regrade, run_suite
from onecurve.store.store import Store

TASKS = ("detect", "discover")


@pytest.fixture(scope="module")
def run(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh run of this version: other versions grade on another scale."""
    place = Place(tmp_path_factory.mktemp("tiny") / "run", cache, 2, isolation=Wanted.OFF)
    run_suite(suite_of("test-set", tasks=TASKS).changed({"controls": ("oracle@matcher",)}), place)
    return place.out


@pytest.fixture(scope="module")
def zipped(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return onecurve.bundle(run, tmp_path_factory.mktemp("zip") / "bundle.zip")


@pytest.fixture
def folder(run: Path, tmp_path: Path) -> Path:
    return onecurve.bundle(run, tmp_path / "bundle")


def changed_rows(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Forge every row, and the digests with them."""
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    for row in rows:
        change(row)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "digests.json").unlink()
    write_digests(folder)


def test_a_whole_bundle_is_sound_and_its_answers_earn_what_the_rows_say(zipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = onecurve.verify(zipped, grade=True, jobs=1)
    assert (found.sound, found.faults, found.unchecked, found.graded, found.networks) == (True, (), (), 2, 2)
    assert found.rows == 6
    monkeypatch.setattr(sys, "argv", ["onecurve", "verify", str(zipped)])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0


def test_a_run_whose_networks_came_from_another_machine_is_bundled(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "fetched")
    for file in (tmp_path / "fetched" / "networks").rglob("*"):
        os.utime(file, (0, 0))  # as networks are unpacked that a worker or a bucket sent
    assert onecurve.verify(onecurve.bundle(tmp_path / "fetched", tmp_path / "bundle.zip")).sound


def test_rows_say_how_many_clean_images_were_read_and_older_ones_that_nobody_counted(folder: Path) -> None:
    counts = [row.clean_images for row in read_rows(folder)]
    assert set(counts) > {None}
    changed_rows(folder, lambda row: row.pop("clean_images"))
    assert {row.clean_images for row in read_rows(folder)} == {None}
    for wrong in (1.5, "many", True, 2**60):
        changed_rows(folder, lambda row, wrong=wrong: row.update(clean_images=wrong))  # type: ignore[misc]
        with pytest.raises(DataError, match="clean_images"):
            list(read_rows(folder))


def test_a_consistent_forgery_is_found_by_grading(folder: Path) -> None:
    def forge(row: dict[str, Any]) -> None:
        if row["task"] == "discover":  # a lower floor for everybody, and an answer that earns a little more
            row["floor"] -= 0.1
            row["raw"] = row["floor"] if row["solver"] == "floor" else row["raw"] + (0.01 if row["role"] == "control" else 0.0)
        elif row["solver"] == "test-set@outlier":
            row.update(status="failed", raw=None, floor=None, ceiling=None, skill=None, figures={})
        if row["raw"] is not None:
            row["skill"] = skill_of(row["raw"], row["floor"], row["ceiling"])

    changed_rows(folder, forge)
    assert onecurve.verify(folder).sound
    faults = onecurve.verify(folder, grade=True, jobs=1).faults
    for words in ("oracle@matcher on discover of net-1.1: raw is", "floor on discover of net-1.1: floor is", "test-set@outlier on detect"):
        assert any(words in fault for fault in faults), words
    assert not any("on detect of net-1.1: floor" in fault for fault in faults)


def test_an_inconsistent_row_and_a_damaged_file_are_faults_of_their_own(folder: Path) -> None:
    changed_rows(folder, lambda row: row.update(skill=0.999) if row["solver"] == "oracle@matcher" else None)
    assert "does not follow from raw" in onecurve.verify(folder).faults[0]
    weights = folder / "networks" / "net-1" / "subject" / "network.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    assert any(str(weights) in fault for fault in onecurve.verify(folder).faults)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bundle.json", b"[" * 100_000),
        ("bundle.json", b'{"schema": 1, "rows": "many"}'),
        ("rows.jsonl", b'{"key": 3}\n'),
        ("rows.jsonl", b"[" * 100_000),
        ("rows.jsonl", b'{"key": "k", "raw": ' + b"9" * 400 + b"}\n"),
        ("networks/net-1/key", b"another"),
        ("networks/net-1/subject/subject.json", b"{}"),
        ("digests.json", b'{"../../etc/passwd": "0"}'),
        ("digests.json", b"null"),
    ],
)
def test_hostile_contents_are_a_fault_or_one_message(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    if name != "digests.json":
        (folder / "digests.json").unlink()
        write_digests(folder)
        assert onecurve.verify(folder).faults
    else:
        with pytest.raises(DataError, match="not a bundle"):
            onecurve.verify(folder)


def hostile(path: Path, *members: tuple[str, bytes], link: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members:
            packed.writestr(name, content)
        if link:
            member = zipfile.ZipInfo(link)
            member.external_attr = (stat.S_IFLNK | 0o777) << 16
            packed.writestr(member, "/etc/passwd")
    return path


def test_hostile_zips_cost_one_message_and_write_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "unpacked"))
    (tmp_path / "unpacked").mkdir()
    not_a_zip = tmp_path / "text.zip"
    not_a_zip.write_bytes(b"nothing of the kind")
    cases = [
        (hostile(tmp_path / "1.zip", ("../escaped.json", b"{}")), "has no place in one"),
        (hostile(tmp_path / "2.zip", ("/tmp/escaped.json", b"{}")), "has no place in one"),
        (hostile(tmp_path / "3.zip", ("networks/../../bundle.json", b"{}")), "has no place in one"),
        (hostile(tmp_path / "4.zip", ("networks/a/subject/code.py", b"")), "has no place in one"),
        (hostile(tmp_path / "5.zip", link="bundle.json"), "is a link"),
        (hostile(tmp_path / "6.zip", ("rows.jsonl", bytes(3 * 2**20))), "unpacks to"),
        (hostile(tmp_path / "7.zip", ("digests.json", b"{}"), ("bundle.json", b"{}")), "does not name the files"),
        (not_a_zip, "not a zip"),
    ]
    for path, words in cases:
        monkeypatch.setattr(sys, "argv", ["onecurve", "verify", str(path), "--most-gb", "0.002"])
        with pytest.raises(SystemExit) as end:
            main()
        told = capsys.readouterr().err
        assert (end.value.code, words in told, "Traceback" in told) == (2, True, False), told
    assert not list(tmp_path.rglob("escaped.json"))


def test_without_networks_it_says_what_it_cannot_check(run: Path, tmp_path: Path) -> None:
    small = onecurve.bundle(run, tmp_path / "small.zip", networks=False)
    found = onecurve.verify(small, grade=True, jobs=1)
    assert (found.sound, found.networks, found.graded) == (True, 0, 0)
    assert "no answer can be graded again" in found.unchecked[0]
    with pytest.raises(UsageError, match="there is a file already"):
        onecurve.bundle(run, small)
    with pytest.raises(UsageError, match="not a bundle"):
        onecurve.verify(run, grade=True)


def test_a_run_that_is_not_finished_is_not_bundled(run: Path, tmp_path: Path) -> None:
    going_on = another_run(run, tmp_path / "run", notes={"finished": None})
    with pytest.raises(UsageError, match="not finished, and a bundle would reveal its truths"):
        onecurve.bundle(going_on, tmp_path / "bundle.zip")
    assert not list(tmp_path.glob("*bundle*"))


def test_merged_results_are_graded_again_and_bundled(run: Path, tmp_path: Path) -> None:
    merged = tmp_path / "merged"
    onecurve.merge([run, another_run(run, tmp_path / "b", networks="b")], merged)
    with Store.read(merged) as store:
        before = {row.key: row.skill for row in store.rows()}
        assert len({row.case for row in store.rows()}) == 2
    regrade(Place(merged, tmp_path / "cache", 1))
    with Store.read(merged) as store:
        assert {row.key: row.skill for row in store.rows()} == pytest.approx(before)
    found = onecurve.verify(onecurve.bundle(merged, tmp_path / "bundle.zip"), grade=True, jobs=1)
    assert (found.faults, found.graded, found.rows) == ((), 4, 12)
