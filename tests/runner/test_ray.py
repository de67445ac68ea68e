"""A run by workers on a Ray cluster: the same rows as by this machine's own processes, whatever happens to a worker."""

import os
import signal
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from tiny_world import named, suite_of

from onecurve.core.errors import UsageError
from onecurve.core.row import Row
from onecurve.runner.engine.choosing import EngineChoice
from onecurve.runner.engine.jobs import Job
from onecurve.runner.run import Place, run_suite
from onecurve.runner.session import Silent
from onecurve.runner.soundness import check_run
from onecurve.store.store import Store

pytest.importorskip("ray", reason="the extra `ray` is not installed")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"),
]
CLOCKED = {"seconds": 0.0, "peak_mb": 0.0, "cpu_seconds": 0.0, "passes": 0.0, "traceback": ""}
"""What depends on the machine's mood, and where its files lie."""


def rows_in(folder: Path) -> list[Row]:
    with Store.read(folder) as store:
        return [replace(row, **CLOCKED) for row in store.rows()]


class KillsAWorker(Silent):
    """A display that kills one worker, with all that it has, while cells are answered."""

    def __init__(self) -> None:
        self.killed: list[int] = []
        self.words = ""

    def phase(self, words: str, total: int) -> None:
        self.words = words

    def running(self, jobs: Iterable[tuple[Job, float]]) -> None:
        if self.words != "answer and grade" or self.killed or not list(jobs):
            return
        workers = [one for one in psutil.Process().children(recursive=True) if "ray::RayWorker" in " ".join(one.cmdline())]
        os.kill(workers[0].pid, signal.SIGKILL)
        self.killed.append(workers[0].pid)


def test_a_cluster_gives_the_same_rows_though_a_worker_is_killed(cache: Path, tmp_path: Path) -> None:
    suite = suite_of(*named("Random", "ShowsScores", "Raises", "Abstains"), "finetune", tasks=("detect", "repair"))
    run_suite(suite, Place(tmp_path / "one", cache, 2))
    display = KillsAWorker()
    engine = EngineChoice("ray", jobs=2)
    run_suite(suite, Place(tmp_path / "two", tmp_path / "cache", 2, engine=engine), display)
    assert display.killed
    first, second = rows_in(tmp_path / "one"), rows_in(tmp_path / "two")
    assert first == second
    assert len(first) > 4
    assert check_run(tmp_path / "two").sound
    assert not [one for one in psutil.Process().children(recursive=True) if "ray" in one.name()], "the cluster outlives the run"


def test_a_cluster_that_is_not_there_is_told(tmp_path: Path, cache: Path) -> None:
    engine = EngineChoice("ray", address="127.0.0.1:1")
    with pytest.raises(UsageError, match=r"no Ray cluster at 127\.0\.0\.1:1"):
        run_suite(suite_of(*named("Random")), Place(tmp_path / "out", cache, 1, engine=engine))
    assert not (tmp_path / "out").exists()
