"""Pages that compare two solvers and two runs."""

from dataclasses import replace

import pytest
from page_reader import Page
from report_checks import check_access, check_links
from report_fixture import results

from onecurve.core.errors import UnknownNameError
from onecurve.core.grade import Status
from onecurve.report.pages.against_view import against_view
from onecurve.report.pages.compare_view import couples_of
from onecurve.report.pages.write import Asked, write_report


@pytest.fixture(scope="module")
def here():
    return results(4, 1, 1, side=8)


@pytest.fixture(scope="module")
def folder(here, tmp_path_factory):
    out = tmp_path_factory.mktemp("compared")
    better = {row.key: replace(row, skill=row.skill + 0.2) for row in here.rows if row.solver == "cppn@matcher" and row.skill}
    there = replace(here, rows=tuple(better.get(row.key, row) for row in here.rows))
    first = write_report(here, out, Asked(compare=("cppn", "neural-cleanse"), against=there))
    assert first == out / "against.html"
    return out


def test_pages_that_compare_are_whole_and_linked_from_the_index(folder):
    check_links(folder)
    for page in (folder / "against.html", *(folder / "compare").iterdir()):
        check_access(Page(page))
    linked = {one.attributes["href"] for one in Page(folder / "index.html").all("a")}
    assert {"against.html", "compare/cppn-neural-cleanse.html"} <= linked


def test_two_solvers_stand_side_by_side_on_the_cases_in_which_they_differ(here, folder):
    page = Page(folder / "compare" / "cppn-neural-cleanse.html")
    assert [one.text for one in page.all("h1")] == ["cppn against neural-cleanse"]
    duels = page.all("article")
    assert [one.attributes["data-tool"] for one in duels] == ["cppn", "neural-cleanse"] * (len(duels) // 2)
    tasks = {row.task for row in here.rows if row.tool == "cppn"} & {row.task for row in here.rows if row.tool == "neural-cleanse"}
    assert {one.text for one in page.all("th") if one.attributes["scope"] == "row"} >= tasks


def test_solvers_with_the_same_reader_are_paired(here):
    twice = tuple(replace(row, solver="cppn@a", reader="a") for row in here.rows if row.solver == "cppn@matcher")
    assert couples_of("cppn", "neural-cleanse", (*twice, *here.rows))["discover"] == ("cppn@matcher", "neural-cleanse@matcher")


def test_a_name_that_is_not_there_writes_nothing(here, tmp_path):
    with pytest.raises(UnknownNameError, match="nobody"):
        write_report(here, tmp_path / "out", Asked(compare=("cppn", "nobody")))
    assert not (tmp_path / "out").exists()


def test_against_the_same_run_nothing_changed(here):
    view = against_view(here, here)
    assert view.headline.startswith("0 of ")
    assert view.cells == view.facts == view.alone == ()
    assert all(line.basis.startswith("paired") for line in view.lines)


def test_what_differs_between_runs_is_listed_cell_by_cell(here):
    (row, *_) = [row for row in here.rows if row.solver == "cppn@matcher" and row.status is Status.GRADED and row.budget > 10_000]
    other = replace(row, skill=row.skill - 0.5)
    view = against_view(here, replace(here, rows=tuple(other if one is row else one for one in here.rows)))
    assert [(one.case, one.solver, one.difference) for one in view.cells] == [(row.case, "cppn@matcher", "0.50")]


def test_other_networks_are_not_paired_whatever_their_names(here):
    there = replace(here, rows=tuple(replace(row, facts={**row.facts, "success": 0.91}) for row in here.rows))
    view = against_view(here, there)
    assert view.cells == ()
    assert {line.basis for line in view.lines} == {"other networks"}
    assert "other networks" in view.words
