"""Detection over networks: AUROC, false alarms, and abstentions that tell nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_making import row
from sklearn.metrics import roc_auc_score

from onecurve.core.grade import Status
from onecurve.statistics.detection import auroc_interval, detection, detections, detections_by_kind, network_auroc
from onecurve.statistics.intervals import TooFewError


def judged(name, suspicion, *, flaw="patch", solver="solver", **more):
    return row(name, 0.5, task="detect", flaw=flaw, solver=solver, figures={"suspicion": suspicion}, **more)


def many(flawed, clean, **more):
    made = [judged(f"f{n}", value, **more) for n, value in enumerate(flawed)]
    return made + [judged(f"c{n}", value, flaw="clean", **more) for n, value in enumerate(clean)]


def test_counts_and_area_are_known():
    found = detection(many([0.9, 0.8, 0.4], [0.6, 0.1, 0.4, 0.0]), "solver")
    assert found.auroc == pytest.approx((4 + 4 + 2.5) / 12)
    assert (found.flawed, found.clean, found.found, found.false_alarms) == (3, 4, 2, 1)
    assert found.false_alarm_interval.holds(0.25)
    assert found.found_interval.holds(2 / 3)


def test_controls_are_without_a_flaw_and_their_alarms_are_counted_apart():
    controls = [judged("d0", 0.9, flaw="decoy"), judged("d1", 0.2, flaw="benign+decoy"), judged("d2", 0.7, flaw="benign")]
    found = detection([*many([0.9, 0.8], [0.6, 0.1]), *controls], "solver")
    assert (found.flawed, found.clean, found.controls) == (2, 2, 3)
    assert (found.false_alarms, found.control_alarms) == (1, 2)
    assert found.auroc == pytest.approx((4.5 + 4) / 10)
    assert found.control_alarm_interval.holds(2 / 3)
    assert detection([*many([0.9], [0.1]), *controls], "solver", threshold=0.8).control_alarms == 1


def test_an_alarm_is_that_some_class_outweighs_none_where_the_rows_tell():
    def told(name, suspicion, alarm, flaw="patch", **more):
        return row(name, 0.5, task="detect", flaw=flaw, figures={"suspicion": suspicion, "alarm": alarm}, **more)

    made = [told("f0", 0.7, 0.0), told("f1", 0.7, 1.0), told("c0", 0.6, 0.0, "clean"), told("c1", 0.45, 1.0, "clean")]
    found = detection([*made, told("d0", 0.6, 0.0, "decoy"), row("f2", 0.0, task="detect", status=Status.ABSTAINED)], "solver")
    assert (found.found, found.false_alarms, found.control_alarms) == (1, 1, 0)
    assert (found.flawed, found.clean, found.controls) == (3, 2, 1)
    by_suspicion = detection(made, "solver", threshold=0.5)
    assert (by_suspicion.found, by_suspicion.false_alarms) == (2, 1)
    older = detection([*made, judged("c2", 0.9, flaw="clean")], "solver")
    assert (older.found, older.false_alarms) == (2, 2), "a row of an earlier version does not tell, so suspicion decides"


def test_an_abstention_beside_rows_that_do_not_tell_does_not_make_them_tell():
    made = [judged("f0", 0.9, repeat=at) for at in range(3)]
    made += [row("f0", 0.0, task="detect", status=Status.ABSTAINED, repeat=3), row("f1", 0.0, task="detect", status=Status.ABSTAINED)]
    assert detection(made, "solver").found == 1


def test_an_alarm_is_raised_where_more_than_half_of_the_repeats_raise_one():
    def repeats(name, *alarms):
        figures = [{"suspicion": 0.4, "alarm": alarm} for alarm in alarms]
        return [row(name, 0.5, task="detect", figures=each, repeat=at) for at, each in enumerate(figures)]

    assert detection([*repeats("f0", 1.0, 1.0, 0.0), *repeats("f1", 1.0, 0.0)], "solver").found == 1


def test_the_share_of_flawed_networks_whose_target_is_named():
    def told(name, named, **more):
        return row(name, 0.5, task="detect", figures={"suspicion": 0.5, "named": named}, **more)

    made = [told("f0", 1.0), told("f1", 0.0), told("f1", 1.0, repeat=1), row("f2", 0.0, task="detect", status=Status.ABSTAINED)]
    found = detection([*made, *many([], [0.1, 0.2])], "solver")
    assert found.named == pytest.approx(1.5 / 3)
    assert found.named_interval.holds(0.5)
    assert detection(many([0.9, 0.8], [0.1]), "solver").named is None, "rows of earlier versions do not tell"


def test_each_kind_stands_against_all_networks_without_a_flaw():
    made = [
        judged("p0", 0.9, flaw="patch"),
        judged("p1", 0.8, flaw="patch+style"),
        judged("s0", 0.1, flaw="decoy+style"),
        *many([], [0.2, 0.3]),
        judged("b0", 0.4, flaw="benign"),
    ]
    by_kind = {one.kind: one.detection for one in detections_by_kind(made)}
    assert sorted(by_kind) == ["patch", "style"]
    assert [(one.flawed, one.clean, one.controls) for one in by_kind.values()] == [(2, 2, 1), (2, 2, 1)]
    assert (by_kind["patch"].auroc, by_kind["style"].auroc) == (1, 0.5)


def test_alarms_need_more_than_half_of_the_mass():
    found = detection(many([0.5, 0.51], [0.5, 0.51]), "solver")
    assert (found.found, found.false_alarms) == (1, 1)


def test_networks_are_the_unit():
    repeated = [judged("f0", value, repeat=n) for n, value in enumerate((1.0, 0.0, 0.2))]
    found = detection([*repeated, judged("f1", 0.9), judged("c0", 0.5, flaw="clean"), judged("c1", 0.1, flaw="clean")], "solver")
    assert (found.flawed, found.clean) == (2, 2)
    assert found.auroc == pytest.approx(0.75)


def test_an_abstention_raises_no_alarm_whatever_its_figures_say():
    told = row("f0", 0.0, task="detect", status=Status.ABSTAINED, figures={"suspicion": 1.0})
    found = detection([told, *many([0.9], [0.2, 0.3])[0:0], judged("f1", 0.9), *many([], [0.2, 0.3])], "solver")
    assert found.found == 1
    assert found.auroc == 0.5


def test_failed_networks_are_left_out_and_counted():
    broken = row("f9", task="detect", status=Status.FAILED)
    found = detection([broken, *many([0.9, 0.9], [0.1, 0.1])], "solver")
    assert (found.flawed, found.failed, found.auroc) == (2, 1, 1.0)


def test_what_cannot_be_said_is_missing_with_a_reason():
    found = detection(many([0.9, 0.8], []), "solver")
    assert (found.auroc, found.auroc_interval, found.false_alarm_interval) == (None, None, None)
    assert found.why_missing
    lone = detection(many([0.9, 0.8], [0.1]), "solver")
    assert lone.auroc == 1
    assert lone.auroc_interval is None
    assert lone.why_missing


def test_every_solver_has_a_record_and_rows_of_several_tasks_are_refused():
    made = many([0.9, 0.8], [0.1, 0.2]) + many([0.1, 0.2], [0.9, 0.8], solver="backwards")
    assert [(found.solver, found.auroc) for found in detections(made)] == [("backwards", 0.0), ("solver", 1.0)]
    with pytest.raises(ValueError, match="one task"):
        detections([*made, row("f0", 1.0, solver="elsewhere", task="repair")])


@given(st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_the_area_is_the_reference_ties_included(seed):
    rng = np.random.default_rng(seed)
    flawed, clean = rng.integers(0, 4, 7) / 4, rng.integers(0, 4, 9) / 4
    assert network_auroc(list(flawed), list(clean)) == pytest.approx(roc_auc_score([1] * 7 + [0] * 9, [*flawed, *clean]))


@given(st.integers(2, 60), st.integers(2, 60), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_the_interval_holds_the_area_and_has_a_width(flawed, clean, area):
    interval = auroc_interval(area, flawed, clean)
    assert -1e-9 <= interval.low <= area <= interval.high <= 1 + 1e-9
    assert interval.width > 0.005


def test_the_interval_is_symmetric_and_shrinks():
    low, high = auroc_interval(0.2, 12, 12), auroc_interval(0.8, 12, 12)
    assert (low.low, low.high) == pytest.approx((1 - high.high, 1 - high.low))
    assert auroc_interval(1.0, 50, 50).width < auroc_interval(1.0, 5, 5).width / 3


def test_the_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(6)
    true = 0.7602  # probability that a normal variable one standard deviation up is the larger of two
    hits = [auroc_interval(network_auroc(list(rng.normal(1, 1, 15)), list(rng.normal(0, 1, 15))), 15, 15).holds(true) for _ in range(600)]
    assert 0.92 <= np.mean(hits) <= 0.985


def test_sides_of_less_than_two_are_refused():
    with pytest.raises(TooFewError):
        auroc_interval(0.5, 1, 9)
    with pytest.raises(TooFewError):
        network_auroc([], [0.5])
