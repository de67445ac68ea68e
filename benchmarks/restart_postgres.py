"""Rows in PostgreSQL while the server crashes and the driver is killed: none may be lost or doubled, and none may differ.

    python benchmarks/restart_postgres.py [TIMES]

Starts a server of its own. Crashes it (stop at once, start again after a moment) TIMES times while a run goes on, then kills the driver
with signal 9 TIMES times, each after a random number of transactions; a driver that ended is started again with the same command until the
run is finished. Then two drivers start on one schema at the same time. Every finished run is compared with one that kept its rows in
SQLite and was left alone: rows without clocks, and how many looks, cells and grades there are. Prints one line per event, and the sums.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hostile.world import CLOCKS, SUITE
from onecurve.core.errors import OneCurveError
from onecurve.store.store import Store

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

from postgres_server import PostgresServer

SOLVERS = ("edges@verbatim", "saliency@verbatim", "oracle@matcher", "top-images@matcher")
REPEATS = 12
TABLES = ("looks", "cells", "grades")
STARTS = 6
"""Starts of one run without a kill, at most."""
WRITES = (5, 40)
"""Transactions of a driver before it is disturbed, and between two disturbances."""
AWAY = 2.0
"""Seconds for which a crashed server is away, at most."""


@dataclass
class World:
    """Where everything lies, and what is counted."""

    place: Path
    server: PostgresServer
    chance: random.Random
    totals: Counter[str] = field(default_factory=Counter)
    runs: int = 0

    @property
    def suite(self) -> Path:
        return self.place / "suite.yaml"

    def started(self, out: str, *more: str) -> "subprocess.Popen[str]":
        """A driver."""
        environment = {**os.environ, "ONECURVE_CACHE": str(self.place / "cache"), "TMPDIR": str(self.place)}
        command = [sys.executable, "-m", "onecurve", "run", str(self.suite), "--out", str(self.place / out), "--jobs", "2", *more]
        return subprocess.Popen(
            command, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def address(self, number: int) -> str:
        return f"{self.server.address}#run_{number}"


def main(times: int) -> None:
    """Crash, kill, compete, compare."""
    with tempfile.TemporaryDirectory(prefix="restart-") as folder:
        place = Path(folder)
        world = World(place, PostgresServer.started(), random.Random(0))
        try:
            world.suite.write_text(json.dumps({**SUITE, "solvers": SOLVERS, "repeats": REPEATS, "limits": {"seconds": 60.0}}))
            began = time.monotonic()
            world.started("whole").communicate()
            world.started("again").communicate()
            print(f"left alone, in SQLite: {contents(place / 'whole')[1]}, {time.monotonic() - began:.0f} s for two runs", flush=True)
            for kind in ("crash", "kill"):
                while world.totals[kind] < times:
                    disturbed_run(world, kind, times)
            compete(world)
        finally:
            world.server.remove()
    print(f"\n{dict(world.totals)}")


def disturbed_run(world: World, kind: str, times: int) -> None:
    """One run to its end, with as many disturbances as it meets."""
    world.runs += 1
    out, starts, process = f"run-{world.runs}", 0, None
    while process is None or (process.returncode != 0 and starts < STARTS + times):
        before, wanted = written(world, out)[0], world.chance.randint(*WRITES)
        process = world.started(out, "--store", world.address(world.runs))
        starts += 1
        while process.poll() is None:
            token, writes = written(world, out)
            if world.totals[kind] < times and token != before and writes >= wanted:
                disturb(world, kind, process)
                wanted = writes + world.chance.randint(*WRITES)
            time.sleep(0.05)
        _, error = process.communicate()
        world.totals["tracebacks"] += "Traceback" in error
        print(f"{out} {kind}: ended with {process.returncode}, {world.totals[kind]} so far", flush=True)
        if process.returncode not in {0, -signal.SIGKILL}:
            print(error[-600:])
    judge(world, out)


def disturb(world: World, kind: str, process: "subprocess.Popen[str]") -> None:
    """A crash of the server, or the end of the driver."""
    if kind == "kill":
        with suppress(OSError):
            os.kill(process.pid, signal.SIGKILL)
    else:
        world.server.stop("immediate")
        time.sleep(world.chance.uniform(0.0, AWAY))
        world.server.start()
    world.totals[kind] += 1


def judge(world: World, out: str) -> None:
    """Compare a finished run with the one that was left alone."""
    wanted, counted = contents(world.place / "whole")
    found, counts = contents(world.place / out)
    world.totals["runs"] += 1
    world.totals["lost"] += len(wanted.keys() - found.keys())
    world.totals["extra"] += len(found.keys() - wanted.keys())
    world.totals["differ"] += sum(found[key] != row for key, row in wanted.items() if key in found)
    world.totals["tables differ"] += counts != counted
    print(f"{out}: {counts}", flush=True)


def compete(world: World) -> None:
    """Two drivers at the same time on one schema: one does the run, the other is refused."""
    world.runs += 1
    drivers = [world.started(f"run-{world.runs}{name}", "--store", world.address(world.runs)) for name in "ab"]
    ends = [driver.communicate()[1] for driver in drivers]
    codes = sorted(driver.returncode for driver in drivers)
    refused = sum("another run is writing to" in error for error in ends)
    print(f"two drivers at the same time: exit codes {codes}, refused: {refused}")
    judge(world, f"run-{world.runs}{'ab'[[driver.returncode for driver in drivers].index(0)]}")


def written(world: World, out: str) -> tuple[str, int]:
    """The token of the run's last writer, and how many transactions it has made; before the first, and while the server is away, none."""
    try:
        with Store.read(world.place / out) as store:
            token, writes = store.database.read(lambda connection: connection.exec_driver_sql("SELECT token, writes FROM writer").one())
            return str(token), int(writes)
    except OneCurveError:
        return "", 0


def contents(out: Path) -> tuple[dict[str, dict[str, object]], dict[str, int]]:
    """The rows by key, without clocks, and the sizes of the tables; a row that is not as it was written ends the comparison."""
    with Store.read(out) as store:
        assert not store.checked.faults, store.checked.faults
        rows = {row.key: {name: value for name, value in asdict(row).items() if name not in CLOCKS} for row in store.rows()}
        return rows, {table: store.checked.rows[table] for table in TABLES}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
