"""The small network of the quick suite: six convolutions, fast on a CPU.

Maps shrink early: the third convolution's have a quarter of the input's side, the fifth's an eighth, 8 x 8 and 4 x 4 for 32 px.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import ClassVar, final

from torch import nn

from onecurve.core.errors import SpecError
from onecurve.models.parts import Centre, GlobalAverage, initialise, normalised_convolution
from onecurve.models.randomness import seeded

MULTIPLES = (1, 2, 2, 3, 4, 4)
"""Channels of the six convolutions, in units of the width."""
STRIDES = (2, 1, 2, 1, 2, 1)


@final
@dataclass(frozen=True)
class SixConv:
    """Six 3x3 convolutions with batch normalisation and ReLU, global average pooling, a linear head."""

    name: ClassVar[str] = "six-conv"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "six 3x3 convolutions with batch normalisation, about 94,000 parameters, fast on a CPU"
    source: ClassVar[str] = "baseline"

    width: int = 16
    """Channels of the first convolution, 4..256; the last has four times as many."""

    def __post_init__(self) -> None:
        if not isinstance(self.width, int) or not 4 <= self.width <= 256:
            raise SpecError(f"the width of six-conv must be an integer within 4..256, got: {self.width}")

    def build(self, shape: tuple[int, int, int], classes: int, seed: int) -> nn.Module:
        """A network with random weights that depend only on ``seed``; float N x C x H x W in [0, 1] to logits N x K."""
        with seeded(seed):
            layers: dict[str, nn.Module] = {"centre": Centre()}
            channels = shape[0]
            for number, (multiple, stride) in enumerate(zip(MULTIPLES, STRIDES, strict=True), start=1):
                convolution, normalisation = normalised_convolution(channels, multiple * self.width, stride)
                layers |= {f"conv{number}": convolution, f"norm{number}": normalisation, f"relu{number}": nn.ReLU()}
                channels = multiple * self.width
            layers |= {"pool": GlobalAverage(), "head": nn.Linear(channels, classes)}
            module = nn.Sequential(OrderedDict(layers))
            initialise(module)
        return module.eval()
