"""Aggregates of the rows of a run: per task and whatever else is asked, the mean skill with an interval over networks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from onecurve.core.errors import UnknownNameError, UsageError
from onecurve.core.grade import Status
from onecurve.core.row import Role
from onecurve.report.large.scores import KINDS, means
from onecurve.statistics.intervals import Interval, TooFewError, interval_of_network_means
from onecurve.store.querying import RowsDatabase

KEYS: Final = (
    *("task", "task_version", "solver", "tool", "reader", "role", "budget", "retrain_budget", "flaw", "kind", "data", "model"),
    *("subject", "case"),
)
"""What rows can be grouped by: columns of a row, and `kind`, of which a flaw of several kinds has several."""
OF_SOLVERS: Final = ("solver", "tool", "reader", "role")
CONTENDERS: Final = f"role IN ('{Role.METHOD}', '{Role.BASELINE}')"

_AS_FOUND: Final = (
    *("deviation", "median", "worst_tenth", "mean_over_successes"),
    *("mean_cost", "median_cost", "mean_passes", "median_passes", "mean_clean_images", "median_clean_images", "beyond"),
)


@final
@dataclass(frozen=True)
class Group:
    """One group. Numbers are over the cases attempted, a failed cell at the floor; None where none has a score."""

    keys: Mapping[str, Any]
    networks: int
    """Networks attempted: the unit of the mean and of its interval."""
    cases: int
    cells: int
    counts: Mapping[Status, int]
    """Cells by status."""
    skill: float | None
    """Mean over networks of the mean over the cases of each."""
    interval: Interval | None
    why_no_interval: str
    deviation: float
    """Standard deviation between networks."""
    median: float | None
    """Over cases."""
    worst_tenth: float | None
    """Mean of the lowest tenth of the cases."""
    mean_over_successes: float | None
    mean_cost: float | None
    """Forward-equivalents per case."""
    median_cost: float | None
    mean_passes: float | None
    """Processor time per case as passes of the network; None where a case was not measured."""
    median_passes: float | None
    mean_clean_images: float | None
    """Clean images read per case, over the cases in which they were counted; None where they were in none."""
    median_clean_images: float | None
    beyond: int
    """Cells that worked far beyond their meter."""

    @property
    def scored(self) -> bool:
        """Whether some cell was graded or abstained; what failed everywhere allows no conclusion."""
        return self.counts[Status.GRADED] + self.counts[Status.ABSTAINED] > 0

    def record(self) -> dict[str, Any]:
        """The group as one line of a table."""
        low, high = (self.interval.low, self.interval.high) if self.interval else (None, None)
        return {
            **self.keys,
            "networks": self.networks,
            "cases": self.cases,
            "cells": self.cells,
            **{str(status): self.counts[status] for status in Status},
            "skill": self.skill,
            "skill_low": low,
            "skill_high": high,
            "median": self.median,
            "worst_tenth": self.worst_tenth,
            "mean_over_successes": self.mean_over_successes,
            "mean_cost": self.mean_cost,
            "median_cost": self.median_cost,
            "mean_passes": self.mean_passes,
            "mean_clean_images": self.mean_clean_images,
            "beyond_meter": self.beyond,
        }


def aggregated(database: RowsDatabase, by: Sequence[str]) -> tuple[Group, ...]:
    """The groups that a person asks for by the names of columns, in their order; a task and its version are always among them.

    Without a budget each solver is taken at its largest on the task; without a solver, methods and baselines count alone; without a
    version, the newest of each task that was asked. Raises ``UsageError`` for what rows cannot be grouped by.
    """
    for name in by:
        if name not in KEYS:
            raise UnknownNameError.among("column to group by", name, KEYS)
    if not by:
        raise UsageError("rows are grouped by at least one column", f"there are: {', '.join(KEYS)}")
    keys = list(dict.fromkeys(["task", "task_version", *by]))
    limits = [] if {"budget", "retrain_budget"} & set(by) else ["largest"]
    limits += [] if set(OF_SOLVERS) & set(by) else [CONTENDERS]
    limits += [] if "task_version" in by else ["compared"]
    return groups(database, keys, " AND ".join(limits) or "true", (), KINDS if "kind" in by else "scores")


def groups(
    database: RowsDatabase, keys: Sequence[str], where: str, values: Sequence[Any] = (), source: str = "scores"
) -> tuple[Group, ...]:
    """The groups of those scores that ``where`` selects, a condition of ours in which ``values`` stand for question marks.

    ``source`` is what it selects from: `scores`, or ``KINDS`` where the kind of flaw is spoken of.
    """
    quoted = ", ".join(f'"{key}"' for key in keys)
    found = database.find(means(quoted, source, where), values)
    return tuple(_group(_rounded(line), keys) for line in found)


def interval_or_reason(mean: float, deviation: float, networks: int) -> tuple[Interval | None, str]:
    """The interval over networks, or None and the reason in words."""
    try:
        return interval_of_network_means(mean, deviation, networks), ""
    except TooFewError as error:
        return None, error.message


def _group(line: Mapping[str, Any], keys: Sequence[str]) -> Group:
    counts = {status: int(line[status]) for status in Status}
    scored = counts[Status.GRADED] + counts[Status.ABSTAINED] > 0
    interval, reason = None, "no cell has a score"
    if scored:
        interval, reason = interval_or_reason(line["skill"], line["deviation"], line["networks"])
    return Group(
        keys={key: line[key] for key in keys},
        networks=line["networks"],
        cases=line["cases"],
        cells=line["cells"],
        counts=counts,
        skill=line["skill"] if scored else None,
        interval=interval,
        why_no_interval=reason,
        **{name: line[name] for name in _AS_FOUND},
    )


def _rounded(line: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers to twelve digits: DuckDB adds in parallel, and the last digits depend on which thread was first."""
    return {name: float(f"{value:.12g}") if isinstance(value, float) else value for name, value in line.items()}
