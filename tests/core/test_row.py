"""What follows from the numbers of a row."""

from dataclasses import replace

import pytest

from onecurve.core.grade import Cost, Status
from onecurve.core.row import Role, Row

ROW = Row(
    *("key", "net-1.1", "net-1", "patch", "digits", "six-conv", "detect", "tool", "tool", ""),
    *(Role.METHOD, 1000.0, 0.0, 0, Status.GRADED),
    forward=400.0,
    backward=300.0,
    cpu_seconds=6.0,
    passes=10_001.0,
)


@pytest.mark.parametrize(
    ("changes", "beyond"),
    [
        ({}, True),
        ({"passes": 10_000.0}, False),
        ({"cpu_seconds": 5.0}, False),
        ({"cpu_seconds": None}, False),
        ({"passes": None}, False),
        ({"forward": 0.0, "backward": 0.0}, True),
    ],
)
def test_a_cell_worked_beyond_its_meter_if_it_did_ten_times_as_much_for_more_than_five_seconds(changes, beyond):
    assert replace(ROW, **changes).beyond_meter is beyond


def test_what_was_not_measured_makes_no_sum():
    assert Cost(cpu_seconds=1).plus(Cost(cpu_seconds=2)).cpu_seconds == 3
    assert Cost(cpu_seconds=1).plus(Cost(cpu_seconds=None)).cpu_seconds is None


@pytest.mark.parametrize(("one", "other", "both"), [(3, 5, 5), (5, 3, 5), (0, 0, 0), (None, 5, None), (0, None, None)])
def test_two_looks_at_one_clean_set_read_at_least_what_the_larger_one_read(one, other, both):
    assert Cost(clean_images=one).plus(Cost(clean_images=other)).clean_images == both
    assert replace(ROW, clean_images=one).cost.clean_images == one
