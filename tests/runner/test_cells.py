"""What one cell does reaches no other, and nothing of it is left when it has ended or when the process that keeps the rows is gone."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from onecurve.runner.engine.jobs import Job, Outcome, Trust
from onecurve.runner.engine.leftovers import cell_folder, sweep
from onecurve.runner.engine.pool import Pool

Tell = Callable[[str], str]
STATE = """
import os, random, sys, tempfile, numpy, torch
from onecurve.core.errors import ContractError
from onecurve.models.metering import Meter
state = (torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled(), os.getcwd(), sorted(os.environ) == {names!r},
    getattr(Meter, "patched", False), random.random(), float(numpy.random.rand()), float(torch.rand(1)), len(sys.path),
    numpy.geterr()["divide"], numpy.empty, os.path.basename(tempfile.gettempdir())[:14])
raise ContractError(str(state))
"""
HARM = {
    "dtype": "import torch; torch.set_default_dtype(torch.float64); torch.use_deterministic_algorithms(True)",
    "threads": "import torch; torch.set_num_threads(2); torch.set_grad_enabled(False)",
    "folder": "import os; os.chdir('/')",
    "environment": "import os, sys; os.environ['ODD'] = '1'; del os.environ['PATH']; sys.path.append('/odd')",
    "patch": "from onecurve.models.metering import Meter; Meter.patched = True\nimport numpy; numpy.empty = None",
    "chance": "import random, torch, numpy; random.seed(5); torch.manual_seed(5); numpy.random.seed(5); numpy.seterr(all='raise')",
    "late exit": "import os, threading; threading.Timer(0.3, os._exit, (9,)).start()",
}
ALIVE = """
import os, subprocess, sys, time
from pathlib import Path
def note():
    with open({noted!r}, "a") as file:
        file.write(f"{{os.getpid()}}\\n")
