import numpy as np
import pytest
import torch
from torch import Tensor, nn

from onecurve.core.errors import ModelError, UnknownNameError
from onecurve.models.building import build
from onecurve.models.channels import Channels, silence_while
from onecurve.models.hooks import activations


def small() -> nn.Sequential:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 4, 3), nn.ReLU(), nn.AvgPool2d(4), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(4, 5), nn.BatchNorm1d(5)).eval()


IMAGES = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("named", "given_by", "count"), [("0", "1", 6), ("1", "1", 6), ("2", "1", 6), ("3", "3", 4), ("5", "3", 4), ("7", "8", 5)]
)
def test_a_silent_unit_gives_nothing_and_the_others_what_they_gave(named: str, given_by: str, count: int) -> None:
    module = small()
    before = activations(module, IMAGES, given_by)
    channels = Channels.of(module, named)
    assert channels.count == count
    channels.silence(np.array([1, 2]))
    after = activations(module, IMAGES, given_by)
    assert after[:, [1, 2]].abs().max() == 0
    assert torch.equal(after[:, [0, 3]], before[:, [0, 3]])


@pytest.mark.parametrize("architecture", ["six-conv", "resnet20", "vit"])
def test_every_convolution_and_linear_layer_of_our_architectures_has_units(architecture: str) -> None:
    module = build(architecture, (3, 32, 32), 4, 0)
    for name, part in module.named_modules():
        if isinstance(part, nn.Conv2d):
            assert Channels.of(module, name).count == part.out_channels
        if type(part) is nn.Linear:
            assert Channels.of(module, name).count == part.out_features


def test_the_normalisation_of_another_layer_is_not_taken() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
    assert Channels.of(module, "0").layer is module[0]
    assert Channels.of(module, "1").layer is module[2]


def test_layers_without_rows_of_units_are_refused() -> None:
    module = nn.Sequential(nn.ConvTranspose2d(3, 4, 1), nn.Flatten(), nn.Sequential(nn.Linear(256, 2)))
    for name in ("0", "1", "2"):
        with pytest.raises(ModelError, match="cannot be silenced"):
            Channels.of(module, name)
    with pytest.raises(UnknownNameError):
        Channels.of(module, "nowhere")


def test_silent_units_stay_silent_in_training_while_their_hooks_are_on() -> None:
    module = small()
    channels = Channels.of(module, "0")
    channels.silence(np.array([3]))
    hooks = channels.keep_silent(np.array([3]))
    optimiser = torch.optim.SGD(module.parameters(), 0.1)
    loss: Tensor = module(IMAGES).pow(2).sum()
    torch.autograd.backward(loss)
    optimiser.step()
    for hook in hooks:
        hook.remove()
    assert all(parameter[3].abs().sum() == 0 for parameter in channels.parameters)
    assert all(parameter[2].abs().sum() > 0 for parameter in channels.parameters[:1])


def test_silencing_stops_before_the_first_count_that_does_not_hold() -> None:
    module = small()
    channels = Channels.of(module, "3")
    order = np.array([2, 0, 1])
    tried: list[int] = []

    def silence(count: int) -> None:
        tried.append(count)
        channels.silence(order[:count])

    assert silence_while([1, 2, 3], silence, channels.parameters, lambda: tried[-1] < 3) == 2
    silent = (module[3].weight.flatten(1).abs().sum(1) == 0).tolist()
    assert silent == [True, False, True, False]
    assert silence_while([3], silence, channels.parameters, lambda: False) == 0
    assert (module[3].weight.flatten(1).abs().sum(1) == 0).tolist() == silent
