"""The numbers of every table as CSV files in the folder `data` of a report, unrounded, one line per row of a table.

Texts that a spreadsheet would take for a formula get an apostrophe in front.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from onecurve.core.display import Calibration, PlantRecord
from onecurve.core.grade import Status
from onecurve.core.row import Role, Row
from onecurve.report.pages.checks_view import CheckLine
from onecurve.report.pages.metrics_view import MetricsView
from onecurve.report.pages.solver_view import SolverView
from onecurve.report.pages.table import Table
from onecurve.report.rows.results import Results
from onecurve.report.words.naming import scores_file
from onecurve.statistics.cases import by_solver
from onecurve.statistics.curves import Curve, curves
from onecurve.statistics.detection import KindDetection, detections
from onecurve.statistics.intervals import Interval
from onecurve.statistics.ranking import Ranking
from onecurve.statistics.summary import Summary
from onecurve.store.export import as_csv

FOLDER = "data"
Record = Mapping[str, object]
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_data(results: Results, table: Table, rankings: Mapping[str, Ranking], maps: MetricsView | None, out: Path) -> None:
    """The files of the tables on the index; those of empty tables are not written."""
    rows = results.rows
    write_text(out, "cells", "".join(as_csv(rows)))
    write_records(out, "skills", skill_records(table))
    write_rankings(out, rankings)
    write_records(out, "curves", curve_records(curves(row for row in rows if row.role is not Role.REFERENCE_POINT)))
    write_records(out, "cases", case_records(rows))
    write_records(out, "calibration", [calibration_record(one) for one in results.calibrations])
    write_records(out, "planting", [plant_record(one) for one in results.plants])
    write_records(out, "cost", cost_records(rows))
    write_records(out, "heat-maps", map_records(maps) if maps else [])
    write_records(out, "heat-map-agreement", agreement_records(maps) if maps else [])


def write_rankings(out: Path, rankings: Mapping[str, Ranking]) -> None:
    """The files of ranks and of the tests of all pairs."""
    write_records(out, "ranking", [record for ranked in rankings.values() for record in rank_records(ranked)])
    write_records(out, "pairs", [record for ranked in rankings.values() for record in pair_records(ranked)])


def write_solver_data(view: SolverView, out: Path) -> None:
    """The files of the tables on the page of a solver."""
    for of, lines in (("budget", view.by_budget), ("flaw", view.by_flaw)):
        write_records(out, scores_file(view.name, of), [{of: line.of, **summary_record(line.summary)} for line in lines])
    write_records(out, scores_file(view.name, "checks"), [check_record(line) for line in view.checks])


def write_alarms(rows: Sequence[Row], out: Path) -> None:
    """The file of the table of false alarms; ``rows`` are those of the detection task without reference points."""
    write_records(
        out,
        "alarms",
        [
            {
                "solver": one.solver,
                "clean_networks": one.clean,
                "false_alarms": one.false_alarms,
                **_ends("false_alarms", one.false_alarm_interval),
                "control_networks": one.controls,
                "control_alarms": one.control_alarms,
                **_ends("control_alarms", one.control_alarm_interval),
                "flawed_networks": one.flawed,
                "right_class_first": one.named,
                "alarms": one.found,
                **_ends("alarms", one.found_interval),
                "auroc": one.auroc,
                **_ends("auroc", one.auroc_interval),
                "failed_networks": one.failed,
            }
            for one in detections(rows)
        ],
    )


def write_kinds(found: Sequence[KindDetection], out: Path) -> None:
    """The file of detectors by kind of flaw."""
    write_records(
        out,
        "kinds",
        [
            {
                "solver": one.solver,
                "kind": one.kind,
                "flawed_networks": one.detection.flawed,
                "other_networks": one.detection.clean + one.detection.controls,
                "auroc": one.detection.auroc,
                **_ends("auroc", one.detection.auroc_interval),
            }
            for one in found
        ],
    )


def write_records(out: Path, name: str, records: Sequence[Record]) -> None:
    """One file; nothing for no records. Columns are those of all records, in the order in which they occur."""
    if not records:
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(key for record in records for key in record)), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _plain(value) for key, value in record.items()} for record in records)
    write_text(out, name, text.getvalue())


def write_text(out: Path, name: str, text: str) -> None:
    """A file of the folder `data`."""
    folder = out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.csv").write_text(text, encoding="utf-8")


def _plain(value: object) -> object:
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _ends(name: str, interval: Interval | None) -> dict[str, float | None]:
    return {f"{name}_low": interval.low if interval else None, f"{name}_high": interval.high if interval else None}


def summary_record(one: Summary) -> Record:
    """One solver on one task."""
    return {
        "task": one.task,
        "solver": one.solver,
        "role": str(one.role),
        "skill": one.mean if one.scored else None,
        **_ends("skill", one.interval),
        "median": one.median if one.scored else None,
        "worst_tenth": one.worst_tenth if one.scored else None,
        "mean_over_successes": one.mean_over_successes,
        "networks": one.n,
        "cases": one.cases,
        "cost": one.cost,
        "clean_images": one.clean_images,
        **{str(status): one.counts[status] for status in Status},
    }


def skill_records(table: Table) -> list[Record]:
    """Every slice of the table of solvers by tasks."""
    return [{"by": part.group, "of": part.label, **summary_record(one)} for part in table.slices for one in part.summaries]


def rank_records(ranked: Ranking) -> list[Record]:
    """The ranking of one task."""
    return [
        {"best_rank": one.best, "worst_rank": one.worst, "of": one.among, "group": one.group + 1, **summary_record(one.summary)}
        for one in ranked.solvers
    ]


def pair_records(ranked: Ranking) -> list[Record]:
    """The tests that the ranking of one task rests on."""
    return [
        {
            "task": ranked.task,
            "first": pair.first,
            "second": pair.second,
            "networks": pair.n,
            "difference": pair.difference,
            "p_holm": pair.p_adjusted,
            "separated": pair.separated,
        }
        for pair in ranked.pairs.values()
        if pair.asked
    ]


def curve_records(drawn: Iterable[Curve]) -> list[Record]:
    """Every point of every chart of skill against cost."""
    return [
        {
            "task": curve.task,
            "solver": curve.solver,
            "role": str(curve.role),
            "budget": point.budget,
            "retrain_budget": point.retrain_budget,
            "cost": point.cost,
            "processor_passes": point.passes,
            "clean_images": point.clean_images,
            "skill": point.mean,
            **_ends("skill", point.interval),
            "networks": point.n,
            "cases": point.cases,
            "failed": point.failed,
            "beyond_meter": point.beyond,
        }
        for curve in drawn
        for point in curve.points
    ]


def case_records(rows: Sequence[Row]) -> list[Record]:
    """What is known of each case."""
    first = {row.case: row for row in reversed(rows)}
    return [
        {"case": case, "network": row.subject, "flaw": row.flaw, "data": row.data, "model": row.model, **row.facts}
        for case, row in sorted(first.items())
    ]


def calibration_record(one: Calibration) -> Record:
    """One reader under one condition."""
    return {
        "reader": one.reader,
        "evidence": one.condition,
        "flaw": one.flaw,
        "n": one.n,
        "right": one.correct,
        "low": one.low,
        "high": one.high,
        "mean_weight": one.mean_mass,
        "chance": one.chance,
    }


def plant_record(one: PlantRecord) -> Record:
    """One attempt at planting."""
    verdict = "admitted" if one.admitted else "refused"
    return {"case": one.case, "network": one.subject, "flaw": one.flaw, "verdict": verdict, "reason": one.reason, **one.strength}


def cost_records(rows: Sequence[Row]) -> list[Record]:
    """What each solver spent on each task."""
    return [
        {
            "solver": solver,
            "task": task,
            "cells": len(own),
            "forward": sum(row.forward for row in own),
            "backward": sum(row.backward for row in own),
            "equivalents": sum(row.cost.equivalents for row in own),
            "seconds": sum(row.seconds for row in own),
            "processor_seconds": sum(row.cpu_seconds or 0.0 for row in own),
            "processor_passes": sum(row.passes or 0.0 for row in own),
            "beyond_meter": sum(row.beyond_meter for row in own),
            "person_seconds": sum(row.person_seconds for row in own),
            "clean_images": max((row.clean_images for row in own if row.clean_images is not None), default=None),
        }
        for (solver, task), own in by_solver(row for row in rows if row.role is not Role.REFERENCE_POINT).items()
    ]


def map_records(maps: MetricsView) -> list[Record]:
    """Every tool under every saliency metric."""
    return [{"map": label, "metric": metric, "mean": mean, "rank": rank} for label, metric, mean, rank in maps.figures]


def agreement_records(maps: MetricsView) -> list[Record]:
    """Kendall's tau of every pair of metrics."""
    names = [name for name, _ in maps.metrics]
    return [{"metric": name, **dict(zip(names, (tau.replace("−", "-") for tau in taus), strict=True))} for name, taus in maps.agreement]


def check_record(line: CheckLine) -> Record:
    """One sanity check of a tool."""
    return {"check": line.name, "held": line.held, "looks": line.looks, "median": line.figure}
