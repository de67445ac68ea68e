import pytest
import torch
from torch import Tensor, nn

from onecurve.core.errors import ModelError, UnknownNameError
from onecurve.core.workbench import Budget, Meter
from onecurve.models.hooks import activations, last_convolution, layer_named
from onecurve.models.metering import Metered


def images(count: int = 2) -> Tensor:
    return torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def hooks_on(module: nn.Module) -> int:
    return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in module.modules())


def test_activations_are_what_the_layer_gives(tiny: nn.Module) -> None:
    assert torch.equal(activations(tiny, images(), "conv2"), tiny[:5](images()))


def test_gradients_reach_the_images_through_activations(tiny: nn.Module) -> None:
    pixels = images().requires_grad_()
    activations(tiny, pixels, "relu3").sum().backward()
    assert pixels.grad is not None
    assert pixels.grad.abs().sum() > 0


def test_hooks_are_removed_even_when_the_pass_fails(tiny: nn.Module) -> None:
    activations(tiny, images(), "conv1")
    with pytest.raises(RuntimeError):
        activations(tiny, torch.rand(1, 1, 16, 16), "conv4")
    assert hooks_on(tiny) == 0


def test_a_layer_that_is_written_over_in_place_is_seen_as_it_was() -> None:
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(inplace=True))
    assert (activations(module, images(), "0") < 0).any()


def test_names_found_in_a_metered_network_work_in_it_and_in_the_bare_one(tiny: nn.Module) -> None:
    bare = last_convolution(tiny)
    metered = Metered(tiny, meter := Meter(Budget(1e9)))
    name = last_convolution(metered)
    assert metered.get_submodule(name) is tiny.get_submodule(bare)
    assert torch.equal(activations(metered, images(), name), activations(metered, images(), bare))
    assert layer_named(metered, bare) is layer_named(tiny, name) is layer_named(tiny, bare)
    assert meter.forward == 4


def test_the_last_convolution_is_the_one_that_runs_last(tiny: nn.Module) -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.second, self.first = nn.Linear(4, 2), nn.Conv2d(4, 4, 3), nn.Conv2d(3, 4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.second(self.first(x)).mean((2, 3)))

    metered = Metered(Backwards(), meter := Meter(Budget(1)))
    assert last_convolution(metered, (3, 16, 16)) == "second"
    assert meter.forward == 0
    assert last_convolution(tiny, (3, 16, 16)) == "conv6"
    with pytest.raises(ModelError, match="no convolution"):
        last_convolution(nn.Flatten(), (3, 16, 16))


def test_an_unknown_layer_is_answered_with_the_nearest(tiny: nn.Module) -> None:
    with pytest.raises(UnknownNameError, match="did you mean `conv6`"):
        activations(tiny, images(), "conv66")
    with pytest.raises(UnknownNameError):
        activations(tiny, images(), "")


def test_layers_that_do_not_run_or_give_no_tensor_are_refused() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.idle = nn.Linear(1, 1)
            self.recurrent = nn.GRU(16, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.recurrent(x[:, 0])[0]

    with pytest.raises(ModelError, match="never runs the layer: idle"):
        activations(Odd(), images(), "idle")
    with pytest.raises(ModelError, match="gives no tensor, but: tuple"):
        activations(Odd(), images(), "recurrent")


def test_networks_without_convolutions_or_linear_layers_are_refused() -> None:
    with pytest.raises(ModelError, match="no convolution"):
        last_convolution(nn.Linear(1, 1))
