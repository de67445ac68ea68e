"""Generated sentences say what the rows allow, and no more."""

import re
from dataclasses import replace

import pytest
from report_fixture import results

from onecurve.core.grade import Status
from onecurve.core.question import Form
from onecurve.core.row import Role
from onecurve.report.pages.false_alarms import alarm_lines, alarm_sentence
from onecurve.report.pages.sections import ledger, lost_cells, plant_lines, skipped_cells, status_counts
from onecurve.report.pages.table import table
from onecurve.report.pages.write import write_report
from onecurve.report.words.naming import Names, is_contender
from onecurve.report.words.sentences import leader_sentence, missed_kinds_sentence, opening
from onecurve.report.words.tasks import ordered_tasks, task_facts, tasks_of
from onecurve.statistics.ranking import ranking
from onecurve.tasks.detect import Detect


@pytest.fixture(scope="module")
def whole():
    return results(8, 3, 3, side=8)


@pytest.fixture(scope="module")
def many():
    return results(12, 3, 3, side=8)


def contenders(given):
    return tuple(row for row in given.rows if is_contender(row))


def led(rows):
    return leader_sentence(ranking(rows, "discover"), rows, Names.of(rows))


def constant(given, skills, task="discover"):
    """Rows of one task in which each solver earns the given skill, wobbling a little from case to case."""
    rows = [row for row in given.rows if row.task == task and row.solver in skills and row.status is not Status.SKIPPED]
    return tuple(
        replace(row, status=Status.GRADED, skill=skills[row.solver] + 0.01 * (at % 3), raw=0.5, floor=0.0, ceiling=1.0)
        for at, row in enumerate(rows)
    )


def test_opening_counts_flaws_networks_and_tools(whole):
    said = opening(whole)
    assert "15 known flaws of 3 kinds were planted in 5 networks, beside 3 clean networks" in said
    assert "12 tools" in said
    assert "6 tasks" in said


def test_a_leader_far_ahead_differs_significantly_from_the_best_baseline(many):
    rows = constant(many, {"cppn@matcher": 0.9, "top-images@matcher": 0.1, "random-patches@matcher": 0.05})
    said = led(rows)
    assert said.headline == "cppn leads on discover"
    assert "It differs significantly from the best baseline, top-images" in said.words
    assert "n=9 networks, 27 cases" in said.words


def test_five_networks_are_too_few_for_a_significant_difference_whatever_they_hold(whole):
    rows = constant(whole, {"cppn@matcher": 0.9, "top-images@matcher": 0.1})
    assert "It does not differ significantly from the best baseline" in led(rows).words


def test_who_failed_everywhere_leads_nowhere_and_is_named_as_missing(whole):
    rows = constant(whole, {"cppn@matcher": -0.4, "top-images@matcher": 0.0})
    rows = tuple(replace(row, status=Status.FAILED, raw=None, skill=None) if row.tool == "top-images" else row for row in rows)
    said = led(rows)
    assert "top-images leads" not in said.headline
    assert "no baseline has a score on this task" in said.words
    assert "Nothing is concluded of top-images, without a score on discover." in said.words


def test_nothing_is_said_of_a_kind_of_flaw_where_every_solver_failed(whole):
    rows = tuple(
        replace(row, status=Status.FAILED, raw=None, skill=None) if row.flaw == "style" else row
        for row in constant(whole, {"cppn@matcher": 0.8})
    )
    said = missed_kinds_sentence(rows)
    assert said.headline == "Every kind of flaw with a score was found by at least one solver"
    assert "Nothing is concluded of style" in said.words
    lost = tuple(replace(row, status=Status.FAILED, raw=None, skill=None) for row in rows)
    assert missed_kinds_sentence(lost).headline == "No result yet"


def test_a_small_lead_is_not_significant(whole):
    even = constant(whole, {"cppn@matcher": 0.1, "top-images@matcher": 0.1})
    order = sorted({row.case for row in even})
    swing = {case: 0.3 if place % 2 else -0.28 for place, case in enumerate(order)}
    rows = tuple(replace(row, skill=0.1 + (swing[row.case] if row.tool == "cppn" else 0.0)) for row in even)
    said = led(rows)
    assert "It does not differ significantly from the best" in said.words
    assert re.search(r"about [\d ]+ more networks would show it with 80\u00a0% power", said.words)


