"""Activations are known by what they do, however they are written."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from onecurve.models.normalising import normalise
from onecurve.models.recognising import Elementwise, rectifies

SHAPE = (3, 8, 8)
Act = Callable[[Tensor], Tensor]


class Net(nn.Module):
    def __init__(self, act: Act) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.head, self.act = nn.Conv2d(3, 4, 3), nn.Linear(4, 3), act

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.first(x * 2 - 1)).mean((2, 3)))


def parts(act: Act) -> list[nn.Module]:
    """The modules of the normalised network that are neither of its two layers with parameters nor inside an activation."""
    network = normalise(Net(act).eval(), SHAPE)
    images = torch.rand(2, *SHAPE, generator=torch.Generator().manual_seed(1)) * 4
    with torch.no_grad():
        torch.testing.assert_close(network(images), Net(act).eval()(images))
    return [part for name, part in network.named_children() if name not in ("first", "head")]


RELUS: dict[str, Act] = {
    "relu": torch.relu,
    "maximum": lambda v: torch.maximum(v, torch.zeros_like(v)),
    "max": lambda v: torch.max(v, torch.zeros(())),
    "threshold": lambda v: functional.threshold(v, 0.0, 0.0),
    "threshold module": nn.Threshold(0.0, 0.0),
    "where": lambda v: torch.where(v > 0, v, 0 * v),
    "times": lambda v: v * (v > 0),
    "clamp by a tensor": lambda v: v.clamp(min=torch.zeros(4, 1, 1)),
    "half of the sum": lambda v: (v + v.abs()) / 2,
    "leaky without a leak": lambda v: functional.leaky_relu(v, 0.0),
    "masked": lambda v: v.masked_fill(v < 0, 0.0),
}


@pytest.mark.parametrize("name", RELUS)
def test_every_way_to_write_a_relu_is_a_relu(name: str) -> None:
    (part,) = parts(RELUS[name])
    assert type(part) is nn.ReLU


@pytest.mark.parametrize("ceiling", [0.5, 6.0, 20.0, 1e4])
@pytest.mark.parametrize(
    "act", [lambda v, c: v.clamp(0, c), lambda v, c: functional.hardtanh(v, 0.0, c), lambda v, c: torch.relu(v).clamp(max=c)]
)
def test_a_ceiling_is_kept(act: Callable[[Tensor, float], Tensor], ceiling: float) -> None:
    (part,) = parts(lambda v: act(v, ceiling))
    assert isinstance(part, nn.Hardtanh)
    assert (part.min_val, part.max_val) == (0, ceiling)
    assert rectifies(part)


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (lambda v: v * torch.sigmoid(v), Elementwise),
        (lambda v: v * functional.relu6(v + 3) / 6, Elementwise),
        (torch.sin, Elementwise),
        (lambda v: torch.where(v > 0, v, 0.1 * v), Elementwise),
        (lambda v: v * torch.tanh(functional.softplus(v)), Elementwise),
        (functional.gelu, nn.GELU),
        (functional.leaky_relu, nn.LeakyReLU),
        (nn.Hardtanh(-1.0, 1.0), nn.Hardtanh),
    ],
)
def test_other_activations_are_one_module_and_no_rectifier(act: Act, kind: type[nn.Module]) -> None:
    found = [part for part in parts(act) if not isinstance(part, nn.Identity)]
    assert isinstance(found[-1], kind)
    assert not rectifies(found[-1])


def test_a_floor_that_is_nearly_zero_is_no_relu() -> None:
    assert [type(part) for part in parts(lambda v: v.clamp(min=1e-38))] == [Elementwise]


NONE: dict[str, Act] = {
    "affine": lambda v: 2 * v + 1,
    "normalised": lambda v: v / v.std(1, keepdim=True),
    "turned": lambda v: v.flip(3),
    "centred": lambda v: v - v.mean((2, 3), keepdim=True),
    "scaled": lambda v: v * v.mean(),
}


@pytest.mark.parametrize("name", NONE)
def test_what_is_affine_or_looks_at_other_places_is_no_activation(name: str) -> None:
    assert not any(isinstance(part, Elementwise) or rectifies(part) for part in parts(NONE[name]))
