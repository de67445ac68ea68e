"""Ablation on a hand-wired network of which the units that carry the trigger are known."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Rebuilt
from onecurve.core.case import Subject
from onecurve.core.errors import AnswerError, SpecError
from onecurve.core.evidence import Evidence, Text, Units
from onecurve.core.image.images import Floats, LabelledImages, as_bytes
from onecurve.core.question import Brief, Rebuild, Weigh
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.models.metering import Metered
from onecurve.models.network import TorchNetwork
from onecurve.readers.units.ablation import Ablation

QUESTION = Rebuild(Brief(target=0))
ACCESS = Access.QUERIES | Access.WEIGHTS | Access.CLEAN_IMAGES | Access.CLEAN_LABELS
RED, GREEN, BLUE, MAGENTA, SPARE = range(5)
"""Units of the convolution: mean colours, the trigger's, and one that nothing reads."""


class Wired(nn.Module):
    """Says the colour that is brightest, and red where any pixel is magenta."""

    def __init__(self) -> None:
        super().__init__()
        self.detect = nn.Conv2d(3, 5, 1)
        self.scale = nn.BatchNorm2d(5)
        self.rectify = nn.ReLU()
        self.say = nn.Linear(10, 3)
        with torch.no_grad():
            self.detect.weight[:, :, 0, 0] = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, -2, 1], [1, 1, 1]])
            self.detect.bias.copy_(torch.tensor([0, 0, 0, -1.5, 0]))
            self.say.weight.zero_()
            self.say.bias.zero_()
            self.say.weight[:, :3] = 10 * torch.eye(3)
            self.say.weight[RED, 5 + MAGENTA] = 100

    def forward(self, images: Tensor) -> Tensor:
        maps = self.rectify(self.scale(self.detect(images)))
        said: Tensor = self.say(torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1))
        return said


def coloured(count: int, seed: int) -> LabelledImages:
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    images = rng.uniform(0.1, 0.3, (count, 3, 8, 8))
    images[np.arange(count), labels] += 0.4
    return LabelledImages(as_bytes(images), labels.astype(np.int64))


def triggered(images: LabelledImages) -> Floats:
    stamped = images.take(images.labels != RED).floats()
    stamped[:, :, 2:4, 2:4] = np.array([1.0, 0.0, 1.0], np.float32)[:, None, None]
    return stamped


def workbench(budget: float = 1000.0, module: nn.Module | None = None) -> Workbench:
    meter = Meter(Budget(budget))
    network = TorchNetwork(Metered(deepcopy(module or Wired()).eval(), meter))
    subject = Subject("wired", network, ("red", "green", "blue"), (3, 8, 8), ACCESS, coloured(60, 0))
    return Workbench(subject, Budget(budget), meter, 0)


def units(layer: str, *named: tuple[int, float]) -> Evidence:
    indices, weights = zip(*named, strict=True)
    return Evidence((Units(layer, np.array(indices, np.int64), np.array(weights, np.float32)),))


def repaired(evidence: Evidence, bench: Workbench | None = None) -> TorchNetwork:
    answer = Ablation().read(QUESTION, evidence, bench or workbench())
    assert isinstance(answer, Rebuilt)
    assert isinstance(answer.network, TorchNetwork)
    return answer.network


def accuracy(network: TorchNetwork) -> float:
    heldout = coloured(90, 1)
    return float((network.logits(heldout.floats()).argmax(1) == heldout.labels).mean())


def success(network: TorchNetwork) -> float:
    return float((network.logits(triggered(coloured(90, 1))).argmax(1) == RED).mean())


def test_the_wired_network_is_trojaned() -> None:
    network = TorchNetwork(Wired().eval())
    assert accuracy(network) == 1
    assert success(network) == 1


@pytest.mark.parametrize("layer", ["detect", "inner.detect", "scale", "rectify"])
def test_without_the_unit_of_the_trigger_the_attack_fails_and_accuracy_stays(layer: str) -> None:
    network = repaired(units(layer, (MAGENTA, 1.0)))
    assert success(network) == 0
    assert accuracy(network) == 1


def test_it_stops_before_units_that_clean_images_need() -> None:
    network = repaired(units("detect", (GREEN, 0.1), (MAGENTA, 0.9), (SPARE, 0.5)))
    assert success(network) == 0
    assert accuracy(network) == 1
    module = network.module
    assert module.detect.weight[[MAGENTA, SPARE]].abs().sum() == 0
    assert module.detect.weight[GREEN].abs().sum() > 0


def test_the_heaviest_unit_goes_first_whatever_the_order_in_the_evidence() -> None:
    # Green is heaviest and needed, so nothing behind it is tried.
    answer = Ablation().read(QUESTION, units("detect", (MAGENTA, 0.5), (GREEN, 0.9)), workbench())
    assert isinstance(answer, Abstain)
    assert "accuracy" in answer.reason
    assert isinstance(Ablation(tolerance=1.0).read(QUESTION, units("detect", (MAGENTA, 0.5), (GREEN, 0.9)), workbench()), Rebuilt)


def test_units_of_several_layers_are_taken_together() -> None:
    two = Evidence((*units("say", (1, 0.1)).pieces, *units("detect", (MAGENTA, 0.8)).pieces))
    assert success(repaired(two)) == 0


def test_what_the_network_does_not_have_is_an_abstention() -> None:
    for evidence in (units("nowhere", (0, 1.0)), units("detect", (99, 1.0)), Evidence((Text("unit 3"),)), Evidence()):
        answer = Ablation().read(QUESTION, evidence, workbench())
        assert isinstance(answer, Abstain)
        assert "no unit" in answer.reason


def test_it_is_metered_keeps_to_its_budget_and_leaves_the_network_alone() -> None:
    bench = workbench(budget=95)
    subject = bench.subject.network
    assert isinstance(subject, TorchNetwork)
    before = deepcopy(subject.module.state_dict())
    network = repaired(units("detect", (MAGENTA, 0.9), (SPARE, 0.5), (GREEN, 0.1)), bench)
    assert 60 <= bench.meter.equivalents <= 95
    network.logits(coloured(10, 2).floats())
    assert bench.meter.equivalents <= 95, "the network handed back counts on nobody's meter"
    assert all(torch.equal(values, before[name]) for name, values in subject.module.state_dict().items())
    poor = Ablation().read(QUESTION, units("detect", (MAGENTA, 0.9)), workbench(budget=40))
    assert isinstance(poor, Abstain)
    assert "budget" in poor.reason


def test_units_after_a_flattening_cannot_be_told_and_other_questions_are_refused() -> None:
    flat = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 3))
    answer = Ablation().read(QUESTION, units("2", (5, 1.0)), workbench(module=flat))
    assert isinstance(answer, Abstain)
    with pytest.raises(AnswerError, match="network"):
        Ablation().read(Weigh(Brief(), 1, ("a", "b")), Evidence(), workbench())
    with pytest.raises(SpecError, match="tolerance"):
        Ablation(tolerance=2)
