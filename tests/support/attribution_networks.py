"""One small residual network written in the ways that people write networks, all with the same weights and the same function."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from onecurve.models.parts import Add

SHAPE = (3, 12, 12)
CLASSES = 4
WIDTH = 6


class Layers(nn.Module):
    """What all of them share: two convolutions in a residual block after a first one, a head. No biases but the head's, which is 0."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, WIDTH, 3, padding=1, bias=False)
        self.one, self.two = (nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False) for _ in range(2))
        self.head = nn.Linear(WIDTH, CLASSES)
        nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.activated(0, self.stem(images * 4 - 2))
        branch = self.two(self.activated(1, self.one(maps)))
        maps = self.activated(2, self.summed(branch, self.passed(maps)))
        return self.head(functional.adaptive_avg_pool2d(maps, 1).flatten(1))

    def activated(self, _: int, maps: Tensor) -> Tensor:
        return functional.relu(maps)

    def summed(self, branch: Tensor, shortcut: Tensor) -> Tensor:
        return branch + shortcut

    def passed(self, maps: Tensor) -> Tensor:
        return maps


class Functional(Layers):
    """ReLUs and the sum are functions."""


class Modules(Layers):
    """Every ReLU and the sum are modules of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.relus = nn.ModuleList(nn.ReLU() for _ in range(3))
        self.add = Add()

    def activated(self, number: int, maps: Tensor) -> Tensor:
        return self.relus[number](maps)

    def summed(self, branch: Tensor, shortcut: Tensor) -> Tensor:
        return self.add(branch, shortcut)


class Reused(Layers):
    """One ReLU module, used three times."""

    def __init__(self, *, inplace: bool = False) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=inplace)

    def activated(self, _: int, maps: Tensor) -> Tensor:
        return self.relu(maps)


class InPlace(Reused):
    """The same, in place, and the sum is in place too."""

    def __init__(self) -> None:
        super().__init__(inplace=True)

    def summed(self, branch: Tensor, shortcut: Tensor) -> Tensor:
        branch += shortcut
        return branch


class IdentityShortcut(Modules):
    """As with modules, and an identity as shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.shortcut: nn.Module = nn.Identity()

    def passed(self, maps: Tensor) -> Tensor:
        return self.shortcut(maps)


class EmptyShortcut(IdentityShortcut):
    """As with modules, and an empty sequence as shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.shortcut = nn.Sequential()


WRITTEN = (Functional, Modules, Reused, InPlace, IdentityShortcut, EmptyShortcut)


def written(kind: type[Layers], seed: int = 0) -> Layers:
    """A network of that kind in eval mode; the weights depend on ``seed`` alone."""
    before = torch.random.get_rng_state()
    torch.manual_seed(seed)
    module = kind()
    torch.random.set_rng_state(before)
    return module.eval()


def images(count: int, seed: int = 0) -> Tensor:
    """float32 ``count`` x C x H x W in [0, 1]."""
    return torch.rand((count, *SHAPE), generator=torch.Generator().manual_seed(seed))
