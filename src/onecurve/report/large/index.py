"""The first page of a large run: what the page of a small one shows, from aggregates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, final

from onecurve.core.row import BEYOND_SECONDS, BEYOND_TIMES, Role, Row
from onecurve.report.charts.share_chart import share_chart
from onecurve.report.large import counts
from onecurve.report.large.aggregates import CONTENDERS
from onecurve.report.large.figures import EVERYTHING, Part, curves, rankings, summaries
from onecurve.report.large.run import LargeRun
from onecurve.report.large.sections import PLANT_LABELS, kind_lines, kind_link, plant_kinds, refusals, task_link
from onecurve.report.pages.detection_view import kind_table
from onecurve.report.pages.false_alarms import alarm_lines, alarm_sentence, detection_task
from onecurve.report.pages.ladder_view import ladder_of
from onecurve.report.pages.panels import Panel, apart, panel
from onecurve.report.pages.ranking_view import ranking_view
from onecurve.report.pages.sections import calibration_lines
from onecurve.report.pages.table import Table, table_slice
from onecurve.report.words.focus import Focus, focus_among
from onecurve.report.words.naming import CLEAN, Names
from onecurve.report.words.rankings import more_networks
from onecurve.report.words.sentences import Sentence, extent_words, finding_task, lead_sentence, missed_sentence
from onecurve.report.words.tasks import ordered_tasks
from onecurve.statistics.compare import SolverComparison
from onecurve.statistics.curves import Curve
from onecurve.statistics.network_ranking import comparison
from onecurve.statistics.ranking import Ranking
from onecurve.statistics.summary import Summary

DIMENSIONS: Final = (("flaw", "kind"), ("data", "data"), ("network", "model"))
"""What the table of solvers by tasks can be limited to: the word on the page, and the column."""


@final
@dataclass(frozen=True)
class IndexFigures:
    """All numbers of the first page."""

    summaries: tuple[Summary, ...]
    by_kind: Mapping[str, tuple[Summary, ...]]
    curves: tuple[Curve, ...]
    own_readers: tuple[Curve, ...]
    rankings: Mapping[str, Ranking]
    judged: tuple[Row, ...]
    """One row per network that a detector judged."""
    table: Table


def index_figures(run: LargeRun) -> IndexFigures:
    """The numbers, asked of the database."""
    known = summaries(run.database).get("", ())
    by_kind = summaries(run.database, by="kind")
    return IndexFigures(
        summaries=known,
        by_kind=by_kind,
        curves=curves(run.database),
        own_readers=curves(run.database, roles=f"role = '{Role.OWN_READER}'"),
        rankings=rankings(run.database, known, run.names),
        judged=counts.judged_networks(run.database),
        table=_table(run, known, by_kind),
    )


def index_context(run: LargeRun, found: IndexFigures, focus: Focus) -> dict[str, Any]:
    """What the template of the first page needs."""
    alarms = alarm_lines(found.judged, run.names)
    calibrated = calibration_lines([one for one in run.calibrations if not one.rung])
    extent = counts.extent(run.database)
    return {
        "opening": extent_words(extent),
        "panels": panels(found.summaries, found.curves, found.rankings, run.names, focus.tool),
        "apart": apart(found.own_readers, run.names),
        "missed": _missed(run),
        "false_alarms": alarm_sentence(found.judged, run.names),
        "table": found.table,
        "maps": None,
        "kind_lines": kind_lines(found.by_kind, found.table.tasks, run.names),
        "task_pages": [(task, task_link(task)) for task in found.table.tasks],
        "alarms": alarms,
        "alarm_task": detection_task(found.judged),
        "alarm_chart": share_chart([_alarm(one) for one in alarms]),
        "kinds": kind_table(found.judged, run.names),
        "calibrations": calibrated,
        "ladder": ladder_of(run.calibrations),
        "calibration_chart": share_chart([(one.label, one.share, one.low, one.high, one.chance) for one in calibrated if one.n]),
        "plants": run.plants,
        "plant_kinds": plant_kinds(run.plants),
        "plant_labels": PLANT_LABELS,
        "refusals": refusals(run.plants),
        "kind_link": kind_link,
        "broken": counts.broken(run.database),
        "lost": counts.lost(run.database),
        "skipped": (),
        "statuses": counts.statuses(run.database),
        "ledger": counts.ledger(run.database),
        "clean_networks": extent.clean,
        "cells": run.rows,
        "snapshot": run.snapshot,
        "asking": run.command,
        "beyond_seconds": f"{BEYOND_SECONDS:g}",
        "beyond_times": f"{BEYOND_TIMES:g}",
    }


def panels(
    known: Sequence[Summary], drawn: Sequence[Curve], ranked: Mapping[str, Ranking], names: Names, chosen: str = ""
) -> tuple[Panel, ...]:
    """One panel per task on which a method or baseline has a score, in the order of the tasks."""
    own = [one for one in known if one.role in (Role.METHOD, Role.BASELINE)]
    made = []
    for task in ordered_tasks(curve.task for curve in drawn if curve.points):
        asked = [one for one in own if one.task == task]
        told = _leader(ranked[task], asked, names), ranking_view(ranked[task], names, ())
        made.append(panel(ranked[task], [curve for curve in drawn if curve.task == task and curve.points], told, names, chosen))
    return tuple(made)


def focus(run: LargeRun, ranked: Mapping[str, Ranking], networks: int, wanted: str) -> Focus:
    """What the page opens on."""
    return focus_among(lambda first, second, task: comparison(ranked[task], first, second), networks, ranked, run.names, wanted)


def _leader(ranked: Ranking, asked: Sequence[Summary], names: Names) -> Sentence:
    return lead_sentence(ranked, asked, partial(_compared, ranked), names)


def _compared(ranked: Ranking, first: str, second: str) -> tuple[SolverComparison, str]:
    verdict = comparison(ranked, first, second)
    more = "" if verdict.separated() else more_networks(ranked, ranked.pair(first, second))
    return verdict, f" In all {more}." if more else ""


def _missed(run: LargeRun) -> Sentence:
    """Which kinds of flaw no solver found above the floor; kinds that lie in one network together count as one."""
    flawed = Part(f"flaw <> '{CLEAN}' AND {CONTENDERS} AND skipped < cells")
    by_flaw = summaries(run.database, flawed, by="flaw")
    task = finding_task({one.task for found in by_flaw.values() for one in found})
    if not task:
        return Sentence("No flaw to find", "Every row is of a clean network.")
    asked = {flaw: [one for one in found if one.task == task] for flaw, found in by_flaw.items()}
    asked = {flaw: found for flaw, found in asked.items() if found}
    return missed_sentence(task, asked, {flaw: max(one.n for one in found) for flaw, found in asked.items()})


def _table(run: LargeRun, known: tuple[Summary, ...], by_kind: Mapping[str, tuple[Summary, ...]]) -> Table:
    tasks = ordered_tasks(one.task for one in known)
    slices = [table_slice(("all", "all cases", ""), _sample(run, EVERYTHING), known, tasks, run.names, run.entries)]
    for word, column in DIMENSIONS:
        found = by_kind if column == "kind" else summaries(run.database, by=column)
        if len(found) > 1:
            samples = {value: (max(one.cases for one in some), max(one.n for one in some)) for value, some in found.items()}
            slices += [
                table_slice((f"{word}:{value}", value, word), samples[value], some, tasks, run.names, run.entries)
                for value, some in sorted(found.items())
            ]
    return Table(tasks, tuple(slices), tuple(sorted({need for entry in run.entries.values() for need in entry.needs})))


def _sample(run: LargeRun, part: Part) -> tuple[int, int]:
    query = f'SELECT count(DISTINCT "case") AS cases, count(DISTINCT subject) AS networks FROM scores WHERE compared AND {part.where}'  # noqa: S608
    (found,) = run.database.find(query)
    return found["cases"], found["networks"]


def _alarm(one: Any) -> tuple[str, float | None, float | None, float | None, None]:
    between = one.false_interval
    return one.solver, one.false_share, between.low if between else None, between.high if between else None, None
