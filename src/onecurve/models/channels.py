"""Units of a layer, and how to silence them: channels of a convolution, features of a linear or normalisation layer."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Self, final

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from onecurve.core.errors import ModelError
from onecurve.core.image.images import Ints
from onecurve.models.hooks import layer_named

NORMALISING = (_BatchNorm, nn.LayerNorm, nn.GroupNorm)
KEEPING = tuple(f"torch.nn.modules.{kind}" for kind in ("activation", "pooling", "dropout"))
"""Torch's layers that give the units that they are given."""


@final
@dataclass(frozen=True, eq=False)
class Channels:
    """The parameters whose rows make up the units of a layer, and the layer that gives the units last."""

    layer: nn.Module
    """The batch normalisation after the named layer, if any, or the named layer itself."""
    parameters: tuple[nn.Parameter, ...]
    count: int

    @classmethod
    def of(cls, module: nn.Module, name: str) -> Self:
        """The units of the layer of that name; of an activation, pooling or dropout, those of the last layer with parameters before it.

        Raises ``UnknownNameError`` for no such layer, ``ModelError`` for a layer whose units are not rows of parameters.
        """
        layers = list(module.modules())
        named = layer_named(module, name)
        layer = named
        if type(named).__module__ in KEEPING and not _own(named):
            layer = next((part for part in reversed(layers[: layers.index(named)]) if _own(part)), named)
        if not isinstance(layer, (_ConvNd, nn.Linear, *NORMALISING)) or isinstance(layer, _ConvTransposeNd) or not _own(layer):
            raise ModelError(f"the units of `{name}` cannot be silenced, as they are not rows of the parameters of: {type(layer).__name__}")
        rows = len(_own(layer)[0])
        following = next((part for part in layers[layers.index(layer) + 1 :] if _own(part)), None)
        last = following if isinstance(following, _BatchNorm) and following.num_features == rows else layer
        parts = {id(parameter): parameter for part in (layer, last) for parameter in _own(part)}
        return cls(last, tuple(parts.values()), rows)

    def silence(self, units: Ints) -> None:
        """Set all parameters of these units to zero: with scale and shift at zero a unit gives nothing."""
        rows = torch.from_numpy(units)
        with torch.no_grad():
            for parameter in self.parameters:
                parameter[rows.to(parameter.device)] = 0

    def keep_silent(self, units: Ints) -> list[torch.utils.hooks.RemovableHandle]:
        """Hooks that hold the gradients of these units at zero, so that training does not bring them back; frozen parameters are thawed."""
        rows = torch.from_numpy(units)

        def held(gradient: Tensor) -> Tensor:
            return gradient.index_fill(0, rows.to(gradient.device), 0)

        # Torch takes no hook for what needs no gradient, and leaves `register_hook` without types.
        return [parameter.requires_grad_().register_hook(held) for parameter in self.parameters]  # type: ignore[no-untyped-call]


def silence_while(
    counts: Iterable[int], silence: Callable[[int], None], parameters: Sequence[nn.Parameter], holds: Callable[[], bool]
) -> int:
    """Silence the first units for growing ``counts`` while ``holds``; gives the last count that did, 0 for none.

    The parameters are left with exactly that many units silent.
    """
    kept = 0
    for count in counts:
        before = [parameter.detach().clone() for parameter in parameters]
        silence(count)
        if not holds():
            with torch.no_grad():
                for parameter, values in zip(parameters, before, strict=True):
                    parameter.copy_(values)
            break
        kept = count
    return kept


def _own(part: nn.Module) -> list[nn.Parameter]:
    return list(part.parameters(recurse=False))
