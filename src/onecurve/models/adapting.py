"""A thin module around a network that turns what it gives into logits N x K.

It takes the logits out of a dictionary or a tuple, undoes a softmax or sigmoid, and hands on a copy of the images to a network that
would overwrite them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, final

import torch
from torch import Tensor, nn

from onecurve.core.errors import ModelError

KEYS = ("logits", "out", "output", "outputs", "prediction", "predictions", "pred", "scores")
"""Names of the logits among several outputs, the likeliest first."""
Scale = Literal["logits", "probabilities", "sigmoid", "one logit", "one probability"]
"""What the numbers are: logits; probabilities that sum to one; a sigmoid of each logit; one number per image for two classes."""
SMALLEST = 1e-7
"""Probabilities nearer to 0 or 1 are taken as so near, where a sigmoid is undone."""


@final
@dataclass(frozen=True)
class Reading:
    """How the logits are read from what a network gives."""

    choice: str | int | None = None
    """The key or place of the logits in a dictionary or tuple; None where the network gives a tensor."""
    choice_in_training: str | int | None = None
    """The same in training mode, where some networks give more."""
    width: int = 0
    """Numbers per image where the tensor has another shape than N x K; 0 where it has that shape."""
    scale: Scale = "logits"
    copies: bool = False
    """Whether the network is given a copy of the images."""


@final
class Adapted(nn.Module):
    """The network with its outputs as logits N x K."""

    def __init__(self, network: nn.Module, reading: Reading) -> None:
        super().__init__()
        self.network = network
        self.reading = reading
        self.train(network.training)

    def forward(self, images: Tensor) -> Tensor:
        given = self.network(images.clone() if self.reading.copies else images)
        return read(given, self.reading, training=self.training)


def read(given: Any, reading: Reading, *, training: bool = False) -> Tensor:
    """The logits N x K in what a network gives."""
    numbers = taken(given, reading.choice_in_training if training else reading.choice)
    if reading.width:
        numbers = numbers.reshape(-1, reading.width)
    return as_logits(numbers, reading.scale)


def taken(given: Any, choice: str | int | None) -> Any:
    """The output of that key, place or name."""
    if choice is None:
        return given
    if isinstance(given, Mapping) or isinstance(choice, int):
        return given[choice]
    return getattr(given, choice)


def as_logits(given: Tensor, scale: Scale) -> Tensor:
    """Logits whose softmax gives the same probabilities as the numbers (N x K, or N x 1 for two classes)."""
    if scale == "probabilities":
        return torch.log(given.clamp(min=torch.finfo(torch.float32).tiny))
    if scale in ("sigmoid", "one probability"):
        given = torch.logit(given.clamp(SMALLEST, 1 - SMALLEST))
    if scale in ("one logit", "one probability"):
        return torch.cat([torch.zeros_like(given), given], 1)
    return given


def chosen(given: Any, count: int, classes: int, name: str) -> str | int | None:
    """Where the logits for ``count`` images are in what a network gives; None where it gives a tensor or nothing fits.

    Raises ``ModelError`` where several outputs could be the logits.
    """
    if isinstance(given, Tensor):
        return None
    if isinstance(given, tuple | list):
        fitting: list[Any] = [place for place, value in enumerate(given) if _fits(value, count, classes)]
        return fitting[0] if fitting else None
    values = given if isinstance(given, Mapping) else getattr(given, "__dict__", {})
    fitting = [key for key, value in values.items() if _fits(value, count, classes)]
    known = [key for key in KEYS if key in fitting]
    if len(fitting) > 1 and not known:
        raise ModelError(
            f"`{name}` gives several outputs that could be the logits: {', '.join(map(str, fitting))}",
            'let it return one tensor, or call the logits "logits"',
        )
    return known[0] if known else next(iter(fitting), None)


def widths_of(given: Any, count: int) -> list[int]:
    """Numbers per image of each tensor in what a network gives for ``count`` images that holds one row per image, the likeliest first."""
    if isinstance(given, Tensor):
        named = {"": given}
    elif isinstance(given, tuple | list):
        named = {str(place): value for place, value in enumerate(given)}
    else:
        named = {str(key): value for key, value in (given if isinstance(given, Mapping) else getattr(given, "__dict__", {})).items()}
    order = sorted(named, key=lambda name: KEYS.index(name) if name in KEYS else len(KEYS))
    rows = [named[name] for name in order if isinstance(named[name], Tensor) and named[name].ndim and len(named[name]) == count]
    return [values.numel() // count for values in rows if values.numel() == count * (values.shape[1] if values.ndim > 1 else 1)]


def _fits(value: Any, count: int, classes: int) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point() and value.shape == (count, classes)
