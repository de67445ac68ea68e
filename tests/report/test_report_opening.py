"""What a report opens on, and what its rankings say."""

from dataclasses import replace
from itertools import pairwise

import pytest
from page_reader import Page
from report_fixture import results
from small_run import A_ROW

from onecurve.core.errors import UnknownNameError
from onecurve.core.grade import Status
from onecurve.core.row import Role
from onecurve.core.seeds import generator
from onecurve.report.pages.ranking_view import ranking_view, rankings_of
from onecurve.report.pages.write import Asked, write_report
from onecurve.report.words.focus import focus_of
from onecurve.report.words.naming import Names, is_contender
from onecurve.report.words.rankings import contested, heading, readers_words, told_apart
from onecurve.report.words.sentences import leader_sentence


@pytest.fixture(scope="module")
def many():
    return results(15, 1, 3, side=8)


def skilled(given, levels, task="discover", wobble=0.01):
    """Rows of one task in which each solver earns the given skill, wobbling a little from case to case."""
    rows = [row for row in given.rows if row.task == task and row.solver in levels and row.status is not Status.SKIPPED]
    rng = generator("skilled")
    return tuple(
        replace(row, status=Status.GRADED, skill=float(levels[row.solver] + wobble * rng.normal()), raw=0.5, floor=0.0, ceiling=1.0)
        for row in sorted(rows, key=lambda row: (row.solver, row.case))
    )


def opened(rows, solver=""):
    rows = [row for row in rows if is_contender(row)]
    return focus_of(rows, rankings_of(rows), Names.of(rows), solver)


LEVELS = {"neural-cleanse@matcher": 0.8, "cppn@matcher": 0.4, "random-patches@matcher": 0.1}


def test_the_clearest_result_comes_first(many):
    focus = opened((*skilled(many, LEVELS), *skilled(many, {"occlusion@verbatim": 0.5, "edges@verbatim": 0.45}, "localise")))
    assert (focus.task, focus.couple) == ("discover", ("neural-cleanse@matcher", "random-patches@matcher"))
    assert focus.headline == "neural-cleanse is ahead of random-patches on discover"
    assert "difference 0.70" in focus.words
    assert "over 12 networks" in focus.words


def test_where_nothing_is_separated_the_opening_says_how_many_networks_would(many):
    rows = skilled(many, {"cppn@matcher": 0.1, "top-images@matcher": 0.11}, wobble=0.3)
    focus = opened(rows)
    assert focus.headline == "12 networks do not tell the tools apart yet"
    assert "networks would separate them if this is the true difference" in focus.words


def test_with_too_few_networks_for_any_difference_the_opening_says_how_many_the_test_needs(many):
    rows = [row for row in skilled(many, LEVELS) if row.subject in {"s00", "s01"}]
    assert "no difference is separated by fewer than 7 networks" in opened(rows).words


def test_without_a_score_the_opening_points_to_the_failures(many):
    rows = tuple(replace(row, status=Status.FAILED, raw=None, skill=None) for row in skilled(many, LEVELS))
    assert opened(rows).headline == "There is no score yet"


def test_a_named_solver_is_told_against_its_neighbours(many):
    focus = opened(skilled(many, LEVELS), "cppn")
    assert focus.headline == "cppn ranks 2 of 3 on discover"
    assert "It is separated from neural-cleanse above (difference −0.40" in focus.words
    assert "It is separated from random-patches below (difference 0.31" in focus.words
    assert "It stands in a group of its own." in focus.words


def test_a_named_solver_that_is_not_told_apart_shares_a_range_of_ranks(many):
    focus = opened(skilled(many, {**LEVELS, "cppn@matcher": 0.8}), "cppn")
    assert "ranks 1–2 of 3" in focus.headline
    assert "It is not separated from neural-cleanse" in focus.words
    assert "Its group is shared with neural-cleanse." in focus.words


def test_a_name_that_no_row_has_is_an_error_with_a_hint(many):
    with pytest.raises(UnknownNameError, match="cpn"):
        opened(skilled(many, LEVELS), "cpn")


