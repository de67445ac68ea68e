"""Kill a worker of the engine slurm or the driver at random moments, start the run again, and compare: no row may differ.

    python benchmarks/slurm_kills.py [KILLS PER KIND]

The workers are processes of this machine (`cluster=local` of submitit), two at a time. Prints one line per kill, and the sums.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

from hostile.world import GOOD, SUITE, left
from kills import plain, rows_in

KINDS = ("worker", "driver")
STARTS = 4
"""Starts of one run, at most."""
LEAVING = 60.0
"""Seconds that workers of a driver that was killed have to leave once the run was started again."""


def main(kills: int) -> None:
    """Kill, start again, compare."""
    chance = random.Random(0)
    totals = dict.fromkeys(("hit", "differ", "missing", "doubled", "failed", "left"), 0)
    with tempfile.TemporaryDirectory(prefix="slurm-kills-") as folder:
        place = Path(folder)
        suite = place / "suite.yaml"
        suite.write_text(json.dumps({**SUITE, "solvers": list(GOOD), "repeats": 2}))
        _started(place, suite, place / "whole", slurm=False).wait()
        wanted = rows_in(place / "whole")
        began = time.monotonic()
        _started(place, suite, place / "first", slurm=True).wait()
        longest = time.monotonic() - began
        print(f"{len(wanted)} rows; one run with two workers takes {longest:.1f} s", flush=True)
        for number in range(kills * len(KINDS)):
            kind, out = KINDS[number % len(KINDS)], place / f"run-{number}"
            run = _started(place, suite, out, slurm=True)
            _wait_for_workers(run)
            time.sleep(chance.uniform(0.0, 0.5) * longest)
            hit = _kill(kind, run, chance)
            starts = _ended(run, place, suite, out)
            found = {"hit": int(hit), **_compared(rows_in(out), wanted), "left": _left(place)}
            totals = {name: totals[name] + found[name] for name in totals}
            print(f"{number} {kind}: {found}, {starts} starts", flush=True)
    print(f"\n{kills * len(KINDS)} kills: {totals}")


def _compared(rows: dict, wanted: dict) -> dict[str, int]:
    return {
        "differ": sum(plain(rows[key]) != plain(wanted[key]) for key in rows if key in wanted),
        "missing": len(wanted.keys() - rows.keys()),
        "doubled": len(rows.keys() - wanted.keys()),
        "failed": sum(row.status in {"failed", "lost"} for row in rows.values()),
    }


def _left(place: Path) -> int:
    """What is left of the run after a while."""
    until = time.monotonic() + LEAVING
    while left(place) and time.monotonic() < until:
        time.sleep(1.0)
    return len(left(place))


def _kill(kind: str, run: "subprocess.Popen[bytes]", chance: random.Random) -> bool:
    with suppress(psutil.Error, OSError):
        if kind == "driver":
            found = run.poll() is None
            os.kill(run.pid, signal.SIGKILL)
            return found
        workers = _workers(run)
        if workers:
            os.kill(chance.choice(workers).pid, signal.SIGKILL)
            return True
    return False


def _workers(run: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    with suppress(psutil.Error):
        return [one for one in psutil.Process(run.pid).children(recursive=True) if "submitit.core._submit" in one.cmdline()]
    return []


def _wait_for_workers(run: "subprocess.Popen[bytes]") -> None:
    while run.poll() is None and not _workers(run):
        time.sleep(0.2)


def _ended(run: "subprocess.Popen[bytes]", place: Path, suite: Path, out: Path) -> int:
    starts = 1
    while run.wait() != 0 and starts < STARTS:
        run = _started(place, suite, out, slurm=True)
        starts += 1
    return starts


def _started(place: Path, suite: Path, out: Path, *, slurm: bool) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "ONECURVE_CACHE": str(place / "cache"), "TMPDIR": str(place)}
    command = [sys.executable, "-m", "onecurve", "run", str(suite), "--out", str(out), "--jobs", "2"]
    engine = ["--engine", "slurm", "--engine-option", "cluster=local"] if slurm else []
    return subprocess.Popen(
        [*command, *engine], env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
