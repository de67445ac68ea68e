"""Rows of two versions of one task never meet in a mean."""

from dataclasses import replace

import pytest
from row_making import row

from onecurve.core.grade import Status
from onecurve.core.row import Role
from onecurve.statistics.summary import summarise
from onecurve.statistics.versions import LeftOut, left_out, of_one_version

OLD = [replace(row(f"c{n}", 0.9, question="q", task_version=1), key=f"old-{n}") for n in range(3)]
NEW = [row(f"c{n}", 0.2, question="q", task_version=2) for n in range(3)]


def test_the_newest_version_is_compared_and_the_others_are_counted():
    other = row("c0", 0.5, task="predict", question="p")
    made = [*OLD, *NEW, other]
    assert of_one_version(made) == (*NEW, other)
    assert left_out(made) == (LeftOut("discover", 1, 3, 2),)
    assert [one.mean for one in summarise(of_one_version(made)) if one.task == "discover"] == [pytest.approx(0.2)]


def test_a_version_that_nobody_could_attempt_does_not_hide_an_older_one():
    refused = [row(f"c{n}", status=Status.SKIPPED, task_version=2) for n in range(3)]
    floor = row("c0", 0.0, solver="floor", role=Role.REFERENCE_POINT, question="q", task_version=2)
    assert of_one_version([*OLD, *refused, floor]) == tuple(OLD)


def test_what_was_refused_for_good_stays_unless_it_is_asked_now():
    refused = row("clean", status=Status.SKIPPED)
    asked_now = row("c0", status=Status.SKIPPED)
    assert of_one_version([refused, asked_now, *NEW]) == (refused, *NEW)


def test_without_rows_there_is_nothing_to_leave_out():
    assert (of_one_version([]), left_out([])) == ((), ())