def test_no_solver_leads_where_every_interval_holds_the_floor(whole):
    even = constant(whole, {"cppn@matcher": 0.0, "top-images@matcher": 0.0})
    order = sorted({row.case for row in even})
    rows = tuple(replace(row, skill=0.3 if order.index(row.case) % 2 else -0.25) for row in even)
    assert led(rows).headline == "On discover, every interval reaches down to the floor"


def test_a_leading_baseline_is_named_as_such(whole):
    rows = constant(whole, {"cppn@matcher": 0.1, "top-images@matcher": 0.9})
    said = led(rows)
    assert said.headline == "top-images, a baseline, leads on discover"
    assert "best method, cppn" in said.words


def test_one_case_allows_no_test(whole):
    rows = [row for row in constant(whole, {"cppn@matcher": 0.9, "top-images@matcher": 0.1}) if row.case == "s00-patch"]
    assert "could not be tested" in led(rows).words


def test_kinds_that_nobody_found_are_named(whole):
    rows = tuple(
        replace(row, skill=0.8 if row.flaw == "patch" else -0.2)
        for row in constant(whole, {"cppn@matcher": 0.0, "top-images@matcher": 0.0})
    )
    assert missed_kinds_sentence(rows).headline == "Not reliably found: natural-feature (5 networks) and style (5 networks)"


def test_of_many_kinds_the_headline_says_how_many_and_the_words_who_came_nearest(whole):
    rows = [replace(row, skill=-0.2) for row in constant(whole, {"cppn@matcher": 0.0, "top-images@matcher": 0.0})]
    kinds = {"patch": -0.1, "style": -0.3, "natural-feature": -0.2, "warp": -0.4, "subnet": -0.5}
    rows = tuple(replace(row, flaw=kind, skill=skill) for kind, skill in kinds.items() for row in rows if row.flaw == "patch")
    said = missed_kinds_sentence(rows)
    assert said.headline == "5 of 5 kinds of flaw were not reliably found"
    nearest = said.words.partition("The nearest results are ")[2]
    assert [nearest.index(kind) for kind in ("patch", "natural-feature", "style")] == sorted(
        map(nearest.index, ("patch", "natural-feature", "style"))
    )
    assert "subnet" not in nearest


def test_what_cannot_be_asked_about_is_not_missed(whole):
    rows = constant(whole, {"cppn@matcher": -0.1, "top-images@matcher": -0.1})
    skipped = [replace(row, flaw="decoy", status=Status.SKIPPED, raw=None, skill=None) for row in rows if row.flaw == "patch"]
    assert "decoy" not in missed_kinds_sentence((*rows, *skipped)).headline


def test_when_all_kinds_are_found_it_says_so(whole):
    rows = constant(whole, {"cppn@matcher": 0.8})
    assert missed_kinds_sentence(rows).headline == "Every kind of flaw was found by at least one solver"


def test_controls_do_not_count_as_finders(whole):
    rows = tuple(replace(row, role=Role.CONTROL) for row in constant(whole, {"cppn@matcher": 0.8}))
    assert "Every kind" not in missed_kinds_sentence(rows).headline


def suspicious(given, clean):
    rows = [row for row in contenders(given) if row.task == "detect"]
    return tuple(replace(row, figures={"suspicion": clean if row.flaw == "clean" else 0.9}) for row in rows)


def test_false_alarms_are_counted_on_clean_networks_only(whole):
    rows = suspicious(whole, 0.9)
    assert alarm_sentence(rows, Names.of(rows)).headline == "5 of 5 tools raised false alarms on clean networks"
    rows = suspicious(whole, 0.1)
    assert alarm_sentence(rows, Names.of(rows)).headline == "No tool raised a false alarm"
    assert all(line.clean == 3 for line in alarm_lines(rows, Names.of(rows)))


def test_where_every_cell_of_a_clean_network_failed_nothing_is_concluded(whole):
    rows = tuple(
        replace(row, status=Status.FAILED, raw=None, skill=None, figures={}) if row.flaw == "clean" else row
        for row in suspicious(whole, 0.9)
    )
    assert alarm_sentence(rows, Names.of(rows)).headline == "No result on clean networks"


