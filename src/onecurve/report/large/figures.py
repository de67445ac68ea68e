"""What pages show of a large run, from its aggregates: summaries, curves and rankings as the statistics of few rows have them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np

from onecurve.core.grade import Status
from onecurve.core.row import Role
from onecurve.report.large.aggregates import CONTENDERS, Group, groups
from onecurve.report.large.scores import KINDS
from onecurve.report.words.naming import Names
from onecurve.report.words.tasks import ordered_tasks
from onecurve.statistics.curves import Curve, CurvePoint
from onecurve.statistics.network_ranking import Values, network_ranking
from onecurve.statistics.ranking import Ranking
from onecurve.statistics.summary import Summary
from onecurve.store.querying import RowsDatabase

SOLVERS: Final = ("task", "solver", "role")


@final
@dataclass(frozen=True)
class Part:
    """Some of the cases: all, or those of one kind of flaw, of one data set, of one tool."""

    where: str = "true"
    """A condition of ours on scores, in which ``values`` stand for question marks."""
    values: tuple[Any, ...] = ()
    source: str = "scores"
    """What it selects from: one line per case, or with ``KINDS`` one for each kind of flaw that the case is about."""


EVERYTHING: Final = Part()


def of_kind(kind: str) -> Part:
    """The cases about a kind of flaw."""
    return Part("kind = ?", (kind,), KINDS)


def names_in(database: RowsDatabase) -> Names:
    """The solvers of the run with their halves."""
    found = database.find("SELECT DISTINCT solver, tool, reader FROM scores")
    return Names({line["solver"]: (line["tool"], line["reader"]) for line in found})


def summaries(database: RowsDatabase, part: Part = EVERYTHING, by: str = "") -> dict[str, tuple[Summary, ...]]:
    """By each value of the column ``by``, all under one empty name without it: every solver on every task at its largest budget."""
    found = groups(
        database,
        [*([by] if by else []), *SOLVERS],
        f"compared AND largest AND {part.where}",
        part.values,
        KINDS if by == "kind" else part.source,
    )
    made: dict[str, list[Summary]] = {}
    for group in found:
        made.setdefault(str(group.keys[by]) if by else "", []).append(summary_of(group))
    return {value: tuple(some) for value, some in made.items()}


def curves(database: RowsDatabase, part: Part = EVERYTHING, roles: str = CONTENDERS) -> tuple[Curve, ...]:
    """One curve per solver and task, sorted by both."""
    found = groups(database, [*SOLVERS, "budget", "retrain_budget"], f"compared AND {roles} AND {part.where}", part.values, part.source)
    points: dict[tuple[str, str, str], list[Group]] = {}
    for group in found:
        points.setdefault((group.keys["solver"], group.keys["task"], group.keys["role"]), []).append(group)
    return tuple(Curve(solver, task, Role(role), _points(own)) for (solver, task, role), own in sorted(points.items()))


def rankings(database: RowsDatabase, known: Sequence[Summary], names: Names, part: Part = EVERYTHING) -> dict[str, Ranking]:
    """The ranking of methods and baselines on every task, in the order of the tasks; ``known`` are their summaries."""
    own = [one for one in known if one.role in (Role.METHOD, Role.BASELINE)]
    readers = {solver: reader for solver, (_, reader) in names.halves.items()}

    def ranked(task: str) -> Ranking:
        return network_ranking(task, [one for one in own if one.task == task], network_means(database, task, part), readers)

    return {task: ranked(task) for task in ordered_tasks(one.task for one in own)}


def network_means(database: RowsDatabase, task: str, part: Part = EVERYTHING) -> dict[str, Values]:
    """The mean skill of every method and baseline on every network, in one order of networks; NaN for one that it did not attempt."""
    chosen = f"compared AND largest AND {CONTENDERS} AND score IS NOT NULL AND task = ? AND {part.where}"
    query = f"SELECT solver, subject, avg(score) AS score FROM {part.source} WHERE {chosen} GROUP BY ALL"  # noqa: S608 - our own names
    found = database.arrays(query, (task, *part.values))
    if not len(found["score"]):
        return {}
    solvers, row = np.unique(found["solver"].astype(str), return_inverse=True)
    networks, column = np.unique(found["subject"].astype(str), return_inverse=True)
    means = np.full((len(solvers), len(networks)), np.nan)
    means[row, column] = np.round(found["score"], 12)  # DuckDB adds in parallel, so that the last digits may differ
    return dict(zip(map(str, solvers), means, strict=True))


def summary_of(group: Group) -> Summary:
    """A group of one solver on one task as a summary."""
    return Summary(
        solver=group.keys["solver"],
        task=group.keys["task"],
        role=Role(group.keys["role"]),
        n=group.networks,
        cases=group.cases,
        scored=group.scored,
        mean=group.skill,
        interval=group.interval,
        why_no_interval=group.why_no_interval,
        median=group.median,
        worst_tenth=group.worst_tenth,
        mean_over_successes=group.mean_over_successes,
        counts=group.counts,
        cost=group.median_cost,
        clean_images=group.median_clean_images,
    )


def _points(found: Sequence[Group]) -> tuple[CurvePoint, ...]:
    ordered = sorted(found, key=lambda group: (group.keys["budget"] + group.keys["retrain_budget"], group.keys["budget"]))
    return tuple(_point(group) for group in ordered if group.scored)


def _point(group: Group) -> CurvePoint:
    assert group.skill is not None
    assert group.median_cost is not None
    return CurvePoint(
        budget=group.keys["budget"],
        retrain_budget=group.keys["retrain_budget"],
        cost=group.median_cost,
        mean=group.skill,
        interval=group.interval,
        why_no_interval=group.why_no_interval,
        n=group.networks,
        cases=group.cases,
        failed=group.counts[Status.FAILED],
        answered=group.counts[Status.GRADED],
        passes=group.median_passes,
        beyond=group.beyond,
        clean_images=group.median_clean_images,
    )
