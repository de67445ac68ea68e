"""Which kinds of flaw a reader of lineups names when it is shown the true trigger, made by `benchmarks/readable_kinds.py`.

What a reader cannot tell even then, no tool can show it: an answer would say nothing of the tool.
"""

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, final

TABLE: Final = Path(__file__).with_name("readable_kinds.csv")
COLUMNS: Final = ("reader", "version", "kind", "lineups", "right")
READS: Final = 0.75
"""The share of lineups that a reader must name right, with the true trigger before it, to be asked about a kind."""


@final
@dataclass(frozen=True)
class Readability:
    """How a reader did on sampled lineups of one kind."""

    version: int
    """Of the reader."""
    lineups: int
    right: float
    """Lineups in which the right option had the largest weight; options that tie share it."""

    @property
    def enough(self) -> bool:
        """Whether the reader reads this kind."""
        return self.right >= READS * self.lineups


@lru_cache(maxsize=1)
def readabilities() -> dict[tuple[str, str], Readability]:
    """By reader and kind of flaw; readers of a person's own, and kinds of one, are not in it."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    return {(line["reader"], line["kind"]): Readability(int(line["version"]), int(line["lineups"]), float(line["right"])) for line in lines}


def why_not_asked(reader: str, kind: str) -> str:
    """Why a lineup about a kind of flaw is not put to that reader; empty where it is."""
    known = readabilities().get((reader, kind))
    if known is None or known.enough:
        return ""
    return (
        f"{reader} names {known.right:.4g} of {known.lineups} true triggers of this kind, fewer than {READS:.0%}: "
        "its answer would say nothing of the tool"
    )
