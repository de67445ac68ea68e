"""What holds of every page: links lead somewhere, nothing is fetched, screen readers find their way, names cannot break out."""

import csv
import re
from dataclasses import replace

import pytest
from page_reader import Page, pages
from report_checks import check_access, check_links
from report_fixture import Shelf, results

from onecurve.core.grade import Status
from onecurve.report.pages.data_files import write_records
from onecurve.report.pages.write import write_report
from onecurve.report.words.naming import case_link, page_name, solver_link
from onecurve.statistics.summary import summarise

HOSTILE = '"><script>alert(1)</script><b onmouseover=x>{{ 7*7 }}'


def test_every_link_and_picture_exists(written, read):
    check_links(written, read)


def test_pages_can_be_read_without_seeing(read):
    for page in read:
        check_access(page)


def test_nothing_is_fetched_from_a_network(written):
    for path in written.rglob("*"):
        if path.suffix in {".html", ".css", ".js"}:
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"https?:|//[a-z]+\.|@import|url\(", text), path.name


def test_there_is_a_page_per_case_tool_and_reader(small, written):
    for case in small.displays:
        assert (written / case_link(case)).is_file()
    for row in small.rows:
        for name in {row.tool, row.reader} - {""}:
            assert (written / solver_link(name)).is_file()


def test_a_case_shows_questions_about_its_network_but_not_about_other_flaws(written):
    headings = [one.text for one in Page(written / case_link("s00-style")).all("h2")]
    assert "detect" in headings, "asked of the network under its first case"
    assert "localise" not in headings, "asked of the other flaws only"


def test_pictures_are_kept_once_and_large_enough(written, read):
    names = [path.name for path in (written / "assets").glob("*.png")]
    assert len(names) == len({(written / "assets" / name).read_bytes() for name in names})
    for page in read:
        for image in page.all("img"):
            if "160" not in image.attributes["width"]:
                assert max(int(image.attributes["width"]), int(image.attributes["height"])) >= 128


def test_pictures_below_the_first_screen_load_lazily(read):
    assert all(image.attributes.get("loading") == "lazy" for page in read for image in page.all("img"))


def test_every_chart_has_a_caption(index):
    page = index
    charts = [one for one in index.all("svg") if "chart" in one.attributes.get("class", "")]
    assert charts
    assert all("figure" in chart.inside for chart in charts)
    figures = [one for one in page.all("figure") if "pic" not in one.attributes.get("class", "")]
    assert len([one for one in page.all("figcaption") if one.inside[-1] == "figure"]) >= len(figures)


def test_writing_again_gives_the_same_pages(tiny, tmp_path):
    made = []
    for out in (tmp_path / "first", tmp_path / "second"):
        write_report(tiny, out)
        made.append({path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()})
    assert made[0] == made[1]


def test_hostile_names_stay_words_and_inside_the_folder(tmp_path):
    plain = results(1, 1, 0, side=8)
    names = {"cppn": HOSTILE, "top-images": "../../escape"}
    rows = tuple(
        replace(row, tool=names.get(row.tool, row.tool), solver=names.get(row.tool, row.tool) + "@x", reason=HOSTILE, case=HOSTILE)
        for row in plain.rows
    )
    (display,) = plain.displays.values()
    displays = {HOSTILE: replace(display, case=HOSTILE, words=HOSTILE, target=HOSTILE)}
    run = replace(plain.run, command=HOSTILE, suite=HOSTILE, suite_text=HOSTILE, versions={HOSTILE: HOSTILE}, machine=HOSTILE)
    out = tmp_path / "out"
    write_report(replace(plain, rows=rows, displays=displays, run=run), out)
    check_links(out)
    assert {path.name for path in tmp_path.iterdir()} == {"out"}
    for page in pages(out):
        assert [one.attributes.get("src", "") for one in page.all("script")] == [page.all("script")[0].attributes["src"]]
        assert not [name for one in page.elements for name in one.attributes if name.startswith("on")]
        assert "49" not in page.all("title")[0].text


def test_empty_results_make_a_page_that_says_so(tmp_path):
    nothing = replace(results(0, 0, 0), rows=(), displays={}, plants=(), calibrations=(), entries={})
    page = Page(write_report(nothing, tmp_path))
    check_links(tmp_path)
    check_access(page)
    text = page.all("body")[0].text
    assert "There are no rows yet" in text
    assert "there is no curve to draw" in text