"""
LEFT = {
    "background": "program = f'import os,time; open({noted!r},\\'a\\').write(str(os.getpid())+chr(10)); time.sleep(300)'\n"
    "subprocess.Popen([sys.executable, '-c', program]); time.sleep(0.5)",
    "daemon": "if os.fork() == 0:\n    os.setsid()\n    "
    "if os.fork() == 0:\n        note(); time.sleep(300)\n    os._exit(0)\ntime.sleep(0.3)",
    "many": "for _ in range(5):\n    if os.fork() == 0:\n        os.setsid(); note(); time.sleep(300)\ntime.sleep(0.2)",
    "hangs": "if os.fork() == 0:\n    os.setsid(); note(); time.sleep(300)\nnote(); time.sleep(300)",
}


def a_job(folder: Path, name: str, program: str, **changes: object) -> Job:
    file = folder / f"{name.replace(' ', '_')}.py"
    file.write_text(f"{program}\nclass Tool: ...\n")
    return Job(Trust.UNTRUSTED, "describe", {"address": f"{file}:Tool"}, name, key=name, **changes)


def outcomes(jobs: Iterable[Job], logs: Path, slots: int = 1, watch: Callable[[Pool], None] = lambda pool: None) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}

    def done(job: Job, outcome: Outcome) -> Iterable[Job]:
        found[job.key] = outcome
        return ()

    with Pool(slots, logs, 400.0) as pool:
        pool.run(jobs, done, lambda waiting: watch(pool))
    return found


def noted(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def alive(pids: Iterable[int]) -> list[int]:
    found = []
    for pid in pids:
        with suppress(psutil.Error):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
    return found


def test_what_one_cell_changes_no_other_sees(tmp_path: Path) -> None:
    program = STATE.format(names=sorted({*os.environ, "TMPDIR", "OMP_NUM_THREADS"}))
    jobs = [a_job(tmp_path, "before", program)]
    for number, (name, harm) in enumerate(HARM.items()):
        jobs += [a_job(tmp_path, name, harm), a_job(tmp_path, f"after {number}", program)]
    found = outcomes(jobs, tmp_path / "logs")
    states = {key: outcome.reason.partition("ContractError: ")[2] for key, outcome in found.items() if key.startswith(("before", "after"))}
    assert states["before"].startswith("(torch.float32, "), found["before"]
    assert set(states.values()) == {states["before"]}


@pytest.mark.parametrize("name", sorted(LEFT))
def test_nothing_that_a_cell_starts_outlives_it(tmp_path: Path, name: str) -> None:
    file = tmp_path / "noted"
    program = ALIVE.format(noted=str(file)) + LEFT[name].replace("{noted!r}", repr(str(file)).replace("'", "\\'"))
    after = a_job(tmp_path, "after", "import time; time.sleep(0.1)")
    seen: list[int] = []
    with Pool(1, tmp_path / "logs", 400.0) as pool:
        pool.run([a_job(tmp_path, name, program, seconds=3.0), after], lambda job, outcome: seen.extend(alive(noted(file))) or ())
    assert noted(file), "nothing was started"
    assert seen == []


def test_a_cell_holds_nothing_open_that_serves_others(tmp_path: Path) -> None:
    program = (
        "import os\nfrom onecurve.core.errors import ContractError\nfound = []\n"
        "for each in range(200):\n    try:\n        os.fstat(each)\n        found.append(each)\n    except OSError:\n        pass\n"
        "for each in found[3:]:\n    os.write(each, b'junk')\nraise ContractError(str(found))"
    )
    found = outcomes([a_job(tmp_path, "opens", program), a_job(tmp_path, "after", "import time")], tmp_path / "logs")
    assert "its reply cannot be read" in found["opens"].reason
    program = program.replace("    os.write(each, b'junk')", "    pass")
    assert outcomes([a_job(tmp_path, "opens", program)], tmp_path / "logs")["opens"].reason.endswith("ContractError: [0, 1, 2, 3]")


def test_a_cell_that_starts_too_many_processes_is_ended_with_all_of_them(tmp_path: Path) -> None:
    program = "import os, time\nfor _ in range(100):\n    if os.fork() == 0:\n        time.sleep(300)\ntime.sleep(300)"
    found = outcomes([a_job(tmp_path, "many", program)], tmp_path / "logs")
    assert found["many"].reason == "started more than 64 processes"


def test_temporary_files_go_and_a_log_has_an_end(tmp_path: Path) -> None:
    program = "import tempfile, sys\nprint(tempfile.mkdtemp())\nfor _ in range(5000):\n    print('x' * 1000)"
    outcomes([a_job(tmp_path, "prints", program)], tmp_path / "logs")
    (log,) = (tmp_path / "logs").iterdir()
    assert not Path(log.read_text().split()[0]).exists()
    assert (1 << 20) <= log.stat().st_size < (1 << 20) + 100


def test_nothing_is_left_when_the_driver_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "noted"
    job = a_job(tmp_path, "hangs", ALIVE.format(noted=str(file)) + LEFT["hangs"], seconds=300.0)
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(f"""
        from pathlib import Path
        from onecurve.runner.engine.jobs import Job, Trust
        from onecurve.runner.engine.pool import Pool
        if __name__ == "__main__":
            with Pool(1, Path({str(tmp_path / "logs")!r}), 400) as pool:
                job = Job(Trust.UNTRUSTED, "describe", {dict(job.arguments)!r}, "", seconds=300.0)
                pool.run([job], lambda job, outcome: print(outcome.reason) or ())
        """)
    )
    path = os.pathsep.join(sys.path)
    with subprocess.Popen([sys.executable, program], env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE) as process:
        try:
            wait_until(lambda: len(noted(file)) == 2, 60)
            time.sleep(0.2)
        finally:
            process.kill()
    wait_until(lambda: not alive(noted(file)), 5)


def wait_until(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.02)


@pytest.mark.parametrize("trust", list(Trust))
def test_workers_that_are_killed_at_any_moment_end_no_run(tmp_path: Path, trust: Trust) -> None:
    chance = random.Random(3)
    jobs = [a_job(tmp_path, f"job {number}", "import time; time.sleep(0.05)") for number in range(12)]
    if trust is Trust.TRUSTED:
        jobs = [Job(trust, "sample", {"distribution": {}, "count": 0, "seed": 0}, "", key=str(number)) for number in range(40)]
    kills = []

    def kill_some(pool: Pool) -> None:
        for worker in pool._workers:
            if chance.random() < 0.3 and len(kills) < 10:
                kills.append(worker.process.pid)
                threading.Timer(chance.random() * 0.05, kill, (worker.process.pid,)).start()

    def kill(pid: int) -> None:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)

    found = outcomes(jobs, tmp_path / "logs", 2, kill_some)
    assert found.keys() == {job.key for job in jobs}
    assert kills
    for outcome in found.values():
        assert "has none of" in outcome.reason or "KeyError" in outcome.reason or "twice" in outcome.reason
        assert outcome.lost == ("twice" in outcome.reason and trust is Trust.TRUSTED)


@pytest.mark.parametrize(
    ("number", "lost"), [(signal.SIGKILL, True), (signal.SIGTERM, True), (signal.SIGSEGV, False), (signal.SIGABRT, False)]
)
def test_what_crashes_its_grader_every_time_has_failed_and_is_not_lost(tmp_path: Path, number: int, lost: bool) -> None:
    job = Job(Trust.TRUSTED, "grade", {}, "")
    process = SimpleNamespace(exitcode=-number, join=lambda timeout: None)
    with Pool(1, tmp_path, 400) as pool:
        for _ in range(2):
            worker = SimpleNamespace(process=process, trust=Trust.TRUSTED, started=time.monotonic(), job=job, end=lambda gently: None)
            pool._workers.append(worker)  # type: ignore[arg-type]
            outcome = pool._died(worker, job)  # type: ignore[arg-type]
    assert outcome is not None
    assert "twice" in outcome.reason
    assert outcome.lost is lost


def test_what_a_killed_keeper_left_is_swept_and_what_a_living_one_owns_is_not(tmp_path: Path) -> None:
    seen, killed = tmp_path / "seen", []
    program = f"""
