"""Solvers that failed wherever they were asked: nothing can be concluded of them but that."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import final

from onecurve.core.grade import Status
from onecurve.core.row import Role, Row
from onecurve.statistics.cases import ATTEMPTED

FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)', re.MULTILINE)


@final
@dataclass(frozen=True)
class FailedSolver:
    """A solver without a single cell that was graded or abstained."""

    solver: str
    tool: str
    role: Role
    cells: int
    """Attempted cells, all failed."""
    reason: str
    """The most frequent one."""
    reasons: int
    """How many different ones there are."""
    traceback: str
    """Of a cell with that reason; empty where none was kept."""


def failed_everywhere(rows: Iterable[Row]) -> tuple[FailedSolver, ...]:
    """Every solver that attempted a cell and failed in all that it attempted, sorted by name. Only rows of such solvers are held."""
    failed: dict[str, list[Row]] = {}
    answered: set[str] = set()
    for row in rows:
        if row.status is Status.FAILED and row.solver not in answered:
            failed.setdefault(row.solver, []).append(row)
        elif row.status in ATTEMPTED:
            answered.add(row.solver)
            failed.pop(row.solver, None)
    return tuple(_failed(own) for _, own in sorted(failed.items()))


def place_in(traceback: str, file: str = "") -> str:
    """The innermost place of a traceback in a file of that name, or the innermost of all where the file does not occur; empty for none.

    >>> place_in('  File "mine.py", line 7, in look\\n  File "torch.py", line 9, in f', "mine.py")
    'mine.py, line 7'
    """
    frames = [(found["file"], found["line"]) for found in FRAME.finditer(traceback)]
    own = [frame for frame in frames if file and PurePath(frame[0]).name == file]
    return "{}, line {}".format(*(own or frames)[-1]) if frames else ""


def _failed(rows: list[Row]) -> FailedSolver:
    reasons = Counter(row.reason for row in rows)
    reason, _ = reasons.most_common(1)[0]
    traceback = next((row.traceback for row in rows if row.reason == reason and row.traceback), "")
    return FailedSolver(rows[0].solver, rows[0].tool, rows[0].role, len(rows), reason or "no reason given", len(reasons), traceback)
