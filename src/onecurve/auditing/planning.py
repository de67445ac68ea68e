"""Which look comes next and how long it may take: where a second finds most of what is planted, as far as that was counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from onecurve.auditing.yields import LEVELS, Yield


@final
@dataclass(frozen=True)
class Prospect:
    """A look that is still to be made."""

    name: str
    needs: float
    """Seconds in which it would be made whole on this network; above 0."""
    found: Yield


@final
@dataclass(frozen=True)
class Allotment:
    """The time of one look."""

    name: str
    needs: float
    """Seconds, as of its prospect."""
    seconds: float
    """Those that it is given."""
    per_second: float
    """Expected yield of a second of it; 0 without any time."""


def allotments(prospects: Sequence[Prospect], seconds: float) -> list[Allotment]:
    """How the time is spent, the look with the highest yield per second first; of equal ones the first.

    Every look goes from level to level, and each next step goes to the look that finds most per second on it, until the time is spent; the
    last step may be taken in part. Time beyond what all need is shared in proportion to what they need.
    """
    given, left = dict.fromkeys((one.name for one in prospects), 0.0), seconds
    for _, name, cost in _steps(prospects):
        took = min(cost, left)
        given[name] += took
        left -= took
    whole = sum(one.needs for one in prospects)
    if left > 0 and whole > 0:
        given = {one.name: given[one.name] + left * one.needs / whole for one in prospects}
    made = [Allotment(one.name, one.needs, given[one.name], _rate(one, given[one.name])) for one in prospects]
    return sorted(made, key=lambda one: -one.per_second)


def _steps(prospects: Sequence[Prospect]) -> list[tuple[float, str, float]]:
    """Yield per second, look and seconds of every step, the best first. Steps of one look fall in yield, so they keep their order."""
    steps = [step for one in prospects for step in _steps_of(one)]
    return sorted(steps, key=lambda step: -step[0])


def _steps_of(one: Prospect) -> list[tuple[float, str, float]]:
    """The steps along the least concave line above the shares: a level that pays less than one beyond it is passed over."""
    steps, points = list[tuple[float, str, float]](), [(0.0, 0.0), *zip(LEVELS, one.found.shares, strict=True)]
    at = 0
    while at < len(points) - 1:
        slopes = [(points[to][1] - points[at][1]) / (points[to][0] - points[at][0]) for to in range(at + 1, len(points))]
        to = at + 1 + max(range(len(slopes)), key=lambda step: (slopes[step], step))
        steps.append((slopes[to - at - 1] / one.needs, one.name, one.needs * (points[to][0] - points[at][0])))
        at = to
    return steps


def _rate(one: Prospect, seconds: float) -> float:
    return one.found.at(seconds / one.needs) / seconds if seconds > 0 else 0.0
