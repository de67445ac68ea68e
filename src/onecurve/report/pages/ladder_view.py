"""The ladders of readers as one table: how much of a trigger each still reads when the evidence gets worse."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from onecurve.core.display import Calibration
from onecurve.flaws.catalog import CONTROLS
from onecurve.readers.machinery.readable_kinds import why_not_asked
from onecurve.report.words import numbers
from onecurve.report.words.naming import solver_link


@final
@dataclass(frozen=True)
class LadderLine:
    """One reader on lineups of one kind of flaw."""

    reader: str
    link: str
    flaw: str
    n: int
    """Lineups per rung."""
    asked: bool
    """See ``is_asked``."""
    cells: tuple[str, ...]
    """Per rung: share read right, and mean weight on the right option; a dash where the kind has no such rung."""


@final
@dataclass(frozen=True)
class Ladder:
    """All readers on all kinds; empty where no ladder was read."""

    rungs: tuple[str, ...]
    lines: tuple[LadderLine, ...]


def ladder_of(calibrations: Sequence[Calibration]) -> Ladder:
    """The rungs in the order in which they were read, a line per reader and kind."""
    found = [one for one in calibrations if one.rung and one.n]
    rungs = tuple(dict.fromkeys(one.rung for one in found))
    by_place = {(one.reader, one.flaw, one.rung): one for one in found}
    lines = []
    for reader, flaw in sorted({(one.reader, one.flaw) for one in found}):
        own = [by_place.get((reader, flaw, rung)) for rung in rungs]
        cells = tuple("–" if one is None else f"{numbers.percent(one.correct / one.n)} ({numbers.percent(one.mean_mass)})" for one in own)
        count = max(one.n for one in own if one)
        lines.append(LadderLine(reader, solver_link(reader), flaw, count, is_asked(reader, flaw), cells))
    return Ladder(rungs, tuple(lines))


def is_asked(reader: str, flaw: str) -> bool:
    """Whether `discover` puts lineups of that kind to the reader: not of controls, and not where it cannot tell the true trigger."""
    return flaw not in CONTROLS and not why_not_asked(reader, flaw)
