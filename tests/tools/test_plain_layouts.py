"""A person's own network may take images in the plain layout only (`view` on a map fails on any other), and be frozen."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from onecurve.core.access import Access
from onecurve.core.answer import Rebuilt
from onecurve.core.case import Subject
from onecurve.core.evidence import ClassScores
from onecurve.core.image.images import LabelledImages
from onecurve.core.question import Brief, Rebuild
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.models.metering import Metered
from onecurve.models.network import TorchNetwork
from onecurve.repairs.catalog import SOLVERS
from onecurve.tools.catalog import TOOLS

SHAPE = (3, 16, 16)
NEEDS_TOKENS = ("attention-rollout",)


class Viewing(nn.Module):
    """As many people write it."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.linear = nn.Linear(6 * 64, 4)

    def forward(self, x: Tensor) -> Tensor:
        maps = nn.functional.max_pool2d(nn.functional.relu(self.norm(self.convolution(x))), 2)
        return self.linear(maps.view(maps.size(0), -1))


@pytest.fixture
def bench() -> Workbench:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = Viewing().eval().requires_grad_(False)
    with pytest.raises(RuntimeError, match="view"):
        module(torch.rand(2, *SHAPE).contiguous(memory_format=torch.channels_last))
    chance, meter = np.random.default_rng(0), Meter(Budget(4000))
    clean = LabelledImages(chance.integers(0, 256, (48, *SHAPE)).astype(np.uint8), np.arange(48) % 4)
    network, reference = (TorchNetwork(Metered(deepcopy(module), meter)) for _ in range(2))
    names = ("a", "b", "c", "d")
    every = Access.QUERIES | Access.WEIGHTS | Access.CLEAN_IMAGES | Access.CLEAN_LABELS | Access.TARGET | Access.SUSPECTS
    subject = Subject("toy", network, names, SHAPE, every | Access.REFERENCE_NETWORK, clean, reference)
    return Workbench(subject, Budget(4000), meter, 0)


@pytest.mark.parametrize("name", sorted(set(TOOLS.entries) - set(NEEDS_TOKENS)))
def test_every_tool_looks_at_it(bench: Workbench, name: str) -> None:
    suspects = bench.subject.clean.take(slice(2)).floats()  # type: ignore[union-attr]
    # Class scores answer what a target would give away, and not every target is named in error.
    told = TOOLS.load(name).shows != (ClassScores,) and name not in {"error-images", "domino"}
    assert TOOLS.make(name).look(Brief(1, suspects) if told else Brief(), bench).pieces


@pytest.mark.parametrize("name", ["fine-pruning", "finetune", "sparse-head"])
def test_every_solver_that_rebuilds_does_so(bench: Workbench, name: str) -> None:
    solver = SOLVERS.make(name)
    answer = solver.answer(Rebuild(Brief(), 10_000), bench)
    assert isinstance(answer, Rebuilt)
    assert np.isfinite(answer.network.logits(np.zeros((2, *SHAPE), np.float32))).all()
