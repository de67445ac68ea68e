"""Kill it anywhere and start it again: nothing finished is lost, nothing is counted twice, the rows are the same."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny_world import RECIPE, named, suite_of

from onecurve.core.errors import DataError, UsageError
from onecurve.core.grade import Status
from onecurve.core.row import Row
from onecurve.runner.engine import pool
from onecurve.runner.engine.jobs import Job, Outcome
from onecurve.runner.run import Place, plant_suite, regrade, run_suite
from onecurve.runner.session import Silent
from onecurve.runner.soundness import check_run
from onecurve.store.databases import sqlite
from onecurve.store.store import Store

CLOCKED = {"seconds": 0.0, "peak_mb": 0.0, "cpu_seconds": 0.0, "passes": 0.0}
"""What depends on the machine's mood; everything else of a row must be the same."""


def rows_in(folder: Path) -> tuple[Row, ...]:
    with Store.read(folder) as store:
        return tuple(replace(row, **CLOCKED) for row in store.rows())


def test_the_same_suite_gives_the_same_rows_whatever_the_workers(cache: Path, tmp_path: Path) -> None:
    suite = suite_of(*named("Random", "ShowsScores", "Raises", "Abstains"))
    run_suite(suite, Place(tmp_path / "one", cache, 1))
    run_suite(suite, Place(tmp_path / "two", cache, 2))
    first, second = rows_in(tmp_path / "one"), rows_in(tmp_path / "two")
    assert [replace(row, traceback="") for row in first] == [replace(row, traceback="") for row in second]
    assert len({row.key for row in first}) == len(first) > 4


def test_a_finished_run_is_not_run_again(cache: Path, tmp_path: Path) -> None:
    suite = suite_of(*named("Random", "ShowsScores"))
    place = Place(tmp_path / "out", cache, 2)
    run_suite(suite, place)
    before = rows_in(place.out)
    logs = sorted((place.out / "logs").iterdir())
    run_suite(suite, place)
    assert rows_in(place.out) == before
    assert sorted((place.out / "logs").iterdir()) == logs, "a worker was started although there was nothing to do"


def test_more_solvers_are_added_beside_the_old_rows(cache: Path, tmp_path: Path) -> None:
    place = Place(tmp_path / "out", cache, 2)
    run_suite(suite_of(*named("Random")), place)
    before = rows_in(place.out)
    run_suite(suite_of(*named("Random", "Uniform")), place)
    after = rows_in(place.out)
    assert all(row in after for row in before)
    assert {row.solver for row in after if row not in before} == {"uniform@uniform"}


def test_other_networks_do_not_go_into_the_same_folder(cache: Path, tmp_path: Path) -> None:
    place = Place(tmp_path / "out", cache, 2)
    run_suite(suite_of(*named("Uniform")), place)
    with pytest.raises(UsageError, match="holds a run with other networks"):
        run_suite(suite_of(*named("Uniform")).changed({"seed": 5}), place)


@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on_and_ends_with_the_same_rows(cache: Path, tmp_path: Path) -> None:
    solvers = named("Random", "Uniform", "ShowsScores", "Abstains", "Hangs")
    suite = suite_of(*solvers, seconds=6.0)
    run_suite(suite, Place(tmp_path / "whole", cache, 2))
    program = textwrap.dedent(f"""
        from pathlib import Path
        from tiny_world import suite_of
        from onecurve.runner.run import Place, run_suite
        if __name__ == "__main__":
            suite = suite_of(*{solvers!r}, seconds=6.0)
            run_suite(suite, Place(Path({str(tmp_path / "cut")!r}), Path({str(cache)!r}), 2))
    """)
    script = tmp_path / "program.py"
    script.write_text(program)
    path = os.pathsep.join([str(Path(__file__).parents[1] / "support"), *sys.path])
    with subprocess.Popen([sys.executable, script], env={**os.environ, "PYTHONPATH": path}, start_new_session=True) as process:
        try:
            wait_for_rows(tmp_path / "cut", 3)
        finally:
            process.send_signal(signal.SIGKILL)
    finished = {row.key: row for row in rows_in(tmp_path / "cut") if row.status is not Status.PENDING}
    assert finished, "killed too early to tell"
    run_suite(suite, Place(tmp_path / "cut", cache, 2))
    cut = {row.key: row for row in rows_in(tmp_path / "cut")}
    assert all(cut[key] == row for key, row in finished.items())
    assert tuple(cut.values()) == rows_in(tmp_path / "whole")


