"""Rows of several versions of one task: which of them stand on one scale.

A run that is gone on with by a later version of OneCurve keeps its old rows and asks anew what another version of a task asked. Both
stand in the results; a mean is of one version alone.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

from onecurve.core.grade import Status
from onecurve.core.row import Role, Row
from onecurve.statistics.cases import ATTEMPTED


@final
@dataclass(frozen=True)
class LeftOut:
    """Rows of one task that another version of it asked than that of the rows which are compared."""

    task: str
    version: int
    rows: int
    compared: int
    """The version whose rows are compared."""


def of_one_version(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Of each task the rows of its newest version that a solver attempted, in the order given.

    What an earlier version refused to ask stays, unless this one asked it: it was skipped for good and is not written again.
    """
    chosen = _chosen(rows)
    told = {_cell(row) for row in rows if row.task_version == chosen[row.task]}
    return tuple(row for row in rows if row.task_version == chosen[row.task] or (_was_refused(row, chosen) and _cell(row) not in told))


def left_out(rows: Sequence[Row]) -> tuple[LeftOut, ...]:
    """What ``of_one_version`` leaves out, by task and version."""
    chosen, kept = _chosen(rows), {row.key for row in of_one_version(rows)}
    counts = Counter((row.task, row.task_version) for row in rows if row.key not in kept)
    return tuple(LeftOut(task, version, count, chosen[task]) for (task, version), count in sorted(counts.items()))


def _chosen(rows: Iterable[Row]) -> Mapping[str, int]:
    versions: dict[str, list[tuple[bool, int]]] = defaultdict(list)
    for row in rows:
        attempted = row.status in ATTEMPTED and row.role is not Role.REFERENCE_POINT
        versions[row.task].append((attempted, row.task_version))
    return {task: max(found)[1] for task, found in versions.items()}


def _was_refused(row: Row, chosen: Mapping[str, int]) -> bool:
    return row.status is Status.SKIPPED and not row.question and row.task_version < chosen[row.task]


def _cell(row: Row) -> tuple[str, str, str, float, float, int]:
    return row.case, row.task, row.solver, row.budget, row.retrain_budget, row.repeat