def test_only_failures_make_a_page_with_reasons_and_no_number(tiny, tmp_path):
    plain = tiny
    failed = {"status": Status.FAILED, "reason": "out of memory", "raw": None, "floor": None, "ceiling": None, "skill": None}
    rows = tuple(replace(row, **failed, figures={}, answer="", evidence="", traceback="Traceback: boom") for row in plain.rows)
    page = Page(write_report(replace(plain, rows=rows), tmp_path))
    check_links(tmp_path)
    check_access(page)
    text = page.all("body")[0].text
    assert "out of memory" in text
    assert "there is no curve to draw" in text
    assert not [one for one in page.all("td") if "p5" in one.attributes.get("class", "").split()]


def test_a_task_that_every_solver_skipped_says_why_once(tmp_path):
    plain = results(2, 1, 0, side=8)
    case = next(row.case for row in plain.rows if row.task == "discover" and row.flaw != "clean")
    why = "there is no trigger to name"
    rows = tuple(
        replace(row, status=Status.SKIPPED, reason=why, raw=None, skill=None) if (row.case, row.task) == (case, "discover") else row
        for row in plain.rows
    )
    write_report(replace(plain, rows=rows), tmp_path)
    text = (tmp_path / case_link(case)).read_text(encoding="utf-8")
    assert text.count(f"Skipped: {why}.") == 1
    assert text.count(why) == 1
    untouched = (tmp_path / case_link(next(other for other in plain.displays if other != case))).read_text(encoding="utf-8")
    assert "Skipped: " not in untouched


def test_a_single_case_gives_no_interval_and_says_so(tmp_path):
    page = Page(write_report(results(1, 1, 0, side=8), tmp_path))
    check_access(page)
    cells = [one.text for one in page.all("td") if "cell" in one.attributes.get("class", "") and "n=1" in one.text]
    assert cells
    assert all("no interval" in cell for cell in cells)


def test_records_that_were_not_kept_are_said_to_be_missing(tmp_path):
    plain = replace(results(1, 1, 0, side=8), record=Shelf().load)
    write_report(plain, tmp_path)
    text = Page(tmp_path / case_link("s00-patch")).all("main")[0].text
    assert "The evidence was not kept" in text
    assert "The answer was not kept" in text


def test_two_hundred_cases_stay_small(tmp_path):
    plain = replace(results(10, 2, 0, side=8), record=Shelf().load)
    rows = tuple(
        replace(row, key=f"{at}{row.key}", case=f"{at}{row.case}", subject=f"{at}{row.subject}") for at in range(10) for row in plain.rows
    )
    displays = {f"{at}{case}": replace(one, case=f"{at}{case}") for at in range(10) for case, one in plain.displays.items()}
    many = replace(plain, rows=rows, displays=displays)
    kept = dict(list(many.displays.items())[:3])
    index = write_report(replace(many, displays=kept), tmp_path)
    assert len(many.displays) == 200
    assert index.stat().st_size < 3_000_000
    assert len(Page(index).all("img")) < 150


@pytest.mark.parametrize("name", ["a/b", "..", "A b", "ü", "", "x" * 300])
def test_file_names_are_safe_and_distinct(name):
    made = page_name(name)
    assert re.fullmatch(r"[a-z0-9_-]+\.html", made)
    assert len(made) < 100
    assert made != page_name(f"{name}!")


def test_the_first_screen_says_in_red_which_solver_failed_everywhere(tiny, tmp_path):
    trace = 'Traceback (most recent call last):\n  File "mine.py", line 7, in look\nValueError: no such layer'
    broken = {"status": Status.FAILED, "raw": None, "skill": None, "reason": "ValueError: no such layer", "traceback": trace}
    rows = tuple(replace(row, **broken) if row.solver == "cppn@matcher" else row for row in tiny.rows)
    page = write_report(replace(tiny, rows=rows), tmp_path).read_text(encoding="utf-8")
    alert = page[page.index('<div class="alert"') : page.index('<section id="curve"')]
    assert "1 solver failed everywhere" in alert
    assert "cppn@matcher" in alert
    assert "ValueError: no such layer" in alert
    assert "mine.py, line 7" in alert
    assert "no conclusion is drawn" in alert
    assert "Nothing is concluded of cppn" in page


def test_without_a_broken_solver_there_is_no_alert(written):
    assert 'class="alert"' not in (written / "index.html").read_text(encoding="utf-8")


