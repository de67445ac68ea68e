"""The report of a large run on disk: the first page, and one for every tool and reader, kind of flaw and task.

No page holds rows: each links to the snapshot, to the numbers of its tables as CSV, and tells the command that makes them.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

from jinja2 import Environment

from onecurve.report.large.counts import cost_records, extent
from onecurve.report.large.examples import examples
from onecurve.report.large.index import IndexFigures, focus, index_context, index_figures
from onecurve.report.large.part_page import kind_page, task_page
from onecurve.report.large.run import LargeRun
from onecurve.report.large.tool_page import ToolPage, tool_page
from onecurve.report.pages import data_files
from onecurve.report.pages.contact_sheet import contact_sheet
from onecurve.report.pages.files import written
from onecurve.report.pages.panels import Panel
from onecurve.report.pages.write import assets_in, environment, heat_legend, write_cases
from onecurve.report.words.focus import check_solver
from onecurve.report.words.naming import scores_file
from onecurve.statistics.detection import KindDetection
from onecurve.store.export import as_csv


def write_large_report(run: LargeRun, out: Path, solver: str = "") -> Path:
    """Write `index.html` and all other pages with `assets/` and `data/` into ``out``; returns the path of the index.

    It opens on ``solver``, a tool or a pair, or else on the clearest result. Raises ``UnknownNameError`` for one that no row is of.
    """
    if solver:
        check_solver(solver, {tool for tool, _ in run.names.halves.values()}, run.names)
    found = index_figures(run)
    opened = focus(run, found.rankings, extent(run.database).networks, solver)
    assets = assets_in(out)
    pages = environment({"chosen": opened.tool, "run": run.run, "legend": heat_legend(assets)})
    cases = examples(run)
    views = write_cases(cases, out, assets, pages)
    if cases.rows:
        data_files.write_text(out, "cells", "".join(as_csv(cases.rows)))
    sheet = contact_sheet(cases.displays, run.plants, assets)
    context = index_context(run, found, opened)
    page = pages.get_template("large.html").render(up="", sheet=sheet, views=views, focus=opened, compared=(), **context)
    _write_data(run, found, context["kinds"].found, out)
    index = written(out / "index.html", page)
    _write_parts(run, found, context["panels"], out, pages, {display.flaw: case for case, display in cases.displays.items()})
    template = pages.get_template("large_solver.html")
    for name in sorted({half for halves in run.names.halves.values() for half in halves} - {""}):
        view = tool_page(run, name)
        _write_solver_data(view, out)
        written(out / view.link, template.render(view=view, up="../", asking=run.command, snapshot=run.snapshot))
    return index


def _write_parts(
    run: LargeRun, found: IndexFigures, shown: Sequence[Panel], out: Path, pages: Environment, example: Mapping[str, str]
) -> None:
    """The pages of kinds of flaw and of tasks; ``example`` is a case with a page, by its flaw."""
    template, kinds = pages.get_template("large_part.html"), sorted(found.by_kind)
    told = {"up": "../", "asking": run.command, "snapshot": run.snapshot}
    by_task = {panel.task: panel for panel in shown}
    tasks = (task_page(run, task, kinds, by_task.get(task), found.by_kind) for task in found.table.tasks)
    for view in chain(tasks, (kind_page(run, kind, found.table.tasks) for kind in kinds)):
        data_files.write_records(out, view.file, view.records)
        data_files.write_records(
            out, view.ranking_file, [one for ranked in view.rankings.values() for one in data_files.rank_records(ranked)]
        )
        data_files.write_records(out, f"{view.file}-hardest", [line.record for line in view.hardest])
        data_files.write_records(out, f"{view.file}-widest", [line.record for line in view.widest])
        written(out / view.link, template.render(view=view, example=example.get(view.name, ""), **told))


def _write_data(run: LargeRun, found: IndexFigures, detected: Sequence[KindDetection], out: Path) -> None:
    """The files of the tables on the first page; those of empty tables are not written."""
    data_files.write_records(out, "skills", data_files.skill_records(found.table))
    data_files.write_rankings(out, found.rankings)
    data_files.write_records(out, "curves", data_files.curve_records((*found.curves, *found.own_readers)))
    data_files.write_records(out, "calibration", [data_files.calibration_record(one) for one in run.calibrations])
    data_files.write_records(out, "planting", [data_files.plant_record(one) for one in run.plants])
    data_files.write_records(out, "cost", cost_records(run.database))
    data_files.write_alarms(found.judged, out)
    data_files.write_kinds(detected, out)


def _write_solver_data(view: ToolPage, out: Path) -> None:
    for of, lines in (("budget", view.by_budget), ("flaw", view.by_flaw)):
        records = [{of: line.of, **data_files.summary_record(line.summary)} for line in lines]
        data_files.write_records(out, scores_file(view.name, of), records)
    ends = [line.record for block in view.ends for line in (*block.lowest, *block.highest)]
    data_files.write_records(out, scores_file(view.name, "cases"), ends)
