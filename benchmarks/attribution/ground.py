"""What all contenders are given: a trained ResNet-20, 16 digits, 64 super-pixels, one baseline."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from onecurve.core.access import Access
from onecurve.core.case import Subject
from onecurve.core.image.images import Bools
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.data.catalog import open_data
from onecurve.data.dataset import Part
from onecurve.models.building import build
from onecurve.models.metering import Metered
from onecurve.models.network import TorchNetwork
from onecurve.models.steps import TrainingRecipe
from onecurve.models.training import train
from onecurve.tools.attribution.machinery.backward_rules import RuledNetwork
from onecurve.tools.attribution.machinery.coalitions import Played
from onecurve.tools.attribution.machinery.masking import Grid
from onecurve.tools.attribution.machinery.super_pixel_game import Game

IMAGES, CELLS, BASELINES = 16, 64, 8
SHAPE = (3, 32, 32)
KIND = "grey"


@dataclass(frozen=True)
class Ground:
    """The network and its images."""

    module: nn.Module
    """Written with modules only, so that captum is right on it wherever it can be."""
    images: Tensor
    targets: Tensor
    """What the network says."""
    others: Tensor
    """Clean images as baselines of DeepLiftShap and GradientShap."""
    seed: int = 0
    """Of what our methods draw."""

    @property
    def baseline(self) -> Tensor:
        """Grey, C x H x W."""
        return torch.full(SHAPE, 0.5)

    @property
    def grid(self) -> Grid:
        """8 x 8 cells of 4 x 4 pixels."""
        return Grid.fitting(SHAPE[1:], CELLS)

    def bench(self) -> Workbench:
        """A workbench without limit: time is what is measured here."""
        free = Budget(float("inf"))
        meter = Meter(free)
        subject = Subject("benchmark", TorchNetwork(Metered(self.module, meter)), (), SHAPE, Access.QUERIES | Access.WEIGHTS)
        return Workbench(subject, free, meter, self.seed)

    def game(self, bench: Workbench) -> Game:
        """The game of super-pixels on all the images."""
        return Game(bench, self.images.numpy(), None, KIND, 0)

    def laid_out(self) -> "Ground":
        """The same with images as convolutions like them best."""
        return replace(self, images=self.images.contiguous(memory_format=torch.channels_last))

    @cached_property
    def network(self) -> RuledNetwork:
        """Ready for every way back: normalised, and proven to be the same function."""
        return RuledNetwork(self.module, SHAPE, Meter(Budget(float("inf"))))

    def first(self, count: int) -> "Ground":
        """The first few images only."""
        return replace(self, images=self.images[:count], targets=self.targets[:count])


def ground(*, trained: bool = True, keep: Path | None = None) -> Ground:
    """Two short epochs on digits, in half a minute; or a network as it is before, where only its memory matters.

    Weights are kept in ``keep``, and taken from there the next time.
    """
    data = open_data("digits")
    module = build("resnet20", SHAPE, len(data.class_names), 0)
    if trained and keep is not None and keep.exists():
        module.load_state_dict(torch.load(keep, weights_only=True))
    elif trained:
        train(module, data.draw(Part.TRAIN, 3000, 0), TrainingRecipe(2), 0)
        if keep is not None:
            torch.save(module.state_dict(), keep)
    for parameter in module.parameters():
        parameter.requires_grad = False
    images = torch.from_numpy(data.draw(Part.HELDOUT, IMAGES, 0).floats())
    others = torch.from_numpy(data.draw(Part.CLEAN, BASELINES, 0).floats())
    with torch.no_grad():
        return Ground(module, images, module(images).argmax(1), others)


def played(some: Ground, coalitions: Bools) -> Played:
    """What the network says of the images under the coalitions."""
    return some.game(some.bench()).play(coalitions, some.grid)
