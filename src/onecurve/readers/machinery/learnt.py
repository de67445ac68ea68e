"""The small convolutional network of the reader `embedder`, and its stored weights, which `benchmarks/embedder_weights.py` makes.

It turns a picture into a vector. The inner product of what evidence shows and of what an option shows says how alike they are, and a
short vector says that a picture shows nothing that the network knows.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

WEIGHTS: Final = Path(__file__).with_name("learnt_weights.safetensors")
"""float16; the names are those of ``Encoder.state_dict``."""
RECIPE: Final = 2
"""Version of the recipe that made them; raised with any change of it, or of the pictures that it is given."""
SIZE: Final = 64
"""Numbers of a vector."""


class Encoder(nn.Module):
    """From N x 3 x 32 x 32 in [0, 1] to N x SIZE: five convolutions; the mean and the maximum over places of three of them.

    Means tell textures and tints, maxima tell things wherever they are.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(*_block(3, 32, 4, 2), *_block(32, 48, 3, 1))
        self.second = nn.Sequential(*_block(48, 64, 3, 2), *_block(64, 88, 3, 1))
        self.third = nn.Sequential(*_block(88, 80, 3, 1))
        self.head = nn.Linear(2 * (48 + 88 + 80), SIZE)
        self.together = nn.Parameter(torch.tensor(-1.0))
        """Logit of how far pictures of one tool err together: where its sigmoid is 0, each counts in full; where it is 1, all as one."""

    def forward(self, pictures: Tensor) -> Tensor:
        maps = [self.first(2 * pictures - 1)]
        for layers in (self.second, self.third):
            maps.append(layers(maps[-1]))
        found: Tensor = self.head(torch.cat([pooled for each in maps for pooled in (each.mean((2, 3)), each.amax((2, 3)))], 1))
        return found

    def counted(self, pictures: Tensor) -> Tensor:
        """As how many independent pictures so many (at least 1) count."""
        return pictures / (1 + self.together.sigmoid() * (pictures - 1))

    def logits(self, sums: Tensor, counts: Tensor, null: Tensor, options: Tensor) -> Tensor:
        """S x O: how much each of S sets of pictures looks like each of O options, beyond what null pictures do.

        ``sums`` (S x SIZE) are the sums of the sets' vectors and ``counts`` (S) their sizes, ``null`` (SIZE) is the mean vector of pictures
        that show nothing in particular, ``options`` (O x SIZE) are those of the options. What all options share tells none of them apart,
        and is taken off; of the rest only the direction counts.
        """
        means = sums / counts[:, None] - null
        return (means * self.counted(counts)[:, None]) @ functional.normalize(options - options.mean(0)).T


@lru_cache(maxsize=1)
def stored_encoder() -> Encoder:
    """The network with the stored weights, in eval mode on the CPU."""
    encoder = Encoder()
    encoder.load_state_dict(widened(load_file(WEIGHTS)))
    return encoder.eval().requires_grad_(requires_grad=False)


def widened(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same with float16 as float32."""
    return {name: value.float() if value.is_floating_point() else value for name, value in state.items()}


def _block(taken: int, given: int, side: int, stride: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(taken, given, side, stride, 1, bias=False), nn.BatchNorm2d(given), nn.ReLU()
