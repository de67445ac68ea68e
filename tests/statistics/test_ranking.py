"""Ranks are ranges, as wide as the tests leave them."""

import numpy as np
import pytest
from row_making import row

from onecurve.statistics.compare import compare_many, flip_shares, sign_flip_p
from onecurve.statistics.ranking import ranking


def cells(levels, networks=12, spread=0.1):
    rng = np.random.default_rng(0)
    return [row(f"c{at}", level + spread * rng.normal(), solver=solver) for solver, level in levels.items() for at in range(networks)]


def test_ranks_of_solvers_far_apart_are_single_places():
    found = ranking(cells({"a": 0.9, "b": 0.5, "c": 0.1}), "discover")
    assert [(one.summary.solver, one.words, one.group) for one in found.solvers] == [("a", "1", 0), ("b", "2", 1), ("c", "3", 2)]
    assert found.separated == 3


def test_solvers_that_are_not_separated_share_a_group_and_a_range():
    found = ranking(cells({"a": 0.9, "b": 0.5, "c": 0.49}), "discover")
    assert [(one.words, one.group) for one in found.solvers] == [("1", 0), ("2–3", 1), ("2–3", 1)]
    assert [len(group) for group in found.groups] == [1, 2]


def test_a_chain_of_near_neighbours_is_one_group_with_ranges_that_differ():
    found = ranking(cells({"a": 0.56, "b": 0.50, "c": 0.40}, spread=0.1), "discover")
    assert len(found.groups) == 1
    assert [one.words for one in found.solvers] == ["1–2", "1–3", "2–3"]


def test_five_networks_separate_nothing():
    found = ranking(cells({"a": 0.9, "b": 0.1}, networks=5), "discover")
    assert (found.separated, [one.words for one in found.solvers], found.least_networks) == (0, ["1–2", "1–2"], 6)


def test_the_tests_are_those_of_comparisons_made_together():
    rows = cells({"a": 0.6, "b": 0.5, "c": 0.4})
    found = ranking(rows, "discover")
    for one in compare_many(rows, list(found.pairs), "discover"):
        assert found.pair(one.second, one.first).p_adjusted == pytest.approx(one.p_adjusted)
        assert found.pair(one.first, one.second).difference == pytest.approx(one.difference)


def test_columns_are_tested_as_they_are_alone():
    columns = np.random.default_rng(1).normal(0.2, 1, (20, 4))
    assert list(flip_shares(columns)) == pytest.approx([sign_flip_p(column) for column in columns.T])


def test_more_networks_are_needed_for_a_smaller_difference():
    found = ranking(cells({"a": 0.6, "b": 0.55, "c": 0.1}), "discover")
    near, far = found.networks_for(found.pair("a", "b")), found.networks_for(found.pair("a", "c"))
    assert near > far >= found.least_networks
    assert ranking(cells({"a": 0.6, "b": 0.1}, networks=2), "discover").networks_for(found.pair("a", "b")) is not None


def read_by_two(levels, networks=12):
    rng = np.random.default_rng(0)
    solvers = [(tool, reader, level + shift) for reader, shift in (("blunt", 0.0), ("keen", 0.25)) for tool, level in levels.items()]
    return [
        row(f"c{at}", level + 0.1 * rng.normal(), solver=f"{tool}@{reader}", reader=reader)
        for tool, reader, level in solvers
        for at in range(networks)
    ]


def test_solvers_that_two_readers_read_are_never_tested_against_each_other():
    found = ranking(read_by_two({"a": 0.6, "b": 0.3, "c": 0.0}), "discover")
    across = [pair for (one, other), pair in found.pairs.items() if one.partition("@")[2] != other.partition("@")[2]]
    assert len(across) == 9
    assert all(pair.p_adjusted is None and not pair.separated and not pair.asked for pair in across)
    assert (found.asked, found.separated) == (6, 6)
    assert found.networks_for(found.pair("a@keen", "b@blunt")) is None


def test_ranks_and_groups_are_among_the_solvers_of_one_reader():
    found = ranking(read_by_two({"a": 0.6, "b": 0.3, "c": 0.29}), "discover")
    assert [(one.summary.solver, one.words, one.among, one.group) for one in found.solvers] == [
        ("a@keen", "1", 3, 0),
        (found.solvers[1].summary.solver, "2–3", 3, 1),
        (found.solvers[2].summary.solver, "2–3", 3, 1),
        ("a@blunt", "1", 3, 2),
        (found.solvers[4].summary.solver, "2–3", 3, 3),
        (found.solvers[5].summary.solver, "2–3", 3, 3),
    ]


def test_what_no_reader_reads_is_compared_with_all():
    rows = [*cells({"bare": 0.45}), *read_by_two({"a": 0.6, "b": 0.3})]
    found = ranking(rows, "discover")
    bare = next(one for one in found.solvers if one.summary.solver == "bare")
    assert (bare.among, bare.words, found.asked) == (5, "4", 6)
    alone = ranking([each for each in rows if each.reader != "keen"], "discover")
    assert [one.summary.solver for one in alone.solvers] == ["a@blunt", "bare", "b@blunt"]
    assert [one.words for one in alone.solvers] == ["1", "2", "3"]


def test_the_networks_of_a_pair_are_named_in_the_order_of_their_differences():
    placed = (("c1", "z", 0.1), ("c2", "y", 0.2), ("c3", "z", 0.4))
    rows = [row(case, 0.5 + gain * (solver == "a"), solver=solver, subject=network) for solver in "ab" for case, network, gain in placed]
    pair = ranking(rows, "discover").pair("a", "b")
    assert dict(zip(pair.networks, pair.means, strict=True)) == pytest.approx({"y": 0.2, "z": 0.25})
    assert pair.networks == ("y", "z")


def test_a_reader_whose_solvers_have_no_score_makes_no_groups_of_its_own():
    unscored = row("c0", solver="a@keen", reader="keen")
    rows = [*cells({"bare": 0.45}), *(each for each in read_by_two({"a": 0.6, "b": 0.3}) if each.reader == "blunt")]
    found = ranking([*rows, unscored], "discover")
    assert [one.summary.solver for one in found.solvers] == ["a@blunt", "bare", "b@blunt"]
    assert [(one.words, one.group) for one in found.solvers] == [("1", 0), ("2", 1), ("3", 2)]


def test_unknown_spread_gives_no_number():
    found = ranking(cells({"a": 0.6, "b": 0.1}, networks=2), "discover")
    assert found.networks_for(found.pair("a", "b")) is None
