from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from onecurve.core.access import Access
from onecurve.core.answer import Rebuilt, checked
from onecurve.core.case import Subject
from onecurve.core.errors import AnswerError, ModelError
from onecurve.core.image.images import Floats
from onecurve.core.network import ConstantNetwork, Network
from onecurve.core.question import Brief, Rebuild
from onecurve.core.workbench import Budget, Meter
from onecurve.models.building import build
from onecurve.models.metering import Metered
from onecurve.models.network import TorchNetwork, layout_for, settle_layout, torch_module
from onecurve.tasks.replace import SHARE

SHAPE = (3, 16, 16)
LABELS = np.array([0, 1, 2, 3, 0, 1])


def state_of(module: nn.Module) -> dict[str, torch.Tensor]:
    return {key: values.clone() for key, values in module.state_dict().items()}


def loss(network: TorchNetwork, images: Floats) -> float:
    return float(nn.functional.cross_entropy(torch.from_numpy(network.logits(images)), torch.from_numpy(LABELS)))


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_logits_are_those_of_the_module_for_any_number_of_images(tiny: nn.Module) -> None:
    images = np.random.default_rng(0).random((600, *SHAPE), dtype=np.float32)
    network = TorchNetwork(tiny)
    logits = network.logits(images)
    with torch.no_grad():
        expected = tiny(torch.from_numpy(images)).numpy()
    assert isinstance(network, Network)
    assert logits.dtype == np.float32
    assert logits.shape == (600, 4)
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-4)


def test_looking_changes_neither_statistics_nor_mode_nor_gradients(tiny: nn.Module, floats: Floats) -> None:
    tiny.train()
    tiny.norm2.eval()
    before, modes = state_of(tiny), [part.training for part in tiny.modules()]
    first = TorchNetwork(tiny).logits(floats)
    assert same(before, state_of(tiny))
    assert modes == [part.training for part in tiny.modules()]
    assert all(values.grad is None for values in tiny.parameters())
    np.testing.assert_array_equal(first, TorchNetwork(deepcopy(tiny).eval()).logits(floats))


def test_the_mode_is_put_back_after_a_pass_that_fails(tiny: nn.Module) -> None:
    tiny.train()
    with pytest.raises(RuntimeError):
        TorchNetwork(tiny).logits(np.zeros((2, 1, 16, 16), np.float32))
    assert all(part.training for part in tiny.modules())


def test_read_only_and_strided_arrays_are_taken(tiny: nn.Module, floats: Floats) -> None:
    frozen = floats.copy()
    frozen.setflags(write=False)
    network = TorchNetwork(tiny)
    np.testing.assert_array_equal(network.logits(frozen), network.logits(floats))
    np.testing.assert_array_equal(network.logits(floats[::2]), network.logits(floats[::2].copy()))


def test_no_images_are_refused(tiny: nn.Module) -> None:
    with pytest.raises(ModelError, match="no images"):
        TorchNetwork(tiny).logits(np.zeros((0, *SHAPE), np.float32))


def test_size_is_what_the_numbers_tell_in_bits(tiny: nn.Module) -> None:
    numbers = sum(values.numel() for values in (*tiny.parameters(), *tiny.buffers()))
    whole = TorchNetwork(tiny).size()
    assert 20 * numbers < whole < 33 * numbers + 1000
    with torch.no_grad():
        for values in tiny.parameters():
            values.copy_(values.half())
    rounded = TorchNetwork(tiny).size()
    assert rounded < 0.75 * whole
    with torch.no_grad():
        tiny.conv6.weight.zero_()
    assert TorchNetwork(tiny).size() < rounded - 8 * tiny.conv6.weight.numel()


def test_size_cannot_be_hidden_in_buffers_or_statistics(tiny: nn.Module) -> None:
    before, numbers = TorchNetwork(tiny).size(), torch.rand(2000, generator=torch.Generator().manual_seed(0))
    tiny.register_buffer("table", numbers[:1000], persistent=False)
    tiny.add_module("statistics", nn.BatchNorm1d(1000))
    tiny.statistics.running_mean = numbers[1000:].clone()
    assert TorchNetwork(tiny).size() > before + 2000 * 20


