"""The order of solvers on one task, as far as the data give one.

Every pair of solvers that share a reader, or of which one has none, is compared by the paired sign-flip test over networks, with Holm's
correction across all such pairs of the task: whether one tool on one reader beats another tool on another reader says nothing of the
tools. A rank is the range of places that these tests leave open: one more than the solvers that are better, up to all but those that are
worse (simultaneous confidence sets of ranks: Mogstad, Romano, Shaikh and Wilhelm 2024, Review of Economic Studies, arXiv 2011.06660).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import ceil, log2, sqrt
from statistics import fmean, stdev
from typing import final

import numpy as np

from onecurve.core.row import Row
from onecurve.statistics.cases import CaseScore, scores_by_case
from onecurve.statistics.compare import differences_of, flip_shares, holm
from onecurve.statistics.intervals import LEAST_SPREAD, LEVEL
from onecurve.statistics.power import networks_needed
from onecurve.statistics.summary import Summary, summarise

MANY = 200
"""Networks from which numpy's standard deviation is taken, which is quicker and less exact in its last digits."""


@final
@dataclass(frozen=True)
class PairTest:
    """``first`` minus ``second`` on the cases that both attempted, each at its largest budget."""

    first: str
    second: str
    n: int
    """Networks of the shared cases."""
    difference: float | None
    """Mean over shared cases; None where none is shared."""
    means: tuple[float, ...]
    """Mean difference of each network."""
    networks: tuple[str, ...]
    """Their names, in the same order."""
    p_adjusted: float | None
    """After Holm's correction across the pairs of the task that are asked about; None for fewer than two shared networks or where not."""
    asked: bool = True
    """Whether the two are compared at all: not where two different readers read them."""

    @property
    def separated(self) -> bool:
        """Whether the difference is significant after the correction."""
        return self.p_adjusted is not None and self.p_adjusted <= 1 - LEVEL

    @property
    def clarity(self) -> float:
        """Size of the difference in its standard errors over networks; 0 where there is no test."""
        if self.p_adjusted is None or self.difference is None:
            return 0.0
        spread = stdev(self.means) if self.n < MANY else float(np.std(self.means, ddof=1))
        return abs(self.difference) / (max(spread, LEAST_SPREAD) / sqrt(self.n))


@final
@dataclass(frozen=True)
class RankedSolver:
    """One solver with the range of its rank, 1 for the best."""

    summary: Summary
    best: int
    worst: int
    group: int
    """Number of its group: every solver of a group is separated from every solver of another.

    Where several readers read, that holds among the solvers of each reader, and among those that no reader reads.
    """
    among: int
    """How many solvers the rank is among: itself and those that it is compared with."""

    @property
    def words(self) -> str:
        """The rank as `1` or `1–3`."""
        return str(self.best) if self.best == self.worst else f"{self.best}–{self.worst}"


@final
@dataclass(frozen=True)
class Ranking:
    """All scored solvers of one task: the reader whose best solver earns most first, and of each reader the highest mean first."""

    task: str
    solvers: tuple[RankedSolver, ...]
    pairs: Mapping[tuple[str, str], PairTest]
    """By (the one that stands first, the other)."""

    @property
    def asked(self) -> int:
        """Pairs that are compared."""
        return sum(pair.asked for pair in self.pairs.values())

    def pair(self, one: str, other: str) -> PairTest:
        """The test of two solvers in either order; ``KeyError`` for a solver that is not ranked."""
        return self.pairs[one, other] if (one, other) in self.pairs else self.pairs[other, one]

    @property
    def groups(self) -> tuple[tuple[RankedSolver, ...], ...]:
        """The solvers group by group."""
        found: dict[int, list[RankedSolver]] = {}
        for one in self.solvers:
            found.setdefault(one.group, []).append(one)
        return tuple(map(tuple, found.values()))

    @property
    def separated(self) -> int:
        """Pairs that the tests separate."""
        return sum(pair.separated for pair in self.pairs.values())

    @property
    def least_networks(self) -> int:
        """Networks below which the sign-flip test separates no pair whatever the differences: with n its p is at least 2 / 2**n."""
        return ceil(log2(2 * max(1, self.asked) / (1 - LEVEL)))

    def networks_for(self, pair: PairTest) -> int | None:
        """Networks that show the observed difference of a pair with 80 % power at the strictest level of Holm's correction.

        None where the spread is unknown (fewer than three networks, or all equal), a million do not suffice, or nobody asks. The observed
        difference is uncertain itself, so the number is an order of magnitude.
        """
        if not pair.asked or len(pair.means) < 3 or not pair.difference or stdev(pair.means) == 0:
            return None
        needed = networks_needed(fmean(pair.means), stdev(pair.means), level=1 - (1 - LEVEL) / self.asked)
        return None if needed is None else max(needed, self.least_networks)


