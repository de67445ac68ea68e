"""Edges, occlusion and integrated gradients on inputs whose trigger is known to the pixel."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from onecurve.core.access import Access
from onecurve.core.case import Subject
from onecurve.core.question import Brief
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.models.metering import Metered
from onecurve.models.network import TorchNetwork
from onecurve.tools.attribution.edges import Edges, edge_magnitude
from onecurve.tools.attribution.integrated_gradients import IntegratedGradients
from onecurve.tools.attribution.machinery.baseline_image import baseline_image
from onecurve.tools.attribution.occlusion import Occlusion, window_masks


def share_inside(evidence, masks):
    """Mean share of a map's mass that lies on the trigger."""
    return np.mean([piece.values[masks[piece.item]].sum() / piece.values.sum() for piece in evidence.heat_maps()])


@pytest.mark.parametrize(("tool", "least"), [(Occlusion(), 0.25), (IntegratedGradients(), 0.5)])
def test_finds_where_the_trigger_is(tool, least, world, target):
    """The trigger covers 9 of 256 pixels: a map that knows nothing puts .035 of its mass there."""
    world = world()
    images, masks = world.suspects(8)
    evidence = tool.look(Brief(target, images), world.bench(5000))
    assert [piece.item for piece in evidence.heat_maps()] == list(range(8))
    assert share_inside(evidence, masks) > least
    peaks = [masks[piece.item][np.unravel_index(piece.values.argmax(), piece.values.shape)] for piece in evidence.heat_maps()]
    assert np.mean(peaks) >= 0.75


@pytest.mark.parametrize("tool", [Occlusion(), IntegratedGradients()])
def test_without_a_target_the_class_that_is_said_is_explained(tool, world, target):
    world = world()
    images, _ = world.suspects(4)
    told, untold = (tool.look(Brief(known, images), world.bench(5000)) for known in (target, None))
    for one, other in zip(told.heat_maps(), untold.heat_maps(), strict=True):
        assert np.corrcoef(one.values.ravel(), other.values.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("tool", [Occlusion(), IntegratedGradients()])
def test_a_small_budget_maps_fewer_suspects(tool, world, target):
    world = world()
    images, _ = world.suspects(8)
    evidence = tool.look(Brief(target, images), world.bench(24))
    assert 0 < len(evidence.heat_maps()) <= 8
    assert tool.look(Brief(target, images), world.bench(2)).pieces == ()


def test_edges_are_the_sobel_magnitude():
    images = np.zeros((1, 2, 5, 6), np.float32)
    images[:, :, :, 3:] = 1
    magnitude = edge_magnitude(images)
    assert magnitude[0, 2, 2] == pytest.approx(4 * np.sqrt(2))
    assert magnitude[0, :, 0] == pytest.approx(0)
    assert edge_magnitude(np.full((2, 3, 4, 4), 0.7, np.float32)).max() == pytest.approx(0, abs=1e-5)


def test_edges_never_ask_the_network(world, target):
    world = world()
    bench = world.bench(1000)
    Edges().look(Brief(target, world.suspects(4)[0]), bench)
    assert bench.meter.equivalents == 0


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.01, 1), st.integers(1, 300))
def test_windows_cover_every_pixel_within_the_number_allowed(height, width, share, at_most):
    masks = window_masks((height, width), share, at_most)
    assert len(masks) <= at_most
    assert masks.any(axis=0).all()


def test_more_budget_means_finer_windows_and_never_more_than_one_per_place():
    counts = [len(window_masks((16, 16), 0.25, at_most)) for at_most in (9, 50, 169, 5000)]
    assert all(fewer < more for fewer, more in pairwise(counts[:3]))
    assert counts[-1] == 13 * 13


def test_occlusion_of_a_sum_of_pixels_is_the_pixels():
    """With one-pixel windows on a black ground, the fall of a sum is the pixel itself."""

    class Sum(nn.Module):
        def forward(self, images):
            total = images.sum(dim=(1, 2, 3))
            return torch.stack([total, -total], dim=1)

    image = np.random.default_rng(0).random((1, 1, 6, 6), dtype=np.float32)
    evidence = Occlusion(window=0.1, baseline="black").look(Brief(0, image), bench_of(Sum(), (1, 6, 6), 37))
    assert evidence.heat_maps()[0].values == pytest.approx(image[0, 0], abs=1e-5)


@pytest.mark.parametrize("steps", [2, 7])
def test_integrated_gradients_of_a_linear_network_are_exact(steps):
    torch.manual_seed(0)
    linear = nn.Linear(2 * 5 * 4, 3)
    images = np.random.default_rng(0).random((20, 2, 5, 4), dtype=np.float32)
    bench = bench_of(nn.Sequential(nn.Flatten(), linear), (2, 5, 4), 20 * 3 * steps)
    evidence = IntegratedGradients(baseline="grey").look(Brief(1, images), bench)
    weight = linear.weight[1].detach().numpy().reshape(2, 5, 4)
    for piece in evidence.heat_maps():
        assert piece.values == pytest.approx(np.abs((images[piece.item] - 0.5) * weight).sum(axis=0), abs=1e-5)
    assert (bench.meter.forward, bench.meter.backward) == (20 * steps, 20 * steps)


def test_baselines_are_flat_and_do_not_hold_the_trigger(world):
    world = world()
    subject = world.bench(1).subject
    suspects = world.suspects(3)[0]
    assert baseline_image("black", subject, suspects).max() == 0
    assert np.unique(baseline_image("grey", subject, suspects)) == 0.5
    mean = baseline_image("mean", subject, suspects)
    assert mean.shape == world.shape
    assert mean == pytest.approx(np.broadcast_to(world.clean.floats().mean(axis=(0, 2, 3))[:, None, None], world.shape), abs=1e-4)
    without_set = Subject("bare", None, subject.class_names, subject.input_shape, subject.access)
    assert baseline_image("mean", without_set, suspects)[0, 0, 0] == pytest.approx(suspects[:, 0].mean(), abs=1e-4)


def bench_of(module: nn.Module, shape: tuple[int, int, int], budget: float) -> Workbench:
    meter = Meter(Budget(budget))
    network = TorchNetwork(Metered(module.eval(), meter))
    return Workbench(Subject("bare", network, ("a", "b", "c"), shape, Access.QUERIES | Access.WEIGHTS), Budget(budget), meter, 0)
