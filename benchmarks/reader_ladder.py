"""The ladder of readers of lineups: how often they read evidence right that is known, and how surely, rung by rung.

    python benchmarks/reader_ladder.py matcher embedder [--lineups 2] [--seed 0] [--data digits --data shapes] [--sharpness]

Draws so many lineups of every kind of flaw with a lineup on each set, as the calibration of a run does, and lets each reader read the true
trigger, the trigger damaged, inputs that hold it, and noise. It prints one row per condition: for each reader the share read right and the
mean weight on the right option. Where a kind has nothing to show, as controls have, nothing is counted. No network is trained, for readers
of lineups see none.

`--sharpness` prints the mean log loss over all conditions for factors of each reader's own sharpness. It is for choosing one: then measure
with another seed.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from onecurve.core.access import Access
from onecurve.core.answer import Weights
from onecurve.core.case import Subject
from onecurve.core.roles import Reader
from onecurve.core.seeds import seed_for
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.data.catalog import open_data
from onecurve.data.dataset import Part, at_most_held
from onecurve.flaws.catalog import FLAWS
from onecurve.flaws.planting.recipe import Recipe
from onecurve.readers.catalog import READERS
from onecurve.runner.handlers.lineups import Conditions, Trial, trials_of

CLEAN = 200
"""Images that the readers are granted."""
FACTORS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)


@dataclass(frozen=True)
class Reading:
    """One lineup as one reader reads it."""

    condition: str
    kind: str
    shares: np.ndarray
    """The weights of the options, summing to 1."""
    right: int

    @property
    def credit(self) -> float:
        """1 where the right option has the largest weight; options that tie share it."""
        top = np.isclose(self.shares, self.shares.max())
        return float(top[self.right] / top.sum())

    def loss(self, factor: float) -> float:
        """Log loss in nats, had the sharpness been so many times as large."""
        powers = np.maximum(self.shares, 1e-12) ** factor
        return float(-np.log(powers[self.right] / powers.sum()))


def main() -> None:
    """Draw, read and print."""
    asked = _arguments()
    found: dict[str, list[Reading]] = {name: [] for name in asked.readers}
    for data in asked.data or ("digits", "shapes"):
        subject = ladder_subject(data, asked.seed)
        for kind in asked.kind or FLAWS.names():
            seed = seed_for("reader ladder", asked.seed, data, kind)
            trials = trials_of(kind, Recipe(data=data), seed, Conditions(asked.lineups, (), maps=True, ladder=True))
            for name, readings in found.items():
                readings += [reading_of(READERS.make(name), kind, subject, trial) for trial in trials if trial.evidence.pieces]
    _print(found)
    if asked.by_kind:
        _print_kinds(found)
    if asked.sharpness:
        _print_losses(found)


def ladder_subject(data: str, seed: int) -> Subject:
    """What readers are granted: clean images of the set, and no network."""
    dataset = open_data(data)
    clean = dataset.draw(Part.CLEAN, at_most_held(dataset, Part.CLEAN, CLEAN), seed)
    return Subject("ladder", None, dataset.class_names, dataset.shape, Access.CLEAN_IMAGES, clean)


def reading_of(reader: Reader, kind: str, subject: Subject, trial: Trial) -> Reading:
    """What one reader makes of one lineup."""
    nothing = Budget(0.0)
    answer = reader.read(trial.question, trial.evidence, Workbench(subject, nothing, Meter(nothing), seed_for("read", trial.number)))
    options = len(trial.question.options)
    weights = answer.values[0].astype(float) if isinstance(answer, Weights) else np.ones(options)
    return Reading(trial.condition, kind, weights / weights.sum(), trial.right)


def _print(found: dict[str, list[Reading]]) -> None:
    print(f"{'':28} {'n':>5}  " + "  ".join(f"{name:>14}" for name in found))
    for condition in dict.fromkeys(reading.condition for reading in next(iter(found.values()))):
        rows = [[reading for reading in readings if reading.condition == condition] for readings in found.values()]
        print(f"{condition:28} {len(rows[0]):5}  " + "  ".join(f"{_words(row):>14}" for row in rows))


def _print_kinds(found: dict[str, list[Reading]]) -> None:
    print("\nright by kind, over all conditions but noise")
    for kind in dict.fromkeys(reading.kind for reading in next(iter(found.values()))):
        rows = [[one for one in readings if one.kind == kind and not one.condition.startswith("noise")] for readings in found.values()]
        print(f"{kind:28} {len(rows[0]):5}  " + "  ".join(f"{_words(row):>14}" for row in rows))


def _print_losses(found: dict[str, list[Reading]]) -> None:
    print("\nlog loss by factor of the sharpness")
    for factor in FACTORS:
        losses = [np.mean([reading.loss(factor) for reading in readings]) for readings in found.values()]
        print(f"{factor:28} {'':5}  " + "  ".join(f"{loss:14.3f}" for loss in losses))


def _words(readings: Sequence[Reading]) -> str:
    right = np.mean([reading.credit for reading in readings])
    return f"{right:.2f} ({np.mean([reading.shares[reading.right] for reading in readings]):.2f})"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readers", nargs="+")
    parser.add_argument("--lineups", type=int, default=2, help="lineups of each kind on each set")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", action="append", help="a set; may be repeated")
    parser.add_argument("--kind", action="append", help="a kind of flaw; may be repeated")
    parser.add_argument("--by-kind", action="store_true", help="print the kinds of flaws too")
    parser.add_argument("--sharpness", action="store_true", help="print the log loss by sharpness")
    return parser.parse_args()


if __name__ == "__main__":
    main()
