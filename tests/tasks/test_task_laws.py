"""The laws of every task, for every kind of flaw: floor 0, ceiling 1, no gain by not looking, no loss by knowing more."""

import subprocess
import sys
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_world import CONTROLS, KINDS, Scripted, toy_case, with_truth

from onecurve.core.answer import Rebuilt, Weights, normalised
from onecurve.core.codec import digest
from onecurve.core.errors import UngradeableError
from onecurve.core.question import Weigh
from onecurve.core.roles import Task
from onecurve.core.spec import spec_of
from onecurve.tasks.catalog import TASKS
from onecurve.tasks.machinery.reference_points import measured, reference_points

WITHOUT_PLACE = {("style", "localise"), ("missing-subgroup", "localise")}
REFUSED = WITHOUT_PLACE | {(kind, task) for kind in CONTROLS for task in ("discover", "localise", "predict", "repair")}
ALLOWED = [(kind, name) for kind in KINDS for name in TASKS.names() if (kind, name) not in REFUSED]
WEIGHED = [pair for pair in ALLOWED if pair[1] not in ("repair", "replace")]
REBUILT = [pair for pair in ALLOWED if pair[1] in ("repair", "replace")]


@lru_cache(maxsize=64)
def asked(kind, name):
    task, case = TASKS.make(name), toy_case(kind)
    question = task.pose(case, 0)
    return task, case, question, reference_points(task, case, question)


def skill(kind, name, answer):
    task, case, question, sticks = asked(kind, name)
    return sticks.skill(measured(task, case, question, answer))


@pytest.mark.parametrize(("kind", "name"), ALLOWED)
def test_floor_earns_nothing_and_ceiling_exactly_one(kind, name):
    task, case, question, _ = asked(kind, name)
    assert skill(kind, name, task.floor(case, question)) == 0
    assert skill(kind, name, task.ceiling(case, question)) == 1


@pytest.mark.parametrize(("kind", "name"), ALLOWED)
def test_the_ceiling_measures_one_and_is_what_the_truth_says(kind, name):
    assert asked(kind, name)[3].ceiling.raw == pytest.approx(1)


@pytest.mark.parametrize(("kind", "name"), [pair for pair in ALLOWED if pair[1] not in ("detect", "discover", "localise")])
def test_no_answer_without_looking_earns_more_than_the_floor(kind, name):
    task, case, question, _ = asked(kind, name)
    skills = [skill(kind, name, answer) for answer in task.gallery(case, question).values()]
    assert max(skills) == 0


