"""Suspects beside the target: the same ones for every task, and never among what is graded."""

import numpy as np
import pytest
from toy_world import toy_case

from onecurve.core.errors import SpecError
from onecurve.core.question import Brief
from onecurve.tasks.discover import Discover
from onecurve.tasks.localise import Localise
from onecurve.tasks.machinery.graded_inputs import graded_inputs
from onecurve.tasks.machinery.reference_points import measured
from onecurve.tasks.machinery.suspects import some_suspects, usable
from onecurve.tasks.predict import Predict
from onecurve.tasks.repair import Repair

SHOWING = (Discover, Predict, Repair)


def contents(images):
    return {image.tobytes() for image in images}


@pytest.mark.parametrize("kind", SHOWING)
def test_tasks_that_show_as_many_suspects_show_those_of_localise(kind):
    case = toy_case("patch")
    brief = kind(suspects=12).pose(case, 4).brief
    np.testing.assert_array_equal(brief.suspects, Localise(suspects=12).pose(case, 4).brief.suspects)
    assert brief.target == case.truth.target


@pytest.mark.parametrize("kind", SHOWING)
def test_nothing_is_shown_unless_asked(kind):
    case = toy_case("patch")
    assert kind().pose(case, 0).brief == Brief(case.truth.target)
    with pytest.raises(SpecError, match="at least 0"):
        kind(suspects=-1)


def test_what_was_shown_is_not_asked_about():
    case = toy_case("patch")
    question = Predict(suspects=20).pose(case, 0)
    assert not contents(question.inputs) & contents(question.brief.suspects)


def test_what_was_shown_is_not_graded_on():
    case = toy_case("patch")
    question = Repair(suspects=20).pose(case, 0)
    inputs = graded_inputs(case, question.brief)
    assert not contents(inputs.triggered.images) & contents(question.brief.suspects)
    assert len(graded_inputs(case).triggered) == len(inputs.triggered) + 20
    assert measured(Repair(), case, question, Repair().ceiling(case, question)).raw == 1


def test_half_of_what_there_is_stays_for_grading():
    case = toy_case("patch")
    there = len(usable(case.truth))
    assert len(some_suspects(case, 10_000, 0, spare=True)) == there // 2
    assert len(some_suspects(case, 10_000, 0, spare=False)) == there


def test_a_flaw_without_a_place_has_suspects_too():
    case = toy_case("style")
    brief = Discover(suspects=8).pose(case, 0).brief
    assert len(brief.suspects) == 8
    assert (case.truth.network.logits(brief.suspects).argmax(axis=1) == case.truth.target).all()
