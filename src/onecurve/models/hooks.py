"""Reads the activations inside a network. Hooks are always removed again, even after an error.

Names of layers are those of the given module, so the names in a metered network begin with `inner.`. Functions that take a name
accept it with and without this prefix.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from onecurve.core.errors import ModelError, UnknownNameError
from onecurve.models.metering import Metered, unmetered


def activations(module: nn.Module, images: Tensor, layer: str) -> Tensor:
    """The output of ``layer`` in one forward pass of ``images`` (N x C x H x W), in the current mode of the module.

    Gradients flow back from the output to the images. If the layer runs several times, its last output is returned. Raises
    ``UnknownNameError`` for an unknown layer, ``ModelError`` for a layer that does not run or does not give a tensor.
    """
    seen: list[Any] = []
    # Cloned, because a module that works in place would overwrite it.
    handle = layer_named(module, layer).register_forward_hook(lambda _, __, output: seen.append(_cloned(output)))
    try:
        module(images)
    finally:
        handle.remove()
    return _last_tensor(seen, layer)


def layer_named(module: nn.Module, name: str) -> nn.Module:
    """The layer of that name; raises ``UnknownNameError`` that suggests the nearest name."""
    layers: dict[str, nn.Module] = dict(module.named_modules())
    other = f"inner.{name}" if isinstance(module, Metered) else name.removeprefix("inner.")
    known = next((spelt for spelt in (name, other) if spelt and spelt in layers), None)
    if known is None:
        raise UnknownNameError.among("layer", name, filter(None, layers))
    return layers[known]


def last_convolution(module: nn.Module, shape: tuple[int, int, int] | None = None) -> str:
    """The name of the convolution that runs last for an image of ``shape``, or that was registered last if no shape is given.

    The image goes through an uncounted copy. Raises ``ModelError`` if there is none.
    """
    plain = module if shape is None else unmetered(module).eval()
    names: list[str] = [name for name, part in plain.named_modules() if isinstance(part, nn.Conv2d)]
    if shape is not None:
        names = _in_order_of_running(plain, names, shape)
    if not names:
        raise ModelError("the network has no convolution (nn.Conv2d)")
    return names[-1]


@torch.no_grad()
def _in_order_of_running(plain: nn.Module, names: Sequence[str], shape: tuple[int, int, int]) -> list[str]:
    seen: list[str] = []
    for name in names:
        plain.get_submodule(name).register_forward_hook(lambda *_, name=name: seen.append(name))
    device = next((values.device for values in plain.parameters()), torch.device("cpu"))
    plain(torch.full((1, *shape), 0.5, device=device))
    return seen


def _cloned(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def _last_tensor(seen: list[Any], layer: str) -> Tensor:
    if not seen:
        raise ModelError(f"a pass through the network never runs the layer: {layer}")
    if not isinstance(seen[-1], Tensor):
        raise ModelError(f"the layer `{layer}` gives no tensor, but: {type(seen[-1]).__name__}")
    return seen[-1]