def test_a_task_that_cannot_tell_solvers_apart_says_so_and_what_would(many):
    rows = skilled(many, {"cppn@matcher": 0.1, "top-images@matcher": 0.12, "random-patches@matcher": 0.11}, wobble=0.3)
    said = told_apart(rankings_of(rows)["discover"], Names.of(rows))
    assert said.startswith("On discover, 12 networks cannot tell these 3 solvers apart.")
    assert "more networks would: about " in said


def test_a_ranking_by_one_reader_says_so_and_two_readers_are_compared(many):
    rows = skilled(many, LEVELS)
    ranked = rankings_of(rows)["discover"]
    assert heading(ranked, Names.of(rows)) == "Ranking on discover by one reader, matcher"
    again = tuple(replace(row, solver=f"{row.tool}@other", reader="other", key=f"{row.key}-2") for row in rows)
    both = (*rows, *again)
    assert "which agree on 3 of 3 pairs of tools" in readers_words(rankings_of(both)["discover"], Names.of(both))
    turned = (*rows, *(replace(row, skill=1 - row.skill) for row in again))
    assert "which disagree: 3 pairs" in readers_words(rankings_of(turned)["discover"], Names.of(turned))


def test_where_readers_disagree_there_is_no_rank_no_leader_and_no_clearest_result(many):
    rows = skilled(many, LEVELS)
    again = [replace(row, solver=f"{row.tool}@other", reader="other", key=f"{row.key}-2", skill=1 - row.skill) for row in rows]
    both = (*rows, *again)
    ranked, names = rankings_of(both)["discover"], Names.of(both)
    view = ranking_view(ranked, names, both)
    assert view.heading == "No ranking on discover: readers disagree"
    assert {line.rank for group in view.groups for line in group} == {"–"}
    (lines,) = view.groups
    assert [line.label for line in lines] == sorted(line.label for line in lines)
    assert "no order of the tools" in view.readers
    assert leader_sentence(ranked, both, names).headline == "Readers disagree on the order of tools on discover"
    assert opened(both, "cppn").headline.endswith("has no rank on discover: readers disagree")


def read(levels):
    """Rows of many networks in which each solver, a tool with its reader or a tool alone, earns about the given skill."""
    rng = generator("read")
    return tuple(
        replace(
            A_ROW,
            case=f"c{case}",
            subject=f"s{case}",
            task="discover",
            solver=solver,
            tool=tool,
            reader=reader,
            role=role,
            status=Status.GRADED,
            skill=level + 0.05 * rng.normal(),
            forward=10,
        )
        for solver, (level, role) in levels.items()
        for tool, _, reader in [solver.partition("@")]
        for case in range(12)
    )


def told(rows):
    ranked, names = rankings_of(rows)["discover"], Names.of(rows)
    return told_apart(ranked, names), ranking_view(ranked, names, rows), leader_sentence(ranked, rows, names).words


def test_solvers_that_all_have_a_reader_of_their_own_are_not_said_to_be_alike():
    rows = read({"one@keen": (0.6, Role.METHOD), "other@blunt": (0.1, Role.BASELINE)})
    said, view, leads = told(rows)
    assert said == "Each of the 2 solvers with a score on discover has a reader of its own, so none is compared with another."
    assert opened(rows).headline == "No two solvers are compared"
    assert [[line.label for line in group] for group in view.groups] == [["one@keen"], ["other@blunt"]]
    assert "no baseline that the same reader reads has a score" in leads
    assert opened(rows, "other@blunt").words.endswith("It is compared with no other solver.")


def test_the_best_baseline_of_another_reader_is_not_passed_over_in_silence():
    rows = read({"one@keen": (0.8, Role.METHOD), "plain@keen": (0.1, Role.BASELINE), "plain@blunt": (0.7, Role.BASELINE)})
    assert "differs significantly from the best baseline that it is compared with, plain@keen" in told(rows)[2]
    headline = leader_sentence(rankings_of(rows)["discover"], rows, Names.of(rows)).headline
    assert headline == "one@keen leads on discover among the solvers that keen reads"


