"""Exact counts: what a tool pays is what it used, however it used it."""

from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from captum.attr import DeepLift, GuidedBackprop, IntegratedGradients, LayerGradCam
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from onecurve.core.errors import BudgetError
from onecurve.core.workbench import Budget, Meter
from onecurve.models.building import build
from onecurve.models.metering import Metered, unmetered

SHAPE = (3, 16, 16)


@pytest.fixture
def meter() -> Meter:
    return Meter(Budget(1e9))


@pytest.fixture
def metered(tiny: nn.Module, meter: Meter) -> Metered:
    return Metered(tiny, meter)


def counts(meter: Meter) -> tuple[float, float]:
    return meter.forward, meter.backward


def images(count: int, *, gradient: bool = False) -> Tensor:
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(0)).requires_grad_(gradient)


def test_a_metered_network_gives_what_it_gave_before(tiny: nn.Module, meter: Meter) -> None:
    before = tiny(images(4))
    assert torch.equal(Metered(tiny, meter)(images(4)), before)


def test_a_pass_counts_its_examples_forward_and_nothing_backward(metered: Metered, meter: Meter) -> None:
    metered(images(5))
    with torch.no_grad():
        metered(images(3))
    assert counts(meter) == (8, 0)


@given(sizes=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), max_size=5))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_forward_counts_examples_and_backward_counts_them_once_per_backward_pass(sizes: list[tuple[int, int]]) -> None:
    meter = Meter(Budget(1e9))
    network = Metered(build("six-conv[width=4]", SHAPE, 4, 0), meter)
    for count, backwards in sizes:
        total = network(images(count)).sum()
        for _ in range(backwards):
            total.backward(retain_graph=True)
    assert counts(meter) == (sum(count for count, _ in sizes), sum(count * backwards for count, backwards in sizes))


def test_gradients_for_the_images_and_for_a_frozen_network_count(metered: Metered, meter: Meter) -> None:
    for parameter in metered.parameters():
        parameter.requires_grad = False
    pixels = images(3, gradient=True)
    (gradient,) = torch.autograd.grad(metered(pixels)[:, 0].sum(), pixels)
    assert gradient.abs().sum() > 0
    assert counts(meter) == (3, 3)
    metered(images(2))
    assert counts(meter) == (5, 3)


def test_a_gradient_taken_from_a_hidden_layer_counts_as_a_backward_pass(metered: Metered, meter: Meter) -> None:
    seen: list[Tensor] = []
    metered.inner.conv3.register_forward_hook(lambda _, __, output: seen.append(output))
    pixels = images(3, gradient=True)
    metered(pixels)
    torch.autograd.grad(seen[0].sum(), pixels)
    assert counts(meter) == (3, 3)


def test_two_passes_in_one_backward_count_both(metered: Metered, meter: Meter) -> None:
    (metered(images(2)).sum() + metered(images(5)).sum()).backward()
    assert counts(meter) == (7, 7)


def test_a_gradient_of_a_gradient_counts_again(metered: Metered, meter: Meter) -> None:
    pixels = images(2, gradient=True)
    (gradient,) = torch.autograd.grad(metered(pixels).exp().sum(), pixels, create_graph=True)
    gradient.square().sum().backward()
    assert counts(meter) == (2, 4)


@pytest.mark.parametrize("copied", [deepcopy, lambda network: deepcopy(deepcopy(network))])
def test_a_copy_goes_on_counting_on_the_same_meter(metered: Metered, meter: Meter, copied: Callable[[Metered], Metered]) -> None:
    copied(metered)(images(4)).sum().backward()
    assert counts(meter) == (4, 4)


@pytest.mark.parametrize("inside", [lambda network: network.inner, lambda network: deepcopy(network.inner), lambda n: deepcopy(n).inner])
def test_going_round_the_wrapper_costs_a_pass_in_all(metered: Metered, meter: Meter, inside: Callable[[Metered], nn.Module]) -> None:
    inside(metered)(images(4)).sum().backward()
    assert meter.forward == pytest.approx(4)
    assert meter.backward == pytest.approx(4)


def test_half_of_the_layers_cost_half_a_pass(metered: Metered, meter: Meter) -> None:
    # 13 layers have parameters: six convolutions, six normalisations, the head.
    metered.inner.conv1(images(13))
    assert counts(meter) == (pytest.approx(1), 0)
    metered.inner[:7](images(13))
    assert meter.forward == pytest.approx(1 + 4)


