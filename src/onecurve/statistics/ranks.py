"""Mean ranks: who is usually ahead, however far.

Ranks need complete blocks: only cases that every ranked solver attempted count, and a failed cell ranks as the floor.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.stats import rankdata

from onecurve.core.row import Row
from onecurve.statistics.cases import at_largest_budget, by_solver, case_scores
from onecurve.statistics.intervals import Interval, TooFewError, mean_interval


@final
@dataclass(frozen=True)
class MeanRank:
    """One solver among several on one task; rank 1 is best, ties share the average."""

    solver: str
    mean: float
    interval: Interval
    n: int
    """Cases that all ranked solvers attempted."""


def mean_ranks(rows: Iterable[Row], task: str, solvers: Sequence[str] | None = None, *, seed: int = 0) -> tuple[MeanRank, ...]:
    """Mean ranks on one task, best first, each solver at its largest budget; ``solvers`` None means all that were scored.

    Raises ``TooFewError`` where fewer than two cases were attempted by all of them.
    """
    groups = by_solver(at_largest_budget(row for row in rows if row.task == task))
    scores = {
        solver: {score.case: score for score in case_scores(members, failures_as_floor=True)} for (solver, _), members in groups.items()
    }
    ranked = [solver for solver in scores if scores[solver]] if solvers is None else list(solvers)
    shared = sorted(set.intersection(*(set(scores.get(solver, {})) for solver in ranked))) if ranked else []
    if len(shared) < 2:
        raise TooFewError.of("a mean rank", len(shared))
    skills = np.array([[scores[solver][case].skill for case in shared] for solver in ranked])
    ranks = rankdata(-skills, axis=0)
    flaws = [scores[ranked[0]][case].flaw for case in shared]
    span = (1.0, float(len(ranked)))
    found = [
        MeanRank(solver, float(row.mean()), mean_interval(row, flaws, seed=seed, span=span), len(shared))
        for solver, row in zip(ranked, ranks, strict=True)
    ]
    return tuple(sorted(found, key=lambda rank: (rank.mean, rank.solver)))
