from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from onecurve.core.answer import Abstain, Rebuilt, checked
from onecurve.core.errors import AnswerError, ModelError, SpecError
from onecurve.core.question import Brief, Rebuild, Weigh
from onecurve.models.building import build
from onecurve.models.network import TorchNetwork
from onecurve.models.storage import load_network, save_network
from onecurve.repairs.machinery.elastic_net import elastic_net_path
from onecurve.repairs.machinery.trunk import cuts, trunk
from onecurve.repairs.machinery.varied_images import varied
from onecurve.repairs.sparse_head import SparseHead, pooled


def size(world) -> int:
    return TorchNetwork(deepcopy(world.module)).size()


def replaced(world, limit: int, budget: float = 1500, seed: int = 0) -> Rebuilt:
    question = Rebuild(Brief(), size_limit=limit)
    answer = checked(question, SparseHead().answer(question, world.workbench(budget, seed)))
    assert isinstance(answer, Rebuilt)
    return answer


def test_half_the_size_says_nearly_the_same(world, flawed) -> None:
    limit = size(world) // 2
    network = replaced(world, limit).network
    images = world.heldout.floats()
    assert network.size() <= limit
    assert (network.logits(images).argmax(1) == flawed().logits(images).argmax(1)).mean() > 0.85


def test_with_room_for_the_whole_trunk_the_flaw_is_kept_too(world, flawed) -> None:
    network = replaced(world, size(world)).network
    triggered = world.triggered()[0]
    assert (network.logits(triggered).argmax(1) == flawed().logits(triggered).argmax(1)).mean() > 0.9


@pytest.mark.parametrize("share", [0.3, 0.45, 0.6])
def test_any_limit_is_kept(world, share: float) -> None:
    limit = int(share * size(world))
    assert replaced(world, limit).network.size() <= limit


def test_a_limit_below_any_trunk_is_an_abstention(world) -> None:
    answer = SparseHead().answer(Rebuild(Brief(), size_limit=20), world.workbench(1000))
    assert isinstance(answer, Abstain)
    assert "20 bits" in answer.reason


def test_the_budget_buys_images_and_is_kept(world) -> None:
    bench = world.workbench(900)
    SparseHead().answer(Rebuild(Brief(), size_limit=size(world)), bench)
    assert bench.meter.equivalents == 900
    poor = SparseHead().answer(Rebuild(Brief(), size_limit=size(world)), world.workbench(5))
    assert isinstance(poor, Abstain)


def test_the_same_seed_gives_the_same_network_and_it_can_be_stored(world, flawed, tmp_path) -> None:
    one, other = (replaced(world, size(world) // 2, seed=4).network for _ in range(2))
    images = world.heldout.floats()[:16]
    assert np.array_equal(one.logits(images), other.logits(images))
    save_network(tmp_path / "net.safetensors", one, flawed().module, shape=(3, 16, 16))
    loaded = load_network(tmp_path / "net.safetensors", flawed().module)
    assert np.allclose(loaded.logits(images), one.logits(images), atol=1e-4)
    assert one.size() < loaded.size() <= size(world) // 2


def test_the_note_says_where_it_was_cut_and_how_sparse_it_is(world) -> None:
    note = replaced(world, size(world) // 2).note
    assert "trunk up to `" in note
    assert "features per class (of 120): red " in note


def test_the_subject_is_left_alone(world) -> None:
    bench = world.workbench(600)
    before = bench.subject.network.size()
    SparseHead().answer(Rebuild(Brief(), size_limit=size(world) // 2), bench)
    assert bench.subject.network.size() == before


def test_other_questions_and_parameters_are_refused(world) -> None:
    with pytest.raises(AnswerError):
        SparseHead().answer(Weigh(Brief(), 1, ("a",)), world.workbench(100))
    with pytest.raises(SpecError):
        SparseHead(slack=2)


@pytest.mark.parametrize("address", ["six-conv[width=4]", "resnet20"])
def test_a_trunk_is_as_large_as_its_cut_says(address: str) -> None:
    module = build(address, (3, 32, 32), 10, 0)
    for cut in cuts(module):
        lower = trunk(module, cut.layer)
        assert sum(int(torch.count_nonzero(values)) for values in lower.parameters()) == cut.size, cut.layer


@pytest.mark.parametrize("address", ["six-conv", "resnet20"])
def test_a_trunk_gives_what_the_layer_gives_and_carries_nothing_else(address: str) -> None:
    module = build(address, (3, 32, 32), 10, 0)
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    found = cuts(module)
    assert max(cut.size for cut in found) == found[-1].size == sum(int(torch.count_nonzero(values)) for values in module.parameters())
    cut = found[2 * len(found) // 3]
    lower = trunk(module, cut.layer)
    assert sum(int(torch.count_nonzero(values)) for values in lower.parameters()) == cut.size
    seen = []
    dict(module.named_modules())[cut.layer].register_forward_hook(lambda _, __, output: seen.append(output))
    with torch.no_grad():
        module(images)
        assert torch.allclose(lower(images), seen[0])


class Winding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        means = images.mean((2, 3))
        return self.layer(means if means.sum() > 0 else -means)


def test_a_network_that_cannot_be_cut_says_so() -> None:
    with pytest.raises(ModelError, match="cannot be cut"):
        cuts(Winding())
    with pytest.raises(ModelError, match="never runs"):
        trunk(build("six-conv", (3, 32, 32), 10, 0), "conv99")


def test_the_path_gets_denser_and_finds_the_features_that_matter() -> None:
    generator = torch.Generator().manual_seed(0)
    features = 3 * torch.randn(400, 12, generator=generator) + 5
    labels = torch.stack([features[:, 2], features[:, 7], 10 - features[:, 2]], 1).argmax(1)
    targets = torch.eye(3)[labels]
    heads = elastic_net_path(features, targets, 12, 1e-3)
    sizes = [int(torch.count_nonzero(head.weights)) for head in heads]
    assert sizes[0] <= 4
    assert sizes[-1] > sizes[0]
    early = next(head for head, count in zip(heads, sizes, strict=True) if count >= 3)
    assert set(torch.nonzero(early.weights)[:, 1].tolist()) <= {2, 7}
    agreement = (features @ heads[-1].weights.T + heads[-1].biases).argmax(1).eq(labels).float().mean()
    assert agreement > 0.95


def test_constant_features_get_no_weight() -> None:
    features = torch.cat([torch.ones(50, 1), torch.randn(50, 2, generator=torch.Generator().manual_seed(1))], 1)
    heads = elastic_net_path(features, torch.eye(2)[(features[:, 1] > 0).long()], 6, 1e-3)
    assert all(torch.isfinite(head.weights).all() and (head.weights[:, 0] == 0).all() for head in heads)


def test_pooling_has_known_values() -> None:
    maps = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert pooled(maps).tolist() == [[7.5, 15.0, 2.5, 4.5, 10.5, 12.5, 5.0, 7.0, 13.0, 15.0]]
    assert pooled(torch.ones(2, 3)).shape == (2, 3)


def test_varied_images_begin_with_the_images_and_stay_in_range(world) -> None:
    images = world.clean.floats()
    more = varied(images, 3 * len(images), np.random.default_rng(0))
    assert more.shape == (3 * len(images), *images.shape[1:])
    assert more.min() >= 0
    assert more.max() <= 1
    first = sorted(image.tobytes() for image in more[: len(images)])
    assert first == sorted(image.tobytes() for image in images)
    assert len(varied(images, 10, np.random.default_rng(0))) == 10
