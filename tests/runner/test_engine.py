"""Workers: what a job costs when it hangs, dies, eats memory or raises, and in which order jobs run."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from onecurve.core.errors import UsageError
from onecurve.runner.engine.jobs import Job, Outcome, Trust
from onecurve.runner.engine.messages import BadMessageError, outcome_of
from onecurve.runner.engine.pool import Pool
from onecurve.runner.engine.worker import performed

PROGRAMS = {
    "fine": "class Tool: ...",
    "hangs": "import time; time.sleep(60)",
    "exits": "import os; os._exit(7)",
    "killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "eats": "import time\nheld = []\nwhile True:\n    held.append(bytearray(b'x') * (4 << 20)); time.sleep(0.01)",
    "raises": "1 / 0",
    "leaves": "raise SystemExit('enough')",
}
"""Files whose import does all of that: describing a tool imports its file inside a worker."""
WORKS = "has none of `look`, `read`, `answer`"
"""What a worker that does its job says of the file `fine`."""

MakeJob = Callable[..., Job]


@pytest.fixture
def job(tmp_path: Path) -> MakeJob:
    def make(program: str, key: str = "", **changes: object) -> Job:
        file = tmp_path / f"{program}.py"
        file.write_text(PROGRAMS[program])
        return Job(Trust.UNTRUSTED, "describe", {"address": f"{file}:Tool"}, program, key=key or program, **changes)

    return make


def outcomes(jobs: Iterable[Job], logs: Path, slots: int = 2, memory_mb: float = 400.0) -> dict[str, Outcome]:
    """What came of each job, by key, in the order in which they ended."""
    found: dict[str, Outcome] = {}

    def done(job: Job, outcome: Outcome) -> Iterable[Job]:
        found[job.key] = outcome
        return ()

    with Pool(slots, logs, memory_mb) as pool:
        pool.run(jobs, done)
        assert pool.running() == ()
    return found


@pytest.mark.parametrize(
    ("program", "reason", "changes"),
    [
        ("hangs", "timed out after 1.5 s", {"seconds": 1.5}),
        ("exits", "the worker exited with code 7", {}),
        ("killed", "the worker was killed by signal 9", {}),
        ("raises", "does not import: ZeroDivisionError: division by zero", {}),
        ("leaves", "ends the program when it is imported: enough", {}),
    ],
)
def test_a_job_that_ends_badly_has_the_reason_and_the_next_one_is_done(
    job: MakeJob, tmp_path: Path, program: str, reason: str, changes: dict[str, float]
) -> None:
    found = outcomes([job(program, **changes), job("fine", "next")], tmp_path / "logs", slots=1)
    assert found[program].failed
    assert reason in found[program].reason
    assert WORKS in found["next"].reason


def test_a_job_that_eats_memory_is_stopped_with_what_it_held(job: MakeJob, tmp_path: Path) -> None:
    found = outcomes([job("eats"), job("fine", "next")], tmp_path / "logs", slots=1, memory_mb=100)
    assert found["eats"].reason in {"used more than 100 MiB of memory", "out of memory"}
    assert found["eats"].peak_mb > 90
    assert WORKS in found["next"].reason


def test_a_job_that_hangs_keeps_nobody_else_waiting(job: MakeJob, tmp_path: Path) -> None:
    found = outcomes([job("hangs", seconds=6.0), *(job("fine", f"fine {number}") for number in range(4))], tmp_path / "logs")
    assert list(found) == ["fine 0", "fine 1", "fine 2", "fine 3", "hangs"]


def test_one_worker_does_job_after_job_and_trusted_and_untrusted_never_share_one(job: MakeJob, tmp_path: Path) -> None:
    sealed = Job(Trust.TRUSTED, "no-such-handler", {}, "sealed", key="sealed")
    found = outcomes([job("fine", "one"), sealed, job("fine", "two")], tmp_path / "logs", slots=1)
    assert found["sealed"].reason == "raised KeyError: 'no-such-handler'"
    assert sorted(log.name for log in (tmp_path / "logs").iterdir()) == ["trusted-2.log", "untrusted-1.log"]


def test_what_follows_from_a_job_goes_before_the_jobs_that_wait(job: MakeJob, tmp_path: Path) -> None:
    ended = []

    def done(one: Job, outcome: Outcome) -> Iterable[Job]:
        ended.append(one.key)
        return [job("fine", "follows")] if one.key == "first" else []

    with Pool(1, tmp_path / "logs", 400) as pool:
        pool.run([job("fine", "first"), job("fine", "waits")], done)
    assert ended == ["first", "follows", "waits"]


def test_leaving_the_pool_ends_its_workers(job: MakeJob, tmp_path: Path) -> None:
    children = []

    def interrupt(waiting: int) -> None:
        children.extend(worker.process for worker in pool._workers)
        raise KeyboardInterrupt

    with suppress(KeyboardInterrupt), Pool(1, tmp_path / "logs", 400) as pool:
        pool.run([job("hangs")], lambda one, outcome: (), interrupt)
    assert [child.is_alive() for child in children] == [False]


def test_workers_die_with_the_process_that_keeps_the_rows(tmp_path: Path) -> None:
    file = tmp_path / "hangs.py"
    file.write_text(f"import os, pathlib\npathlib.Path({str(tmp_path / 'worker')!r}).write_text(str(os.getpid()))\n{PROGRAMS['hangs']}")
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(f"""
        from pathlib import Path
        from onecurve.runner.engine.jobs import Job, Trust
        from onecurve.runner.engine.pool import Pool
        if __name__ == "__main__":
            with Pool(1, Path({str(tmp_path / "logs")!r}), 400) as pool:
                pool.run([Job(Trust.UNTRUSTED, "describe", {{"address": "{file}:Tool"}}, "")], lambda job, outcome: ())
        """)
    )
    with subprocess.Popen([sys.executable, program], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}) as process:
        try:
            worker = int(within(60, lambda: (tmp_path / "worker").is_file() and (tmp_path / "worker").read_text()))
        finally:
            process.send_signal(signal.SIGKILL)
    assert within(20, lambda: not psutil.pid_exists(worker) or psutil.Process(worker).status() == psutil.STATUS_ZOMBIE)


def within(seconds: float, found: Callable[[], object]) -> str:
    """What ``found`` gives as soon as that is something."""
    for _ in range(int(seconds / 0.05)):
        if value := found():
            return str(value)
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")


def fails(error: BaseException) -> dict[str, object]:
    def handler() -> dict[str, object]:
        raise error

    return performed({"fail": handler}, {"do": "fail", "arguments": {}})


@pytest.mark.parametrize(
    ("error", "reason", "hint"),
    [
        (UsageError("no such thing", "name another"), "no such thing", "name another"),
        (ValueError("odd"), "raised ValueError: odd", ""),
        (MemoryError(), "out of memory", ""),
        (MemoryError("8 GiB"), "out of memory: 8 GiB", ""),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "out of memory", ""),
        (SystemExit(3), "called exit with: 3", ""),
        (KeyboardInterrupt(), "raised KeyboardInterrupt: ", ""),
    ],
    ids=repr,
)
def test_a_handler_that_raises_is_told_in_words_with_its_traceback(error: BaseException, reason: str, hint: str) -> None:
    outcome = fails(error)
    assert (outcome["value"], outcome["reason"], outcome["hint"]) == (None, reason, hint)
    assert "in handler" in str(outcome["traceback"])


HOLDS = """
import json, time
from onecurve.runner.engine.worker import performed

