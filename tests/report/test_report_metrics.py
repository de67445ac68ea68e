"""The section on heat maps: sentences, tables, box plots over single maps, and the checks that tools made of their own maps."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from page_reader import Page
from report_fixture import Shelf, results

from onecurve.core.answer import Weights
from onecurve.core.evidence import Check, Evidence
from onecurve.report.charts.box_chart import BaselineMark, BoxPlot, box_chart, levels_of
from onecurve.report.pages.checks_view import check_lines, in_short
from onecurve.report.pages.map_spread import map_spreads
from onecurve.report.pages.metrics_view import metrics_view
from onecurve.report.pages.write import write_report
from onecurve.report.words.naming import Names, case_link, solver_link


@pytest.fixture(scope="module")
def whole():
    return results(4, 3, 1, side=8)


def localised(given):
    return [row for row in given.rows if row.task == "localise"]


def test_the_section_names_the_disagreement(whole):
    # L1 in the fixture falls with skill but stays above that of the blank map, so the metrics cannot agree.
    view = metrics_view(whole, Names.of(whole.rows))
    assert view.sentence.headline == "Which map is best depends on the metric"
    assert view.sentence.words.startswith("occlusion leads under average precision, correlation, pointing game and overlap;")
    assert "blank leads under L1 distance (0.050 against 0.1" in view.sentence.words
    assert "Kendall’s τ" in view.sentence.words
    assert view.cases == len({row.case for row in localised(whole)})


def test_one_winner_is_told_as_one(whole):
    rows = tuple(replace(row, figures={**row.figures, "l1": row.figures["l1"] - 0.2} if "l1" in row.figures else {}) for row in whole.rows)
    rows = tuple(row for row in rows if row.tool != "edges")
    pointing = {"occlusion": 0.9, "integrated-gradients": 0.8}
    rows = tuple(
        replace(row, figures={**row.figures, "pointing": pointing.get(row.tool, 0.0)}) if row.task == "localise" else row for row in rows
    )
    said = metrics_view(replace(whole, rows=rows), Names.of(rows)).sentence
    assert said.headline == "occlusion leads under every metric"


def test_every_map_has_a_line_with_its_checks(whole):
    view = metrics_view(whole, Names.of(whole.rows))
    lines = {line.label: line for line in view.lines}
    assert set(lines) == {"occlusion", "integrated-gradients", "edges", "blank"}
    assert lines["occlusion"].checks[0] == ("sound", True)
    assert not lines["occlusion"].checks[1][1]
    assert lines["occlusion"].checks[1][0].startswith("weights 0/")
    assert (lines["edges"].plain, lines["blank"].plain, lines["occlusion"].plain) == (True, True, False)
    assert [sum(line.cells[at].first for line in view.lines) for at in range(5)] == [1, 1, 1, 3, 1], "all but blank share the pointing game"


def test_rows_without_metrics_have_no_section(tiny, tmp_path):
    old = tuple(replace(row, figures={"pearson": 0.5} if row.task == "localise" else row.figures) for row in tiny.rows)
    assert metrics_view(replace(tiny, rows=old), Names.of(old)) is None
    page = Page(write_report(replace(tiny, rows=old), tmp_path))
    assert "maps" not in page.ids()


def test_boxes_are_drawn_over_single_maps_with_baselines_on_the_same_inputs(whole):
    spreads = {spread.measure: spread for spread in map_spreads(whole, "localise")}
    suspects = sum(len(whole.displays[case].suspects) for case in {row.case for row in localised(whole)})
    l1 = spreads["l1"]
    assert (l1.unit, {len(values) for values in (*l1.solvers.values(), *l1.baselines.values())}) == ("images", {suspects})
    assert set(l1.solvers) == {"occlusion@verbatim", "integrated-gradients@verbatim"}
    shares = [mask.mean() for case in sorted({row.case for row in localised(whole)}) for mask in whole.displays[case].suspect_masks]
    np.testing.assert_allclose(l1.baselines["blank"], shares)
    assert not spreads["pearson"].baselines["blank"].any()


def test_a_map_that_is_the_mask_lies_at_the_end_of_the_box_plot(whole):
    (row, *_) = [row for row in localised(whole) if row.tool == "occlusion"]
    masks = whole.displays[row.case].suspect_masks
    shelf = Shelf({row.answer: Weights(masks.reshape(len(masks), -1).astype(np.float32))})
    spreads = map_spreads(replace(whole, rows=(row,), record=shelf.load), "localise")
    assert [float(values.mean()) for spread in spreads for values in spread.solvers.values()] == pytest.approx([0, 1])


def test_cases_whose_masks_are_secret_are_left_out(whole):
    cases = sorted({row.case for row in localised(whole)})
    hidden = replace(whole.displays[cases[0]], suspect_masks=whole.displays[cases[0]].suspect_masks[:0])
    (spread, _) = map_spreads(replace(whole, displays={**whole.displays, cases[0]: hidden}), "localise")
    seen = sum(len(whole.displays[case].suspects) for case in cases[1:])
    assert spread.unit == "images"
    assert {len(values) for values in (*spread.solvers.values(), *spread.baselines.values())} == {seen}


def test_maps_that_were_not_kept_are_replaced_by_means_over_cases(whole):
    spreads = map_spreads(replace(whole, record=Shelf().load), "localise")
    cases = len({row.case for row in localised(whole)})
    assert {spread.unit for spread in spreads} == {"cases"}
    assert all(len(values) == cases for spread in spreads for values in spread.baselines.values())
    assert map_spreads(replace(whole, rows=()), "localise") == ()


def test_box_chart_draws_quartiles_and_uprights_on_one_scale():
    values = np.linspace(0, 1, 101)
    box = BoxPlot("a <b>", "solvers/a.html", levels_of(values), "tip", ahead=True)
    svg = str(
        box_chart([box, replace(box, ahead=False, link="")], [BaselineMark("blank", 0.5), BaselineMark("edges", 0.51)], "axis", "boxes")
    )
    root = ET.fromstring(svg)
    bodies = [one for one in root.iter() if one.get("class") == "body"]
    medians = [one for one in root.iter() if one.get("class") == "median"]
    middle = float(bodies[0].get("x")) + float(bodies[0].get("width")) / 2
    assert float(medians[0].get("x1")) == pytest.approx(middle, abs=0.2)
    (line,) = [one for one in root.iter() if one.get("class") == "upright blank"]
    assert f"L{float(medians[0].get('x1')):.1f} " in line[0].get("d")
    names = [float(one[1].get("x")) for one in root.iter() if (one.get("class") or "").startswith("upright")]
    assert names[1] - names[0] > 30, "names of lines that nearly meet stand apart"
    assert [one.get("class") for one in root.iter() if (one.get("class") or "").split()[:1] == ["box"]] == ["box ahead", "box"]
    assert box_chart([], [], "axis", "boxes") == ""


def test_a_constant_spread_still_has_a_box():
    ET.fromstring(str(box_chart([BoxPlot("a", "", levels_of(np.zeros(3)), "tip", ahead=False)], [], "axis", "boxes")))


def test_checks_are_counted_over_looks_once_each(whole):
    (row, other, *_) = [row for row in localised(whole) if row.tool == "occlusion"]
    good = Evidence((), (Check("complete", 0.01, holds=True, words="error of sums"),))
    bad = Evidence(
        (), (Check("complete", 0.4, holds=False, words="error of sums"), Check("sound", 0, holds=False, words="degenerate: constant"))
    )
    rows = [
        replace(row, evidence="good"),
        replace(row, evidence="good", task="discover"),
        replace(other, evidence="bad", budget=row.budget),
    ]
    lines = check_lines(rows, replace(whole, record=Shelf({"good": good, "bad": bad}).load))
    assert [(line.name, line.held, line.looks, line.words) for line in lines] == [
        ("complete", 1, 2, "error of sums"),
        ("sound", 0, 1, "degenerate: constant"),
    ]
    assert lines[0].figure == "0.205"
    assert in_short(lines) == (("complete 1/2", False), ("sound 0/1", False))


def test_checks_and_baselines_stand_on_the_pages(written, index):
    assert "maps" in index.ids()
    assert len([one for one in index.all("svg") if "boxes" in one.attributes.get("class", "")]) == 2
    case = Page(written / case_link("s00-patch"))
    marks = [one.text for one in case.all("span") if "check" in one.attributes.get("class", "").split()]
    assert "sound" in marks
    assert "weights" in marks
    assert "The same figures of a blank map and of an edge detector" in case.all("main")[0].text
    solver = Page(written / solver_link("occlusion")).all("main")[0].text
    assert "Sanity checks" in solver
    assert "Sanity checks" not in Page(written / solver_link("verbatim")).all("main")[0].text
