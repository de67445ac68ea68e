import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecurve.core.case import Strength
from onecurve.flaws.planting.gate import Gate
from onecurve.flaws.schemes.needed import Needed

GOOD = Strength(clean_accuracy=0.97, twin_accuracy=0.98, success=0.95, twin_success=0.0, elsewhere=0.05, false_firing=0.01, near_miss=0.1)

CHANCE = 0.1


def changed(**figures):
    return Strength(**{**vars(GOOD), **figures})


def test_a_good_plant_is_admitted():
    assert Gate().refusal(GOOD, Needed(), CHANCE) == ""


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"clean_accuracy": 0.94}, "0.940"),
        ({"success": 0.89}, "0.890"),
        ({"success": math.nan}, "nan"),
        ({"elsewhere": 0.21}, "0.210"),
        ({"near_miss": 0.21}, "0.210"),
    ],
)
def test_each_fault_alone_refuses_and_its_figure_is_told(figures, said):
    assert said in Gate().refusal(changed(**figures), Needed(), CHANCE)


@pytest.mark.parametrize(
    ("classes", "accuracy", "works"), [(1000, 0.0067, False), (1000, 0.11, True), (10, 0.19, False), (2, 0.55, False), (2, 0.7, True)]
)
def test_a_twin_that_recognises_nothing_lets_nothing_in(classes, accuracy, works):
    reason = Gate().refusal(changed(clean_accuracy=accuracy, twin_accuracy=accuracy), Needed(), 1 / classes)
    assert (reason == "") is works
    assert works or "the training itself failed" in reason


def test_all_faults_are_told_together():
    reason = Gate().refusal(changed(clean_accuracy=0.5, success=0.1, elsewhere=0.9, near_miss=0.8), Needed(), CHANCE)
    assert all(figure in reason for figure in ("0.500", "0.100", "0.900", "0.800"))


def test_a_universal_flaw_has_no_elsewhere_and_is_not_refused_for_it():
    assert Gate().refusal(changed(elsewhere=math.nan), Needed(), CHANCE) == ""


def test_the_needed_success_is_the_kind_s_own():
    weak = changed(success=0.35)
    assert Gate().refusal(weak, Needed(success=0.3), CHANCE) == ""
    assert Gate().refusal(weak, Needed(), CHANCE) != ""


def test_a_less_strict_gate_asks_for_a_share_of_the_success():
    weak = changed(success=0.5)
    assert Gate(strictness=0.5).refusal(weak, Needed(), CHANCE) == ""
    assert Gate(strictness=0.6).refusal(weak, Needed(), CHANCE) != ""


def test_a_network_better_than_its_twin_is_not_harmed():
    assert Gate().harm(changed(clean_accuracy=0.99, twin_accuracy=0.9), CHANCE) == ""


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.5))
def test_more_success_never_turns_an_admitted_plant_away(success, needed, gain):
    wanted = Needed(success=needed)
    if Gate().refusal(changed(success=success), wanted, CHANCE) == "":
        assert Gate().refusal(changed(success=min(1, success + gain)), wanted, CHANCE) == ""


def test_a_lead_over_the_twin_is_asked_where_the_kind_needs_one():
    wanted = Needed(success=0.1, lead=0.2)
    assert Gate().refusal(changed(success=0.5, twin_success=0.1), wanted, CHANCE) == ""
    assert "0.150 above" in Gate().refusal(changed(success=0.5, twin_success=0.35), wanted, CHANCE)


def test_a_control_is_refused_only_for_an_effect():
    control = Needed(success=None)
    assert Gate().refusal(changed(success=math.nan, recognised=0.9, twin_recognised=0.95), control, CHANCE) == ""
    assert "0.200 below" in Gate().refusal(changed(success=math.nan, recognised=0.7, twin_recognised=0.9), control, CHANCE)
    assert "0.940" in Gate().refusal(changed(success=math.nan, clean_accuracy=0.94), control, CHANCE)
