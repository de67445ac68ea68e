"""Rewriting a network into modules: the function is the same, and what hooks need is there; what cannot be proven is refused."""

from multiprocessing.synchronize import SemLock

import pytest
import torch
from attribution_networks import CLASSES, SHAPE, WRITTEN, Functional, Modules, images, written
from torch import nn
from torch.nn import functional

from onecurve.core.errors import ModelError
from onecurve.core.workbench import Budget, Meter
from onecurve.models.building import build
from onecurve.models.metering import Metered
from onecurve.models.normalising import DotProductAttention, normalise
from onecurve.models.parts import Add
from onecurve.models.wrappers import WRAPPERS, wrap


def calls(network, kinds):
    """How often each module of those kinds runs in one pass."""
    found = {}
    handles = [
        part.register_forward_hook(lambda part, _, __: found.__setitem__(part, found.get(part, 0) + 1))
        for part in network.modules()
        if isinstance(part, kinds)
    ]
    with torch.no_grad():
        network(images(2))
    for handle in handles:
        handle.remove()
    return list(found.values())


@pytest.mark.parametrize("kind", WRITTEN)
@pytest.mark.parametrize("folded", [False, True])
def test_every_way_of_writing_gives_the_same_modules_and_the_same_function(kind, folded):
    module = written(kind)
    before = {name: values.clone() for name, values in module.state_dict().items()}
    network = normalise(module, SHAPE, folded=folded)
    with torch.no_grad():
        torch.testing.assert_close(network(images(5)), written(Modules)(images(5)), rtol=0, atol=1e-6)
    assert calls(network, nn.ReLU) == [1, 1, 1]
    assert calls(network, Add) == [1]
    assert not any(getattr(part, "inplace", False) for part in network.modules())
    assert all(torch.equal(values, before[name]) for name, values in module.state_dict().items())
    assert next(network.parameters()).dtype == torch.float32


@pytest.mark.parametrize("address", ["six-conv[width=4]", "resnet20[stem_stride=2]", "vit[width=16,depth=2]"])
def test_our_own_networks_are_normalised_with_and_without_folding(address):
    module = build(address, (3, 16, 16), CLASSES, 0)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean)
            nn.init.uniform_(part.running_var, 0.5, 2)
    some = torch.rand(3, 3, 16, 16)
    for folded in (False, True):
        network = normalise(module, (3, 16, 16), folded=folded)
        with torch.no_grad():
            torch.testing.assert_close(network(some), module(some), rtol=1e-4, atol=1e-5)
        assert not folded or not any(isinstance(part, nn.BatchNorm2d) for part in network.modules())


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_wrapped_networks_are_normalised_and_keep_what_counts_in_float64(wrapper):
    module = wrap(build("six-conv[width=4]", (3, 32, 32), CLASSES, 0), [wrapper], (3, 32, 32), CLASSES)
    some = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(normalise(module, (3, 32, 32))(some), module(some), rtol=1e-4, atol=1e-5)


def test_a_pass_of_the_copy_of_a_metered_network_counts_nowhere():
    meter = Meter(Budget(1))
    normalise(Metered(written(Functional), meter), SHAPE)(images(9))
    assert meter.equivalents == 0


def test_no_semaphore_is_taken_that_a_killed_worker_would_leave(monkeypatch):
    def taken(*arguments, **named):
        raise AssertionError("a semaphore was taken")

    monkeypatch.setattr(SemLock, "__init__", taken)
    monkeypatch.delattr("tqdm.std.tqdm._lock", raising=False)
    monkeypatch.delattr("tqdm.std.TqdmDefaultWriteLock.mp_lock", raising=False)
    assert normalise(Functional(), SHAPE)(images(2)).shape == (2, CLASSES)


class Pooling(nn.Module):
    """Functions that have modules, with arguments by place and by name."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, given):
        maps = functional.leaky_relu(self.conv(given), 0.2, inplace=True)
        maps = functional.max_pool2d(maps, 2, stride=1, padding=1)
        maps = torch.clamp(maps, min=0) + functional.relu6(maps) * 2 + maps.relu().sigmoid()
        return functional.elu(maps, alpha=0.5).mean((2, 3))


def test_functions_with_modules_become_modules_and_keep_their_arguments():
    torch.manual_seed(0)
    module = Pooling().eval()
    network = normalise(module, SHAPE)
    kinds = {type(part) for part in network.modules()}
    assert {nn.LeakyReLU, nn.MaxPool2d, nn.ReLU, nn.ReLU6, nn.Sigmoid, nn.ELU, Add} <= kinds
    with torch.no_grad():
        torch.testing.assert_close(network(images(3)), module(images(3)))


class Attending(nn.Module):
    """Attention as one function or as torch's module."""

    def __init__(self, *, own):
        super().__init__()
        self.attention = nn.MultiheadAttention(12, 2, batch_first=True) if own else None

    def forward(self, given):
        tokens = given.flatten(2)[:, :, :12]
        if self.attention is None:
            return functional.scaled_dot_product_attention(tokens, tokens, tokens).mean(1)
        return self.attention(tokens, tokens, tokens, need_weights=False)[0].mean(1)


@pytest.mark.parametrize("own", [True, False])
def test_attention_shows_its_weights(own):
    torch.manual_seed(0)
    module = Attending(own=own).eval()
    network = normalise(module, SHAPE)
    with torch.no_grad():
        torch.testing.assert_close(network(images(3)), module(images(3)), rtol=1e-4, atol=1e-5)
    assert any(isinstance(part, nn.MultiheadAttention if own else DotProductAttention) for part in network.modules())


class Branching(nn.Module):
    """Goes one way or the other by what it sees."""

    def forward(self, given):
        return given.mean((2, 3)) if given.sum() > 0 else given.amax((2, 3))


class Drawing(nn.Module):
    """Draws at random each time."""

    def forward(self, given):
        return (given + torch.rand_like(given)).mean((2, 3))


class Swayed(nn.Linear):
    """A layer of its own whose code cannot be followed, and that is not affine."""

    def forward(self, given):
        return super().forward(given) * (2 if bool(given.sum() > 0) else 1)


class Chosen(nn.Linear):
    """A layer of its own whose code cannot be followed although it is affine."""

    def forward(self, given):
        return super().forward(given) if len(given) > 1 else super().forward(given.contiguous())


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (Branching(), "the path through a Branching cannot be traced"),
        (Drawing(), "changed its logits"),
        (nn.Sequential(nn.Flatten(), Swayed(3 * 12 * 12, 4)), "Swayed cannot be traced, and it is not affine"),
    ],
)
def test_what_cannot_be_proven_is_refused_in_words(module, words):
    with pytest.raises(ModelError, match=words) as caught:
        normalise(module.eval(), SHAPE)
    assert "use a method that needs no activations" in str(caught.value.hint)


def test_an_affine_layer_whose_code_cannot_be_followed_stays_closed():
    module = nn.Sequential(nn.Flatten(), Chosen(3 * 12 * 12, 4)).eval()
    with torch.no_grad():
        torch.testing.assert_close(normalise(module, SHAPE)(images(3)), module(images(3)))
