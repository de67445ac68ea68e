"""Do two halves of a run agree on the order of the solvers? If not, the run has too few networks for its order to be read.

Networks are split at random, many times, stratified by kind of flaw; Kendall's tau-b compares the orders of the mean skills in both halves.
Networks, not cases, are split and drawn again.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, pi, sin
from statistics import fmean
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from onecurve.core.row import Role, Row
from onecurve.core.seeds import generator
from onecurve.statistics.cases import scores_by_case
from onecurve.statistics.intervals import LEVEL, SAME, Interval, TooFewError, mean_interval

SPLITS: Final = 200
RESAMPLES: Final = 200
SPLITS_EACH: Final = 8
"""Random splits of each resample."""
LEAST: Final = 4
"""Networks below which a half has fewer than two."""
WANTED: Final = 0.8
"""The agreement from which the order of a run may be read."""
MOST: Final = 100_000
"""More networks than this are not asked for: the solvers are then alike, and no number of them would do."""
Values = NDArray[np.float64]
Groups = Sequence[NDArray[np.int64]]


@final
@dataclass(frozen=True)
class Agreement:
    """How far the order of the solvers in one half of the networks is that in the other half."""

    task: str
    solvers: int
    networks: int
    """Those on which every solver was attempted."""
    tau: float
    """Kendall's tau-b between two disjoint halves, in [-1, 1], mean over random splits; a half in which all are equal counts 0."""
    interval: Interval
    needed: int | None
    """How many networks in all would give a tau of 0.8 between halves; those there are where it is reached, None where none would do."""


def agreement(rows: Iterable[Row], task: str, *, roles: Sequence[Role] = (Role.METHOD, Role.BASELINE), seed: int = 0) -> Agreement:
    """Of the solvers of one task, each at its largest budget.

    The interval is a bootstrap over networks: whole networks are drawn again within their kinds, and the copies of one network never
    stand on both sides of a split, since then both halves would agree by holding the same network. Resamples hold fewer different
    networks and agree less, so their percentiles are shifted to the estimate. Raises ``TooFewError`` for fewer than two solvers or four
    networks.
    """
    means, kinds = _means([row for row in rows if row.task == task and row.role in roles])
    if len(means) < 2:
        raise TooFewError.of("an order", len(means), unit="solvers")
    if means.shape[1] < LEAST:
        raise TooFewError.of("two halves", means.shape[1], needed=LEAST)
    rng = generator("agreement", task, seed)
    tau = _between_halves(means, kinds, SPLITS, rng)
    drawn = [_between_halves(means, kinds, SPLITS_EACH, rng, weights=_redrawn(kinds, means.shape[1], rng)) for _ in range(RESAMPLES)]
    return Agreement(task, len(means), means.shape[1], tau, _interval(tau, drawn, means.shape[1]), needed_networks(tau, means.shape[1]))


def needed_networks(tau: float, networks: int, wanted: float = WANTED) -> int | None:
    """How many networks give halves that agree by ``wanted``, if ``networks`` give ``tau``; None where no number would do.

    For normal values tau is 2/pi times the arcsine of their correlation (Kruskal 1958). The correlation of the means of two halves
    grows with the number of networks as the reliability of a test with its length (Spearman 1910, Brown 1910).
    """
    if tau >= wanted:
        return networks
    if tau <= 0:
        return None
    now, then = (sin(pi / 2 * value) for value in (tau, wanted))
    times = then * (1 - now) / (now * (1 - then))
    return ceil(networks * times) if networks * times <= MOST else None


def _means(rows: Sequence[Row]) -> tuple[Values, Groups]:
    """Solvers x networks: mean skill over the cases of a network; and the numbers of the networks of each kind of flaw."""
    by_network: dict[str, dict[str, float]] = {}
    flaws: dict[str, set[str]] = defaultdict(set)
    for (solver, _), by_case in scores_by_case(rows).items():
        skills: dict[str, list[float]] = defaultdict(list)
        for score in by_case.values():
            skills[score.network].append(score.skill)
            flaws[score.network].add(score.flaw)
        if skills:
            by_network[solver] = {network: fmean(found) for network, found in skills.items()}
    shared = sorted(set.intersection(*map(set, by_network.values()))) if by_network else []
    values = np.array([[found[network] for network in shared] for found in by_network.values()], np.float64)
    return values.reshape(len(by_network), len(shared)), _groups([frozenset(flaws[network]) for network in shared])


def _groups(kinds: Sequence[frozenset[str]]) -> Groups:
    """Rows of one kind together; kinds of one network are joined."""
    members: Mapping[frozenset[str], list[int]] = defaultdict(list)
    for row, kind in enumerate(kinds):
        members[kind].append(row)
    alone = [row for rows in members.values() if len(rows) == 1 for row in rows]
    return [np.array(rows, np.int64) for rows in (*(rows for rows in members.values() if len(rows) > 1), alone) if rows]


def _redrawn(groups: Groups, count: int, rng: np.random.Generator) -> Values:
    """How often each network is drawn, as many as there are of each kind."""
    times = np.zeros(count)
    for rows in groups:
        times += np.bincount(rng.choice(rows, len(rows)), minlength=count)
    return times


def _between_halves(means: Values, groups: Groups, splits: int, rng: np.random.Generator, weights: Values | None = None) -> float:
    times = np.ones(means.shape[1]) if weights is None else weights
    there = [rows[times[rows] > 0] for rows in groups]
    return fmean(_tau(means, times, *_split(there, rng)) for _ in range(splits))


def _split(groups: Groups, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two halves that share no network, each with half of every kind; of an odd kind the extra one goes to the smaller half."""
    halves: tuple[list[int], list[int]] = ([], [])
    for rows in groups:
        order = rng.permutation(rows)
        more = int(len(halves[0]) > len(halves[1]))
        cut = (len(order) + 1) // 2
        halves[more].extend(order[:cut])
        halves[1 - more].extend(order[cut:])
    return np.array(halves[0], np.int64), np.array(halves[1], np.int64)


def _tau(means: Values, times: Values, first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    if not len(first) or not len(second):
        return 0.0
    one, other = (means[:, half] @ times[half] / times[half].sum() for half in (first, second))
    first_order, second_order = _order(one), _order(other)
    pairs = float(np.sqrt((first_order**2).sum() * (second_order**2).sum()))
    return float((first_order * second_order).sum() / pairs) if pairs else 0.0


def _order(values: Values) -> Values:
    """S x S: 1 where the first is above the second, -1 below, 0 for equal ones."""
    apart = values[:, None] - values[None, :]
    order: Values = np.sign(np.where(np.abs(apart) < SAME, 0.0, apart))
    return order


def _interval(tau: float, drawn: Sequence[float], networks: int) -> Interval:
    if np.ptp(drawn) < SAME:
        return mean_interval([tau] * networks, span=(-1.0, 1.0))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail]) - fmean(drawn) + tau
    return Interval(max(float(low), -1.0), min(float(high), 1.0))
