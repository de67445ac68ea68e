"""Several figures of one set of answers: ranks, baselines, and how far the figures agree."""

import pytest
from row_making import row

from onecurve.core.grade import Status
from onecurve.core.row import Role
from onecurve.statistics.metrics import Metric, kendall, metric_tables

HIGH, LOW = Metric("pearson", span=(-1.0, 1.0)), Metric("l1", lower_is_better=True)
BASES = ("blank", "edges")


def made(solver, figures, **more):
    """One row per case with (pearson, l1); blank has (0, 0.05) and edges (0.2, 0.3) in every case."""
    beside = {"blank_pearson": 0.0, "blank_l1": 0.05, "edges_pearson": 0.2, "edges_l1": 0.3}
    return [
        row(f"case-{at}", 0.5, solver=solver, task="localise", figures={"pearson": pearson, "l1": l1, **beside}, **more)
        for at, (pearson, l1) in enumerate(figures)
    ]


SHARP = made("sharp", [(0.5, 0.02), (0.6, 0.03), (0.55, 0.02), (0.5, 0.04)])
BROAD = made("broad", [(0.9, 0.40), (0.8, 0.50), (0.85, 0.45), (0.7, 0.40)])


def test_the_winner_may_depend_on_the_lens():
    high, low = metric_tables(SHARP + BROAD, [HIGH, LOW], BASES)
    assert [one.solver for one in high.placings()] == ["broad", "sharp", "edges", "blank"]
    assert [one.solver for one in low.placings()] == ["sharp", "blank", "edges", "broad"]
    assert low.placings()[0].mean == pytest.approx(0.0275)
    assert low.placings()[0].rank == 1
    assert low.placings()[0].n == 4
    assert all(1 <= one.rank_interval.low <= one.rank <= one.rank_interval.high <= 4 for one in low.placings())


def test_leaders_share_a_best_mean():
    (high,) = metric_tables(made("a", [(0.4, 0.1), (0.2, 0.1)]) + made("b", [(0.3, 0.1)] * 2) + made("c", [(0.1, 0.1)] * 2), [HIGH], BASES)
    assert high.leaders() == ("a", "b")


def test_agreement_is_kendalls_tau_of_the_means():
    high, low = metric_tables(SHARP + BROAD, [HIGH, LOW], BASES)
    # Of the six pairs of maps the two metrics order (sharp, blank) and (sharp, edges) alike and the other four the other way.
    assert kendall(high, low) == pytest.approx((2 - 4) / 6)
    assert kendall(high, high) == pytest.approx(1)


def test_agreement_needs_an_order():
    (same,) = metric_tables(made("a", [(0.1, 0.1)] * 2) + made("b", [(0.1, 0.1)] * 2), [HIGH], ())
    assert kendall(same, same) is None


def test_who_beats_a_baseline_is_told_by_paired_differences():
    _, low = metric_tables(SHARP + BROAD, [HIGH, LOW], BASES)
    found = {one.solver: (one.ahead, one.significant) for one in low.against("blank")}
    assert found == {"sharp": (True, True), "broad": (False, False), "edges": (False, False)}
    assert low.against("absent") == ()


def test_a_lead_that_swings_from_case_to_case_is_not_sure():
    (high,) = metric_tables(made("a", [(0.9, 0.1), (-0.5, 0.1), (0.8, 0.1)]), [HIGH], BASES)
    (blank,) = [one for one in high.against("blank") if one.solver == "a"]
    assert (blank.ahead, blank.significant) == (True, False)


def test_what_was_not_answered_counts_as_blank():
    lost = [row("case-0", solver="lost", task="localise"), *made("lost", [(0.9, 0.1)] * 4)[1:]]
    declined = [row("case-1", 0.0, status=Status.ABSTAINED, solver="quiet", task="localise"), *made("quiet", [(0.9, 0.1)])]
    (high,) = metric_tables(SHARP + lost, [HIGH], BASES)
    values = dict(zip(high.solvers, high.values.tolist(), strict=True))
    assert values["lost"] == [0.0, 0.9, 0.9, 0.9]
    (high,) = metric_tables(SHARP + declined, [HIGH], BASES)
    assert dict(zip(high.solvers, high.values.tolist(), strict=True))["quiet"] == [0.9, 0.0]


def test_a_tool_that_is_the_baseline_stands_for_it():
    tool = made("blank", [(0.0, 0.05)] * 4, role=Role.BASELINE)
    (low,) = metric_tables(SHARP + tool, [LOW], BASES)
    assert sorted(low.solvers) == ["blank", "edges", "sharp"]


def test_repeats_are_averaged_and_reference_points_left_out():
    twice = made("a", [(0.2, 0.1)]) + made("a", [(0.6, 0.1)], repeat=1)
    (high,) = metric_tables(twice + made("ceiling", [(1.0, 0.0)], role=Role.REFERENCE_POINT), [HIGH], ())
    assert high.solvers == ("a",)
    assert high.values.tolist() == [[pytest.approx(0.4)]]
    assert high.placings()[0].interval is None


def test_figures_that_nobody_measured_give_no_table():
    assert metric_tables(SHARP, [Metric("iou")], BASES) == ()
    assert metric_tables([], [HIGH], BASES) == ()