def test_without_clean_networks_nothing_is_claimed(whole):
    rows = tuple(row for row in suspicious(whole, 0.9) if row.flaw != "clean")
    assert alarm_sentence(rows, Names.of(rows)).headline == "No clean network was tested"


def test_table_has_a_slice_per_kind_and_counts_what_was_lost(whole):
    made = table(whole, Names.of(whole.rows))
    assert made.tasks == ("detect", "discover", "localise", "predict", "repair", "replace")
    assert [one.label for one in made.slices] == ["all cases", "clean", "natural-feature", "patch", "style"]
    pruning = next(row for row in made.slices[0].solvers if row.tool == "fine-pruning")
    assert pruning.cells[4][0].lost == "5 skipped"
    assert {row.tool for row in made.slices[0].checks} == {"oracle", "noise"}


def test_networks_with_several_kinds_count_for_each(whole):
    rows = tuple(replace(row, flaw="patch+style") if row.task == "detect" and row.flaw == "patch" else row for row in whole.rows)
    made = table(replace(whole, rows=rows), Names.of(rows))
    assert [one.label for one in made.slices] == ["all cases", "clean", "natural-feature", "patch", "style"]
    style = next(one for one in made.slices if one.label == "style")
    assert any(row.cells[0] for row in style.solvers)


def test_two_readers_of_one_tool_stand_in_one_cell(whole):
    twice = tuple(
        replace(row, solver="cppn@other", reader="other", key=f"{row.key}-other") for row in whole.rows if row.solver == "cppn@matcher"
    )
    rows = whole.rows + twice
    made = table(replace(whole, rows=rows), Names.of(rows))
    cppn = next(row for row in made.slices[0].solvers if row.tool == "cppn")
    assert [entry.reader for entry in cppn.cells[1]] == ["matcher", "other"]
    assert Names.of(rows).label("cppn@matcher", ["cppn@matcher", "cppn@other"]) == "cppn@matcher"


def test_lost_cells_are_grouped_with_their_reason(whole):
    lost = lost_cells(whole.rows, frozenset(whole.displays))
    assert [one.status for one in lost] == sorted((one.status for one in lost), key=["failed", "abstained", "pending"].index)
    assert lost[0].reason == "killed after 60 s of its time limit"
    skipped = skipped_cells(whole.rows, frozenset(whole.displays))
    assert {one.status for one in skipped} == {"skipped"}
    assert sum(one.count for one in lost + skipped) == sum(count for status, count in status_counts(whole.rows) if status != "graded")


def test_ledger_adds_up(whole):
    lines = ledger(whole.rows)
    assert sum(line.cells for line in lines) == len(whole.rows)
    assert [line.order for line in lines] == sorted((line.order for line in lines), reverse=True)
    assert sum(line.order for line in lines) == pytest.approx(sum(row.cost.equivalents for row in whole.rows))


def test_refused_plants_come_last_and_have_no_page(whole):
    lines = plant_lines(whole.plants, frozenset(whole.displays))
    assert not lines[-1].admitted
    assert lines[-1].link == ""
    assert lines[-1].figures["attack success rate (ASR)"] == "31\u00a0%"


def test_facts_of_a_task_come_from_the_task_and_a_task_that_is_not_installed_has_defaults():
    known, unknown = task_facts(Detect.name), task_facts("zeta")
    assert (known.blind, known.form, known.question) == (True, Form.CLASSES, Detect.question)
    assert (unknown.blind, unknown.form, unknown.question) == (False, None, "")
    assert known.order < unknown.order
    assert tasks_of(Form.CLASSES, ["zeta", "replace", Detect.name]) == (Detect.name,)


def test_rows_of_a_task_that_is_not_installed_make_a_report(tiny, tmp_path):
    rows = tuple(replace(row, task="zeta") if row.task == "discover" else row for row in tiny.rows)
    page = write_report(replace(tiny, rows=rows), tmp_path).read_text(encoding="utf-8")
    assert "Skill against cost on zeta" in page


def test_unknown_tasks_follow_the_known_ones():
    assert ordered_tasks(["zeta", "replace", "alpha", "detect"]) == ("detect", "replace", "alpha", "zeta")
