"""Summaries: cases are the unit, nothing that went wrong is hidden."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from row_making import row, rows

from onecurve.core.grade import Status
from onecurve.core.row import Role
from onecurve.statistics.cases import at_largest_budget, case_scores
from onecurve.statistics.summary import summarise, summarise_flaws, worst_tenth


def test_repeats_of_a_case_are_averaged_before_cases():
    made = [row("a", 1.0, repeat=n) for n in range(4)] + [row("b", 0.0)]
    (summary,) = summarise(made)
    assert summary.n == 2
    assert summary.mean == 0.5
    assert summary.interval is not None


def test_mean_median_and_worst_tenth_are_known():
    (summary,) = summarise(rows([0.0, 0.1, 0.2, 0.9, 1.0] * 4))
    assert summary.mean == pytest.approx(0.44)
    assert summary.median == pytest.approx(0.2)
    assert summary.worst_tenth == 0
    assert summary.n == 20


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40))
def test_the_worst_tenth_is_no_better_than_the_mean(skills):
    assert min(skills) <= worst_tenth(skills) <= sum(skills) / len(skills) + 1e-9


def test_the_worst_tenth_is_rounded_up():
    assert worst_tenth([float(n) for n in range(11)]) == 0.5
    assert worst_tenth([3.0]) == 3.0


def test_statuses_are_counted_and_failures_are_at_the_floor():
    made = [
        *rows([0.8, 0.6]),
        row("c", 0.0, status=Status.ABSTAINED),
        row("d", status=Status.FAILED),
        row("e", status=Status.SKIPPED),
        row("f", status=Status.PENDING),
        row("g", status=Status.LOST),
        row("h", status=Status.WAITING),
    ]
    (summary,) = summarise(made)
    assert summary.counts == {Status.GRADED: 2, **dict.fromkeys(set(Status) - {Status.GRADED}, 1)}
    assert (summary.n, summary.cases, summary.scored) == (4, 4, True)
    assert summary.mean == pytest.approx(1.4 / 4)
    assert summary.mean_over_successes == pytest.approx(1.4 / 3)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12), st.data())
def test_failing_on_purpose_never_raises_a_mean_above_the_floor(skills, data):
    lost = data.draw(st.sets(st.sampled_from(range(len(skills)))))
    (honest,) = summarise(rows(skills))
    (failing,) = summarise([row(one.case) if at in lost else one for at, one in enumerate(rows(skills))])
    assert failing.mean <= honest.mean + 1e-12
    assert failing.n == honest.n


def test_networks_are_the_unit_and_flaws_of_one_network_share_it():
    together = [row(f"{net}.{flaw}", skill, subject=f"net-{net}") for net, skill in enumerate([0.1, 0.5, 0.9]) for flaw in range(3)]
    (apart,), (shared,) = summarise(replace(one, subject=one.case) for one in together), summarise(together)
    assert (shared.n, shared.cases, apart.n, apart.cases) == (3, 9, 9, 9)
    assert shared.mean == apart.mean
    assert shared.interval.width > 2 * apart.interval.width


def test_three_flaws_of_one_network_are_one_network_and_no_interval():
    (summary,) = summarise(row(f"net-1.{flaw}", skill, subject="net-1") for flaw, skill in enumerate([0.1, 0.4, 0.9]))
    assert (summary.n, summary.cases, summary.interval) == (1, 3, None)
    assert "at least 2 networks" in summary.why_no_interval


def test_a_failed_repeat_lowers_its_own_case_only():
    made = [row("a", 1.0), row("a", repeat=1), row("b", 1.0)]
    (summary,) = summarise(made)
    assert summary.mean == pytest.approx(0.75)
    assert summary.mean_over_successes == 1


def test_one_case_has_a_mean_and_a_reason_in_place_of_an_interval():
    (summary,) = summarise(rows([0.4]))
    assert summary.mean == 0.4
    assert summary.interval is None
    assert "at least 2" in summary.why_no_interval


def test_who_failed_everywhere_is_at_the_floor_without_an_interval():
    (summary,) = summarise([row("a"), row("b")])
    assert (summary.mean, summary.n, summary.scored, summary.interval) == (0, 2, False, None)
    assert summary.mean_over_successes is None
    assert summary.why_no_interval == "no cell has a score"


def test_where_nothing_was_attempted_there_is_no_number():
    (summary,) = summarise([row("a", status=Status.SKIPPED), row("b", status=Status.PENDING), row("c", status=Status.LOST)])
    assert (summary.n, summary.mean, summary.interval, summary.median, summary.worst_tenth, summary.cost) == (
        0,
        None,
        None,
        None,
        None,
        None,
    )
    assert not summary.scored
    assert summarise([]) == ()


def test_a_summary_stands_at_the_largest_budget():
    made = rows([0.0, 0.1], budget=10) + rows([0.6, 0.8], budget=1000, cost=700)
    (summary,) = summarise(made)
    assert summary.mean == pytest.approx(0.7)
    assert summary.cost == 700
    assert {kept.budget for kept in at_largest_budget(made)} == {1000}


def test_looking_and_retraining_add_up_to_the_largest_budget():
    made = rows([0.0, 0.1], budget=100, retrain=0) + rows([0.6, 0.8], budget=50, retrain=500)
    assert {kept.retrain_budget for kept in at_largest_budget(made)} == {500}


def test_solvers_and_tasks_are_kept_apart():
    made = rows([0.1, 0.1], solver="b") + rows([0.2, 0.2], solver="a", role=Role.BASELINE) + rows([0.3, 0.3], solver="a", task="repair")
    found = [(summary.task, summary.solver, round(summary.mean, 6), summary.role) for summary in summarise(made)]
    assert found == [
        ("discover", "a", 0.2, Role.BASELINE),
        ("discover", "b", 0.1, Role.METHOD),
        ("repair", "a", 0.3, Role.METHOD),
    ]


def test_each_kind_of_flaw_alone():
    made = [row("a", 1.0, flaw="patch"), row("b", 0.0, flaw="style"), row("c", 0.5, flaw="style")]
    found = {flaw: summaries[0].mean for flaw, summaries in summarise_flaws(made).items()}
    assert found == {"patch": 1.0, "style": 0.25}


def test_a_scored_row_without_a_skill_is_a_fault():
    with pytest.raises(ValueError, match="must have a skill"):
        case_scores([row("a", status=Status.GRADED)])


@given(st.permutations(range(8)))
def test_the_order_of_rows_does_not_matter(order):
    made = rows([0.1, 0.9, 0.4, 0.3, 0.8, 0.7, 0.2, 1.0], flaw="style")
    assert summarise([made[at] for at in order]) == summarise(made)