import os, tempfile, time
folder = tempfile.gettempdir()
os.makedirs(folder + "/closed/below")
os.chmod(folder + "/closed", 0)
with open({str(seen)!r}, "a") as file:
    file.write(folder + chr(10))
time.sleep(300)
"""

    def kill_keeper(pool: Pool) -> None:
        folders = seen.read_text().split() if seen.exists() else []
        for worker in pool._workers if len(folders) > len(killed) else ():
            killed.append(worker.process.pid)
            os.kill(worker.process.pid, signal.SIGKILL)
            worker.process.join()

    mine, foreign = cell_folder(), cell_folder()
    elsewhere = foreign.rename(foreign.with_name(re.sub(r"\d+-\d+-[0-9a-f]{8}", "99999999-1-00000000", foreign.name)))
    outcome = outcomes([a_job(tmp_path, "hangs", program)], tmp_path / "logs", watch=kill_keeper)["hangs"]
    try:
        assert "killed by signal 9" in outcome.reason
        assert len(killed) == len(seen.read_text().split()) == 2
        assert not any(Path(folder).exists() for folder in seen.read_text().split())
        assert mine.exists()
        assert elsewhere.exists(), "it may belong to another machine or container that shares the place"
        dead = mine.rename(mine.with_name(mine.name.replace(f"-{os.getpid()}-", "-99999999-")))
        linked = dead.with_name(f"{dead.name}x")
        linked.symlink_to(tmp_path)
        sweep()
        assert not dead.exists()
        assert linked.is_symlink()
        assert tmp_path.exists()
        linked.unlink()
    finally:
        for folder in (mine, elsewhere):
            shutil.rmtree(folder, ignore_errors=True)
