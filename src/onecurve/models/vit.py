"""A small vision transformer made of modules only, softmax included, so that hooks can read attention and attribution rules apply."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from onecurve.core.errors import SpecError
from onecurve.models.parts import Add, Centre, initialise
from onecurve.models.randomness import seeded

HEAD_WIDTH = 16
"""Channels of one attention head."""
WIDENING = 2
"""Hidden channels of the two-layer network of a block, in units of the width; the paper's large networks have 4."""
SPREAD = 0.02
"""Standard deviation of the first positions and of the first class token, as in the paper's code."""


@final
class Attention(nn.Module):
    """Self-attention of several heads: N x T x C to N x T x C."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // HEAD_WIDTH
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.softmax = nn.Softmax(-1)
        self.output = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        query, key, value = (part(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (self.query, self.key, self.value))
        weights = self.softmax(query @ key.transpose(-2, -1) * HEAD_WIDTH**-0.5)
        joined: Tensor = self.output((weights @ value).transpose(1, 2).flatten(2))
        return joined


@final
class TransformerBlock(nn.Module):
    """Attention and a two-layer network, each on normalised tokens and added to them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width)
        self.add1, self.add2 = Add(), Add()
        self.wide, self.gelu, self.narrow = nn.Linear(width, WIDENING * width), nn.GELU(), nn.Linear(WIDENING * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = self.add1(tokens, self.attention(self.norm1(tokens)))
        mixed: Tensor = self.add2(tokens, self.narrow(self.gelu(self.wide(self.norm2(tokens)))))
        return mixed


@final
class Patches(nn.Module):
    """Square patches of the image as tokens with their positions, after a token for the class: N x C x H x W to N x T x width."""

    def __init__(self, shape: tuple[int, int, int], patch: int, width: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(shape[0], width, patch, patch)
        count = (shape[1] // patch) * (shape[2] // patch)
        self.token = nn.Parameter(torch.randn(1, 1, width) * SPREAD)
        self.positions = nn.Parameter(torch.randn(1, 1 + count, width) * SPREAD)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.embed(images).flatten(2).transpose(1, 2)
        placed: Tensor = torch.cat([self.token.expand(tokens.shape[0], -1, -1), tokens], dim=1) + self.positions
        return placed


@final
class FirstToken(nn.Module):
    """N x T x C to N x C: the token of the class."""

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens[:, 0]


@final
@dataclass(frozen=True)
class VisionTransformer:
    """A vision transformer with normalisation before each part (Dosovitskiy et al., arXiv 2010.11929), small enough for 32 px."""

    name: ClassVar[str] = "vit"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "vision transformer for small images, about 140,000 parameters"
    source: ClassVar[str] = "Dosovitskiy et al., An Image is Worth 16x16 Words, arXiv 2010.11929"

    patch: int = 4
    """Side of a patch in pixels, 2..64; must divide the sides of the images."""
    width: int = 64
    """Channels of a token, a multiple of 16 within 16..1024."""
    depth: int = 4
    """Blocks, 1..48."""

    def __post_init__(self) -> None:
        for name, value, low, high in (("patch", self.patch, 2, 64), ("width", self.width, 16, 1024), ("depth", self.depth, 1, 48)):
            if not isinstance(value, int) or not low <= value <= high:
                raise SpecError(f"the {name} of vit must be an integer within {low}..{high}, got: {value}")
        if self.width % HEAD_WIDTH:
            raise SpecError(f"the width of vit must be a multiple of {HEAD_WIDTH}, got: {self.width}")

    def build(self, shape: tuple[int, int, int], classes: int, seed: int) -> nn.Module:
        """A network with random weights that depend only on ``seed``; float N x C x H x W in [0, 1] to logits N x K.

        Raises ``SpecError`` if patches do not fill the image.
        """
        if shape[1] % self.patch or shape[2] % self.patch:
            raise SpecError(f"patches of {self.patch} px must fill the image, which is: {shape[1]} x {shape[2]}")
        with seeded(seed):
            layers: dict[str, nn.Module] = {"centre": Centre(), "patches": Patches(shape, self.patch, self.width)}
            layers |= {f"block{number}": TransformerBlock(self.width) for number in range(1, self.depth + 1)}
            layers |= {"norm": nn.LayerNorm(self.width), "first": FirstToken(), "head": nn.Linear(self.width, classes)}
            module = nn.Sequential(OrderedDict(layers))
            initialise(module)
        return module.eval()
