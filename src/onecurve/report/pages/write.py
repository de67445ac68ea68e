"""The report on disk: ``write_report`` turns results into a folder of pages and runs nothing.

An existing report in the folder is overwritten file by file; other files there are left alone.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from onecurve.core.errors import UsageError
from onecurve.core.question import Form
from onecurve.core.row import BEYOND_SECONDS, BEYOND_TIMES, Role, Row
from onecurve.report.charts.share_chart import ShareLine, share_chart
from onecurve.report.pages import pictures
from onecurve.report.pages.assets import Assets, PageImage
from onecurve.report.pages.case_view import CaseView, abridged, case_view
from onecurve.report.pages.comparisons import couple_of, write_against, write_couples
from onecurve.report.pages.contact_sheet import contact_sheet
from onecurve.report.pages.data_files import write_alarms, write_data, write_kinds, write_solver_data
from onecurve.report.pages.detection_view import kind_table
from onecurve.report.pages.false_alarms import AlarmLine, alarm_lines, alarm_sentence, detection_task, judged_rows
from onecurve.report.pages.files import written
from onecurve.report.pages.ladder_view import ladder_of
from onecurve.report.pages.metrics_view import metrics_view
from onecurve.report.pages.panels import panels, points_apart
from onecurve.report.pages.ranking_view import rankings_of
from onecurve.report.pages.sections import (
    broken_solvers,
    calibration_lines,
    case_lines,
    ledger,
    lost_cells,
    plant_lines,
    skipped_cells,
    status_counts,
)
from onecurve.report.pages.solver_view import solver_views
from onecurve.report.pages.table import table
from onecurve.report.rows.results import Results
from onecurve.report.words import numbers
from onecurve.report.words.focus import Focus, check_solver, focus_of
from onecurve.report.words.naming import CLEAN, FIXED, Names, in_words, is_contender, page_name, scores_file
from onecurve.report.words.sentences import missed_kinds_sentence, opening
from onecurve.statistics.ranking import Ranking
from onecurve.version import __version__

LOOKS = 4
"""Cases on the index: the first case of each kind of flaw that has a graded row, at most this many."""
SOLVER_ROWS = 5
"""Solver rows per task on the index; the page of a case shows all."""
INDEX_FORMS = (Form.LINEUP, Form.PIXELS)
"""Forms of the tasks that the index shows of a case."""


@final
@dataclass(frozen=True)
class Asked:
    """What the reader of a report came for."""

    solver: str = ""
    """A solver or tool; the report opens on it and highlights it. Empty for the clearest result."""
    compare: tuple[str, str] | None = None
    """Two solvers or tools; a page puts them side by side."""
    against: Results | None = None
    """Another run; a page puts this one beside it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every solver or tool that is named."""
        return tuple(filter(None, (self.solver, *(self.compare or ()))))

    def __post_init__(self) -> None:
        if self.compare is not None and (len(set(self.compare)) < 2 or not all(self.compare)):
            raise UsageError("two different solvers can be compared", "`--compare A B` takes two names of the ranking")


NOTHING_ASKED = Asked()
_STATIC = ("report.css", "report.js")


def write_report(results: Results, out: Path, asked: Asked = NOTHING_ASKED) -> Path:
    """Write `index.html`, a page per case and per solver, those that compare, and `assets/` and `data/` into ``out``.

    Returns the path of the page that was asked for, or of the index. Raises ``UnknownNameError`` for a solver that no row is of.
    """
    names, rankings = Names.of(results.rows), rankings_of(results.rows)
    for name in asked.names:
        check_solver(name, {row.tool for row in results.rows if is_contender(row)}, names)
    focus = focus_of([row for row in results.rows if is_contender(row)], rankings, names, asked.solver)
    assets = assets_in(out)
    pages = environment({"chosen": focus.tool, "legend": heat_legend(assets), "run": results.run})
    views = write_cases(results, out, assets, pages)
    with_page = frozenset(results.displays)
    solvers = pages.get_template("solver.html")
    for view in solver_views(results, with_page):
        write_solver_data(view, out)
        written(out / view.link, solvers.render(view=view, up="../"))
    wanted = (*((asked.compare,) if asked.compare else ()), *couple_of(focus))
    compared = write_couples(wanted, results, rankings, (out, assets, pages))
    if asked.against is not None:
        compared = (write_against(results, asked.against, out, pages), *compared)
    sheet = contact_sheet(results.displays, results.plants, assets)
    shown = _index(results, views, with_page, rankings, focus)
    write_data(results, shown["table"], rankings, shown["maps"], out)
    write_alarms(judged_rows(results.rows), out)
    write_kinds(shown["kinds"].found, out)
    page = pages.get_template("index.html").render(up="", sheet=sheet, focus=focus, compared=compared, **shown)
    index = written(out / "index.html", page)
    return out / compared[0].link if asked.compare or asked.against else index


def assets_in(out: Path) -> Assets:
    """The assets of pages in ``out``, with what every page needs."""
    assets = Assets(out)
    for name in _STATIC:
        assets.write(name, (files("onecurve.report") / "static" / name).read_bytes())
    return assets


def heat_legend(assets: Assets) -> PageImage:
    """The legend of heat maps."""
    return assets.keep(pictures.heat_legend(), "colour scale from dark violet, least, to yellow, most")


def environment(shared: dict[str, object]) -> Environment:
    """The templates with the report's filters; ``shared`` is known to every page."""
    pages = Environment(
        loader=PackageLoader("onecurve.report"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {"plural": numbers.count, "duration": numbers.seconds, "day": numbers.day}
    pages.filters |= {"page_name": page_name, "and_list": numbers.and_list, "words": in_words, "scores_file": scores_file}
    pages.globals |= {"chosen": ""} | shared | {"version": __version__, "fixed": FIXED}
    return pages


def write_cases(results: Results, out: Path, assets: Assets, pages: Environment) -> tuple[CaseView, ...]:
    """Writes one page per case and returns the few views that the index shows."""
    by_subject: dict[str, list[Row]] = defaultdict(list)
    for row in results.rows:
        by_subject[row.subject].append(row)
    template = pages.get_template("case.html")
    kept: dict[str, CaseView] = {}
    order = sorted(results.displays)
    for place, case in enumerate(order):
        view = case_view(results.displays[case], by_subject[results.displays[case].subject], results, assets)
        near = [order[at] if 0 <= at < len(order) else "" for at in (place - 1, place + 1)]
        written(out / view.link, template.render(view=view, before=near[0], after=near[1], up="../"))
        if view.flaw not in kept and len(kept) < LOOKS and not view.clean:
            few = abridged(view, INDEX_FORMS, SOLVER_ROWS)
            if any(block.solver_rows for block in few.blocks):
                kept[view.flaw] = few
    return tuple(kept.values())


def _index(
    results: Results, views: tuple[CaseView, ...], with_page: frozenset[str], rankings: Mapping[str, Ranking], focus: Focus
) -> dict[str, Any]:
    rows = results.rows
    names = Names.of(rows)
    words = {case: display.words for case, display in results.displays.items()}
    found = alarm_lines(rows, names)
    solved = tuple(row for row in rows if row.role is not Role.REFERENCE_POINT)
    calibrated = calibration_lines([one for one in results.calibrations if not one.rung])
    return {
        "opening": opening(results),
        "panels": panels(rows, names, rankings, focus.tool),
        "apart": points_apart(rows, names),
        "missed": missed_kinds_sentence(rows),
        "false_alarms": alarm_sentence(rows, names),
        "table": table(results, names),
        "maps": metrics_view(results, names),
        "views": views,
        "cases": case_lines(rows, words, with_page),
        "alarms": found,
        "alarm_task": detection_task(rows),
        "alarm_chart": share_chart(_alarm_lines(found)),
        "calibrations": calibrated,
        "ladder": ladder_of(results.calibrations),
        "kinds": kind_table(rows, names),
        "calibration_chart": share_chart([(one.label, one.share, one.low, one.high, one.chance) for one in calibrated if one.n]),
        "plants": plant_lines(results.plants, with_page),
        "broken": broken_solvers(solved),
        "lost": lost_cells(solved, with_page),
        "skipped": skipped_cells(solved, with_page),
        "statuses": status_counts(rows),
        "ledger": ledger(rows),
        "clean_networks": len({row.subject for row in rows if row.flaw == CLEAN}),
        "cells": len(rows),
        "beyond_seconds": f"{BEYOND_SECONDS:g}",
        "beyond_times": f"{BEYOND_TIMES:g}",
    }


def _alarm_lines(found: Sequence[AlarmLine]) -> list[ShareLine]:
    return [
        (
            one.solver,
            one.false_share,
            one.false_interval.low if one.false_interval else None,
            one.false_interval.high if one.false_interval else None,
            None,
        )
        for one in found
    ]
