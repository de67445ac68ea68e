"""What transforms of torch hide is counted for what it is: the same as the plain loop that each of them stands for."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, fx, nn
from torch.autograd import forward_ad
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, stack_module_state, vjp, vmap

from onecurve.core.errors import BudgetError, ModelError
from onecurve.core.workbench import Budget, Meter
from onecurve.models.metering import Metered, unmetered

SIDE, CLASSES = 6, 3
SHAPE = (2, SIDE, SIDE)
NUMBERS = 2 * SIDE * SIDE
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
"""Torch itself scripts a derivative of normalisation."""
Counts = tuple[float, float]
FEW = st.integers(1, 3)
quickly = settings(max_examples=10, deadline=None, derandomize=True)


def network(meter: Meter, shape: tuple[int, ...] | None = SHAPE) -> Metered:
    layers = (nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, CLASSES))
    return Metered(nn.Sequential(*layers).eval(), meter, shape)


def counted(act: Callable[[Metered], object]) -> Counts:
    meter = Meter(Budget(1e9))
    act(network(meter))
    return pytest.approx(meter.forward), pytest.approx(meter.backward)


def images(*counts: int) -> Tensor:
    return torch.rand(*counts, *SHAPE, generator=torch.Generator().manual_seed(0))


def loop(times: int, act: Callable[[Metered, int], object]) -> Counts:
    return counted(lambda net: [act(net, at) for at in range(times)])


def around(net: nn.Module) -> Callable[[Tensor], Tensor]:
    """The network as a function whose derivatives are not trivial."""
    return lambda pixels: net(pixels).sin()


@given(batches=FEW, examples=FEW)
@quickly
def test_vmap_counts_as_a_loop_over_its_batches(batches: int, examples: int) -> None:
    pixels = images(batches, examples)
    expected = loop(batches, lambda net, at: net(pixels[at]))
    assert counted(lambda net: vmap(net)(pixels)) == expected
    assert counted(lambda net: vmap(net, in_dims=1)(pixels.movedim(0, 1))) == expected
    assert counted(lambda net: vmap(net, chunk_size=1)(pixels)) == expected
    assert counted(lambda net: vmap(net.inner)(pixels)) == expected


@given(outer=FEW, inner=FEW, examples=FEW)
@quickly
def test_vmap_in_vmap_counts_all_batches(outer: int, inner: int, examples: int) -> None:
    pixels = images(outer, inner, examples)
    assert counted(lambda net: vmap(vmap(net))(pixels)) == (outer * inner * examples, 0)


@given(batches=FEW, examples=FEW)
@quickly
def test_gradients_and_vmap_in_either_order_count_as_the_loop(batches: int, examples: int) -> None:
    pixels = images(batches, examples)
    expected = loop(batches, lambda net, at: grad(lambda x: net(x).sum())(pixels[at]))
    assert expected == (batches * examples, batches * examples)
    assert counted(lambda net: vmap(grad(lambda x: net(x).sum()))(pixels)) == expected
    assert counted(lambda net: grad(lambda x: vmap(net)(x).sum())(pixels)) == expected
    assert counted(lambda net: vmap(net)(pixels).sum().backward()) == expected
    assert counted(lambda net: vmap(net)(pixels.clone().requires_grad_()).sum().backward()) == expected
    assert counted(lambda net: vmap(grad(lambda x: net.inner(x).sum()))(pixels)) == expected


@given(members=FEW, examples=FEW)
@quickly
def test_many_sets_of_weights_at_once_count_as_many_networks(members: int, examples: int) -> None:
    pixels = images(examples)

    def whole(net: Metered, weights: dict[str, Tensor]) -> Tensor:
        return functional_call(net, weights, (pixels,)).sum()

    def ensemble(net: Metered, act: Callable[[dict[str, Tensor]], object]) -> object:
        weights, _ = stack_module_state([net] * members)
        return vmap(act)(weights)

    assert counted(lambda net: ensemble(net, lambda weights: whole(net, weights))) == (members * examples, 0)
    gradients = counted(lambda net: ensemble(net, grad(lambda weights: whole(net, weights))))
    assert gradients == (members * examples, members * examples)


@given(examples=FEW, rows=FEW)
@quickly
def test_many_gradients_at_once_count_as_one_after_the_other(examples: int, rows: int) -> None:
    pixels = images(examples)
    seeds = torch.rand(rows, examples, CLASSES)

    def one_after_the_other(net: Metered, chosen: Tensor) -> None:
        leaf = pixels.clone().requires_grad_()
        said = net(leaf)
        for seed in chosen:
            torch.autograd.grad(said, leaf, seed, retain_graph=True)

    def at_once(net: Metered) -> None:
        leaf = pixels.clone().requires_grad_()
        torch.autograd.grad(net(leaf), leaf, seeds, is_grads_batched=True)

    expected = counted(lambda net: one_after_the_other(net, seeds))
    assert expected == (examples, rows * examples)
    assert counted(at_once) == expected
    assert counted(lambda net: vmap(vjp(net, pixels)[1])(seeds)) == expected
    whole = counted(lambda net: one_after_the_other(net, torch.rand(examples * CLASSES, examples, CLASSES)))
    assert counted(lambda net: jacrev(net)(pixels)) == whole
    assert counted(lambda net: jacrev(net, chunk_size=2)(pixels)) == whole
    assert counted(lambda net: torch.autograd.functional.jacobian(net, pixels, vectorize=True)) == whole
    assert counted(lambda net: torch.autograd.functional.jacobian(net, pixels)) == whole


@given(batches=FEW, examples=FEW)
@quickly
def test_jacobians_inside_vmap_count_for_each_batch(batches: int, examples: int) -> None:
    pixels = images(batches, examples)
    assert counted(lambda net: vmap(jacrev(net))(pixels)) == loop(batches, lambda net, at: jacrev(net)(pixels[at]))
    assert counted(lambda net: vmap(jacfwd(net))(pixels)) == loop(batches, lambda net, at: jacfwd(net)(pixels[at]))


@given(batches=FEW, examples=FEW)
@quickly
def test_derivatives_that_are_carried_forward_count_like_those_that_go_back(batches: int, examples: int) -> None:
    pixels = images(batches, examples)

    def carried(net: Metered, at: int) -> None:
        with forward_ad.dual_level():
            net(forward_ad.make_dual(pixels[at], pixels[at]))

    expected = loop(batches, carried)
    assert expected == (batches * examples, batches * examples)
    assert loop(batches, lambda net, at: jvp(net, (pixels[at],), (pixels[at],))) == expected
    assert counted(lambda net: jvp(vmap(net), (pixels,), (pixels,))) == expected
    assert counted(lambda net: vmap(lambda x: jvp(net, (x,), (x,))[1])(pixels)) == expected
    assert counted(lambda net: jvp(net.inner, (pixels[0],), (pixels[0],))) == (examples, examples)


@given(examples=FEW)
@quickly
def test_a_forward_jacobian_counts_one_derivative_for_every_number(examples: int) -> None:
    pixels = images(examples)
    expected = (examples, examples * examples * NUMBERS)
    assert counted(lambda net: jacfwd(net)(pixels)) == expected
    jacobian = torch.autograd.functional.jacobian
    assert counted(lambda net: jacobian(net, pixels, vectorize=True, strategy="forward-mode")) == expected


@given(examples=FEW)
@quickly
def test_a_hessian_counts_as_the_loop_over_its_rows(examples: int) -> None:
    pixels = images(examples)

    def total(net: Metered) -> Callable[[Tensor], Tensor]:
        return lambda x: around(net)(x).sum()

    def row(net: Metered, at: int) -> object:
        tangent = torch.zeros(examples * NUMBERS)
        tangent[at] = 1
        return jvp(grad(total(net)), (pixels,), (tangent.view_as(pixels),))

    # The loop repeats for every row what a hessian does once: the pass forward, and the one back.
    rows = examples * NUMBERS
    forward, backward = (count.expected for count in loop(rows, row))  # type: ignore[attr-defined]
    assert (forward, backward) == (examples * rows, 3 * examples * rows)
    assert counted(lambda net: hessian(total(net))(pixels)) == (examples, backward - (rows - 1) * examples)


def test_noise_that_comes_in_between_layers_counts_too() -> None:
    noise, pixels = torch.rand(5, 1, 4, SIDE, SIDE), images(2)

    def noisy(net: Metered, added: Tensor) -> Tensor:
        with net.inner[1].register_forward_hook(lambda _, __, output: output + added):
            return net(pixels)

    assert counted(lambda net: vmap(lambda added: noisy(net, added))(noise)) == (10, 0)


def test_an_image_of_many_counts_as_many_and_a_small_one_as_one() -> None:
    large = torch.rand(2, 2, 3 * SIDE, 5 * SIDE)
    assert counted(lambda net: net(large).sum().backward()) == (30, 30)
    assert counted(lambda net: net.inner(large).sum().backward()) == (pytest.approx(10 + 10 + 2 / 3, abs=1e-3), pytest.approx(20 + 2 / 3))
    assert counted(lambda net: net(torch.rand(2, 2, 3, 3))) == (2, 0)
    assert counted(lambda net: net.inner[0](input=large)) == (10, 0)


def test_a_pass_or_a_gradient_that_would_overdraw_does_not_run() -> None:
    meter = Meter(Budget(30))
    net = network(meter)
    ran: list[int] = []
    net.inner[0].register_forward_hook(lambda *_: ran.append(1))
    with pytest.raises(BudgetError, match="spent 0 forward-equivalents of a budget of 30, and 34 examples forward would overdraw it"):
        net(images(34))
    with pytest.raises(BudgetError):
        vmap(net)(images(17, 2))
    assert not ran
    pixels = images(11).requires_grad_()
    said = net(pixels).sum()
    said.backward(retain_graph=True)
    went_back = [part.weight.grad.clone() for part in (net.inner[0], net.inner[5])]
    with pytest.raises(BudgetError, match="11 examples backward would overdraw it"):
        said.backward()
    assert all(torch.equal(part.weight.grad, before) for part, before in zip((net.inner[0], net.inner[5]), went_back, strict=True))
    with pytest.raises(BudgetError):
        jacrev(net)(images(4))
    assert (meter.forward, meter.backward) == (11, 11)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "recorded",
    [
        lambda net: torch.jit.trace(net, images(2)),
        lambda net: torch.jit.trace(net.inner, images(2)),
        lambda net: torch.export.export(net, (images(2),), strict=False),
        lambda net: torch.export.export(net.inner, (images(2),), strict=False),
        fx.symbolic_trace,
        lambda net: fx.experimental.proxy_tensor.make_fx(net)(images(2)),
    ],
    ids=["trace", "trace the layers", "export", "export the layers", "fx", "make_fx"],
)
def test_a_network_that_would_run_without_the_meter_later_is_not_recorded(recorded: Callable[[Metered], nn.Module]) -> None:
    meter = Meter(Budget(1e9))
    with pytest.raises(ModelError, match="a metered network cannot be recorded by"):
        recorded(network(meter))
    bare = unmetered(network(meter))
    assert torch.equal(torch.jit.trace(bare, images(2))(images(2)), bare(images(2)))


def test_a_graph_of_the_layers_goes_on_counting() -> None:
    assert counted(lambda net: fx.symbolic_trace(net.inner)(images(4)).sum().backward()) == (4, 4)
