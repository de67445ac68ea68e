"""Does a detector separate flawed networks from clean ones, and how often does it raise a false alarm?

The unit is the network. Clean networks and those that carry controls alone, odd and innocent, are without a flaw. A detector that
abstains raises no alarm and names no class: its suspicion is 0, whatever the row's figures are, because an abstention is graded as the
floor and the floor is computed from the ground truth.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import final

from scipy.optimize import brentq
from scipy.stats import norm, rankdata

from onecurve.core.grade import Status
from onecurve.core.row import JOINT, Row
from onecurve.flaws.catalog import CONTROLS
from onecurve.statistics.cases import at_largest_budget
from onecurve.statistics.intervals import LEVEL, Interval, TooFewError, wilson

CLEAN = "clean"
NAMED = "named"
"""The figure of flawed networks: whether the class with the most weight is a right one, ties sharing; not in earlier versions' rows."""
SUSPICION = "suspicion"
"""The figure that a detection task states of every graded answer: 1 less the weight on `none`."""
ALARM = "alarm"
"""The figure of whether some class outweighs `none`; not in earlier versions' rows, where a suspicion above ``HALF`` is an alarm."""
HALF = 0.5

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
    """Of flawed networks against those without a flaw, clean and control together."""
    auroc_interval: Interval | None
    false_alarms: int
    """Clean networks with an alarm."""
    false_alarm_interval: Interval | None
    found: int
    """Flawed networks with an alarm."""
    found_interval: Interval | None
    why_missing: str = ""
    controls: int = 0
    """Networks judged that carry controls alone."""
    control_alarms: int = 0
    """Control networks with an alarm: false ones too."""
    control_alarm_interval: Interval | None = None
    named: float | None = None
    """Share of flawed networks where the class with the most weight is a right one; None where no row tells."""
    named_interval: Interval | None = None
    threshold: float | None = None
    """Above which suspicion there is an alarm; None where one is that some class outweighs `none`."""


@final
@dataclass(frozen=True)
class KindDetection:
    """One detector on the flawed networks that carry one kind, against all networks without a flaw."""

    solver: str
    kind: str
    detection: Detection


def detections(rows: Iterable[Row], threshold: float | None = None) -> tuple[Detection, ...]:
    """One record per solver at its largest budget, sorted by solver; ``ValueError`` for rows of several tasks.

    An alarm is that some class outweighs `none`, or a suspicion above ``threshold``. That is announced beforehand: it must not be chosen
    by looking at these rows.
    """
    chosen = at_largest_budget(rows)
    if len({row.task for row in chosen}) > 1:
        raise ValueError("detection is measured on the rows of one task")
    own: dict[str, list[Row]] = defaultdict(list)
    for row in chosen:
        own[row.solver].append(row)
    return tuple(detection(own[solver], solver, threshold) for solver in sorted(own))


def detections_by_kind(rows: Iterable[Row], threshold: float | None = None) -> tuple[KindDetection, ...]:
    """Each solver on each kind of flaw, by solver and kind; a network with several kinds counts under each of them."""
    chosen = at_largest_budget(rows)
    kinds = sorted({kind for row in chosen for kind in flaws_of(row)})
    found = []
    for kind in kinds:
        about = [row for row in chosen if not flaws_of(row) or kind in flaws_of(row)]
        judged = {row.solver for row in about if kind in flaws_of(row)}
        found += [KindDetection(one.solver, kind, one) for one in detections(about, threshold) if one.solver in judged]
    return tuple(sorted(found, key=lambda one: (one.solver, one.kind)))


def detection(rows: Iterable[Row], solver: str, threshold: float | None = None) -> Detection:
    """How well one solver separates flawed networks from others; suspicion is averaged over repeats and rows of one network first."""
    chosen = at_largest_budget(row for row in rows if row.solver == solver)
    suspicions, sides = _means(chosen, SUSPICION), _subjects_by_side(chosen)
    flawed, clean, controls = ([value for subject, value in suspicions.items() if subject in subjects] for subjects in sides)
    attempted = {row.subject for row in chosen if row.status is Status.FAILED} | suspicions.keys()
    area, area_interval, reason = _area(flawed, [*clean, *controls])
    alarmed = _alarmed(chosen, suspicions, threshold)
    found, false_alarms, control_alarms = (len(alarmed & subjects) for subjects in sides)
    named = _named(chosen)
    return Detection(
        solver=solver,
        flawed=len(flawed),
        clean=len(clean),
        failed=len(attempted) - len(suspicions),
        auroc=area,
        auroc_interval=area_interval,
        false_alarms=false_alarms,
        false_alarm_interval=_share_interval(false_alarms, len(clean)),
        found=found,
        found_interval=_share_interval(found, len(flawed)),
        why_missing=reason,
        controls=len(controls),
        control_alarms=control_alarms,
        control_alarm_interval=_share_interval(control_alarms, len(controls)),
        named=fmean(named) if named else None,
        named_interval=_share_interval(round(sum(named)), len(named)),
        threshold=threshold,
    )


def flaws_of(row: Row) -> frozenset[str]:
    """The kinds with an effect among those of the row; none for a network that is clean or carries controls alone."""
    return _flaws(row.flaw)


@cache
def _flaws(flaw: str) -> frozenset[str]:
    return frozenset(flaw.split(JOINT)) - set(CONTROLS)


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


def _share_interval(count: int, of: int) -> Interval | None:
    return wilson(count, of) if of >= 2 else None


def _subjects_by_side(rows: Iterable[Row]) -> tuple[set[str], set[str], set[str]]:
    """Names of flawed networks, of clean ones, and of those that carry controls alone."""
    flaws = {row.subject: row for row in rows}
    flawed = {subject for subject, row in flaws.items() if flaws_of(row)}
    clean = {subject for subject, row in flaws.items() if row.flaw == CLEAN}
    return flawed, clean, flaws.keys() - flawed - clean


def _named(rows: Iterable[Row]) -> list[float]:
    """Of each flawed network that was judged, how often the class named first was a right one; none where no row tells."""
    values: dict[str, list[float]] = defaultdict(list)
    judged = [row for row in rows if flaws_of(row) and row.status in (Status.GRADED, Status.ABSTAINED)]
    if not any(NAMED in row.figures for row in judged if row.status is Status.GRADED):
        return []
    for row in judged:
        if row.status is Status.ABSTAINED or NAMED in row.figures:
            values[row.subject].append(0.0 if row.status is Status.ABSTAINED else row.figures[NAMED])
    return [fmean(found) for found in values.values()]


def _means(rows: Iterable[Row], figure: str) -> dict[str, float]:
    """The mean of a figure for each network that was judged; of an abstention it is 0."""
    values: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row.status is Status.GRADED:
            values[row.subject].append(row.figures[figure])
        elif row.status is Status.ABSTAINED:
            values[row.subject].append(0.0)
    return {subject: fmean(found) for subject, found in sorted(values.items())}


def _alarmed(rows: Sequence[Row], suspicions: Mapping[str, float], threshold: float | None) -> set[str]:
    """The networks with an alarm, of those that were judged: in more than half of their rows, where every row tells."""
    told = threshold is None and all(ALARM in row.figures for row in rows if row.status is Status.GRADED)
    values, least = _means(rows, ALARM) if told else suspicions, HALF if threshold is None else threshold
    return {subject for subject, value in values.items() if value > least}
