"""What a cell costs beyond its own work, over a thousand of them, with and without isolation, and what a resume costs.

    python benchmarks/runner_overhead.py [ROWS]                    trivial cells, on this machine
    python benchmarks/runner_overhead.py ROWS ray local --seconds 1    cells whose look takes a second, by two workers of Ray, and here

Each row has a process for the look and one for the reader, loading the subject included, and a grading in a worker that is kept.
"""

import argparse
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from onecurve.runner.engine.choosing import EngineChoice
from onecurve.runner.isolation.walls import Wanted
from onecurve.runner.run import Place, run_suite
from onecurve.runner.session import Silent
from onecurve.runner.suite import Suite
from onecurve.store.store import Store

SLOTS, PROCESSES = 2, 2
CLOCKS = {"seconds", "peak_mb", "cpu_seconds", "passes", "traceback"}
"""What depends on the machine's mood."""
SOLVER = """
import time
from dataclasses import dataclass
from typing import ClassVar
import numpy as np
from onecurve.core.access import Access
from onecurve.core.answer import Weights
from onecurve.core.evidence import ClassScores, Evidence, Pieces
from onecurve.core.question import Form, Forms


SECONDS = 0.0


@dataclass(frozen=True)
class Trivial:
    name: ClassVar[str] = "trivial"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "answers at once"
    source: ClassVar[str] = "benchmark"
    needs: ClassVar[Access] = Access.NONE
    shows: ClassVar[Pieces] = (ClassScores,)
    reads: ClassVar[Pieces] = (ClassScores,)
    answers: ClassVar[Forms] = (Form.CLASSES,)

    def look(self, brief, workbench):
        time.sleep(SECONDS)
        return Evidence()

    def read(self, question, evidence, workbench):
        return Weights(np.ones((question.items, len(question.options)), np.float32))
"""


def main(cells: int, seconds: float, engines: list[str]) -> None:
    """Run, run again, print; with engines named, by each of these, and compare the rows."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trivial.py"
        file.write_text(SOLVER.replace("SECONDS = 0.0", f"SECONDS = {seconds}"))
        suite = overhead_suite(file, cells)
        if engines:
            found = [_measured(suite, _place(Path(folder), name, Wanted.AUTO, name)) for name in engines]
            print(f"the same rows: {all(one == found[0] for one in found)}")
            return
        for isolation in (Wanted.OFF, Wanted.AUTO):
            _measured(suite, _place(Path(folder), isolation.value, isolation, "local"))


def _place(folder: Path, name: str, isolation: Wanted, engine: str) -> Place:
    return Place(folder / name, folder / "cache", SLOTS, isolation=isolation, engine=EngineChoice(engine, jobs=SLOTS))


def overhead_suite(file: Path, cells: int) -> Suite:
    """So many trivial cells on one network that is hardly trained."""
    return Suite(
        name="overhead",
        seed=0,
        data="digits",
        recipe={
            "train_images": 200,
            "pretraining": None,
            "clean_images": 40,
            "heldout_images": 60,
            "triggered_images": 20,
            "training": {"epochs": 1},
            "insertion_training": {"epochs": 1},
            "gate": {"strictness": 0.0, "clean_drop": 1.0, "above_chance": -1.0, "elsewhere": 1.0, "near_miss": 1.0},
        },
        networks=({"flaws": ("patch",)},),
        references=0,
        solvers=(f"{file}:Trivial",),
        tasks=("detect",),
        repeats=cells,
        lineups=0,
    )


class _Clock(Silent):
    """A display that notes when cells begin to be answered, which is after processes, or a cluster, have started."""

    began = 0.0

    def phase(self, words: str, total: int) -> None:
        if words == "answer and grade":
            self.began = time.perf_counter()


def _measured(suite: Suite, place: Place) -> list[dict[str, object]]:
    run_suite(suite.changed({"repeats": 1}), place)
    started, clock = time.perf_counter(), _Clock()
    run_suite(suite, place, clock)
    ended = time.perf_counter()
    whole, answering = ended - started, ended - clock.began
    with Store.read(place.out) as store:
        rows = [row for row in store.rows() if row.tool == "trivial"]
    started = time.perf_counter()
    run_suite(suite, place)
    resume = time.perf_counter() - started
    print(f"{place.engine.name}, isolation {place.isolation}: {len(rows)} rows in {whole:.1f} s with {SLOTS} jobs at a time")
    print(f"  {answering:.1f} s of it to answer and grade; resumed in {resume:.2f} s")
    worked = sum(row.seconds for row in rows)
    print(f"  {worked:.1f} s of tools and readers: efficiency {worked / (SLOTS * answering):.3f}, beyond them ", end="")
    print(f"{1000 * (SLOTS * answering - worked) / len(rows):.1f} ms of one slot per row, its grading included")
    spent = 1000 * sum(row.cpu_seconds or 0.0 for row in rows) / (PROCESSES * len(rows))
    print(f"  {spent:.1f} ms of a processor per process of a tool or reader", flush=True)
    return [{name: value for name, value in asdict(row).items() if name not in CLOCKS} for row in rows]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="?", type=int, default=500)
    parser.add_argument("engines", nargs="*")
    parser.add_argument("--seconds", type=float, default=0.0)
    chosen = parser.parse_args()
    main(chosen.rows, chosen.seconds, chosen.engines)
