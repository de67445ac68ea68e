"""Networks whose last feature maps are not what their last module gives."""

import torch
from torch import Tensor, nn
from torch.nn import functional

SIZE = (3, 24, 32)


class Joined(nn.Module):
    """Branches that meet in a function, as in Inception."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.one, self.two = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 4, 3, padding=1)
        self.gate, self.norm, self.head = nn.Conv2d(8, 1, 7, padding=3), nn.LayerNorm(12), nn.Linear(12, 4)

    def last(self, x: Tensor) -> tuple[Tensor, ...]:
        """N x c x h x w each: what the logits are computed from."""
        x = functional.relu(self.stem(x))
        return (torch.cat([functional.relu(self.one(x)), functional.relu(self.two(x))], 1),)

    def top(self, *maps: Tensor) -> Tensor:
        return self.head(torch.cat([each.mean((2, 3)) for each in maps], 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.top(*self.last(x))


class Gated(Joined):
    """A gate for places, as in CBAM."""

    def last(self, x: Tensor) -> tuple[Tensor, ...]:
        x = functional.relu(self.stem(x))
        y = functional.relu(torch.cat([self.one(x), self.two(x)], 1))
        return (y * torch.sigmoid(self.gate(x)),)


class Squeezed(Joined):
    """A gate for channels, as in SE."""

    def last(self, x: Tensor) -> tuple[Tensor, ...]:
        (y,) = super().last(x)
        return (y * torch.sigmoid(y.mean((2, 3), keepdim=True)),)


class ChannelsLast(Joined):
    """Channels in the last axis, as in Swin."""

    def last(self, x: Tensor) -> tuple[Tensor, ...]:
        (y,) = super().last(x)
        return (self.norm(y.permute(0, 2, 3, 1)).permute(0, 3, 1, 2),)

    def forward(self, x: Tensor) -> Tensor:
        (y,) = super().last(x)
        return self.head(self.norm(y.permute(0, 2, 3, 1)).mean((1, 2)))


class TwoStreams(Joined):
    """Two streams that are pooled apart."""

    def last(self, x: Tensor) -> tuple[Tensor, ...]:
        x = functional.relu(self.stem(x))
        return functional.relu(self.one(x)), functional.relu(self.two(x))


class Skipped(Joined):
    """Maps of two depths are pooled, and the deeper ones are made of the others."""

    def last(self, x: Tensor) -> tuple[Tensor, ...]:
        x = functional.relu(self.stem(x))
        return x, functional.max_pool2d(functional.relu(self.two(x)), 2)


KINDS = (Joined, Gated, Squeezed, ChannelsLast, TwoStreams, Skipped)
