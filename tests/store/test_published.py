"""Published results: what was written is read back, and whatever was changed since is told."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from small_run import small_run

from onecurve.bench.running import Run
from onecurve.bench.verifying import verify
from onecurve.core.digests import write_digests
from onecurve.core.errors import DataError, SchemaError, UsageError
from onecurve.core.grade import Status
from onecurve.store.published import ROWS, RUN, PublishedRun, is_published, publish, read_published
from onecurve.store.store import Store


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(small_run(tmp_path / "run"))


def test_what_is_published_is_what_the_run_holds(run: Run, tmp_path: Path) -> None:
    folder = run.publish(tmp_path / "published")
    read = read_published(folder)
    with Store.read(run.folder) as store:
        assert read.rows == tuple(replace(row, traceback="") for row in store.rows())
        assert read.plants == store.plants()
        assert read.suite == store.noted("suite")
    assert any(row.status is Status.GRADED and row.figures for row in read.rows)
    assert read.seed == run.seed
    found = verify(folder)
    assert found.sound
    assert f"{len(read.rows)} rows" in found.in_words()
    assert not is_published(run.folder)


def test_folders_of_the_command_stay_private(run: Run, tmp_path: Path) -> None:
    with Store.read(run.folder) as store:
        rows, plants = store.rows(), store.plants()
    published = PublishedRun(
        rows, plants, (), "", 0, {"command": "onecurve run 'my suite.yaml' --out /home/me/secret/out", "machine": "a / b"}
    )
    publish(published, tmp_path / "here")
    assert read_published(tmp_path / "here").facts == {"command": "onecurve run 'my suite.yaml' --out out", "machine": "a / b"}


def test_a_changed_file_is_told(run: Run, tmp_path: Path) -> None:
    folder = run.publish(tmp_path / "published")
    (folder / RUN).write_text((folder / RUN).read_text().replace('"suite"', '"suites"'))
    assert [fault for fault in verify(folder).faults if RUN in fault]
    with pytest.raises(DataError) as told:
        read_published(folder)
    assert "fetch it again" in told.value.hint


def test_a_skill_that_does_not_follow_and_a_cell_that_occurs_twice_are_told_though_the_digests_fit(run: Run, tmp_path: Path) -> None:
    read = read_published(run.publish(tmp_path / "published"))
    graded = next(row for row in read.rows if row.status is Status.GRADED)
    better = replace(graded, skill=1.0 + (graded.skill or 0.0))
    publish(replace(read, rows=(better, graded)), tmp_path / "changed")
    faults = verify(tmp_path / "changed").faults
    assert [fault for fault in faults if f"the skill of {graded.solver} on {graded.task} of {graded.case}" in fault]
    assert [fault for fault in faults if fault.startswith("1 cells occur more than once")]


def test_results_of_a_later_version_are_refused(run: Run, tmp_path: Path) -> None:
    folder = run.publish(tmp_path / "published")
    record = json.loads((folder / RUN).read_text())
    (folder / RUN).write_text(json.dumps({**record, "schema": 99}))
    write_digests(folder)
    with pytest.raises(SchemaError, match="schema 99"):
        read_published(folder)


def test_nothing_is_written_over(run: Run, tmp_path: Path) -> None:
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "mine").write_text("mine")
    with pytest.raises(UsageError, match="not an empty folder"):
        run.publish(tmp_path / "published")
    assert [path.name for path in (tmp_path / "published").iterdir()] == ["mine"]


def test_a_run_that_has_not_ended_keeps_its_seed(run: Run, tmp_path: Path) -> None:
    with Store.create(run.folder) as store:
        store.note("finished", None, anew=True)
    with pytest.raises(UsageError, match="has not ended"):
        run.publish(tmp_path / "published")
    assert not (tmp_path / "published").exists()


@pytest.mark.parametrize("name", ["digests.json", RUN, ROWS])
def test_a_file_that_is_gone_is_a_fault(run: Run, tmp_path: Path, name: str) -> None:
    folder = run.publish(tmp_path / "published")
    (folder / name).unlink()
    assert [fault for fault in verify(folder).faults if name in fault]


def test_files_that_are_whole_and_hold_nonsense_are_faults(run: Run, tmp_path: Path) -> None:
    folder = run.publish(tmp_path / "published")
    for content in ("[]", '{"schema": 1}', "not JSON"):
        (folder / RUN).write_text(content)
        write_digests(folder)
        assert [fault for fault in verify(folder).faults if "not published results" in fault]


def test_a_flaw_that_nobody_planted_is_told(run: Run, tmp_path: Path) -> None:
    read = read_published(run.publish(tmp_path / "published"))
    publish(replace(read, plants=read.plants[1:]), tmp_path / "changed")
    assert [fault for fault in verify(tmp_path / "changed").faults if fault.startswith("no admitted plant is called")]


def test_published_results_are_told_from_a_run(run: Run, tmp_path: Path) -> None:
    run.publish(tmp_path / "out")
    with pytest.raises(DataError, match="published results and not a run"):
        Store.read(tmp_path / "out")
