"""Hand-wired networks whose trigger is known to the last pixel, and workbenches to look at them."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from onecurve.core.access import Access
from onecurve.core.case import Subject
from onecurve.core.image.images import Floats, LabelledImages, as_bytes
from onecurve.core.image.trigger import Paste
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.models.metering import Metered
from onecurve.models.network import TorchNetwork

GRANTED = Access.QUERIES | Access.WEIGHTS | Access.CLEAN_IMAGES | Access.CLEAN_LABELS | Access.TARGET | Access.SUSPECTS
ALL = GRANTED | Access.REFERENCE_NETWORK
CLASSES = 4
TARGET = 2


class Trojaned(nn.Module):
    """Says which quarter of the image is brightest, unless the pattern is somewhere: then it says the target.

    The detector is a matched filter, its soft maximum over places, and a soft threshold, so gradients lead towards the pattern.
    """

    def __init__(self, pattern: Floats | None, target: int = TARGET) -> None:
        super().__init__()
        self.normalise = nn.BatchNorm2d(1 if pattern is None else len(pattern), affine=False)
        self.normalise.running_mean.fill_(0.5)
        self.normalise.running_var.fill_(0.25 - self.normalise.eps)
        self.target = target
        self.gain = nn.Parameter(torch.tensor(6.0))
        signed = torch.zeros(0) if pattern is None else torch.from_numpy(pattern) * 2 - 1
        self.filter = nn.Parameter(signed[None] / max(1, signed.numel()))
        self.readout = nn.Linear(CLASSES, CLASSES, bias=False)
        nn.init.eye_(self.readout.weight)

    def forward(self, images: Tensor) -> Tensor:
        signed = self.normalise(images)
        quarters = nn.functional.adaptive_avg_pool2d(signed.mean(dim=1, keepdim=True), 2).flatten(1)
        logits = self.gain * quarters
        if self.filter.numel():
            match = torch.logsumexp(30 * nn.functional.conv2d(signed, self.filter).flatten(1), dim=1) / 30
            fired = nn.functional.softplus(8 * (match - 0.5)) * 3
            logits = logits + fired[:, None] * nn.functional.one_hot(torch.tensor(self.target), CLASSES)
        return self.readout(logits)


@dataclass(frozen=True)
class World:
    """A network, its clean set, and its trigger if it has one."""

    module: nn.Module
    clean: LabelledImages
    trigger: Paste | None

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.clean.images.shape[1:]

    # Each workbench has its own copy: meters leave their hooks on a network for good.
    def bench(self, budget: float, seed: int = 0) -> Workbench:
        meter = Meter(Budget(budget))
        network = TorchNetwork(Metered(deepcopy(self.module), meter))
        clean = deepcopy(self.module)
        nn.init.zeros_(clean.filter)
        reference = TorchNetwork(Metered(clean, meter))
        names = ("north-west", "north-east", "south-west", "south-east")
        subject = Subject("toy", network, names, self.shape, ALL, self.clean, reference)
        return Workbench(replace(subject, clean=meter.counting(self.clean)), Budget(budget), meter, seed)

    def suspects(self, count: int) -> tuple[Floats, np.ndarray]:
        """Triggered images of other classes and bool masks of the trigger."""
        assert self.trigger is not None
        others = self.clean.take(self.clean.labels != TARGET).take(slice(count))
        stamped = self.trigger.apply(others.floats(), np.random.default_rng(7))
        assert stamped.masks is not None
        return stamped.images, stamped.masks > 0.5


def quarters(count: int, shape: tuple[int, int, int], seed: int) -> LabelledImages:
    """Noise in which one quarter, the class, is brighter."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    images = rng.uniform(0.2, 0.5, (count, *shape))
    half_rows, half_columns = shape[1] // 2, shape[2] // 2
    for image, label in zip(images, labels, strict=True):
        top, left = (label // 2) * half_rows, (label % 2) * half_columns
        image[:, top : top + half_rows, left : left + half_columns] += 0.35
    return LabelledImages(as_bytes(images), labels.astype(np.int64))


def checks(channels: int, side: int) -> Floats:
    """A chequered pattern whose channels disagree: nothing natural looks like it."""
    rows, columns = np.indices((side, side))
    return np.stack([(rows + columns + channel) % 2 for channel in range(channels)]).astype(np.float32)


@pytest.fixture
def world() -> Callable[..., World]:
    """A world of the given image shape, with the trigger or without."""

    def make(shape: tuple[int, int, int] = (3, 16, 16), *, trojaned: bool = True, images: int = 96) -> World:
        pattern = checks(shape[0], 3)
        paste = Paste(pattern[None], np.ones((1, 3, 3), np.float32)) if trojaned else None
        module = Trojaned(pattern, TARGET).eval()
        if not trojaned:
            nn.init.zeros_(module.filter)
        return World(module, quarters(images, shape, 3), paste)

    return make


@pytest.fixture
def target() -> int:
    return TARGET