def test_packing_weights_into_whole_numbers_saves_nothing_but_what_rounding_saves(tiny: nn.Module) -> None:
    """A copy in half precision, four to a number of 64 bits, is as large as a copy that is rounded."""
    rounded = deepcopy(tiny)
    with torch.no_grad():
        for values in rounded.parameters():
            values.copy_(values.half())
    flat = torch.cat([values.detach().half().flatten() for values in tiny.parameters()])
    packed = nn.Module()
    packed.register_buffer("numbers", flat[: len(flat) // 4 * 4].view(torch.int64))
    assert TorchNetwork(packed).size() > 0.8 * TorchNetwork(rounded).size()


@pytest.mark.parametrize("share", [0.3, 0.12, 0.06])
def test_a_packed_network_takes_no_more_than_it_may(tiny: nn.Module, floats: Floats, share: float) -> None:
    network = TorchNetwork(build("six-conv", SHAPE, 4, 0))
    packed = network.packed(int(share * network.size()))
    assert packed is not None
    assert packed.size() <= share * network.size()
    assert np.isfinite(packed.logits(floats)).all()
    assert network.packed(100) is None


def test_relearning_fits_the_given_images_and_leaves_the_network_alone(tiny: nn.Module, floats: Floats) -> None:
    before, network = state_of(tiny), TorchNetwork(tiny)
    again = network.relearned(floats, LABELS, 0, 20)
    assert loss(again, floats) < 0.9 * loss(network, floats)
    assert same(before, state_of(tiny))
    np.testing.assert_array_equal(again.logits(floats), network.relearned(floats, LABELS, 0, 20).logits(floats))


def test_relearning_keeps_the_statistics_of_normalisation(tiny: nn.Module, floats: Floats) -> None:
    again = TorchNetwork(tiny).relearned(floats, LABELS, 0, 20).module
    assert torch.equal(again.norm4.running_mean, tiny.norm4.running_mean)
    assert not torch.equal(again.conv4.weight, tiny.conv4.weight)


def test_relearning_works_on_a_frozen_network_and_on_one_without_parameters(tiny: nn.Module, floats: Floats) -> None:
    for parameter in tiny.parameters():
        parameter.requires_grad = False
    assert not np.array_equal(TorchNetwork(tiny).relearned(floats, LABELS, 0, 20).logits(floats), TorchNetwork(tiny).logits(floats))
    bare = TorchNetwork(nn.Sequential(nn.AvgPool2d(16), nn.Flatten()))
    np.testing.assert_array_equal(bare.relearned(floats, LABELS % 3, 0, 20).logits(floats), bare.logits(floats))


def test_a_metered_network_pays_for_relearning(tiny: nn.Module, floats: Floats) -> None:
    meter = Meter(Budget(1e9))
    TorchNetwork(Metered(tiny, meter)).relearned(floats, LABELS, 0, 20)
    assert (meter.forward, meter.backward) == (120, 120)


class Viewing(nn.Module):
    """A person's own network that takes the plain layout only."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.convolution(x).view(len(x), -1)


class Flattening(Viewing):
    """One that takes either."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.convolution(x).flatten(1)


class Striding(Viewing):
    """One that takes either without a word and gives something else."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.convolution(x.as_strided(x.shape, torch.empty(x.shape).stride())).flatten(1)


class ViewingInTraining(Flattening):
    """One that takes either as long as it is not trained."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.convolution(x).view(len(x), -1) if self.training else super().forward(x)


def test_plain_layout_for_a_persons_own_module_and_channels_last_for_known_ones(tiny: nn.Module) -> None:
    assert layout_for(tiny) == layout_for(Metered(tiny, Meter(Budget(1)))) == torch.channels_last
    assert layout_for(Flattening()) == torch.contiguous_format
    assert TorchNetwork(Viewing()).logits(np.zeros((2, *SHAPE), np.float32)).shape == (2, 392)


@pytest.mark.parametrize(("kind", "takes"), [(Flattening, True), (Viewing, False), (Striding, False), (ViewingInTraining, False)])
def test_a_persons_own_module_gets_the_layout_that_it_was_seen_to_take(kind: type[nn.Module], takes: bool) -> None:
    module, images = kind().eval(), torch.rand(2, *SHAPE)
    before = module(images)
    settle_layout(module, images)
    wanted = torch.channels_last if takes else torch.contiguous_format
    around = nn.Sequential(Metered(module, Meter(Budget(9))), nn.Flatten())
    assert layout_for(module) == layout_for(around) == layout_for(deepcopy(module)) == wanted
    assert layout_for(nn.Sequential(module, Viewing())) == torch.contiguous_format
    assert torch.equal(module(images), before)
    assert not module.training
    assert all(values.grad is None for values in module.parameters())


@pytest.fixture
def subject(tiny: nn.Module) -> Subject:
    return Subject("s", TorchNetwork(tiny), ("a", "b", "c", "d"), SHAPE, Access.QUERIES | Access.WEIGHTS)


def test_the_module_of_a_subject_is_handed_out_where_weights_are_granted(subject: Subject, tiny: nn.Module) -> None:
    assert torch_module(subject) is tiny
    with pytest.raises(ModelError, match="is not granted here"):
        torch_module(subject.without_network())
    with pytest.raises(ModelError, match="only queries"):
        torch_module(replace(subject, access=Access.QUERIES))
    with pytest.raises(ModelError, match="not a torch module: ConstantNetwork"):
        torch_module(replace(subject, network=ConstantNetwork(np.zeros(4, np.float32))))


def test_resnet_logits_do_not_depend_on_who_shares_the_batch() -> None:
    network = TorchNetwork(build("resnet20", SHAPE, 4, 0))
    images = np.random.default_rng(0).random((9, *SHAPE), dtype=np.float32)
    np.testing.assert_allclose(network.logits(images)[:3], network.logits(images[:3]), rtol=1e-3, atol=1e-4)


class PackedCopy(nn.Module):
    """All weights in half precision, four to a whole number."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        flat = torch.cat([values.detach().half().flatten() for values in inner.parameters()])
        self.register_buffer("numbers", flat[: len(flat) // 4 * 4].view(torch.int64))


class StatsCopy(nn.Module):
    """All weights as the running means of one layer."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        flat = torch.cat([values.detach().flatten() for values in inner.parameters()])
        self.statistics = nn.BatchNorm1d(len(flat), affine=False)
        self.statistics.running_mean = flat


@pytest.mark.parametrize("cheat", [lambda inner: inner, PackedCopy, StatsCopy])
def test_a_copy_of_the_network_does_not_pass_as_a_simpler_one(cheat: Callable[[nn.Module], nn.Module]) -> None:
    module = build("six-conv", SHAPE, 4, 0)
    question = Rebuild(Brief(), TorchNetwork(module).size() // SHARE)
    with pytest.raises(AnswerError, match="the stored network may have at most"):
        checked(question, Rebuilt(TorchNetwork(cheat(module))))
