"""The order of solvers from the mean skill of each on each network: the ranking of ``ranking`` for any number of rows.

A difference is the mean over the networks that both attempted, each counting the same, with Student's t-interval. The test is the same
sign-flip test over networks with Holm's correction across the pairs that are compared; with very many networks it is taken by its
normal limit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from onecurve.statistics.compare import SolverComparison, flip_shares, holm
from onecurve.statistics.intervals import TooFewError, interval_of_network_means
from onecurve.statistics.ranking import PairTest, Ranking, compared, in_order, placed_by
from onecurve.statistics.summary import Summary

Values = NDArray[np.float64]
LIMIT: Final = 400
"""Networks above which the normal limit takes the place of random sign patterns."""


def network_ranking(task: str, summaries: Sequence[Summary], means: Mapping[str, Values], readers: Mapping[str, str]) -> Ranking:
    """The ranking of those solvers that have a score.

    ``means`` holds the mean skill of each on every network, all in one order, NaN for a network that it did not attempt; ``readers`` its
    reader, empty for none.
    """
    scored = [one for one in summaries if one.scored]
    own = {one.solver: readers[one.solver] for one in scored}
    order = in_order(scored, own)
    networks = [str(place) for place in range(max(map(len, means.values()), default=0))]
    pairs = [_pair(one.solver, other.solver, means, own, networks) for one, other in combinations(order, 2)]
    shares = _shares(pairs)
    for at, p in zip(shares, holm(list(shares.values())), strict=True):
        pairs[at] = replace(pairs[at], p_adjusted=p)
    by_name = {(pair.first, pair.second): pair for pair in pairs}
    return Ranking(task, placed_by(order, by_name, own), by_name)


def sign_flip_ps(columns: Values) -> Values:
    """Two-sided p of each mean difference when the sign of each network's is a coin toss; ``columns`` is (networks, tests)."""
    if len(columns) <= LIMIT:
        return flip_shares(columns)
    spread = np.sqrt((columns**2).sum(axis=0))
    ps: Values = 2 * norm.sf(np.divide(np.abs(columns.sum(axis=0)), spread, out=np.zeros_like(spread), where=spread > 0))
    return ps


def comparison(ranked: Ranking, first: str, second: str) -> SolverComparison:
    """Two solvers of a ranking: ``first`` minus ``second``. Its cases are networks."""
    pair = ranked.pair(first, second)
    differences = np.array(pair.means) * (1 if pair.first == first else -1)
    interval, reason = None, ""
    try:
        deviation = float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
        mean = float(differences.mean()) if len(differences) else 0.0
        interval = interval_of_network_means(mean, deviation, len(differences), span=(-1.0, 1.0))
    except TooFewError as error:
        reason = error.message
    return SolverComparison(
        first=first,
        second=second,
        task=ranked.task,
        n=pair.n,
        cases=pair.n,
        difference=float(differences.mean()) if len(differences) else None,
        interval=interval,
        p=None,
        p_adjusted=pair.p_adjusted,
        wins=int((differences > 0).sum()),
        losses=int((differences < 0).sum()),
        ties=int((differences == 0).sum()),
        why_no_interval=reason,
    )


def _shares(pairs: Sequence[PairTest]) -> dict[int, float]:
    """The p of every pair that is asked about, with two networks or more, by its place.

    Pairs of equally many networks share their sign patterns.
    """
    found: dict[int, float] = {}
    for size in sorted({pair.n for pair in pairs if pair.asked and pair.n > 1}):
        same = [at for at, pair in enumerate(pairs) if pair.asked and pair.n == size]
        found |= dict(zip(same, map(float, sign_flip_ps(np.array([pairs[at].means for at in same]).T)), strict=True))
    return found


def _pair(first: str, second: str, means: Mapping[str, Values], readers: Mapping[str, str], networks: Sequence[str]) -> PairTest:
    apart = means[first] - means[second]
    places = np.flatnonzero(~np.isnan(apart))
    shared, named = (
        apart[places],
        tuple(networks[place] for place in places.tolist()),
    )  # all pairs share the names
    mean = float(shared.mean()) if len(shared) else None
    return PairTest(first, second, len(shared), mean, tuple(shared.tolist()), named, None, compared(first, second, readers))
