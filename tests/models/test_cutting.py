"""The last feature maps are a cut of the graph: whatever joins, gates, turns or splits them."""

import pytest
import torch
from attribution_networks import SHAPE, InPlace, Modules, Reused, images, written
from cut_networks import KINDS, SIZE, Joined
from torch import Tensor, nn

from onecurve.models.building import build
from onecurve.models.cutting import Cut, cut_of
from onecurve.models.normalising import normalise
from onecurve.models.wrappers import wrap


def taps(network: nn.Module, cut: Cut, given: Tensor) -> tuple[Tensor, ...]:
    seen = {}
    handles = [
        network.get_submodule(tap.module).register_forward_hook(lambda part, _, output: seen.__setitem__(part, output)) for tap in cut.taps
    ]
    network(given)
    for handle in handles:
        handle.remove()
    return tuple(tap.maps(seen[network.get_submodule(tap.module)]) for tap in cut.taps)


@pytest.mark.parametrize("kind", KINDS)
def test_the_cut_holds_the_maps_that_the_logits_are_computed_from_channels_first(kind: type[Joined]) -> None:
    module = kind().eval()
    network = normalise(module, SIZE)
    cut = cut_of(network, SIZE)
    given = torch.rand(2, *SIZE, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        found, expected = taps(network, cut, given), module.last(given)
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other)
        torch.testing.assert_close(network(given), module(given))


@pytest.mark.parametrize("kind", [Modules, InPlace, Reused])
def test_the_last_maps_come_after_the_last_sum(kind: type[nn.Module]) -> None:
    network = normalise(written(kind), SHAPE)
    cut = cut_of(network, SHAPE)
    assert isinstance(network.get_submodule(cut.name), nn.ReLU)
    with torch.no_grad():
        (maps,) = taps(network, cut, images(2))
        torch.testing.assert_close(network.head(maps.mean((2, 3))), network(images(2)))


@pytest.mark.parametrize(("model", "name"), [("six-conv[width=4]", "relu6"), ("resnet20", "block9.relu2"), ("vit[width=16,depth=1]", "")])
def test_the_architectures_have_the_maps_that_they_always_had(model: str, name: str) -> None:
    assert cut_of(normalise(build(model, (3, 16, 16), 4, 0), (3, 16, 16), folded=True), (3, 16, 16)).name == name


def test_what_wrappers_read_off_the_pixels_is_no_feature_map() -> None:
    wrapped = wrap(build("six-conv[width=4]", (3, 32, 32), 4, 0), ["gauged", "signed"], (3, 32, 32), 4)
    assert cut_of(normalise(wrapped, (3, 32, 32), folded=True), (3, 32, 32)).name == "body.body.relu6"


def test_pixels_alone_and_averages_that_keep_their_axes_are_no_feature_maps() -> None:
    plain = nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(3 * 12 * 16, 4)).eval()
    assert cut_of(normalise(plain, SIZE), SIZE) == Cut()

    class Kept(Joined):
        def top(self, *maps: Tensor) -> Tensor:
            return self.head(maps[0].permute(0, 2, 3, 1).mean((1, 2), keepdim=True))[:, 0, 0]

    (tap,) = cut_of(normalise(Kept().eval(), SIZE), SIZE).taps
    assert (tap.layer, tap.axes) == ("permute", (3, 1, 2))
