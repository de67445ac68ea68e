"""Rules of the backward pass reach activations however they are written, and images wherever a network has them."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from onecurve.core.access import Access
from onecurve.core.case import Subject
from onecurve.core.evidence import Evidence
from onecurve.core.image.images import Floats
from onecurve.core.question import Brief
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.models.metering import Metered
from onecurve.models.network import TorchNetwork
from onecurve.tools.catalog import TOOLS

SHAPE = (3, 12, 12)
IMAGES = torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(2))


class Net(nn.Module):
    """One rectifier is given, the other is a plain ReLU."""

    def __init__(self, act: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.c, self.d, self.l, self.act = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1), nn.Linear(8, 4), act

    def forward(self, x: Tensor) -> Tensor:
        return self.l(torch.relu(self.d(self.act(self.c(x * 2 - 1)))).mean((2, 3)))


class Stacked(Net):
    """Two views of the whole batch, one after the other."""

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(torch.cat([x, x / 2]))
        return y[: x.shape[0]] + y[x.shape[0] :]


class Halved(Net):
    """Each image makes two rows that lie side by side."""

    def forward(self, x: Tensor) -> Tensor:
        halves = torch.stack([x[:, :, :6], x[:, :, 6:]], 1).flatten(0, 1)
        return super().forward(halves).unflatten(0, (-1, 2)).mean(1)


class PlacesFirst(nn.Module):
    """Images are in the second axis."""

    def __init__(self, act: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.c, self.l, self.act = nn.Linear(3, 8), nn.Linear(8, 4), act

    def forward(self, x: Tensor) -> Tensor:
        return self.l(self.act(self.c(x.flatten(2).permute(2, 0, 1) * 2 - 1)).mean(0))


def looked(address: str, module: nn.Module, images: Tensor = IMAGES) -> Evidence:
    meter = Meter(Budget(60))
    subject = Subject("s", TorchNetwork(Metered(module.eval(), meter)), tuple("abcd"), SHAPE, ~Access.NONE)
    return TOOLS.make(address).look(Brief(1, images.numpy()), Workbench(subject, Budget(60), meter, 0))


def maps(evidence: Evidence) -> Floats:
    return np.stack([piece.values for piece in evidence.heat_maps()])


@pytest.mark.parametrize("tool", ["guided-backprop", "deconvolution", "deep-lift", "lrp", "guided-grad-cam"])
@pytest.mark.parametrize("act", [lambda v: v * (v > 0), lambda v: torch.maximum(v, torch.zeros_like(v)), lambda v: v.clamp(0, 20)])
def test_the_map_is_that_of_the_same_network_with_a_plain_relu(tool: str, act: Callable[[Tensor], Tensor]) -> None:
    np.testing.assert_allclose(maps(looked(tool, Net(act))), maps(looked(tool, Net(torch.relu))), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("cast", [lambda v: v.float(), lambda v: v.to(torch.float32), lambda v: v.type(torch.float32)])
def test_a_cast_inside_takes_no_method_away(cast: Callable[[Tensor], Tensor]) -> None:
    for tool in ("guided-backprop", "deep-lift", "lrp", "grad-cam"):
        found = maps(looked(tool, Net(lambda v: torch.relu(cast(v)))))
        np.testing.assert_allclose(found, maps(looked(tool, Net(torch.relu))), rtol=1e-3, atol=1e-6)


def test_a_swish_by_hand_has_the_slopes_of_a_swish() -> None:
    by_hand, known = (looked("deep-lift", Net(act)) for act in (lambda v: v * torch.sigmoid(v), functional.silu))
    np.testing.assert_allclose(maps(by_hand), maps(known), rtol=1e-3, atol=1e-6)
    assert next(check for check in by_hand.checks if check.name == "complete").holds


def test_activations_that_keep_their_gradient_are_counted_in_the_caption() -> None:
    captions = [looked("guided-backprop", Net(act)).heat_maps()[0].caption for act in (torch.sigmoid, torch.relu)]
    assert captions == ["guided backpropagation; 1 of 2 activations are no ReLU and keep the gradient", "guided backpropagation"]


@pytest.mark.parametrize("kind", [Net, Stacked, Halved, PlacesFirst])
def test_the_map_of_an_image_does_not_depend_on_its_neighbours(kind: Callable[[Callable[[Tensor], Tensor]], nn.Module]) -> None:
    address = "deep-lift[baseline='grey']"
    alone = np.concatenate([maps(looked(address, kind(torch.relu), IMAGES[at : at + 1])) for at in range(3)])
    np.testing.assert_allclose(maps(looked(address, kind(torch.relu))), alone, rtol=1e-3, atol=1e-6 * alone.max())
    for method in (address, "deep-lift-shap[baselines=3]"):
        assert next(check for check in looked(method, kind(torch.relu)).checks if check.name == "complete").value < 1e-3
