"""Curves: what was spent against what was earned, and the front."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from row_making import row, rows

from onecurve.core.grade import Status
from onecurve.core.row import Role
from onecurve.statistics.cases import case_scores
from onecurve.statistics.curves import Axis, curves, front_of, pareto_front

POINTS = st.lists(st.tuples(st.integers(0, 20), st.integers(-5, 5)), max_size=25)


def test_one_point_per_budget_in_order_with_what_was_spent():
    made = rows([0.5, 0.7, 0.9], budget=1000, cost=800) + rows([0.1, 0.2, 0.3], budget=100, cost=100)
    (curve,) = curves(made)
    assert [(point.budget, point.cost, round(point.mean, 6), point.n) for point in curve.points] == [
        (100, 100, 0.2, 3),
        (1000, 800, 0.7, 3),
    ]
    assert all(point.interval.holds(point.mean) for point in curve.points)


def test_cost_is_the_median_over_cases_of_forward_equivalents():
    made = [row("a", 0.1, cost=10, backward=5.0), row("b", 0.1, cost=10), row("c", 0.1, cost=5000)]
    assert curves(made)[0].points[0].cost == 20


def test_clean_images_are_an_axis_of_their_own_with_its_own_front():
    plain = rows([0.3, 0.3], solver="plain", cost=1000, clean_images=0)
    hungry = [*rows([0.5, 0.5], solver="hungry", cost=10, clean_images=200), row("x", solver="hungry")]
    found = curves([*plain, *hungry, *rows([0.9, 0.9], solver="old", cost=9000)])
    points = {curve.solver: curve.points[0] for curve in found}
    assert {solver: point.on_axis(Axis.CLEAN) for solver, point in points.items()} == {"plain": 0, "hungry": 200, "old": None}
    assert [(point.solver, point.cost) for point in front_of(found, axis=Axis.CLEAN)] == [("plain", 0), ("hungry", 200)]
    assert [point.solver for point in front_of(found)] == ["hungry", "old"]


def test_repeats_of_a_case_count_with_the_mean_of_what_they_read():
    made = [row("a", 0.1, repeat=at, clean_images=read) for at, read in enumerate((10, 30))]
    made += [row("b", 0.1, repeat=at, clean_images=read) for at, read in enumerate((None, 4))]
    assert [score.clean_images for score in case_scores(made)] == [20, 4]


def test_failed_cells_are_counted_at_the_floor():
    made = [*rows([0.2, 0.4]), row("x")]
    point = curves(made)[0].points[0]
    assert (point.n, point.cases, point.failed, point.answered) == (3, 3, 1, 2)
    assert point.mean == pytest.approx(0.2)


def test_who_earns_much_on_one_case_and_fails_on_five_is_not_on_the_front():
    lucky = [row("case-000", 0.9, solver="lucky"), *(row(f"case-{at:03d}", solver="lucky") for at in range(1, 6))]
    found = curves(lucky + rows([0.6] * 6, solver="steady"))
    assert [(point.solver, round(point.mean, 6)) for point in front_of(found)] == [("steady", 0.6)]


@given(st.lists(st.floats(-2, -0.1), min_size=2, max_size=5), st.sampled_from([Status.ABSTAINED, Status.FAILED]))
def test_an_abstention_is_never_on_the_front(skills, status):
    silent = [row(f"case-{at:03d}", 0.0 if status is Status.ABSTAINED else None, solver="silent", status=status, cost=0) for at in range(5)]
    assert {point.solver for point in front_of(curves(silent + rows(skills, cost=50)))} == {"solver"}
    assert front_of(curves(silent)) == ()


def test_a_budget_where_all_failed_has_no_point():
    made = [*rows([0.2, 0.4], budget=10), row("x", budget=100)]
    assert [point.budget for point in curves(made)[0].points] == [10]


def test_a_single_case_has_a_point_and_a_reason():
    point = curves(rows([0.2]))[0].points[0]
    assert point.interval is None
    assert point.why_no_interval


def test_the_front_is_cheaper_or_better():
    assert pareto_front([]) == ()
    assert pareto_front([(5, 0.5), (1, 0.1), (5, 0.9), (9, 0.9), (7, 0.2)]) == (1, 2)
    assert pareto_front([(1, 0.5), (1, 0.5)]) == (0,)


@given(POINTS)
def test_no_point_beats_the_front_and_no_front_point_is_beaten(points):
    front = pareto_front(points)
    chosen = [points[at] for at in front]
    assert chosen == sorted(chosen)
    for cost, skill in points:
        assert any(c <= cost and s >= skill for c, s in chosen)
    for c, s in chosen:
        assert not any((cost <= c and skill > s) or (cost < c and skill >= s) for cost, skill in points)


def test_reference_points_and_controls_are_not_on_the_front():
    made = rows([0.4, 0.6], cost=50) + rows([1.0, 1.0], solver="ceiling", role=Role.REFERENCE_POINT, cost=0)
    made += rows([0.9, 0.9], solver="oracle", role=Role.CONTROL, cost=1) + rows([0.3, 0.3], solver="plain", role=Role.BASELINE, cost=9)
    assert [(point.solver, point.cost) for point in front_of(curves(made))] == [("plain", 9), ("solver", 50)]
    assert front_of(curves(made), without=())[0].solver == "ceiling"


def test_a_front_over_several_tasks_is_an_error():
    made = rows([0.4, 0.6]) + rows([0.4, 0.6], task="repair")
    with pytest.raises(ValueError, match="one task"):
        front_of(curves(made))
