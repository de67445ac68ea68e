"""Does a detector separate flawed networks from clean ones, and how often does it raise a false alarm?

The unit is the network. A detector that abstains raises no alarm: its suspicion is 0, whatever the row's figures are,
because an abstention is graded as the floor and the floor is computed from the ground truth.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import final

from scipy.optimize import brentq
from scipy.stats import norm, rankdata

from onecurve.core.grade import Status
from onecurve.core.row import Row
from onecurve.statistics.cases import at_largest_budget
from onecurve.statistics.intervals import LEVEL, Interval, TooFewError, wilson

CLEAN = "clean"
SUSPICION = "suspicion"
"""The figure that a detection task states of every graded answer: 1 less the weight on `none`."""
ALARM = 0.5
"""A suspicion above this is an alarm: more mass off `none` than on it."""

HAIR = 1e-9


@final
@dataclass(frozen=True)
class Detection:
    """One detector over networks. A figure that needs more networks than there are is None, with the reason."""

    solver: str
    flawed: int
    """Flawed networks judged."""
    clean: int
    """Clean networks judged."""
    failed: int
    """Networks left out because every cell failed."""
    auroc: float | None
    auroc_interval: Interval | None
    false_alarms: int
    """Clean networks with an alarm."""
    false_alarm_interval: Interval | None
    found: int
    """Flawed networks with an alarm."""
    found_interval: Interval | None
    why_missing: str = ""


def detections(rows: Iterable[Row]) -> tuple[Detection, ...]:
    """One record per solver at its largest budget, sorted by solver; ``ValueError`` for rows of several tasks."""
    chosen = at_largest_budget(rows)
    if len({row.task for row in chosen}) > 1:
        raise ValueError("detection is measured on the rows of one task")
    return tuple(detection(chosen, solver) for solver in sorted({row.solver for row in chosen}))


def detection(rows: Iterable[Row], solver: str) -> Detection:
    """How well one solver separates flawed from clean networks; suspicion is averaged over repeats and rows of one network first."""
    chosen = at_largest_budget(row for row in rows if row.solver == solver)
    suspicions = _suspicions(chosen)
    dirty = {row.subject for row in chosen if row.flaw != CLEAN}
    flawed = [value for subject, value in suspicions.items() if subject in dirty]
    clean = [value for subject, value in suspicions.items() if subject not in dirty]
    attempted = {row.subject for row in chosen if row.status is Status.FAILED} | suspicions.keys()
    area, area_interval, reason = _area(flawed, clean)
    false_alarms, found = sum(value > ALARM for value in clean), sum(value > ALARM for value in flawed)
    return Detection(
        solver=solver,
        flawed=len(flawed),
        clean=len(clean),
        failed=len(attempted) - len(suspicions),
        auroc=area,
        auroc_interval=area_interval,
        false_alarms=false_alarms,
        false_alarm_interval=wilson(false_alarms, len(clean)) if len(clean) >= 2 else None,
        found=found,
        found_interval=wilson(found, len(flawed)) if len(flawed) >= 2 else None,
        why_missing=reason,
    )


def network_auroc(flawed: Sequence[float], clean: Sequence[float]) -> float:
    """Probability that a flawed network is more suspicious than a clean one, ties counting half.

    Raises ``TooFewError`` where either side is empty.
    """
    if not flawed or not clean:
        raise TooFewError.of("an AUROC", min(len(flawed), len(clean)), needed=1)
    ranks = rankdata([*flawed, *clean])
    wins = ranks[: len(flawed)].sum() - len(flawed) * (len(flawed) + 1) / 2
    return float(wins / (len(flawed) * len(clean)))


def auroc_interval(area: float, flawed: int, clean: int, level: float = LEVEL) -> Interval:
    """Newcombe's score interval (2006, part 2, method 5) from the variance of Hanley and McNeil (1982).

    Never of zero width, also where the two sides are fully separated; raises ``TooFewError`` for fewer than two on a side.
    """
    if min(flawed, clean) < 2:
        raise TooFewError.of("the interval of an AUROC", min(flawed, clean))
    z = float(norm.ppf((1 + level) / 2))

    def excess(true: float) -> float:
        return (area - true) ** 2 - z * z * _variance(true, flawed, clean)

    # At 0 and 1 the variance vanishes, so the search stays a hair inside.
    low = 0.0 if area == 0 else float(brentq(excess, 0, min(area, 1 - HAIR)))
    high = 1.0 if area == 1 else float(brentq(excess, max(area, HAIR), 1))
    return Interval(low, high, level)


def _variance(area: float, flawed: int, clean: int) -> float:
    """Hanley and McNeil's, with the mean of both counts in place of each (Newcombe)."""
    others = (flawed + clean) / 2 - 1
    return area * (1 - area) * (1 + others * ((1 - area) / (2 - area) + area / (1 + area))) / (flawed * clean)


def _area(flawed: Sequence[float], clean: Sequence[float]) -> tuple[float | None, Interval | None, str]:
    try:
        area = network_auroc(flawed, clean)
    except TooFewError as error:
        return None, None, error.message
    try:
        return area, auroc_interval(area, len(flawed), len(clean)), ""
    except TooFewError as error:
        return area, None, error.message


def _suspicions(rows: Iterable[Row]) -> dict[str, float]:
    """Mean suspicion of each network that was judged."""
    values: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row.status is Status.GRADED:
            values[row.subject].append(row.figures[SUSPICION])
        elif row.status is Status.ABSTAINED:
            values[row.subject].append(0.0)
    return {subject: fmean(found) for subject, found in sorted(values.items())}
