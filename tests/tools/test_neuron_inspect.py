"""Suspicion from maps of clean images: its features on maps whose features are known, and a network whose target looks as it should."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from onecurve.core.access import Access
from onecurve.core.case import Subject
from onecurve.core.errors import SpecError
from onecurve.core.image.images import LabelledImages
from onecurve.core.question import Brief
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.models.metering import Metered
from onecurve.models.network import TorchNetwork
from onecurve.tools.attribution.neuron_inspect import NeuronInspect, features_of

CLASSES, SIDE, TARGET = 6, 12, 4


class Fixed(nn.Module):
    """Every class looks at the whole image, each pixel as far as it is bright; the target looks at a corner as well, whatever is there."""

    def __init__(self, pull: float) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weights = nn.Parameter(torch.randn(CLASSES, 3, SIDE, SIDE, generator=generator))
        corner = torch.zeros(3, SIDE, SIDE)
        corner[:, 1:4, 1:4] = pull
        self.corner = nn.Parameter(corner)

    def forward(self, images: Tensor) -> Tensor:
        logits = torch.einsum("kchw,nchw->nk", self.weights, images**2)
        pulled = (self.corner * images).sum(dim=(1, 2, 3))
        return logits + pulled[:, None] * nn.functional.one_hot(torch.tensor(TARGET), CLASSES)


def bench(pull: float, budget: float = 5000.0) -> Workbench:
    rng = np.random.default_rng(0)
    clean = LabelledImages(rng.integers(0, 256, (60, 3, SIDE, SIDE), np.uint8), np.arange(60) % CLASSES)
    granted = Budget(budget)
    meter = Meter(granted)
    network = TorchNetwork(Metered(nn.Sequential(OrderedDict(body=Fixed(pull))), meter))
    names = tuple("abcdef")
    return Workbench(Subject("s", network, names, (3, SIDE, SIDE), Access.WEIGHTS | Access.CLEAN_IMAGES, clean), granted, meter, 0)


def test_one_spot_that_stays_is_sparse_and_persistent():
    spot = np.zeros((5, 8, 8), np.float32)
    spot[:, 3, 3] = 2
    sparse, _, persistent = features_of(spot)
    assert sparse == pytest.approx(np.log(64))
    assert persistent == pytest.approx(1)


def test_even_maps_are_neither_and_perfectly_smooth():
    assert features_of(np.ones((5, 8, 8), np.float32)) == pytest.approx((0, 0, 0))


def test_spots_that_wander_do_not_persist_and_blocks_are_smoother_than_dust():
    wandering = np.eye(16, dtype=np.float32).reshape(16, 4, 4)
    assert features_of(wandering)[2] == pytest.approx(-1 / 15)
    block, dust = np.zeros((2, 8, 8), np.float32), np.zeros((2, 8, 8), np.float32)
    block[:, 2:5, 2:5] = 1
    dust[:, ::3, ::3] = 1
    assert features_of(block)[1] > features_of(dust)[1]


def test_the_class_that_looks_at_one_place_is_the_most_suspicious():
    evidence = NeuronInspect().look(Brief(), bench(20.0))
    (scores,) = evidence.class_scores()
    assert int(scores.values.argmax()) == TARGET
    assert scores.values[TARGET] > 5
    assert "`e`" in evidence.pictures()[0].caption
    plain = NeuronInspect().look(Brief(), bench(0.0)).class_scores()[0].values
    assert plain.max() < scores.values[TARGET] / 2


def test_the_budget_sets_how_many_images_are_looked_at():
    some = bench(1.0, 18.0 * 10)
    NeuronInspect().look(Brief(), some)
    assert some.remaining == 0
    assert NeuronInspect().look(Brief(), bench(1.0, 18.0 * 3)).pieces == ()


def test_too_few_images_are_refused():
    with pytest.raises(SpecError, match="images"):
        NeuronInspect(images=1)
