"""MM-BD on networks where the answer is known: a planted trigger, none at all, and a starved budget."""

import numpy as np
import pytest
import torch
from torch import nn

from onecurve.core.errors import SpecError
from onecurve.core.question import Brief
from onecurve.readers.class_scores.outlier import anomaly_index
from onecurve.tools.inversion.mm_bd import MmBd, _margin

BUDGET = 4 * 3 * 8 * 60.0
"""Pays for 8 starts and 60 steps of four classes."""


def scores_of(bench):
    return MmBd().look(Brief(), bench).class_scores()[0].values


def test_the_target_of_a_trojan_has_the_largest_margin_by_far(world, target):
    scores = scores_of(world().bench(BUDGET))
    assert scores.argmax() == target
    assert anomaly_index(scores.astype(float), 0.1)[target] > 3.5


def test_no_class_of_a_clean_network_stands_out(world):
    scores = scores_of(world(trojaned=False).bench(BUDGET))
    assert np.ptp(scores) < 0.2 * np.abs(scores).max()


def test_more_budget_never_lowers_what_is_found_by_much_and_is_spent(world):
    world = world()
    found = []
    for budget in (BUDGET, 4 * BUDGET):
        bench = world.bench(budget)
        found.append(scores_of(bench))
        assert 0.8 * budget < bench.cost().equivalents <= budget
    assert (found[1] >= found[0] - 0.05 * np.abs(found[0])).all()


@pytest.mark.parametrize("brief", [Brief(), Brief(1)])
def test_a_budget_below_four_starts_or_a_target_gives_nothing(world, brief):
    assert MmBd().look(brief, world().bench(900 if brief.target is None else BUDGET)).pieces == ()


def test_it_needs_no_images(world):
    bench = world().bench(BUDGET)
    bench.subject = bench.subject.__class__(
        bench.subject.id, bench.subject.network, bench.subject.class_names, bench.subject.input_shape, bench.subject.access
    )
    assert MmBd().look(Brief(), bench).class_scores()


def test_a_margin_is_the_logit_less_the_largest_other():
    logits = torch.tensor([[1.0, 4.0, 2.0], [5.0, 0.0, 3.0]])
    assert _margin(logits, torch.tensor([1, 2])).tolist() == [2.0, -2.0]


def test_weights_stay_as_they_are(world):
    world = world()
    before = nn.utils.parameters_to_vector(world.module.parameters()).clone()
    MmBd().look(Brief(), world.bench(BUDGET))
    assert torch.equal(before, nn.utils.parameters_to_vector(world.module.parameters()))


@pytest.mark.parametrize("changes", [{"starts": 3}, {"steps": 19}, {"learning_rate": 0}])
def test_settings_out_of_range_are_refused(changes):
    with pytest.raises(SpecError):
        MmBd(**changes)
