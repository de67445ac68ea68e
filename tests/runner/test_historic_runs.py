"""A whole run folder that version 0.1.0 wrote opens, reports, grades again and goes on, with the same rows under the same keys."""

import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from onecurve.core.errors import UsageError
from onecurve.core.grade import Status
from onecurve.core.row import Row
from onecurve.report.pages.write import write_report
from onecurve.report.rows.loading import load_results
from onecurve.runner.run import Place, regrade, run_suite
from onecurve.runner.suite import parse_suite
from onecurve.store.store import Store

HISTORIC = sorted((Path(__file__).parent / "historic").glob("run-*.tar.xz"))


@pytest.fixture(params=HISTORIC, ids=lambda path: path.name.removesuffix(".tar.xz"))
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path / "run", filter="data")
    return tmp_path / "run"


def rows_of(folder: Path) -> dict[str, Row]:
    with Store.read(folder) as store:
        return {row.key: row for row in store.rows()}


def test_there_is_one() -> None:
    assert HISTORIC


def test_its_report_is_written_again(old: Path) -> None:
    results = load_results(old)
    assert len(results.rows) == len(rows_of(old)) > 10
    page = write_report(results, old).read_text(encoding="utf-8")
    assert "edges" in page


def test_its_answers_are_graded_again_to_the_same_grades(old: Path, tmp_path: Path) -> None:
    before = rows_of(old)
    regrade(Place(old, tmp_path / "cache", 1))
    assert rows_of(old) == before


SCORED_ANEW = ("detect", "discover")
"""Scored in another way now: asked anew, under keys of its own."""
LACKING = "localise"
"""Asked in another way now, for which the networks of old runs lack something."""


def test_it_goes_on_and_what_is_scored_in_another_way_is_asked_anew_beside_it(old: Path, tmp_path: Path) -> None:
    before, place = rows_of(old), Place(old, tmp_path / "cache", 1)
    with Store.read(old) as store:
        suite = parse_suite(store.noted("suite"), "the suite of this run")
    run_suite(suite, place)
    after = rows_of(old)
    assert {key: after[key] for key in before} == before
    added = [row for key, row in after.items() if key not in before]
    assert {row.task for row in added} == {*SCORED_ANEW, LACKING}
    assert {row.reason for row in added if row.task == LACKING} == {
        "there is no decoy: no trigger drawn alike is known to leave the network cold"
    }
    anew = {(row.case, row.task, row.solver): row for row in added}
    same = [row for row in before.values() if (row.case, row.task, row.solver) in anew and row.task in SCORED_ANEW and row.question]
    assert {row.solver for row in same} >= {"floor", "ceiling"}
    for row in same:
        other = anew[row.case, row.task, row.solver]
        assert (row.task_version, other.task_version) == (1, 2)
        assert row.task == "detect" or (row.question == other.question and row.floor != other.floor)
    regrade(place)
    assert rows_of(old) == after
    results = load_results(old)
    shown = [row for row in results.rows if row.task in SCORED_ANEW]
    assert {row.task_version for row in shown if row.question} == {2}
    page = write_report(results, old).read_text(encoding="utf-8")
    assert "rows of discover version 1, on another scale than version 2" in page


def test_an_answer_that_was_not_graded_is_not_graded_on_another_scale(old: Path, tmp_path: Path) -> None:
    with Store.create(old) as store:
        suite = parse_suite(store.noted("suite"), "the suite of this run").changed({"lineups": 0})
        row = next(row for row in store.rows() if row.task == "discover" and row.answer)
        pending = replace(row, status=Status.PENDING, raw=None, floor=None, ceiling=None, skill=None, figures={})
        store.forget_cells([row.key])
        store.add_cell(pending)
    run_suite(suite, Place(old, tmp_path / "cache", 1))
    regrade(Place(old, tmp_path / "cache", 1))
    assert rows_of(old)[row.key] == pending


def test_networks_that_it_lacks_are_not_planted_in_another_way(old: Path, tmp_path: Path) -> None:
    with Store.read(old) as store:
        suite = parse_suite(store.noted("suite"), "the suite of this run")
    shutil.rmtree(min((old / "networks").iterdir()))
    with pytest.raises(UsageError, match=r"planted as 0\.1\.0 does, and lacks networks"):
        run_suite(suite, Place(old, tmp_path / "cache", 1))


def test_a_new_solver_is_added_beside_the_old_ones(old: Path, tmp_path: Path) -> None:
    before = rows_of(old)
    with Store.read(old) as store:
        suite = parse_suite(store.noted("suite"), "the suite of this run")
    run_suite(suite.changed({}, ("blank",)), Place(old, tmp_path / "cache", 1))
    after = rows_of(old)
    assert {key: after[key] for key in before} == before
    assert {row.tool for key, row in after.items() if key not in before} == {"blank", "ceiling", "edges", "floor", "oracle", "test-set"}
