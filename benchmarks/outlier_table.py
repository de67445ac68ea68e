"""The table that the reader `outlier` compares scores with where a run grants no clean network: class scores of clean networks.

    python benchmarks/outlier_table.py [--networks 6] [--seed 0] [--out src/onecurve/readers/machinery/clean_scores.csv]

Trains so many clean networks of each architecture on each data set by a cheap recipe, lets every tool that scores classes look at
each, blind, and writes one row per tool and network: the scores as standardised by their own median and median absolute deviation. No
flawed network takes part. It prints the highest anomaly indices of each tool.
"""

import argparse
import csv
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np

from onecurve.core.case import Population, Subject
from onecurve.core.question import Brief
from onecurve.core.roles import Tool
from onecurve.core.seeds import seed_for
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.flaws.catalog import FLAWS
from onecurve.flaws.planting.gate import Gate
from onecurve.flaws.planting.plant import plant
from onecurve.flaws.planting.recipe import Recipe
from onecurve.models.cache import Cache
from onecurve.models.steps import TrainingRecipe
from onecurve.readers.class_scores.outlier import anomaly_index
from onecurve.readers.machinery.clean_scores import TABLE
from onecurve.tools.catalog import TOOLS

USUAL, SLOW = TrainingRecipe(2, batch_size=64), TrainingRecipe(16, batch_size=64, peak_learning_rate=2e-3)
MODELS = {"six-conv": USUAL, "resnet20[stem_stride=2]": USUAL, "vit[patch=8,depth=2,width=48]": SLOW}
DATA = ("digits", "shapes")
BUDGETS = {
    "mm-bd": 18000.0,
    "neural-cleanse": 12000.0,
    "adversarial-patch": 4000.0,
    "random-patches": 2000.0,
    "top-images": 500.0,
    "test-set": 500.0,
    "last-layer": 1.0,
}
"""Forward-equivalents of each look: what a tool needs to say something, not more."""
OPEN = Gate(strictness=0.0, clean_drop=1.0, above_chance=-1.0, elsewhere=1.0, near_miss=1.0, disturbance=1.0)


def main() -> None:
    """Train, look, write and print."""
    asked = _arguments()
    started, rows = process_time(), []
    for model in MODELS:
        for data in DATA:
            with TemporaryDirectory() as folder:
                for number in range(asked.networks):
                    subject, accuracy = _clean(model, data, seed_for("outlier table", asked.seed, model, data, number), Cache(Path(folder)))
                    print(
                        f"{model} on {data}, network {number}: accuracy {accuracy:.2f}, {process_time() - started:.0f} s so far", flush=True
                    )
                    rows += [[name, model, data, number, *_scores(name, subject, number)] for name in BUDGETS]
    with asked.out.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["tool", "model", "data", "network", *range(len(rows[0]) - 4)], *sorted(rows)])
    _print(rows)
    print(f"{process_time() - started:.0f} processor seconds")


def _clean(model: str, data: str, seed: int, cache: Cache) -> tuple[Subject, float]:
    recipe = Recipe(
        data=data,
        model=model,
        seed=seed,
        train_images=4000,
        pretraining=None,
        training=MODELS[model],
        heldout_images=300,
        triggered_images=8,
        gate=OPEN,
    )
    planted = plant([FLAWS.make("clean")], recipe, seed, subject_id="clean", population=Population(0.5, 1, 10), cache=cache)
    return planted.subject, planted.cases[0].truth.strength.clean_accuracy


def _scores(name: str, subject: Subject, seed: int) -> list[str]:
    budget = Budget(BUDGETS[name])
    tool = TOOLS.make(name)
    assert isinstance(tool, Tool)
    values = tool.look(Brief(), Workbench(subject, budget, Meter(budget), seed)).class_scores()[0].values.astype(float)
    centred = values - np.median(values)
    return [f"{value:.3g}" for value in centred / max(float(np.median(np.abs(centred))), 1e-9)]


def _print(rows: list[list[object]]) -> None:
    for name in BUDGETS:
        highest = [anomaly_index(np.array(row[4:], float)).max() for row in rows if row[0] == name]
        levels = np.quantile(highest, [0.5, 0.9, 1])
        print(f"{name}: highest index of {len(highest)} networks, median {levels[0]:.1f}, 90 % {levels[1]:.1f}, most {levels[2]:.1f}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=6, help="networks of each architecture and data set")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=TABLE)
    return parser.parse_args()


if __name__ == "__main__":
    main()
