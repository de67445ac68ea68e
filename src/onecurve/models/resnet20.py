"""The residual network for CIFAR-10, made of modules only, so that every ReLU and every sum can be hooked."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor, nn

from onecurve.core.errors import SpecError
from onecurve.models.parts import Add, Centre, GlobalAverage, PaddedShortcut, initialise, normalised_convolution
from onecurve.models.randomness import seeded

BLOCKS = ((16, 1), (16, 1), (16, 1), (32, 2), (32, 1), (32, 1), (64, 2), (64, 1), (64, 1))
"""Channels and stride of the nine blocks."""


@final
class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut: relu(x + f(x))."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = normalised_convolution(channels_in, channels_out, stride)
        self.relu1 = nn.ReLU()
        self.conv2, self.norm2 = normalised_convolution(channels_out, channels_out, 1)
        plain = stride == 1 and channels_in == channels_out
        self.shortcut = nn.Identity() if plain else PaddedShortcut(stride, channels_out - channels_in)
        self.add = Add()
        self.relu2 = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        branch = self.norm2(self.conv2(self.relu1(self.norm1(self.conv1(maps)))))
        given: Tensor = self.relu2(self.add(self.shortcut(maps), branch))
        return given


@final
@dataclass(frozen=True)
class ResNet20:
    """ResNet-20 for small images, with parameter-free shortcuts (He et al., 1512.03385, section 4.2)."""

    name: ClassVar[str] = "resnet20"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "ResNet-20 for small images, about 270,000 parameters"
    source: ClassVar[str] = "He et al., Deep Residual Learning, arXiv 1512.03385"

    stem_stride: int = 1
    """Stride of the first convolution: 1 as in the paper, 2 for a quarter of the work."""

    def __post_init__(self) -> None:
        if not isinstance(self.stem_stride, int) or self.stem_stride not in (1, 2):
            raise SpecError(f"the stem stride of resnet20 must be 1 or 2, got: {self.stem_stride}")

    def build(self, shape: tuple[int, int, int], classes: int, seed: int) -> nn.Module:
        """A network with random weights that depend only on ``seed``; float N x C x H x W in [0, 1] to logits N x K."""
        with seeded(seed):
            convolution, normalisation = normalised_convolution(shape[0], 16, self.stem_stride)
            layers: dict[str, nn.Module] = {"centre": Centre(), "conv": convolution, "norm": normalisation, "relu": nn.ReLU()}
            channels = 16
            for number, (width, stride) in enumerate(BLOCKS, start=1):
                layers[f"block{number}"] = Block(channels, width, stride)
                channels = width
            layers |= {"pool": GlobalAverage(), "head": nn.Linear(channels, classes)}
            module = nn.Sequential(OrderedDict(layers))
            initialise(module)
        return module.eval()