def test_the_neighbours_of_a_solver_without_a_reader_are_those_next_to_it_in_skill():
    high, low = {"a@keen": 0.9, "b@keen": 0.5}, {"a@blunt": 0.65, "b@blunt": 0.2}
    rows = read({solver: (level, Role.METHOD) for solver, level in (high | low | {"bare": 0.55}).items()})
    words = opened(rows, "bare").words
    assert "separated from a@blunt above (difference −0." in words
    assert "not separated from b@keen below (difference 0.0" in words
    assert "group" not in words, "it is told apart from three of four, and in no group with the fourth, which a reader reads"
    said, view, _ = told(rows)
    assert said.startswith("5 of 6 pairs of solvers that share a reader, or of which one has none, are separated.")
    assert {line.label: line.not_from for group in view.groups for line in group}["bare"] == "b@keen"


def test_who_is_told_from_none_of_those_it_is_compared_with_is_not_said_to_be_like_all_others():
    levels = {f"{tool}@{reader}": (0.5, Role.METHOD) for reader in ("keen", "blunt") for tool in "abc"}
    lines = [line for group in told(read(levels))[1].groups for line in group]
    assert {line.not_from for line in lines} == {"all that it is compared with"}


def test_readers_that_were_asked_about_other_networks_do_not_contradict_each_other():
    def on(reader, networks, levels):
        rows = read({f"{tool}@{reader}": (level, Role.METHOD) for tool, level in levels.items()})
        return [replace(row, case=f"{networks}-{row.case}", subject=f"{networks}-{row.subject}") for row in rows]

    patches = on("keen", "patch", {"a": 0.8, "b": 0.2})
    rules = on("blunt", "spurious", {"a": 0.2, "b": 0.8})
    ranked, names = rankings_of([*patches, *rules])["discover"], Names.of([*patches, *rules])
    assert heading(ranked, names) == "Ranking on discover"
    assert "no tool's place is confirmed by a second reader" in readers_words(ranked, names)
    both = [*patches, *on("blunt", "patch", {"a": 0.6, "b": 0.3}), *(replace(row, skill=row.skill * 3) for row in rules)]
    assert "which agree on 1 of 1 pair of tools" in readers_words(rankings_of(both)["discover"], names)
    against = [*patches, *rules, *on("blunt", "patch", {"a": 0.3, "b": 0.6})]
    assert contested(rankings_of(against)["discover"], names) == {("a@keen", "b@keen"), ("b@blunt", "a@blunt")}


def test_a_pair_that_another_reader_reverses_is_not_the_clearest_result(many):
    rows = skilled(many, {"neural-cleanse@matcher": 0.9, "cppn@matcher": 0.2})
    turned = skilled(many, {"neural-cleanse@matcher": 0.4, "cppn@matcher": 0.45}, wobble=0.3)
    other = [replace(row, solver=f"{row.tool}@other", reader="other", key=f"{row.key}-2") for row in turned]
    both = (*rows, *other)
    assert contested(rankings_of(both)["discover"], Names.of(both)) == {("neural-cleanse@matcher", "cppn@matcher")}
    assert opened(both).couple != ("neural-cleanse@matcher", "cppn@matcher")


def test_the_chosen_solver_is_highlighted_on_every_page(tiny, tmp_path):
    index = Page(write_report(tiny, tmp_path, Asked("occlusion")))
    (tab,) = [one.text for one in index.all("button") if one.attributes.get("aria-selected") == "true"]
    assert tab == "localise"
    for page in (index, Page(tmp_path / "cases" / "s00-patch.html")):
        lit = [one for one in page.elements if "chosen" in one.attributes.get("class", "").split() and "data-tool" in one.attributes]
        assert {one.attributes["data-tool"] for one in lit} == {"occlusion"}


def test_no_table_holds_the_text_of_an_error(tiny, tmp_path):
    why = "ValueError: layer seven is not there"
    broken = {"status": Status.FAILED, "raw": None, "skill": None, "reason": why, "traceback": f"Traceback\n{why}"}
    write_report(replace(tiny, rows=tuple(replace(row, **broken) if row.tool == "cppn" else row for row in tiny.rows)), tmp_path)
    told = [one for path in tmp_path.rglob("*.html") for one in Page(path).all("table") if "layer seven" in one.text]
    assert told == []
    assert why in (tmp_path / "index.html").read_text()


def test_ranks_on_the_page_never_fall(index):
    ranks = [one.text for one in index.all("td") if one.attributes.get("class") == "rank"]
    assert ranks
    starts = [int(rank.partition("–")[0]) for rank in ranks]
    assert all(after >= before or after == 1 for before, after in pairwise(starts))
