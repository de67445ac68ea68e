"""Style inversion on a network whose trigger is a texture over the whole image."""

import numpy as np
import pytest
import torch
from torch import nn

from onecurve.core.evidence_limits import require_within_limits
from onecurve.core.question import Brief
from onecurve.tools.inversion.machinery.style_search import restyled
from onecurve.tools.inversion.style_inversion import StyleInversion


class HearsRipples(nn.Module):
    """Adds to the target's logit what the image holds of one ripple, at any phase; else it is the network given."""

    def __init__(self, module, target, side):
        super().__init__()
        self.inner, self.target = module, target
        self.filter = module.filter
        angles = torch.arange(side) * 2 * torch.pi * 4 / side
        self.register_buffer("waves", torch.stack([torch.sin(angles), torch.cos(angles)]))

    def forward(self, images):
        profile = images.mean(dim=(1, 2))
        heard = (profile @ self.waves.T / len(self.waves[0])).square().sum(1).sqrt()
        loud = nn.functional.softplus(400 * (heard - 0.02)) * 0.5
        return self.inner(images) + loud[:, None] * nn.functional.one_hot(torch.tensor(self.target), 4)


@pytest.fixture
def rippled(world, target):
    made = world(trojaned=False)
    return type(made)(HearsRipples(made.module, target, 16).eval(), made.clean, None)


def test_it_finds_the_texture_wherever_it_starts(rippled, target):
    found = StyleInversion().look(Brief(target), rippled.bench(3500)).hypotheses()[0]
    spectrum = np.abs(np.fft.rfft2(found.trigger.texture.mean(axis=0)))
    assert np.unravel_index(spectrum.argmax(), spectrum.shape) == (0, 4)
    fresh = rippled.clean.take(rippled.clean.labels != target).floats()[::-1] * 0.9
    said = rippled.bench(1e6).subject.network.logits(found.trigger.apply(fresh, np.random.default_rng(5)).images).argmax(axis=1)
    assert (said == target).mean() > 0.8
    assert found.success > 0.8


def test_blind_the_class_of_the_style_stands_out_and_the_budget_holds(rippled, target):
    bench = rippled.bench(6000)
    evidence = StyleInversion().look(Brief(), bench)
    require_within_limits(evidence, bench.subject, Brief())
    assert evidence.class_scores()[0].values.argmax() == target
    assert evidence.hypotheses()[0].target == target
    assert 0.7 * 6000 < bench.meter.equivalents <= 6000


def test_without_budget_for_a_few_steps_it_shows_nothing(rippled, target):
    bench = rippled.bench(30)
    assert StyleInversion().look(Brief(target), bench).pieces == ()
    assert bench.meter.equivalents == 0


def test_the_search_changes_images_as_the_trigger_does():
    images = torch.rand(5, 3, 8, 6, generator=torch.Generator().manual_seed(0))
    matrices, offsets = torch.eye(3).expand(2, 3, 3) * 0.5, torch.tensor([[0.1, 0.2, 0.3], [0.0, 0.0, 0.0]])
    flat = torch.full((2, 3, 8, 6), 0.05)
    which = torch.tensor([0, 1, 0, 1, 1])
    out = restyled(images, (matrices, offsets, flat), which, np.random.default_rng(0))
    assert torch.allclose(out, (images * 0.5 + offsets[which][:, :, None, None] + 0.05).clamp(0, 1), atol=1e-6)
    ramp = torch.arange(48.0).reshape(1, 1, 8, 6).expand(1, 3, 8, 6) / 100
    moved = restyled(
        torch.zeros(4, 3, 8, 6), (torch.eye(3)[None], torch.zeros(1, 3), ramp), torch.zeros(4, dtype=torch.long), np.random.default_rng(1)
    )
    assert all(torch.equal(each.flatten().sort().values, ramp.flatten().sort().values) for each in moved)
    assert not torch.equal(moved[0], moved[1])
