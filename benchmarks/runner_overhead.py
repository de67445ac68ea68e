"""What a cell costs beyond its own work, over a thousand trivial ones, with and without isolation, and what a resume costs.

    python benchmarks/runner_overhead.py [ROWS]

Each row has a process for the look and one for the reader, loading the subject included, and a grading in a worker that is kept.
"""

import sys
import tempfile
import time
from pathlib import Path

from onecurve.runner.isolation.walls import Wanted
from onecurve.runner.run import Place, run_suite
from onecurve.runner.suite import Suite
from onecurve.store.store import Store

SLOTS, PROCESSES = 2, 2
SOLVER = """
from dataclasses import dataclass
from typing import ClassVar
import numpy as np
from onecurve.core.access import Access
from onecurve.core.answer import Weights
from onecurve.core.evidence import ClassScores, Evidence, Pieces
from onecurve.core.question import Form, Forms


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
        return Evidence()

    def read(self, question, evidence, workbench):
        return Weights(np.ones((question.items, len(question.options)), np.float32))
"""


def main(cells: int) -> None:
    """Run, run again, print."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trivial.py"
        file.write_text(SOLVER)
        suite = Suite(
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
        for isolation in (Wanted.OFF, Wanted.AUTO):
            _measured(suite, Place(Path(folder) / isolation.value, Path(folder) / "cache", SLOTS, isolation=isolation))


def _measured(suite: Suite, place: Place) -> None:
    run_suite(suite.changed({"repeats": 1}), place)
    started = time.perf_counter()
    run_suite(suite, place)
    whole = time.perf_counter() - started
    with Store.read(place.out) as store:
        rows = [row for row in store.rows() if row.tool == "trivial"]
    started = time.perf_counter()
    run_suite(suite, place)
    resume = time.perf_counter() - started
    each = 1000 * whole * SLOTS / (PROCESSES * len(rows))
    print(f"isolation {place.isolation}: {len(rows)} rows in {whole:.1f} s with {SLOTS} jobs at a time, resumed in {resume:.2f} s")
    spent = 1000 * sum(row.cpu_seconds or 0.0 for row in rows) / (PROCESSES * len(rows))
    print(f"  {each:.1f} ms of one slot per process of a tool or reader, its share of the grading included; {spent:.1f} ms of a processor")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
