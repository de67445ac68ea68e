"""Grad-CAM and HiRes-CAM equal their formulas by autograd, however the last feature maps come about."""

import numpy as np
import pytest
import torch
from cut_networks import KINDS, SIZE, Joined
from torch import Tensor
from torch.nn import functional

from onecurve.core.access import Access
from onecurve.core.case import Subject
from onecurve.core.image.images import Floats
from onecurve.core.question import Brief
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.models.metering import Metered
from onecurve.models.network import TorchNetwork
from onecurve.tools.catalog import TOOLS

IMAGES = torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(2))


def looked(tool: str, module: Joined, images: Tensor) -> Floats:
    meter = Meter(Budget(9))
    subject = Subject("s", TorchNetwork(Metered(module, meter)), tuple("abcd"), SIZE, ~Access.NONE)
    evidence = TOOLS.make(tool).look(Brief(1, images.numpy()), Workbench(subject, Budget(9), meter, 0))
    assert meter.equivalents == 9
    return np.stack([piece.values for piece in evidence.heat_maps()])


def expected(module: Joined, images: Tensor, *, mean: bool) -> Floats:
    maps = [each.detach().requires_grad_() for each in module.last(images)]
    slopes = torch.autograd.grad(module.top(*maps)[:, 1].sum(), maps)
    slopes = [slope.mean((2, 3), keepdim=True) if mean else slope for slope in slopes]
    parts = [(each * slope).sum(1, keepdim=True) for each, slope in zip(maps, slopes, strict=True)]
    most = max(part.shape[2:] for part in parts)
    whole = sum(functional.interpolate(part, most, mode="bilinear") for part in parts)
    return functional.interpolate(whole.clamp(min=0), SIZE[1:], mode="bilinear").detach().numpy()[:, 0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tool", ["grad-cam", "hires-cam"])
def test_the_maps_are_those_of_the_formula(tool: str, kind: type[Joined]) -> None:
    found = looked(tool, kind().eval(), IMAGES)
    np.testing.assert_allclose(found, expected(kind().eval(), IMAGES, mean=tool == "grad-cam"), rtol=1e-3, atol=1e-6)
