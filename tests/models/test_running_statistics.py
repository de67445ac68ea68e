"""Networks that come with normalisation layers whose statistics are not those of their images."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from onecurve.core.errors import ModelError, SpecError
from onecurve.core.image.images import LabelledImages
from onecurve.models.network import TorchNetwork
from onecurve.models.running_statistics import require_matching_statistics
from onecurve.models.stacked import train_together
from onecurve.models.steps import TrainingRecipe
from onecurve.models.training import accuracy, train

SHADES = (0.7, 0.8, 0.9, 1.0)
RECIPE = TrainingRecipe(1, batch_size=16, peak_learning_rate=1e-4)


class Shades(nn.Module):
    """Says which of four shades an image has; its normalisation does nothing, as if it had been folded into what came before."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1, eps=1e-8)
        self.centres = nn.Parameter(torch.tensor(SHADES))

    def forward(self, images: Tensor) -> Tensor:
        return -1000 * (self.norm(images).mean((1, 2, 3))[:, None] - self.centres) ** 2


@pytest.fixture
def images() -> LabelledImages:
    labels = np.arange(96) % 4
    pixels = np.round(255 * np.array(SHADES)[labels]).astype(np.uint8)
    return LabelledImages(np.broadcast_to(pixels[:, None, None, None], (96, 1, 16, 16)).copy(), labels)


def test_a_network_that_falls_apart_in_training_is_told_before_and_how_to_keep_it(images: LabelledImages) -> None:
    network = TorchNetwork(Shades().eval())
    with pytest.raises(ModelError, match=r"is 1\.00 with its own .* and 0\.50 with those of the batch") as caught:
        require_matching_statistics(network, images)
    assert "statistics: kept" in caught.value.hint
    assert accuracy(network, images) == 1
    assert not network.module.norm.training
    assert network.module.norm.running_mean.item() == 0


def test_true_statistics_and_none_at_all_pass(images: LabelledImages) -> None:
    module = Shades()
    pixels = torch.from_numpy(images.floats())
    mean, spread = pixels.mean(), pixels.var()
    module.norm.running_mean.fill_(mean)
    module.norm.running_var.fill_(spread)
    module.centres.data = (module.centres.data - mean) / spread.sqrt()
    require_matching_statistics(TorchNetwork(module.eval()), images)
    assert accuracy(TorchNetwork(module), images) == 1
    assert module.norm.running_mean.item() == pytest.approx(float(mean))
    require_matching_statistics(TorchNetwork(nn.Sequential(nn.Flatten(), nn.Linear(256, 4))), images)


def test_kept_statistics_are_kept_and_the_network_works_on(images: LabelledImages) -> None:
    kept, learnt = Shades(), Shades()
    train(kept, images, replace(RECIPE, statistics="kept"), 0)
    train(learnt, images, RECIPE, 0)
    assert kept.norm.running_mean.item() == 0
    assert learnt.norm.running_mean.item() != 0
    assert accuracy(TorchNetwork(kept), images) == 1
    assert accuracy(TorchNetwork(learnt), images) < 0.8
    assert not any(part.training for part in kept.modules())


def test_networks_trained_together_keep_theirs_too(images: LabelledImages) -> None:
    modules = [Shades(), Shades()]
    train_together(modules, [images, images], replace(RECIPE, statistics="kept"), [0, 1])
    assert all(module.norm.running_mean.item() == 0 for module in modules)
    assert min(accuracy(TorchNetwork(module), images) for module in modules) == 1


def test_statistics_are_kept_or_learnt() -> None:
    with pytest.raises(SpecError, match="cannot be: frozen"):
        replace(RECIPE, statistics="frozen")  # type: ignore[arg-type]
