"""What the runner costs per cell beyond the solver's own time, over a thousand trivial cells, and what a resume costs.

    python benchmarks/runner_overhead.py [CELLS]

Prints the median seconds per cell and per job slot with the solver's own seconds taken off, and the wall
time of running the finished suite again.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from onecurve.runner.run import Place, run_suite
from onecurve.runner.suite import Suite
from onecurve.store.store import Store

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
        slots = 2
        place = Place(Path(folder) / "out", Path(folder) / "cache", slots)
        run_suite(suite.changed({"repeats": 1}), place)
        started = time.perf_counter()
        run_suite(suite, place)
        whole = time.perf_counter() - started
        with Store.read(place.out) as store:
            rows = [row for row in store.rows() if row.tool == "trivial"]
        own = statistics.median(row.seconds for row in rows)
        started = time.perf_counter()
        run_suite(suite, place)
        resume = time.perf_counter() - started
    print(f"{len(rows)} cells, answered and graded, in {whole:.1f} s with {slots} jobs at a time")
    print(f"per cell: {1000 * whole * slots / len(rows):.1f} ms of one slot, of which {1000 * own:.1f} ms in the worker's job (median)")
    print(f"overhead per cell beyond that: {1000 * (whole * slots / len(rows) - own):.1f} ms")
    print(f"resume of the finished run: {resume:.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