@pytest.mark.parametrize(("kind", "name"), WEIGHED)
@given(first=st.floats(0, 1), second=st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_moving_from_floor_to_ceiling_never_lowers_skill(kind, name, first, second):
    task, case, question, _ = asked(kind, name)
    floor, ceiling = (normalised(answer) for answer in (task.floor(case, question), task.ceiling(case, question)))
    less, more = (Weights(floor * (1 - share) + ceiling * share) for share in sorted((first, second)))
    assert skill(kind, name, less) <= skill(kind, name, more) + 1e-6


@pytest.mark.parametrize(("kind", "name"), REBUILT)
def test_a_network_that_is_the_ceiling_on_more_inputs_earns_no_less(kind, name):
    task, case, question, _ = asked(kind, name)
    floor, ceiling = task.floor(case, question).network, task.ceiling(case, question).network
    skills = [skill(kind, name, Rebuilt(Scripted(ceiling, floor, threshold))) for threshold in (0, 0.25, 0.5, 0.75, 1.01)]
    assert skills == sorted(skills)
    assert skills[0] == 0
    assert skills[-1] == 1
    assert 0 < skills[2] < 1


@pytest.mark.parametrize(("kind", "name"), WEIGHED)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_scale_of_a_row_does_not_matter(kind, name, data):
    _, _, question, _ = asked(kind, name)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    values = rng.random((question.items, len(question.options))).astype(np.float32)
    power = data.draw(st.integers(-8, 8))
    assert skill(kind, name, Weights(values)) == pytest.approx(skill(kind, name, Weights(values * np.float32(2) ** power)), abs=1e-5)


@pytest.mark.parametrize("name", ["localise", "predict"])
def test_the_order_of_items_changes_nothing(name):
    task, case, question, _ = asked("patch", name)
    rng = np.random.default_rng(0)
    order = rng.permutation(question.items)
    labels = None if question.labels is None else question.labels[order]
    turned = replace(question, inputs=question.inputs[order], labels=labels)
    values = rng.random((question.items, len(question.options))).astype(np.float32)
    one, other = (measured(task, case, asked_, Weights(rows)) for asked_, rows in ((question, values), (turned, values[order])))
    assert one.raw == pytest.approx(other.raw)
    assert dict(one.figures) == pytest.approx(dict(other.figures))


@pytest.mark.parametrize("kind", ["patch", "style"])
def test_the_order_of_the_lineup_changes_nothing(kind):
    task, case, _, _ = asked(kind, "discover")
    order = np.random.default_rng(1).permutation(8)
    turned = with_truth(
        case, options=tuple(case.truth.options[at] for at in order), right=int(np.flatnonzero(order == case.truth.right)[0])
    )
    values = np.array([[3, 1, 5, 1, 0, 0, 2, 5]], np.float32)
    one = measured(task, case, task.pose(case, 0), Weights(values))
    other = measured(task, turned, task.pose(turned, 0), Weights(values[:, order]))
    assert one == other


@pytest.mark.parametrize(("kind", "name"), ALLOWED)
def test_asking_twice_asks_the_same_and_keeps_within_the_truth(kind, name):
    task, case, question, _ = asked(kind, name)
    assert digest(task.pose(case, 0)) == digest(question)
    if isinstance(question, Weigh):
        assert len(set(question.options)) == len(question.options)


@pytest.mark.parametrize("name", ["localise", "predict"])
def test_another_seed_asks_about_other_inputs(name):
    task, case, question, _ = asked("patch", name)
    assert digest(task.pose(case, 1)) != digest(question)


@pytest.mark.parametrize(("kind", "name"), sorted(REFUSED))
def test_what_cannot_be_asked_is_refused_in_words(kind, name):
    assert " " in TASKS.make(name).refusal(toy_case(kind).truth)


@pytest.mark.parametrize(("kind", "name"), ALLOWED)
def test_what_can_be_asked_is_not_refused(kind, name):
    assert TASKS.make(name).refusal(toy_case(kind).truth) == ""


@pytest.mark.parametrize("name", TASKS.names())
def test_every_task_states_its_facts(name):
    task = TASKS.make(name)
    assert isinstance(task, Task)
    assert task.name == name
    assert task.summary
    assert task.source
    assert task.blind == (name in ("detect", "replace"))
    assert spec_of(task).name == name


def test_a_repair_that_has_nothing_to_repair_is_refused():
    case = toy_case("patch")
    healthy = with_truth(case, network=case.truth.twin)
    task = TASKS.make("repair")
    with pytest.raises(UngradeableError):
        reference_points(task, healthy, task.pose(healthy, 0))


def test_a_network_that_always_says_one_thing_cannot_be_replaced_on_a_curve():
    case = toy_case("clean")
    firing = with_truth(case, network=replace(case.truth.network, flaw="style", target=0))
    all_blue = with_truth(firing, heldout=replace(case.truth.heldout, images=np.full_like(case.truth.heldout.images, 255)))
    task = TASKS.make("replace")
    with pytest.raises(UngradeableError):
        reference_points(task, all_blue, task.pose(all_blue, 0))


def test_listing_tasks_imports_no_torch():
    code = "import sys; from onecurve.tasks.catalog import TASKS; [TASKS.load(n) for n in TASKS.names()]; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