def test_skipped_cells_are_folded_away(written):
    page = (written / "index.html").read_text(encoding="utf-8")
    section = page[page.index('<section id="failures"') : page.index('<section id="ledger"')]
    shown, folded = section.split("<details><summary>Skipped: ")
    assert "skipped</b> on repair" in folded
    assert "skipped</b>" not in shown


def test_either_cost_can_be_read_and_who_worked_beyond_the_meter_is_marked(written, tiny, tmp_path):
    page = (written / "index.html").read_text(encoding="utf-8")
    assert page.count('<div class="by-meter">') == page.count('<div class="by-processor">') > 1
    assert "processor time per case, as passes of the network forward" in page
    assert "cells worked beyond the meter" in page
    without = replace(tiny, rows=tuple(replace(row, cpu_seconds=None, passes=None) for row in tiny.rows))
    old = write_report(without, tmp_path / "old").read_text(encoding="utf-8")
    assert "by-processor" not in old
    assert 'class="tag beyond"' not in old


def test_clean_images_are_a_cost_of_their_own_where_they_were_counted(written, tiny, tmp_path):
    page = (written / "index.html").read_text(encoding="utf-8")
    assert '<input type="radio" name="axis" value="clean">' in page
    assert page.count('<div class="by-clean">') == page.count('<div class="by-meter">') > 1
    assert page.count("clean images read per case: different images of the clean set") == page.count('<div class="by-clean">')
    for column in ("clean images", "most clean images"):
        assert f'<th scope="col">{column}</th>' in page
    case = (written / "cases").glob("*.html")
    assert any("<dt>clean images</dt><dd>200</dd>" in one.read_text(encoding="utf-8") for one in case)
    for name, value in (("curves", "0"), ("skills", "0"), ("cost", "0"), ("cells", "0")):
        with (written / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            lines = [line for line in csv.DictReader(file) if line["solver"].startswith("occlusion")]
        assert lines
        assert {float(line["clean_images"]) for line in lines} == {float(value)}
    without = replace(tiny, rows=tuple(replace(row, clean_images=None) for row in tiny.rows))
    old = write_report(without, tmp_path / "old").read_text(encoding="utf-8")
    assert "by-clean" not in old
    assert 'value="clean"' not in old
    assert "lean images</th>" not in old
    assert 'value="processor"' in old


def test_a_run_without_processor_time_still_has_the_axis_of_clean_images(tiny, tmp_path):
    without = replace(tiny, rows=tuple(replace(row, cpu_seconds=None, passes=None) for row in tiny.rows))
    page = write_report(without, tmp_path).read_text(encoding="utf-8")
    assert 'value="clean"' in page
    assert 'value="processor"' not in page


def test_more_than_ten_solvers_have_small_charts(tiny, tmp_path):
    plain = tiny
    more = [
        replace(row, tool=f"map-{at}", solver=f"map-{at}@verbatim", key=f"{row.key}-{at}")
        for row in plain.rows
        if row.tool == "occlusion"
        for at in range(9)
    ]
    page = Page(write_report(replace(plain, rows=(*plain.rows, *more)), tmp_path))
    check_access(page)
    charts = [one for one in page.all("svg") if "multiples" in one.attributes.get("class", "")]
    assert charts
    assert all("localise" in one.attributes["aria-label"] for one in charts)


def test_numbers_lead_to_their_cells_and_cells_to_their_evidence(written, index):
    spots = [one for one in index.all("a") if one.attributes.get("class") == "spot"]
    assert spots
    assert all("#cells-" in one.attributes["href"] for one in spots)
    solver = Page(written / solver_link("cppn"))
    assert [one for one in solver.all("a") if one.text == "evidence" and "#shown-discover-" in one.attributes["href"]]


def test_files_of_numbers_hold_what_the_pages_say(small, written):
    with (written / "data" / "skills.csv").open(encoding="utf-8") as file:
        found = {(line["task"], line["solver"]): line for line in csv.DictReader(file) if not line["by"]}
    one = next(one for one in summarise(small.rows) if (one.task, one.solver) == ("discover", "cppn@matcher"))
    assert float(found["discover", "cppn@matcher"]["skill"]) == pytest.approx(one.mean)
    with (written / "data" / "cells.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == len(small.rows)


def test_a_text_is_no_formula_in_a_file(tmp_path):
    write_records(tmp_path, "x", [{"name": "=1+1", "number": -2.0}])
    assert (tmp_path / "data" / "x.csv").read_text() == "name,number\n'=1+1,-2.0\n"
