"""Performance profiles (Dolan and Moré 2002): on what share of the cases is a solver good enough at a fair price?

Cases that nobody solves stay in the denominator, so that a profile never looks better for hard cases left out.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import final

from onecurve.core.row import Role, Row
from onecurve.statistics.cases import by_budget, by_solver, case_scores
from onecurve.statistics.intervals import TooFewError

FACTORS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
CHEAPEST = 1.0
"""Costs below one forward-equivalent count as one, so that ratios exist."""


@final
@dataclass(frozen=True)
class Profile:
    """One solver on one task: ``shares[i]`` of the ``n`` cases reach the skill within ``factors[i]`` times the least cost."""

    solver: str
    task: str
    skill: float
    factors: tuple[float, ...]
    shares: tuple[float, ...]
    n: int


def performance_profiles(rows: Iterable[Row], task: str, *, skill: float = 0.5, factors: Sequence[float] = FACTORS) -> tuple[Profile, ...]:
    """A profile per solver, over all budgets; yardsticks and controls are left out, since the ceiling is free.

    ``skill`` is the least skill that counts as solved. Raises ``TooFewError`` for fewer than two cases.
    """
    chosen = [row for row in rows if row.task == task and row.role not in (Role.YARDSTICK, Role.CONTROL)]
    cases = sorted({score.case for score in case_scores(chosen, failures_as_floor=True)})
    if len(cases) < 2:
        raise TooFewError.of("a performance profile", len(cases))
    costs = {solver: _costs(members, skill) for (solver, _), members in by_solver(chosen).items()}
    least = {case: min((found.get(case, inf) for found in costs.values()), default=inf) for case in cases}
    return tuple(
        Profile(solver, task, skill, tuple(factors), tuple(_share(found, least, factor) for factor in factors), len(cases))
        for solver, found in costs.items()
    )


def _costs(rows: Iterable[Row], skill: float) -> Mapping[str, float]:
    """For each case that a solver solves, the least cost among its budgets."""
    costs: dict[str, float] = defaultdict(lambda: inf)
    for members in by_budget(rows).values():
        for score in case_scores(members):
            if score.skill >= skill:
                costs[score.case] = min(costs[score.case], max(CHEAPEST, score.cost))
    return dict(costs)


def _share(costs: Mapping[str, float], least: Mapping[str, float], factor: float) -> float:
    return sum(case in costs and costs[case] <= factor * best for case, best in least.items()) / len(least)
