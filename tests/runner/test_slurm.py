"""A run by jobs of Slurm: what passes through the spool, and the same rows as by this machine's own processes."""

import os
import signal
import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_world import named, suite_of

from onecurve.core.errors import DataError, MissingExtraError, UnknownNameError, UsageError
from onecurve.core.row import Row
from onecurve.runner.engine.choosing import EngineChoice, Workplace, engine_of
from onecurve.runner.engine.jobs import Job, Trust
from onecurve.runner.engine.remote.parcels import Parcel, Reply
from onecurve.runner.engine.remote.site import Greeting
from onecurve.runner.engine.remote.spool import PREFIX, Spool, message, sweep_spools, unpacked_message
from onecurve.runner.isolation.walls import NONE
from onecurve.runner.run import Place, run_suite
from onecurve.runner.session import Silent
from onecurve.runner.soundness import check_run
from onecurve.store.store import Store

CLOCKED = {"seconds": 0.0, "peak_mb": 0.0, "cpu_seconds": 0.0, "passes": 0.0, "traceback": ""}
"""What depends on the machine's mood, and where its files lie."""


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    made = Spool(tmp_path / f"{PREFIX}run")
    made.make()
    for worker in ("w0", "w1"):
        made.greet(worker, Greeting("node", {}, NONE))
    return made


def parcel(number: int) -> Parcel:
    return Parcel({"do": "look", "number": number}, ("key",), {"0/ab/x": bytes([number])}, 1)


@given(st.dictionaries(st.text(max_size=5), st.binary(max_size=50), max_size=4))
def test_a_message_comes_out_as_it_went_in_and_a_torn_one_is_refused(parts: dict[str, bytes]) -> None:
    whole = message({"a": [1, None]}, parts)
    assert unpacked_message(whole) == ({"a": [1, None]}, parts)
    with pytest.raises(DataError):
        unpacked_message(whole[:-1] if any(parts.values()) else whole[:5])


def test_workers_that_claim_at_once_take_each_job_once(spool: Spool) -> None:
    for ticket in range(1, 101):
        spool.give(ticket, parcel(ticket))
    taken: dict[str, list[int]] = {"w0": [], "w1": []}

    def take(worker: str) -> None:
        while (ticket := spool.claim(worker)) is not None:
            taken[worker].append(ticket)

    threads = [threading.Thread(target=take, args=(worker,)) for worker in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken["w0"] + taken["w1"]) == list(range(1, 101))
    assert spool.claims("w0") == sorted(taken["w0"])
    first = spool.claims("w0")[0]
    assert spool.parcel("w0", first) == parcel(first)


def test_a_worker_that_was_given_up_keeps_nothing_and_takes_nothing(spool: Spool) -> None:
    for ticket in (1, 2, 3):
        spool.give(ticket, parcel(ticket))
    assert (spool.claim("w0"), spool.claim("w0")) == (1, 2)
    spool.answer("w0", 1, Reply({"value": {"x": 1}}, {"0/ab/y": b"made"}, b"folder"))
    assert spool.dismiss("w0") == [2]
    assert spool.is_over("w0")
    assert spool.claim("w0") is None
    assert spool.claim("w1") == 3
    assert spool.replies() == [1]
    assert spool.reply(1) == Reply({"value": {"x": 1}}, {"0/ab/y": b"made"}, b"folder")
    assert spool.replies() == []


def test_nobody_else_can_look_into_the_spool(spool: Spool) -> None:
    assert spool.root.stat().st_mode & 0o077 == 0


def test_signs_of_life_end_with_whoever_gives_them(spool: Spool) -> None:
    with spool.living("w0"):
        assert spool.silent_for("w0") < 60
    assert spool.silent_for("w0") == float("inf")
    sweep_spools(spool.root.parent)
    assert not spool.root.exists()
    assert spool.is_over("w1")


def test_a_choice_that_cannot_be_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="needs a number of workers"):
        EngineChoice("slurm")
    with pytest.raises(UsageError, match="takes no address"):
        EngineChoice("slurm", address="head:1", jobs=2)
    with pytest.raises(UnknownNameError, match="option of the engine `slurm`"):
        EngineChoice("slurm", jobs=2, options={"partitoin": "gpu"})
    place = Workplace(1, tmp_path / "out" / "logs", 400.0, None, required=False, device="cpu", files=())
    pytest.importorskip("submitit", reason="the extra `slurm` is not installed")
    with pytest.raises(UsageError, match="no jobs can be submitted"), engine_of(EngineChoice("slurm", jobs=1), place):
        pass  # there is no Slurm here
    assert not list((tmp_path / "out").glob("spool-*"))
    monkeypatch.setitem(__import__("sys").modules, "submitit", None)
    with pytest.raises(MissingExtraError, match="needs the extra: slurm"), engine_of(EngineChoice("slurm", jobs=1), place):
        pass


class KillsAWorker(Silent):
    """A display that kills one worker, with all that it has, while cells are answered."""

    def __init__(self) -> None:
        self.killed: list[int] = []
        self.words = ""

    def phase(self, words: str, total: int) -> None:
        self.words = words

    def running(self, jobs: Iterable[tuple[Job, float]]) -> None:
        if self.words != "answer and grade" or self.killed or not [job for job, _ in jobs if job.trust is Trust.UNTRUSTED]:
            return
        workers = [one for one in psutil.Process().children(recursive=True) if "submitit.core._submit" in one.cmdline()]
        os.kill(workers[0].pid, signal.SIGKILL)
        self.killed.append(workers[0].pid)


def rows_in(folder: Path) -> list[Row]:
    with Store.read(folder) as store:
        return [replace(row, **CLOCKED) for row in store.rows()]


@pytest.mark.slow
def test_workers_give_the_same_rows_though_one_is_killed(cache: Path, tmp_path: Path) -> None:
    pytest.importorskip("submitit", reason="the extra `slurm` is not installed")
    suite = suite_of(*named("Random", "ShowsScores", "Abstains"), "test-set")
    run_suite(suite, Place(tmp_path / "one", cache, 2))
    display = KillsAWorker()
    (tmp_path / "two" / f"{PREFIX}of-a-driver-that-was-killed").mkdir(parents=True)
    engine = EngineChoice("slurm", jobs=1, options={"cluster": "local"})
    run_suite(suite, Place(tmp_path / "two", cache, 2, engine=engine), display)
    assert display.killed
    first, second = rows_in(tmp_path / "one"), rows_in(tmp_path / "two")
    assert first == second
    assert len(first) > 4
    assert check_run(tmp_path / "two").sound
    assert not list((tmp_path / "two").glob(f"{PREFIX}*"))
    assert not [one for one in psutil.Process().children(recursive=True) if "submitit.core._submit" in one.cmdline()]