def handler(size):
    time.sleep(0.05)
    return {"held": sum(bytearray(b"x") * (size << 20))}

print(json.dumps(performed({"hold": handler}, {"do": "hold", "arguments": {"size": 64}})))
"""


def test_what_a_job_took_is_measured_by_the_worker() -> None:
    # In a process of its own, as a worker is: of a process with a thousand tests behind it the system may take back any number of pages.
    outcome = json.loads(subprocess.run([sys.executable, "-c", HOLDS], check=True, capture_output=True, text=True).stdout)
    assert outcome["value"] == {"held": (64 << 20) * ord("x")}
    assert outcome["reason"] == outcome["traceback"] == ""
    assert 0.05 <= outcome["seconds"] < 30
    assert 60 <= outcome["peak_mb"] < 400


def test_the_cost_of_a_job_is_what_its_value_says_and_otherwise_its_time() -> None:
    spent = Outcome({"forward": 3, "backward": 2, "seconds": 0.5}, seconds=9.0, peak_mb=7.0)
    assert (spent.cost.forward, spent.cost.backward, spent.cost.seconds, spent.cost.peak_mb) == (3, 2, 0.5, 7)
    lost = Outcome(None, "killed", seconds=9.0)
    assert lost.failed
    assert (lost.cost.forward, lost.cost.seconds, lost.cost.clean_images) == (0, 9, None)


@pytest.mark.parametrize("images", [0, 7, None])
def test_how_many_clean_images_were_read_is_told_or_that_nobody_counted(images: int | None) -> None:
    reply = {"value": {"evidence": "key", "clean_images": images}}
    assert outcome_of(Job(Trust.UNTRUSTED, "look", {}, "look"), reply).cost.clean_images == images


@pytest.mark.parametrize("images", [-1, 1.5, True, "7", 1 << 31])
def test_a_number_of_clean_images_that_is_none_is_not_believed(images: object) -> None:
    with pytest.raises(BadMessageError, match="clean_images"):
        outcome_of(Job(Trust.UNTRUSTED, "look", {}, "look"), {"value": {"evidence": "key", "clean_images": images}})


@pytest.mark.parametrize(
    ("forward", "backward", "fits"), [(110.0, 0.0, True), (50.0, 30.0, True), (50.0, 31.0, False), (111.0, 0.0, False)]
)
def test_a_meter_that_says_more_than_can_be_spent_is_not_believed(forward: float, backward: float, fits: bool) -> None:
    job = Job(Trust.UNTRUSTED, "look", {"budget": 100.0}, "look")
    reply = {"value": {"evidence": "key", "forward": forward, "backward": backward, "seconds": 1.0}}
    if fits:
        assert outcome_of(job, reply).cost.forward == forward
    else:
        with pytest.raises(BadMessageError, match="of a budget of 100 were spent"):
            outcome_of(job, reply)