@pytest.mark.parametrize("do", ["look", "read", "grade"])
def test_what_the_machine_broke_off_is_told_and_done_again(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, do: str) -> None:
    suite = suite_of(*named("Random", "ShowsScores"))
    run_suite(suite, Place(tmp_path / "whole", cache, 2))
    told = pool._told

    def full(job: Job, said: dict[str, Any]) -> Outcome:
        return Outcome(None, "No space left on device", lost=True) if job.do == do else told(job, said)

    place = Place(tmp_path / "cut", cache, 2)
    with monkeypatch.context() as patched:
        patched.setattr(pool, "_told", full)
        broken = run_suite(suite, place)
    lost = [row for row in rows_in(place.out) if row.status is Status.LOST]
    assert broken.lost == len(lost) >= 1
    assert broken.failed == 0
    assert all("No space left on device" in row.reason for row in lost)
    assert run_suite(suite, place).lost == 0
    assert rows_in(place.out) == rows_in(tmp_path / "whole")
    assert check_run(place.out).sound


def wait_for_rows(folder: Path, count: int) -> None:
    for _ in range(1200):
        try:
            if len(rows_in(folder)) >= count:
                return
        except DataError:
            pass
        time.sleep(0.1)
    raise AssertionError("the run did not begin")


def test_grading_again_gives_the_same_grades_without_running_a_tool(cache: Path, tmp_path: Path) -> None:
    place = Place(tmp_path / "out", cache, 2)
    run_suite(suite_of(*named("Random", "ShowsScores", "Raises")), place)
    before = rows_in(place.out)
    open_logs = len(list((place.out / "logs").glob("open*")))
    regrade(place)
    assert rows_in(place.out) == before
    assert len(list((place.out / "logs").glob("open*"))) == open_logs


def test_a_row_that_waits_for_a_person_is_left_alone(cache: Path, tmp_path: Path) -> None:
    suite, place = suite_of(*named("Random")), Place(tmp_path / "out", cache, 2)
    run_suite(suite, place)
    with Store.create(place.out) as store:
        row = next(row for row in store.rows() if row.tool == "random")
        waiting = replace(row, status=Status.WAITING, raw=None, floor=None, ceiling=None, skill=None, figures={}, answer="", reason="")
        store.forget_cells([row.key])
        store.add_cell(waiting)
    before = rows_in(place.out)
    run_suite(suite, place)
    regrade(place)
    assert rows_in(place.out) == before
    with Store.read(place.out) as store:
        assert waiting in store.rows()


def test_a_lock_on_the_results_costs_no_run(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "WAIT", 0.1)
    suite = suite_of(*named("Random", "ShowsScores"))
    run_suite(suite, Place(tmp_path / "whole", cache, 2))
    place = Place(tmp_path / "cut", cache, 2)
    plant_suite(suite, place)
    viewer = sqlite3.connect(place.out / "results.sqlite", isolation_level=None)
    monkeypatch.setattr(Silent, "phase", lambda self, words, total: viewer.execute("BEGIN IMMEDIATE") if "answer" in words else None)
    with pytest.raises(UsageError, match="another program holds the results"):
        run_suite(suite, place)
    viewer.execute("ROLLBACK")
    viewer.close()
    monkeypatch.undo()
    run_suite(suite, place)
    assert rows_in(place.out) == rows_in(tmp_path / "whole")


def test_grading_where_nothing_was_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no results in"):
        regrade(Place(tmp_path, tmp_path, 1))
    assert not any(tmp_path.iterdir())


def test_a_run_that_cannot_be_planted_says_why(cache: Path, tmp_path: Path) -> None:
    suite = suite_of(*named("Uniform")).changed({"data": f"folder:{tmp_path / 'none'}"})
    with pytest.raises(UsageError, match="none"):
        run_suite(suite, Place(tmp_path / "out", cache, 1))
    suite = suite_of(*named("Uniform")).changed({"recipe": {**RECIPE, "epoks": 3}})
    with pytest.raises(UsageError, match="has no field: epoks"):
        run_suite(suite, Place(tmp_path / "out2", cache, 1))
