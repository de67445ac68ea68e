"""Which kinds of flaw a reader of lineups can name when it is shown the true trigger: the table by which `discover` is asked or not.

    python benchmarks/readable_kinds.py [--lineups 12] [--seed 1] [--out src/onecurve/readers/machinery/readable_kinds.csv]

Draws so many lineups of every kind with a lineup on each of two sets, gives each reader the true trigger, and counts how often the right
option has the largest weight. No network takes part. Run it again whenever the version of a reader changes; it takes some ten minutes.
"""

import argparse
import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from onecurve.core.case import Subject
from onecurve.core.seeds import seed_for
from onecurve.flaws.catalog import CONTROLS, FLAWS
from onecurve.flaws.planting.recipe import Recipe
from onecurve.readers.catalog import READERS
from onecurve.readers.machinery.readable_kinds import COLUMNS, TABLE
from onecurve.runner.handlers.lineups import Conditions, trials_of
from reader_ladder import ladder_subject, reading_of

NAMES = ("matcher", "embedder")
SETS = ("digits", "shapes")
CONDITION = "true trigger"


def main() -> None:
    """Draw, read and write."""
    asked = _arguments()
    with asked.out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        subjects = {data: ladder_subject(data, asked.seed) for data in SETS}
        for kind in sorted(set(FLAWS.names()) - set(CONTROLS)):
            for row in _rows(kind, subjects, asked.lineups, asked.seed):
                writer.writerow(row)
                print(*row, flush=True)


def _rows(kind: str, subjects: Mapping[str, Subject], lineups: int, seed: int) -> Iterator[tuple[str, int, str, int, float]]:
    trials = []
    for data, subject in subjects.items():
        drawn = trials_of(kind, Recipe(data=data), seed_for("readable kinds", seed, data, kind), Conditions(lineups, (), maps=False))
        trials += [(subject, trial) for trial in drawn if trial.condition == CONDITION and trial.evidence.pieces]
    for name in NAMES if trials else ():
        reader = READERS.make(name)
        right = sum(reading_of(reader, kind, granted, trial).credit for granted, trial in trials)
        yield name, reader.version, kind, len(trials), round(right, 2)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lineups", type=int, default=12, help="lineups of each kind on each set")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=TABLE)
    return parser.parse_args()


if __name__ == "__main__":
    main()
