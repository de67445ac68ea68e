"""Detectors by kind of flaw: the AUROC of suspicion of the networks that carry one kind against all networks without a flaw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from onecurve.core.row import Row
from onecurve.report.pages.false_alarms import judged_rows
from onecurve.report.words import numbers
from onecurve.report.words.naming import Names
from onecurve.statistics.detection import KindDetection, detections, detections_by_kind


@final
@dataclass(frozen=True)
class KindCell:
    """One detector on one kind."""

    words: str
    between: str
    """The interval, or why there is none."""
    share: float | None
    """The AUROC itself, for the shade of the cell; None where there is none."""


@final
@dataclass(frozen=True)
class KindTable:
    """A line per detector, the best first; a column per kind with its number of networks."""

    kinds: tuple[tuple[str, int], ...]
    lines: tuple[tuple[str, str, tuple[KindCell, ...]], ...]
    """Solver, link, cells."""
    found: tuple[KindDetection, ...]
    """The same, unrounded."""


def kind_table(rows: Sequence[Row], names: Names) -> KindTable:
    """All solvers of the detection task but reference points; empty where no task asked whether networks are flawed."""
    asked = judged_rows(rows)
    by_kind = detections_by_kind(asked)
    found = {(one.solver, one.kind): one for one in by_kind}
    kinds = {kind: max(one.detection.flawed for (_, other), one in found.items() if other == kind) for _, kind in found}
    over_all = {one.solver: one.auroc or 0.0 for one in detections(asked)}
    lines = tuple(
        (solver, names.link(solver), tuple(_cell(found.get((solver, kind))) for kind in sorted(kinds)))
        for solver in sorted(over_all, key=lambda solver: (-over_all[solver], solver))
    )
    return KindTable(tuple(sorted(kinds.items())), lines if kinds else (), by_kind)


def _cell(one: KindDetection | None) -> KindCell:
    if one is None or one.detection.auroc is None:
        return KindCell(numbers.MISSING, one.detection.why_missing if one else "not asked", None)
    interval = one.detection.auroc_interval
    between = numbers.interval(interval.low, interval.high) if interval else one.detection.why_missing
    return KindCell(numbers.skill(one.detection.auroc), between, one.detection.auroc)
