"""Kill a worker of Ray, a node of the cluster, or the driver at random moments, start the run again, and compare: no row may differ.

    python benchmarks/ray_kills.py [KILLS PER KIND]

A cluster of a head without processors and two nodes of one each is started on this machine; after a node is killed another one joins.
Prints one line per kill, and the sums.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from ray.cluster_utils import Cluster

from hostile.world import GOOD, SUITE
from kills import plain, rows_in

KINDS = ("worker", "node", "driver")
STARTS = 4
"""Starts of one run, at most."""


def main(kills: int) -> None:
    """Kill, start again, compare."""
    chance = random.Random(0)
    totals = dict.fromkeys(("differ", "missing", "failed", "doubled", "hit"), 0)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    with tempfile.TemporaryDirectory(prefix="ray-kills-") as folder:
        place = Path(folder)
        suite = place / "suite.yaml"
        suite.write_text(json.dumps({**SUITE, "solvers": list(GOOD), "repeats": 4}))
        _started(place, suite, place / "whole", "").communicate()
        wanted = rows_in(place / "whole")
        _started(place, suite, place / "first", cluster.address).communicate()
        began = time.monotonic()
        _started(place, suite, place / "again", cluster.address).communicate()
        longest = time.monotonic() - began
        print(f"{len(wanted)} rows; one run on the cluster takes {longest:.1f} s", flush=True)
        for number in range(kills * len(KINDS)):
            kind, out = KINDS[number % len(KINDS)], place / f"run-{number}"
            run = _started(place, suite, out, cluster.address)
            time.sleep(chance.uniform(0.2, 0.95) * longest)
            hit = _kill(kind, run, nodes, chance)
            if kind == "node":
                nodes.append(cluster.add_node(num_cpus=1))
            starts = _ended(run, lambda: _started(place, suite, out, cluster.address))  # noqa: B023 - called at once
            rows = rows_in(out)
            found = {
                "hit": int(hit),
                "differ": sum(plain(rows[key]) != plain(wanted[key]) for key in rows if key in wanted),
                "missing": len(wanted.keys() - rows.keys()),
                "doubled": len(rows.keys() - wanted.keys()),
                "failed": sum(row.status in {"failed", "lost"} for row in rows.values()),
            }
            totals = {name: totals[name] + found[name] for name in totals}
            print(f"{number} {kind}: {found}, {starts} starts", flush=True)
    cluster.shutdown()
    print(f"\n{kills * len(KINDS)} kills: {totals}")


def _kill(kind: str, run: "subprocess.Popen[bytes]", nodes: list[Any], chance: random.Random) -> bool:
    with suppress(psutil.Error, OSError):
        if kind == "driver":
            found = run.poll() is None
            os.kill(run.pid, signal.SIGKILL)
            return found
        if kind == "node":
            node = nodes.pop(0)
            os.kill(node.all_processes["raylet"][0].process.pid, signal.SIGKILL)
            return True
        workers = [one for one in psutil.process_iter(["cmdline"]) if "ray::RayWorker" in " ".join(one.info["cmdline"] or ())]
        if workers:
            os.kill(chance.choice(workers).pid, signal.SIGKILL)
            return True
    return False


def _ended(run: "subprocess.Popen[bytes]", again: Callable[[], "subprocess.Popen[bytes]"]) -> int:
    run.communicate()
    starts = 1
    while run.returncode != 0 and starts < STARTS:
        run = again()
        _, error = run.communicate()
        if run.returncode:
            print(error.decode()[-1000:])
        starts += 1
    return starts


def _started(place: Path, suite: Path, out: Path, address: str) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "ONECURVE_CACHE": str(place / "cache"), "TMPDIR": str(place)}
    command = [sys.executable, "-m", "onecurve", "run", str(suite), "--out", str(out), "--jobs", "2"]
    engine = ["--engine", "ray", "--address", address] if address else []
    return subprocess.Popen([*command, *engine], env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
