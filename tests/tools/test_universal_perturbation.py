"""Universal perturbations on networks with a trigger that was built in."""

import numpy as np
import pytest

from onecurve.core.evidence_limits import require_within_limits
from onecurve.core.question import Brief
from onecurve.tools.inversion.machinery.universal import Perturbation, perturb
from onecurve.tools.inversion.universal_perturbation import UniversalPerturbation

SPARSE = {"area": 0.3, "bound": 1.0}


def test_blind_the_target_is_the_easiest_class_and_the_budget_holds(world, target):
    flawed = world(trojaned=True)
    bench = flawed.bench(8000)
    evidence = UniversalPerturbation(**SPARSE).look(Brief(), bench)
    require_within_limits(evidence, bench.subject, Brief())
    scores = evidence.class_scores()[0].values
    assert scores.argmax() == target
    assert 0 <= scores.min() <= scores.max() <= 1
    first = evidence.hypotheses()[0]
    assert first.target == target
    assert first.success > 0.5
    assert 0.5 * 8000 < bench.meter.equivalents <= 8000


def test_a_shown_target_gets_a_trigger_and_no_scores(world, target):
    evidence = UniversalPerturbation(**SPARSE).look(Brief(target), world(trojaned=True).bench(2000))
    assert not evidence.class_scores()
    assert {one.target for one in evidence.hypotheses()} == {target}


def test_without_budget_for_the_steps_it_shows_nothing(world):
    bench = world(trojaned=True).bench(60)
    assert UniversalPerturbation().look(Brief(), bench).pieces == ()
    assert bench.meter.equivalents == 0


@pytest.mark.parametrize(("area", "bound"), [(1.0, 0.03), (0.05, 0.5)])
def test_changes_stay_within_their_bounds_and_classes_do_not_depend_on_each_other(world, area, bound):
    made = world(trojaned=True)
    recipe = Perturbation(area, bound, steps=4, images=3)
    every = perturb(made.module, made.clean, np.arange(4), recipe, 1, "cpu")
    assert np.abs(every.changes).max() <= bound + 1e-6
    changed = (every.changes != 0).any(axis=1).mean(axis=(1, 2))
    assert (changed <= area + 0.01).all()
    one = perturb(made.module, made.clean, np.array([2]), recipe, 1, "cpu")
    others = made.clean.labels != 2
    assert others.any()
    assert one.changes.shape == every.changes[2:3].shape
