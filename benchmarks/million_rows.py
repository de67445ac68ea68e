"""How a million synthetic rows are read: streamed, as columns, as aggregates, as pages; and whether the numbers are the known ones.

    python benchmarks/million_rows.py [--networks 1000] [--repeats 5] [--store postgresql://…#SCHEMA] [--keep DIR] [--forms json,…]

A network has 200 rows per repeat: 40 couples of a solver and a task at 5 budgets. The rows are drawn from a known model (see
`synthetic.py`), so that every mean is known: the benchmark compares each aggregate with it and counts how many intervals hold the truth.
Seconds in brackets are those of all processors, which other programs do not lengthen as much. Limits: `results` streams in the same
memory whatever the number of rows, every page within 5 s, every aggregate within 1 s.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

import synthetic
from onecurve import Run
from onecurve.report.large import write as writing
from onecurve.report.large.aggregates import aggregated
from onecurve.report.large.run import large_run
from onecurve.report.large.scores import SCORES
from onecurve.store.querying import rows_database
from onecurve.store.store import Store

AGGREGATES = (("solver",), ("solver", "budget"), ("solver", "kind"), ("solver", "data"), ("solver", "model"), ("solver", "budget", "kind"))
SCALES = (100, 10, 1)
"""Parts of the networks over which the memory of streaming is compared."""
PAGE, AGGREGATE = 5.0, 1.0
"""Limits in seconds."""


@final
@dataclass(frozen=True)
class Spent:
    """What a command took."""

    wall: float
    processor: float
    peak: float
    """Resident memory in MB."""
    size: int
    """Bytes printed."""


def main(networks: int, repeats: int, store: str, keep: Path, forms: Sequence[str]) -> None:
    """Make the rows, measure, print."""
    counts = [networks // part for part in SCALES if networks // part]
    for count in counts:
        fill(keep / str(count), count, repeats, f"{store}_{count}" if store else "")
        streaming(keep / str(count), forms)
    folder = keep / str(networks)
    snapshot(folder)
    aggregates(folder)
    pages(folder)
    truth(folder)


def fill(folder: Path, networks: int, repeats: int, store: str) -> None:
    """The rows of so many networks, unless they are there already."""
    if folder.exists():
        return
    started = time.perf_counter()
    with opened(folder, store) as target:
        rows = synthetic.fill(target, networks, repeats)
    said("made", f"{rows:,} rows in {time.perf_counter() - started:.0f} s")


def opened(folder: Path, store: str) -> Store:
    """The store of the rows, in a file or on a server."""
    return Store.create(folder, store) if store else Store.create(folder)


def streaming(folder: Path, forms: Sequence[str]) -> None:
    """`results --json`, `--csv` and `--parquet` as commands of their own: rows a second and peak memory."""
    for form in forms:
        spent, rows = command(["results", str(folder), f"--{form}"]), rows_in(folder)
        pace = f"{rows / spent.wall:,.0f} rows/s, {rows / spent.processor:,.0f} a second of the processor"
        said(f"results --{form}", f"{rows:,} rows: {pace}; peak {spent.peak:.0f} MB; {spent.size / 1e6:.0f} MB printed")


def command(given: Sequence[str]) -> "Spent":
    """One command in a process of its own."""
    program = (
        "import resource, sys\nfrom onecurve.cli.main import main\nsys.argv = ['onecurve', *sys.argv[1:]]\ntry: main()\n"
        "finally:\n    own = resource.getrusage(resource.RUSAGE_SELF)\n"
        "    print(own.ru_maxrss, own.ru_utime + own.ru_stime, file=sys.stderr)"
    )
    started = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", program, *given], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        size = 0
        while piece := process.stdout.read(1 << 20):
            size += len(piece)
        words = process.stderr.read().decode()
    if process.returncode:
        raise SystemExit(words)
    told = words.split()
    return Spent(time.perf_counter() - started, float(told[-1]), int(told[-2]) / 1024, size)


def rows_in(folder: Path) -> int:
    """The number of rows of a run."""
    with Store.read(folder) as store:
        return store.count()


def snapshot(folder: Path) -> None:
    """The snapshot made, and found again."""
    run = Run(folder)
    place, made = timed(run.snapshot)
    _, found = timed(run.snapshot)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    words = f"{made[0]:.1f} s ({made[1]:.1f} s), found again in {found[0]:.2f} s ({found[1]:.2f} s)"
    said("snapshot", f"{words}; {place.stat().st_size / 1e6:.0f} MB, peak {peak:.0f} MB")


def aggregates(folder: Path) -> None:
    """Every aggregate, asked of the snapshot from scratch."""
    for by in AGGREGATES:
        with rows_database(Run(folder).snapshot()) as database:
            database.look("scores", SCORES)
            found, (wall, processor) = timed(lambda: aggregated(database, by))  # noqa: B023 - called at once
        said(f"--by {','.join(by)}", f"{len(found):,} groups in {wall:.2f} s ({processor:.2f} s)", missed=wall > AGGREGATE)
    spent = command(["results", str(folder), "--by", "solver,kind"])
    said("results --by solver,kind", f"{spent.wall:.1f} s ({spent.processor:.1f} s) as a command, peak {spent.peak:.0f} MB")


def pages(folder: Path) -> None:
    """Every page of the report, with all that it alone needs."""
    marks: list[tuple[str, float, float]] = []
    written = writing.written

    def noted(path: Path, text: str) -> Path:
        marks.append((str(path.relative_to(folder)), time.perf_counter(), time.process_time()))
        return written(path, text)

    writing.written = noted
    begun = time.perf_counter(), time.process_time()
    with large_run(folder, folder) as run:
        last = opening = time.perf_counter(), time.process_time()
        writing.write_large_report(run, folder)
    writing.written = written
    spent = []
    for name, *moment in marks:
        spent.append((moment[0] - last[0], moment[1] - last[1], name))
        last = moment[0], moment[1]
    said("report opened", f"{opening[0] - begun[0]:.1f} s ({opening[1] - begun[1]:.1f} s)")
    wall, processor, name = max(spent)
    every = f"{len(spent)} in {sum(one[0] for one in spent):.1f} s ({sum(one[1] for one in spent):.1f} s)"
    said("pages", f"{every}; slowest {name} {wall:.2f} s ({processor:.2f} s)", missed=wall > PAGE)
    said("first page", f"{spent[0][0]:.2f} s ({spent[0][1]:.2f} s), {(folder / 'index.html').stat().st_size / 1e6:.1f} MB")


def truth(folder: Path) -> None:
    """Aggregates against the model that the rows were drawn from."""
    known = {(one.task, one.solver): one for one in synthetic.couples()}
    found = [group for group in Run(folder).aggregates("solver", "budget", "kind") if group["skill_low"] is not None]
    if not found:
        said("truth", "no group has two networks, so there is no interval")
        return
    errors, held = [], []
    for group in found:
        couple = known[group["task"], group["solver"]]
        expected = couple.mean(group["budget"], synthetic.KINDS.index(group["kind"]))
        errors.append((group["skill"] - expected) / ((group["skill_high"] - group["skill_low"]) / 2))
        held.append(group["skill_low"] <= expected <= group["skill_high"])
    worst = np.abs(errors).max()
    said("truth", f"{len(found):,} means; {np.mean(held):.1%} of the 95 % intervals hold it; the worst lies {worst:.1f} half widths off")


def timed(work: Callable[[], Any]) -> tuple[Any, tuple[float, float]]:
    """What it gives, and its seconds: by the clock, and of all processors."""
    started, worked = time.perf_counter(), time.process_time()
    given = work()
    return given, (time.perf_counter() - started, time.process_time() - worked)


def said(what: str, words: str, *, missed: bool = False) -> None:
    """One line."""
    print(f"{what:32s} {words}{'  MISSED' if missed else ''}", flush=True)


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--networks", type=int, default=1000)
    asked.add_argument("--repeats", type=int, default=5)
    asked.add_argument("--store", default="")
    asked.add_argument("--keep", type=Path)
    asked.add_argument("--forms", default="json,csv,parquet")
    given = asked.parse_args()
    print(json.dumps({"load": os.getloadavg()[0], "processors": os.cpu_count()}))
    with tempfile.TemporaryDirectory() as place:
        main(given.networks, given.repeats, given.store, given.keep or Path(place), given.forms.split(","))
