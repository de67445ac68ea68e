"""What each look has found of flaws that were planted, by the time that it had: a table counted in audits that measured their power."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, final

import numpy as np

TABLE: Final = Path(__file__).with_name("yields.csv")
"""Rows of look, kind of planted flaw, level, found, planted; made by `benchmarks/audit_yields.py`."""
LEVELS: Final = (0.15, 0.4, 1.0)
"""Time of a look as a share of what it needs to be made whole. Each stands for the times about it, see ``level_of``."""
EDGES: Final = (0.25, 0.65)
Counts = Mapping[str, Mapping[str, tuple[tuple[int, int], ...]]]
"""By look and kind of planted flaw: at each level how many were found and how many were planted."""


@final
@dataclass(frozen=True)
class Yield:
    """How many of one planted flaw of each kind a look finds on average, as a share of the kinds, by the time it has."""

    shares: tuple[float, ...]
    """At each of ``LEVELS``; never falling."""
    measured: bool
    """Whether flaws were planted that the look can find; if not, these are the means of the looks for which they were."""

    def at(self, reach: float) -> float:
        """With so much of the time that it needs; linear between the levels, 0 without any."""
        return float(np.interp(reach, (0.0, *LEVELS), (0.0, *self.shares)))


def level_of(reach: float) -> int:
    """The level as whose sample a look counts that had so much of the time that it needs.

    >>> [level_of(reach) for reach in (0.01, 0.24, 0.3, 0.7, 3.0)]
    [0, 0, 1, 2, 2]
    """
    return int(np.searchsorted(EDGES, reach, side="right"))


def yields_of(counts: Counts, names: tuple[str, ...]) -> dict[str, Yield]:
    """The yield of each named look.

    A share is (found + 1/2) / (planted + 1), so that few trials say neither 0 nor 1. A level without trials takes what lies on the line
    between those that have some, or from 0 to the first.
    """
    kinds = {kind for some in counts.values() for kind in some}
    known = {look: _mean([_shares(tried) for tried in some.values()], len(kinds)) for look, some in counts.items()}
    usual = _mean(list(known.values()), len(known)) if known else LEVELS
    return {name: Yield(known.get(name, usual), measured=name in known) for name in names}


def _mean(shares: Sequence[tuple[float, ...]], count: int) -> tuple[float, ...]:
    """The sum at each level over ``count``; what is missing counts as 0."""
    return tuple(sum(some[at] for some in shares) / count for at in range(len(LEVELS)))


def _shares(tried: tuple[tuple[int, int], ...]) -> tuple[float, ...]:
    """At each level, never falling."""
    some = [(level, (found + 0.5) / (planted + 1)) for level, (found, planted) in zip(LEVELS, tried, strict=True) if planted]
    if not some:
        return (0.0,) * len(LEVELS)
    levels, shares = zip(*some, strict=True)
    there = np.interp(LEVELS, (0.0, *levels), (0.0, *np.maximum.accumulate(shares)))
    return tuple(map(float, there))


@cache
def shipped() -> Counts:
    """The table that comes with this version."""
    return read_counts(TABLE)


def read_counts(path: Path) -> Counts:
    """A table that ``write_counts`` wrote."""
    found: dict[str, dict[str, list[tuple[int, int]]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            own = found.setdefault(row["look"], {}).setdefault(row["kind"], [(0, 0)] * len(LEVELS))
            own[LEVELS.index(float(row["level"]))] = (int(row["found"]), int(row["planted"]))
    return {look: {kind: tuple(tried) for kind, tried in some.items()} for look, some in found.items()}


def write_counts(counts: Counts, path: Path) -> None:
    """One line per look, kind and level."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("look", "kind", "level", "found", "planted"))
        for look, some in sorted(counts.items()):
            for kind, tried in sorted(some.items()):
                writer.writerows((look, kind, level, *pair) for level, pair in zip(LEVELS, tried, strict=True))
