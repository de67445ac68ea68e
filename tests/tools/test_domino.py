"""Domino on a network that fails on red images of one class."""

import numpy as np
import pytest
import torch
from torch import nn

from onecurve.core.evidence_limits import require_within_limits
from onecurve.core.image.images import LabelledImages
from onecurve.core.question import Brief
from onecurve.tools.data.domino import Domino, worst_slice
from onecurve.tools.data.machinery.colour_rule import colour_rule
from onecurve.tools.data.machinery.error_mixture import memberships, principal
from onecurve.tools.data.machinery.last_features import last_features

FROM, TO = 3, 0


class FailsOnRed(nn.Module):
    """Reads the class off the brightness of the green channel; what is red besides goes to class 0 if it was to be class 3."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(5, 4)
        nn.init.zeros_(self.head.bias)
        with torch.no_grad():
            self.head.weight.copy_(torch.cat([8 * torch.eye(4), torch.tensor([[400.0], [0], [0], [0]])], 1))

    def forward(self, images):
        red, green = images[:, 0].mean(dim=(1, 2)), images[:, 1].mean(dim=(1, 2))
        near = -((green[:, None] - torch.tensor([0.1, 0.35, 0.6, 0.85])) * 6).square()
        return self.head(torch.cat([near, (red > 0.6)[:, None] * (green > 0.7)[:, None].float()], 1))


@pytest.fixture
def failing(world):
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 4
    images = np.clip(rng.normal(0.3, 0.03, (200, 3, 16, 16)), 0, 1)
    images[:, 1] = np.array([0.1, 0.35, 0.6, 0.85])[labels][:, None, None]
    red = rng.random(200) < 0.3
    images[red, 0] += 0.5
    made = world(images=8)
    made = type(made)(FailsOnRed(), LabelledImages(np.round(images * 255).astype(np.uint8), labels), made.trigger)
    made.module.filter = nn.Parameter(torch.zeros(1))
    return made, red & (labels == FROM)


@pytest.mark.parametrize("target", [None, TO])
def test_the_slice_and_its_colour_are_found(failing, target):
    world, fails = failing
    bench = world.bench(1000)
    evidence = Domino().look(Brief(target), bench)
    require_within_limits(evidence, bench.subject, Brief(target))
    assert fails[evidence.data_rows()[0].rows].all()
    assert len(evidence.pictures()) == 8
    (found,) = evidence.slices()
    assert found.target == TO
    alike = world.clean.labels == FROM
    assert (found.predicate.holds(world.clean.floats()) == fails)[alike].mean() > 0.95
    assert bench.meter.equivalents == 200


def test_no_slice_without_errors_or_without_budget(failing):
    world, _ = failing
    assert Domino().look(Brief(1), world.bench(1000)).pieces == ()
    assert Domino().look(Brief(TO), world.bench(1)).pieces == ()


def test_the_worst_slice_has_many_errors_and_a_high_share_of_them():
    belongs = np.repeat(np.eye(4), [20, 20, 2, 5], axis=0)
    wrong = np.zeros(47, bool)
    wrong[:4] = wrong[20:28] = wrong[40:42] = wrong[42:47] = True
    assert worst_slice(belongs, wrong) == 3, "5 of 5 before 8 of 20; 2 of 2 are too few"
    assert worst_slice(belongs, np.zeros(47, bool)) is None


def test_the_mixture_parts_what_has_the_same_labels_by_features():
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(0, 1, (40, 6)), rng.normal(8, 1, (40, 6))])
    labels, shares = np.repeat([0, 1], 40), np.tile([[0.9, 0.1]], (80, 1))
    shares[::2] = 0.1, 0.9
    belongs = memberships(principal(points), labels, shares, 4, 1.0, rng)
    assert belongs.sum(axis=1) == pytest.approx(1)
    first, second = belongs[:40].sum(axis=0), belongs[40:].sum(axis=0)
    assert np.minimum(first, second).max() < 1


def test_no_colour_rule_where_colour_does_not_tell():
    rng = np.random.default_rng(1)
    images = rng.random((60, 3, 4, 4)).astype(np.float32)
    chosen = np.arange(60) % 3 == 0
    assert colour_rule(images, chosen, rng) is None
    assert colour_rule(images, np.arange(60) < 3, rng) is None
    images[chosen, 2] += 1
    assert (colour_rule(images, chosen, rng).holds(images) == chosen).all()


def test_the_last_features_are_those_that_the_layer_gets_that_runs_last():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.head, self.hidden = nn.Linear(3, 2), nn.Linear(12, 3)

        def forward(self, images):
            return self.head(self.hidden(images.flatten(1)))

    module, images = Backwards(), np.random.default_rng(0).random((5, 3, 2, 2), np.float32)
    features, logits = last_features(module, images, "cpu")
    hidden = module.hidden(torch.from_numpy(images).flatten(1))
    np.testing.assert_allclose(features, hidden.detach().numpy(), rtol=1e-5)
    np.testing.assert_allclose(logits, module.head(hidden).detach().numpy(), rtol=1e-5)
