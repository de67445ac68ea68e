"""How often a tool cried wolf: clean networks on which it named a class above `none`.

Read together with what it finds on flawed networks, for a tool that is never alarmed has no false alarms either.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from onecurve.core.grade import Status
from onecurve.core.row import Role, Row
from onecurve.report import numbers
from onecurve.report.naming import CLEAN, Names, is_contender
from onecurve.report.sentences import Sentence
from onecurve.statistics.cases import at_largest_budget
from onecurve.statistics.intervals import TooFewError, wilson

HIT = "hit"
"""The figure of `detect` that is 1 where the right option lies above all wrong ones."""


@final
@dataclass(frozen=True)
class Share:
    """So many of so many, with Wilson's interval."""

    count: int
    n: int
    low: float | None
    high: float | None
    why: str

    @property
    def value(self) -> float | None:
        """The share, None for none of none."""
        return self.count / self.n if self.n else None

    @property
    def words(self) -> str:
        """Share, count and interval in words."""
        if not self.n:
            return "not asked"
        between = f"{numbers.share(self.low)} to {numbers.share(self.high)}" if self.low is not None else self.why
        return f"{numbers.share(self.value)} ({self.count} of {self.n}; {between})"


@final
@dataclass(frozen=True)
class Alarms:
    """One solver of `detect`."""

    solver: str
    link: str
    role: str
    false: Share
    """Clean networks on which it named a class."""
    found: Share
    """Flawed networks on which some right class lay above everything wrong."""


def alarms(rows: Sequence[Row], names: Names) -> tuple[Alarms, ...]:
    """Every solver of `detect`, the fewest false alarms first."""
    asked = at_largest_budget(row for row in rows if row.task == "detect" and row.role is not Role.YARDSTICK)
    found = []
    for solver in sorted({row.solver for row in asked}):
        own = [row for row in asked if row.solver == solver and row.status in (Status.GRADED, Status.ABSTAINED)]
        clean = {row.subject: _hit(row) for row in own if row.flaw == CLEAN}
        flawed = {row.subject: _hit(row) for row in own if row.flaw != CLEAN}
        role = next(row.role for row in asked if row.solver == solver)
        kind = {Role.BASELINE: "plain look", Role.METHOD: "method"}.get(role, str(role))
        found.append(Alarms(solver, names.link(solver), kind, _share([not hit for hit in clean.values()]), _share(list(flawed.values()))))
    return tuple(sorted(found, key=lambda one: (one.role == "control", one.false.value is None, one.false.value or 0.0, one.solver)))


def alarm_sentence(rows: Sequence[Row], names: Names) -> Sentence:
    """How often tools cried wolf on clean networks."""
    asked = [one for one in alarms([row for row in rows if is_contender(row)], names) if one.false.n]
    if not asked:
        return Sentence("No clean network was looked at", "Without clean networks nobody knows how often a tool is alarmed by nothing.")
    wolves = [one for one in asked if one.false.count]
    count, n = sum(one.false.count for one in asked), sum(one.false.n for one in asked)
    worst = max(asked, key=lambda one: (one.false.value or 0.0, one.false.n))
    if not wolves:
        return Sentence("Nobody cried wolf", f"In {numbers.count(n, 'look')} at clean networks no tool named a class; for {worst.solver}: {worst.false.words}.")  # fmt: skip
    headline = f"{len(wolves)} of {numbers.count(len(asked), 'tool')} cried wolf on a clean network"
    return Sentence(headline, f"{count} false alarms in {numbers.count(n, 'look')}; most often {worst.solver}: {worst.false.words}.")


def _hit(row: Row) -> bool:
    return row.status is Status.ABSTAINED and row.flaw == CLEAN or row.figures.get(HIT, 0.0) >= 1.0


def _share(outcomes: Sequence[bool]) -> Share:
    count, n = sum(outcomes), len(outcomes)
    try:
        between = wilson(count, n)
    except TooFewError:
        return Share(count, n, None, None, f"n={n}, no interval")
    return Share(count, n, between.low, between.high, "")
