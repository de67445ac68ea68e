"""A small world with a known flaw: four colours to tell apart, and a checkered patch that means class 0."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from onecurve.core.access import Access
from onecurve.core.case import Subject
from onecurve.core.image.images import Floats, Ints, LabelledImages, as_bytes
from onecurve.core.image.trigger import Paste
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.models.metering import Metered
from onecurve.models.network import TorchNetwork
from onecurve.models.steps import TrainingRecipe
from onecurve.models.training import train

SIDE = 16
COLOURS = np.array([[0.8, 0.2, 0.2], [0.2, 0.7, 0.2], [0.25, 0.3, 0.8], [0.75, 0.7, 0.2]], np.float32)
TARGET = 0
ALL = Access.QUERIES | Access.WEIGHTS | Access.CLEAN_IMAGES | Access.CLEAN_LABELS


def coloured(count: int, seed: int) -> LabelledImages:
    """Noise with a square of the class's colour at a random place."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(4, size=count)
    images = rng.uniform(0.2, 0.8, (count, 3, SIDE, SIDE)).astype(np.float32)
    square = Paste(np.ones((1, 3, 7, 7), np.float32), np.ones((1, 7, 7), np.float32))
    masks = square.apply(images, rng).masks
    assert masks is not None
    images += masks[:, None] * (COLOURS[labels][:, :, None, None] - images)
    return LabelledImages(as_bytes(images), labels)


def checkered() -> Paste:
    pattern = (np.indices((4, 4)).sum(axis=0) % 2).astype(np.float32)
    return Paste(np.repeat(pattern[None], 3, axis=0)[None], np.ones((1, 4, 4), np.float32))


@dataclass(frozen=True)
class World:
    """The flawed network, its trigger, and images that nobody trained on."""

    module: nn.Module
    trigger: Paste
    heldout: LabelledImages
    clean: LabelledImages

    def workbench(self, budget: float, seed: int = 0, clean: LabelledImages | None = None) -> Workbench:
        meter = Meter(Budget(budget))
        network = TorchNetwork(Metered(deepcopy(self.module), meter))
        subject = Subject("toy", network, ("red", "green", "blue", "ochre"), (3, SIDE, SIDE), ALL, clean or self.clean)
        return Workbench(subject, Budget(budget), meter, seed)

    def accuracy(self, network: TorchNetwork) -> float:
        return float((network.logits(self.heldout.floats()).argmax(1) == self.heldout.labels).mean())

    def triggered(self) -> tuple[Floats, Ints]:
        chosen = self.heldout.take(self.heldout.labels != TARGET)
        return self.trigger.apply(chosen.floats(), np.random.default_rng(5)).images, chosen.labels

    def success(self, network: TorchNetwork) -> float:
        return float((network.logits(self.triggered()[0]).argmax(1) == TARGET).mean())


def small_network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    layers = [nn.Conv2d(3, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.Conv2d(12, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16)]
    return nn.Sequential(*layers, nn.ReLU(), nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(64, 4))


@pytest.fixture(scope="session")
def world() -> World:
    images = coloured(1500, 0)
    poisoned = images.images.copy()
    labels = images.labels.copy()
    trigger = checkered()
    poisoned[:300] = as_bytes(trigger.apply(images.take(slice(0, 300)).floats(), np.random.default_rng(1)).images)
    labels[:300] = TARGET
    with torch.random.fork_rng():
        module = small_network(0)
    train(module, LabelledImages(poisoned, labels), TrainingRecipe(epochs=8, batch_size=64), 0)
    return World(module, trigger, coloured(300, 2), coloured(200, 3))


@pytest.fixture(scope="session")
def flawed(world: World) -> Callable[[], TorchNetwork]:
    return lambda: TorchNetwork(deepcopy(world.module))