def test_a_pass_through_a_copy_does_not_hide_layers_called_on_the_original(metered: Metered, meter: Meter) -> None:
    copy = deepcopy(metered)
    copy.inner.relu1.register_forward_hook(lambda *_: metered.inner.conv1(images(13)))
    with torch.no_grad():
        copy(images(2))
    assert meter.forward == pytest.approx(2 + 1)


def test_a_pass_that_breaks_off_is_paid_and_the_next_one_counts_as_usual(metered: Metered, meter: Meter) -> None:
    with pytest.raises(RuntimeError):
        metered(torch.rand(2, 1, 16, 16))
    metered.inner.conv1(images(13))
    assert meter.forward == pytest.approx(2 + 1)


def test_the_meter_stops_who_goes_on_spending_and_by_way_of_a_layer_too(tiny: nn.Module) -> None:
    meter = Meter(Budget(10))
    network = Metered(tiny, meter)
    network(images(3)).sum().backward()
    with pytest.raises(BudgetError, match="spent 9 forward-equivalents of a budget of 10"):
        network(images(3))
    with pytest.raises(BudgetError):
        network.inner.conv1(images(39))
    assert counts(meter) == (3, 3)


def test_the_mode_of_the_network_is_kept(tiny: nn.Module, meter: Meter) -> None:
    assert not Metered(tiny, meter).training
    assert Metered(tiny.train(), meter).training


@pytest.mark.parametrize(
    "attribution",
    [
        IntegratedGradients,
        DeepLift,
        GuidedBackprop,
        lambda network: LayerGradCam(network, network.inner.conv6),
    ],
)
@pytest.mark.filterwarnings("ignore:Setting forward, backward hooks")
@pytest.mark.filterwarnings("ignore:Setting backward hooks")
def test_captum_gives_the_same_with_and_without_the_meter(tiny: nn.Module, attribution: Callable[[nn.Module], object]) -> None:
    class Wrapped(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x)

    pixels = images(3, gradient=True)
    meter = Meter(Budget(1e9))
    plain = attribution(Wrapped(deepcopy(tiny))).attribute(pixels, target=1)  # type: ignore[attr-defined]
    metered = attribution(Metered(deepcopy(tiny), meter)).attribute(pixels, target=1)  # type: ignore[attr-defined]
    assert torch.allclose(plain, metered, atol=1e-5)
    assert plain.abs().sum() > 0
    assert meter.forward >= 3
    assert meter.backward >= 3


def test_integrated_gradients_pay_for_every_step(metered: Metered, meter: Meter) -> None:
    IntegratedGradients(metered).attribute(images(3), target=0, n_steps=10)
    assert counts(meter) == (30, 30)


@pytest.mark.parametrize(
    "handed_back",
    [
        lambda network: network,
        deepcopy,
        lambda network: network.inner,
        lambda network: nn.Sequential(nn.Identity(), deepcopy(network)),
    ],
)
def test_unmetered_is_a_copy_that_counts_nowhere(metered: Metered, meter: Meter, handed_back: Callable[[Metered], nn.Module]) -> None:
    given = handed_back(metered)
    bare = unmetered(given)
    assert torch.equal(bare(images(2)), bare(images(2)))
    assert counts(meter) == (0, 0)
    assert not any(isinstance(part, Metered) for part in bare.modules())
    given(images(2))
    assert meter.forward == pytest.approx(2)


def test_other_peoples_hooks_stay_when_the_meter_is_taken_off(metered: Metered) -> None:
    metered.inner.relu6.register_forward_hook(lambda _, __, output: output * 0)
    with torch.no_grad():
        assert torch.allclose(unmetered(metered)(images(2)), metered.inner.head.bias.expand(2, 4))


def test_taking_the_meter_off_shares_nothing_but_what_was_shared(meter: Meter) -> None:
    body = nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 3), nn.Flatten(), nn.Linear(432, 4))
    body[2].weight = body[0].weight
    body[2].register_buffer("passing", torch.ones(1), persistent=False)
    metered = Metered(body.eval(), meter)
    bare = unmetered(metered)
    assert list(bare.state_dict()) == list(body.state_dict())
    assert torch.equal(bare(images(2)), body(images(2)))
    assert bare[2].weight is bare[0].weight
    theirs = {values.data_ptr() for values in (*body.parameters(), *body.buffers())}
    assert theirs.isdisjoint(values.data_ptr() for values in (*bare.parameters(), *bare.buffers()))
    with torch.no_grad():
        bare[0].weight.zero_()
    bare[0].register_forward_hook(lambda _, __, output: output + 1)
    assert body[0].weight.abs().sum() > 0
    assert torch.equal(body(images(2)), unmetered(metered)(images(2)))