def ranking(rows: Iterable[Row], task: str, *, seed: int = 0) -> Ranking:
    """The ranking of all solvers of ``rows`` with a score on the task. The caller leaves out roles that are in no ranking."""
    own = [row for row in rows if row.task == task]
    scored = [one for one in summarise(own, seed=seed) if one.scored]
    known = {row.solver: row.reader for row in own}
    readers = {one.solver: known[one.solver] for one in scored}
    order = in_order(scored, readers)
    scores = {solver: by_case for (solver, _), by_case in scores_by_case(own).items()}
    plain = [_pair(one.solver, other.solver, scores, readers) for one, other in combinations(order, 2)]
    pairs = _tested(plain, seed)
    return Ranking(task, placed_by(order, pairs, readers), pairs)


def in_order(scored: Iterable[Summary], readers: Mapping[str, str]) -> list[Summary]:
    """Solvers with a score, reader by reader, as a ranking has them; ``readers`` has the reader of each of them, empty for none.

    Where only one reader reads, those that no reader reads stand among the others.
    """
    order = sorted(scored, key=lambda one: (-(one.mean or 0.0), one.solver))
    blocks = list(dict.fromkeys(_block(one.solver, readers) for one in order))
    return sorted(order, key=lambda one: blocks.index(_block(one.solver, readers)))


def rows_by_reader(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """The rows of solvers that are compared with each other: all under an empty name, or of several readers those of each.

    Rows of solvers that no reader reads are with each reader.
    """
    every = list(rows)
    readers = sorted({row.reader for row in every} - {""})
    if len(readers) < 2:
        return {"": every}
    return {reader: [row for row in every if row.reader in ("", reader)] for reader in readers}


def compared(first: str, second: str, readers: Mapping[str, str]) -> bool:
    """Whether two solvers are compared: unless two different readers read them."""
    return len({readers[first], readers[second]} - {""}) < 2


def _block(solver: str, readers: Mapping[str, str]) -> str:
    """The reader of a solver where several read, and else nothing."""
    return readers[solver] if len(set(readers.values()) - {""}) > 1 else ""


def _pair(
    first: str, second: str, scores: Mapping[str, Mapping[str, CaseScore]], readers: Mapping[str, str]
) -> tuple[PairTest, tuple[float, ...]]:
    """The pair without its p, and the total difference of each network, whose signs are flipped."""
    shared = differences_of(scores[first], scores[second])
    means, every = shared.means(), shared.differences
    asked = compared(first, second, readers)
    named = tuple(sorted(set(shared.networks)))
    return PairTest(first, second, len(means), fmean(every) if every else None, means, named, None, asked), shared.totals()


def _tested(plain: Sequence[tuple[PairTest, tuple[float, ...]]], seed: int) -> dict[tuple[str, str], PairTest]:
    tested = [at for at, (pair, _) in enumerate(plain) if pair.asked and pair.n > 1]
    raw: dict[int, float] = {}
    for size in {plain[at][0].n for at in tested}:  # pairs of equally many networks share their sign patterns
        same = [at for at in tested if plain[at][0].n == size]
        shares = flip_shares(np.array([plain[at][1] for at in same]).T, seed=seed)
        raw.update(zip(same, map(float, shares), strict=True))
    adjusted = dict(zip(tested, holm([raw[at] for at in tested]), strict=True))
    return {(pair.first, pair.second): replace(pair, p_adjusted=adjusted.get(at)) for at, (pair, _) in enumerate(plain)}


def placed_by(order: Sequence[Summary], pairs: Mapping[tuple[str, str], PairTest], readers: Mapping[str, str]) -> tuple[RankedSolver, ...]:
    """Range of the rank and group of each solver, in that order, as far as the tests of their pairs leave them open."""
    better: Counter[str] = Counter()
    worse: Counter[str] = Counter()
    rivals: Counter[str] = Counter()
    for (one, other), pair in pairs.items():
        rivals.update((one, other) if pair.asked else ())
        if pair.separated and pair.difference:
            ahead, behind = (one, other) if pair.difference > 0 else (other, one)
            better[behind] += 1
            worse[ahead] += 1
    placed, group = [], 0
    for at, summary in enumerate(order):
        if at and _cut(order[:at], order[at:], pairs, readers):
            group += 1
        own = summary.solver
        placed.append(RankedSolver(summary, better[own] + 1, rivals[own] + 1 - worse[own], group, rivals[own] + 1))
    return tuple(placed)


def _cut(above: Sequence[Summary], below: Sequence[Summary], pairs: Mapping[tuple[str, str], PairTest], readers: Mapping[str, str]) -> bool:
    """Whether every solver above is separated from every solver below that it is compared with, and ahead of it.

    Of several readers, only the solvers of the reader at hand are asked: where another reader begins, so does another group.
    """
    block = _block(below[0].solver, readers)
    own = [one for one in above if _block(one.solver, readers) == block]
    rest = [one for one in below if _block(one.solver, readers) == block]
    between = (pairs[one.solver, other.solver] for one in own for other in rest)
    return all(pair.separated and (pair.difference or 0.0) > 0 for pair in between)
