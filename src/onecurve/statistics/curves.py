"""Skill against cost: one point per budget, one curve per solver, and the Pareto front.

The x of a point is the cost spent, not the budget granted. A solver that leaves its budget unused stands further left.
Means are over the cases attempted, a failed cell at the floor.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, median
from typing import final

from onecurve.core.grade import Status
from onecurve.core.row import Role, Row
from onecurve.statistics.cases import by_budget, by_solver, case_scores, is_scored, median_clean_images
from onecurve.statistics.intervals import Interval
from onecurve.statistics.summary import interval_or_reason


class Axis(StrEnum):
    """What stands below a curve."""

    METER = "meter"
    """Forward-equivalents, as the meter counted them."""
    PROCESSOR = "processor"
    """Processor seconds measured from outside, as passes of the network."""
    CLEAN = "clean"
    """Different images of the clean set that were read."""


@final
@dataclass(frozen=True)
class CurvePoint:
    """One budget of one solver on one task."""

    budget: float
    retrain_budget: float
    cost: float
    """Median over cases of the forward-equivalents spent."""
    mean: float
    interval: Interval | None
    why_no_interval: str
    n: int
    """Networks attempted: the unit of the interval."""
    cases: int
    """Cases attempted."""
    failed: int
    """Cells that failed, each at the floor."""
    answered: int
    """Cells that were graded; without one the point is on no front."""
    passes: float | None = None
    """Median over cases of the processor seconds as passes of the network; None where a case was not measured."""
    beyond: int = 0
    """Cells that worked far beyond their meter."""
    clean_images: float | None = None
    """Median number of clean images read, over the cases in which they were counted; None where they were in none."""

    def on_axis(self, axis: "Axis") -> float | None:
        """Where the point stands on that axis; None where that was not measured."""
        return {Axis.METER: self.cost, Axis.PROCESSOR: self.passes, Axis.CLEAN: self.clean_images}[axis]


@final
@dataclass(frozen=True)
class Curve:
    """One solver on one task; points in order of budget, budgets without a score left out."""

    solver: str
    task: str
    role: Role
    points: tuple[CurvePoint, ...]


@final
@dataclass(frozen=True)
class FrontPoint:
    """A point of the Pareto front: no other point is as cheap and better."""

    solver: str
    cost: float
    mean: float


def curves(rows: Iterable[Row], *, seed: int = 0) -> tuple[Curve, ...]:
    """One curve per (solver, task), sorted by solver and task."""
    return tuple(Curve(solver, task, members[0].role, _points(members, seed)) for (solver, task), members in by_solver(rows).items())


def pareto_front(points: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """Positions of the (cost, skill) points on the front, cheapest first; of equal points the first.

    >>> pareto_front([(1, 0.2), (2, 0.1), (3, 0.9)])
    (0, 2)
    """
    order = sorted(range(len(points)), key=lambda at: (points[at][0], -points[at][1], at))
    front: list[int] = []
    for at in order:
        if not front or points[at][1] > points[front[-1]][1]:
            front.append(at)
    return tuple(front)


APART = (Role.OWN_READER, Role.CONTROL, Role.REFERENCE_POINT)
"""Roles that are in no ranking with methods and baselines."""


def front_of(several: Iterable[Curve], *, axis: Axis = Axis.METER, without: Iterable[Role] = APART) -> tuple[FrontPoint, ...]:
    """The front over the points of several curves of one task; ``ValueError`` for curves of several tasks.

    A point where nothing was answered is no result: who always abstains would be cheapest, and better than all below the floor.
    """
    left_out = set(without)
    chosen = tuple(curve for curve in several if curve.role not in left_out)
    if len({curve.task for curve in chosen}) > 1:
        raise ValueError("a front is drawn over the curves of one task")
    answered = [(curve.solver, point.on_axis(axis), point.mean) for curve in chosen for point in curve.points if point.answered]
    points = [FrontPoint(solver, cost, mean) for solver, cost, mean in answered if cost is not None]
    return tuple(points[at] for at in pareto_front([(point.cost, point.mean) for point in points]))


def _points(rows: tuple[Row, ...], seed: int) -> tuple[CurvePoint, ...]:
    points = (_point(budget, retrain, members, seed) for (budget, retrain), members in by_budget(rows).items())
    return tuple(point for point in points if point is not None)


def _point(budget: float, retrain_budget: float, rows: tuple[Row, ...], seed: int) -> CurvePoint | None:
    if not is_scored(rows):
        return None
    scores = case_scores(rows)
    interval, reason = interval_or_reason(rows, seed)
    passes = [score.passes for score in scores if score.passes is not None]
    return CurvePoint(
        budget=budget,
        retrain_budget=retrain_budget,
        cost=median(score.cost for score in scores),
        mean=fmean(score.skill for score in scores),
        interval=interval,
        why_no_interval=reason,
        n=len({score.network for score in scores}),
        cases=len(scores),
        failed=sum(row.status is Status.FAILED for row in rows),
        answered=sum(row.status is Status.GRADED for row in rows),
        passes=median(passes) if len(passes) == len(scores) else None,
        beyond=sum(row.beyond_meter for row in rows),
        clean_images=median_clean_images(scores),
    )
