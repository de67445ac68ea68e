"""Sanity checks that tools ran on their own evidence: marks beside a solver row, and counts over all looks of a tool."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import final

from onecurve.core.evidence import Check, Evidence
from onecurve.core.row import Row
from onecurve.report.pages.solver_rows import stored
from onecurve.report.rows.results import Results
from onecurve.report.words import numbers
from onecurve.statistics.cases import at_largest_budget


@final
@dataclass(frozen=True)
class CheckLine:
    """One check over the looks of one tool at its largest budget."""

    name: str
    words: str
    """What the figure is, or why the check failed."""
    held: int
    looks: int
    figure: str
    """Median over looks."""

    @property
    def always(self) -> bool:
        """Whether it held in every look."""
        return self.held == self.looks


def check_lines(rows: Iterable[Row], results: Results) -> tuple[CheckLine, ...]:
    """The checks in the kept evidence of these rows, in the order in which tools state them. A look that serves many cells counts once."""
    keys = dict.fromkeys(row.evidence for row in at_largest_budget(rows) if row.evidence)
    found: dict[str, list[Check]] = defaultdict(list)
    for key in keys:
        evidence = stored(results, key)
        for check in evidence.checks if isinstance(evidence, Evidence) else ():
            found[check.name].append(check)
    return tuple(_line(name, checks) for name, checks in found.items())


def in_short(lines: Sequence[CheckLine]) -> tuple[tuple[str, bool], ...]:
    """Each check as `complete` or `weights 3/8`, and whether it always held."""
    return tuple((line.name if line.always else f"{line.name} {line.held}/{line.looks}", line.always) for line in lines)


def _line(name: str, checks: Sequence[Check]) -> CheckLine:
    broken = [check for check in checks if not check.holds]
    words = (broken or checks)[0].words
    return CheckLine(name, words, len(checks) - len(broken), len(checks), numbers.figure(float(median(check.value for check in checks))))
