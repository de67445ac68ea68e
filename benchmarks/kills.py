"""Kill a run at random moments, start it again, and compare: no row may differ, and none may fail.

    python benchmarks/kills.py [KILLS PER KIND]

Kinds: the process that keeps the rows; a process that works (a cell, or one that plants or grades); one from which others are forked,
or its whole group. A third of the runs start with an empty cache. Prints one line per kill, and the sums.
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
from dataclasses import asdict
from pathlib import Path

import psutil

from hostile.world import CLOCKS, GOOD, SUITE, left
from onecurve.core.row import Row
from onecurve.store.store import Store

KINDS = ("driver", "worker", "template")
LOADING = 5.0
"""Seconds that a run takes to load its libraries."""
STARTS = 4
"""Starts of one run, at most."""


def main(kills: int) -> None:
    """Kill, start again, compare."""
    chance = random.Random(0)
    totals = dict.fromkeys(("differ", "failed", "missing", "left", "traceback", "hit"), 0)
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        place = Path(folder)
        suite = place / "suite.yaml"
        suite.write_text(json.dumps({**SUITE, "solvers": list(GOOD), "repeats": 4}))
        _started(place, suite, place / "whole", place / "cache").communicate()
        began = time.monotonic()
        _started(place, suite, place / "again", place / "cache").communicate()
        longest = time.monotonic() - began
        wanted = rows_in(place / "whole")
        for number in range(kills * len(KINDS)):
            kind, cold = KINDS[number % len(KINDS)], number % 9 >= 6
            cache = place / f"cache-{number}" if cold else place / "cache"
            out = place / f"run-{number}"
            moment = chance.uniform(0.3, longest) if kind == "driver" else chance.uniform(0, max(1.0, longest - LOADING))
            found = _killed((place, suite, out, cache), moment, kind, chance)
            rows = rows_in(out)
            found["differ"] = sum(plain(rows[key]) != plain(wanted[key]) for key in rows if key in wanted)
            found["missing"] = len(wanted.keys() - rows.keys())
            found["failed"] = sum(row.status in {"failed", "lost"} for row in rows.values())
            found["left"] = len(left(place))
            totals = {name: totals[name] + found[name] for name in totals}
            print(f"{number} {kind}{' cold' if cold else ''}: {found}", flush=True)
    print(f"\n{kills * len(KINDS)} kills: {totals}")


def _killed(run: tuple[Path, Path, Path, Path], moment: float, kind: str, chance: random.Random) -> dict[str, int]:
    process = _started(*run)
    if kind != "driver":
        _wait_for_work(process)
    time.sleep(moment)
    hit = _kill(process.pid, kind, chance)
    _, error = process.communicate()
    trouble = "Traceback" in error
    if "-v" in sys.argv:
        print(process.returncode, error[-1500:])
    starts = 1
    while process.returncode != 0 and starts < STARTS:
        process = _started(*run)
        _, error = process.communicate()
        trouble = trouble or "Traceback" in error
        starts += 1
    time.sleep(1)
    return {"hit": int(hit), "starts": starts, "code": process.returncode, "traceback": int(trouble)}


def _kill(driver: int, kind: str, chance: random.Random) -> bool:
    with suppress(psutil.Error, OSError):
        if kind == "driver":
            os.kill(driver, signal.SIGKILL)
            return True
        below = psutil.Process(driver).children(recursive=True)
        parents = {process.ppid() for process in below}
        leaves = [process for process in below if process.pid not in parents and "tracker" not in _words(process)]
        templates = [process for process in below if process.pid in parents]
        chosen = leaves if kind == "worker" else templates
        if chosen:
            target = chance.choice(chosen).pid
            if kind == "template" and chance.random() < 1 / 2 and os.getpgid(target) not in {os.getpgid(0), os.getpgid(driver)}:
                os.killpg(os.getpgid(target), signal.SIGKILL)
            else:
                os.kill(target, signal.SIGKILL)
            return True
    return False


def _wait_for_work(process: "subprocess.Popen[str]") -> None:
    """Until the first process was forked from the server, which takes seconds to load its libraries."""
    with suppress(psutil.Error):
        while process.poll() is None and len(psutil.Process(process.pid).children(recursive=True)) < 3:
            time.sleep(0.02)


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return "tracker"


def _started(place: Path, suite: Path, out: Path, cache: Path) -> "subprocess.Popen[str]":
    environment = {**os.environ, "ONECURVE_CACHE": str(cache), "TMPDIR": str(place)}
    command = [sys.executable, "-m", "onecurve", "run", str(suite), "--out", str(out), "--jobs", "2"]
    return subprocess.Popen(command, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def rows_in(out: Path) -> dict[str, Row]:
    """The rows of a run by key; none where they cannot be read, which is printed."""
    try:
        with Store.read(out) as store:
            return {row.key: row for row in store.rows()}
    except Exception as error:  # noqa: BLE001 - what is wrong with the results is what is measured
        print(error)
        return {}


def plain(row: Row) -> dict[str, object]:
    """A row without what depends on the machine's mood."""
    return {name: value for name, value in asdict(row).items() if name not in CLOCKS}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
