"""The look at the last layer: what isolation is, which layer it is read from, and where it says nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import nn

from onecurve.core.question import Brief
from onecurve.core.workbench import Budget, Meter
from onecurve.models.metering import Metered
from onecurve.models.network import TorchNetwork
from onecurve.tools.weights.last_layer import LastLayer, isolation


def bench_with(world, module):
    bench = world().bench(0)
    bench.subject = replace(bench.subject, network=TorchNetwork(Metered(module, Meter(Budget(0)))))
    return bench


@given(arrays(np.float32, (5, 7), elements=st.floats(-10, 10, width=32)), st.floats(0.125, 8))
def test_isolation_lies_between_0_and_2_and_does_not_follow_the_scale(rows, scale):
    found = isolation(rows)
    assert (found >= -1e-5).all()
    assert (found <= 2 + 1e-5).all()
    large = np.linalg.norm(rows, axis=1) > 1e-3
    if large.all():
        assert isolation(rows * np.float32(scale)) == pytest.approx(found, abs=1e-4)


def test_the_row_that_points_away_from_the_rest_is_the_most_isolated():
    rows = np.array([[1, 0.1], [1, -0.1], [-1, 0], [1, 0]], np.float32)
    assert isolation(rows).argmax() == 2
    assert isolation(np.ones((3, 4), np.float32)) == pytest.approx([0, 0, 0], abs=1e-6)


@pytest.mark.parametrize("last", [nn.Linear(6, 4), nn.Conv2d(6, 4, 1)])
def test_the_last_layer_with_one_output_per_class_is_read_without_a_pass(world, last):
    with torch.no_grad():
        last.weight[:] = 1 + 0.01 * torch.arange(last.weight.numel()).reshape(last.weight.shape)
        last.weight[3] *= -1
    bench = bench_with(world, nn.Sequential(nn.Linear(2, 6), last))
    scores = LastLayer().look(Brief(), bench).class_scores()[0].values
    assert scores.argmax() == 3
    assert bench.cost().equivalents == 0


def test_nothing_is_said_of_a_network_without_such_a_layer_or_where_the_target_is_told(world):
    assert LastLayer().look(Brief(), bench_with(world, nn.Sequential(nn.Linear(2, 6)))).pieces == ()
    assert LastLayer().look(Brief(1), bench_with(world, nn.Sequential(nn.Linear(2, 4)))).pieces == ()
