"""Counts the forward and backward passes through a network.

The count belongs to the network, not to the caller: layers that are called one by one, copies, and gradients of a hidden layer
are counted too. Arithmetic on the weights themselves is not counted.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, final

import torch
from torch import Tensor, nn

from onecurve.core.workbench import Meter
from onecurve.models.parts import without_hooks

_TENSORS = ("_parameters", "_buffers")
_PASS_HOOKS = ("_forward_pre_hooks", "_forward_hooks")
_SETTINGS = (int, float, str, tuple, type(None))
"""Other immutable values that a layer of torch may hold."""


@final
@dataclass(eq=False)
class _Tally:
    """The state that a metered network shares with the hooks on its layers. A copy of the network copies it, but not the meter."""

    meter: Meter
    share: float
    """The share of a pass that is counted when one layer is called by itself."""
    inside: bool = False
    """Whether a pass through the whole network is running; it is counted once."""
    outputs: list[Tensor] = field(default_factory=list)
    """Outputs of the layers in the current pass through which gradients can flow back."""

    def watch(self, tensors: list[Tensor], examples: float) -> None:
        """Count ``examples`` backward once for each backward pass that reaches any of the ``tensors``."""
        reached = [tensor for tensor in tensors if tensor.requires_grad]
        if reached:
            torch.autograd.graph.register_multi_grad_hook(reached, lambda _: self.meter.count_backward(examples), mode="any")


@final
@dataclass(frozen=True, eq=False)
class _BeforeLayer:
    """Counts a layer that is called outside a pass, before it runs."""

    tally: _Tally

    def __call__(self, layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        if not self.tally.inside:
            self.tally.meter.count_forward(_examples(inputs) * self.tally.share)


@final
@dataclass(frozen=True, eq=False)
class _AfterLayer:
    """Makes the tally count gradients through the output of the layer."""

    tally: _Tally

    def __call__(self, layer: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if not isinstance(output, Tensor) or not output.requires_grad:
            return
        if self.tally.inside:
            self.tally.outputs.append(output)
        else:
            self.tally.watch([output], _examples(inputs) * self.tally.share)


@final
class Metered(nn.Module):
    """A network whose use is counted by ``meter``.

    A pass counts its examples forward before it starts, and backward once for every backward pass that reaches its output or a
    layer inside. A layer with parameters that is called by itself counts as 1 / (number of such layers) of a pass, so calling
    layers one by one is not free. Copies count on the same meter. The meter raises ``BudgetError`` when the budget is exceeded.
    """

    def __init__(self, inner: nn.Module, meter: Meter) -> None:
        super().__init__()
        self.inner = inner
        layers = [part for part in inner.modules() if part._parameters]
        self._tally = _Tally(meter, 1 / max(1, len(layers)))
        for layer in layers:
            layer.register_forward_pre_hook(_BeforeLayer(self._tally))
            layer.register_forward_hook(_AfterLayer(self._tally))
        self.train(inner.training)

    def forward(self, images: Tensor) -> Tensor:
        tally = self._tally
        tally.meter.count_forward(len(images))
        tally.inside = True
        try:
            logits: Tensor = self.inner(images)
            tally.watch([*tally.outputs, logits], len(images))
        finally:
            tally.inside = False
            tally.outputs.clear()
        return logits


def unmetered(module: nn.Module) -> nn.Module:
    """A deep copy of the network inside ``module`` whose use is not counted.

    ``module`` may be a ``Metered`` network, a copy of one, the network inside it, or a module built around any of these.
    Only the grading side may use it.
    """
    known: dict[int, object] = {}
    # Torch's own layers hold only tables of tensors, and copying those is ten times as fast as a general deep copy.
    for part in module.modules():
        if _is_plain_layer(part):
            known[id(part)] = _copied(part, known)
    bare = _without_wrappers(deepcopy(module, known))
    for part in bare.modules():
        for hooks in _pass_hooks(part):
            for key in [key for key, hook in hooks.items() if isinstance(hook, _BeforeLayer | _AfterLayer)]:
                del hooks[key]
    return bare


def _is_plain_layer(part: nn.Module) -> bool:
    """Whether the layer is one of torch's that holds only tensors and plain settings, and no hooks but the meter's."""
    if not type(part).__module__.startswith("torch.nn.modules."):
        return False
    counted = all(isinstance(hook, _BeforeLayer | _AfterLayer) for hooks in _pass_hooks(part) for hook in hooks.values())
    others = [value for name, value in vars(part).items() if name not in (*_TENSORS, *_PASS_HOOKS)]
    return counted and all(isinstance(value, _SETTINGS) or (isinstance(value, dict | set) and not value) for value in others)


def _copied(part: nn.Module, known: dict[int, object]) -> nn.Module:
    """The plain layer without hooks; tensors that several layers share are copied once."""
    other = without_hooks(part)
    for name in _TENSORS:
        setattr(other, name, {key: deepcopy(values, known) for key, values in getattr(part, name).items()})
    return other


def _pass_hooks(part: nn.Module) -> list[dict[int, Any]]:
    return [getattr(part, name) for name in _PASS_HOOKS]


def _without_wrappers(module: nn.Module) -> nn.Module:
    while isinstance(module, Metered):
        module = module.inner
    for name, child in list(module.named_children()):
        setattr(module, name, _without_wrappers(child))
    return module


def _examples(inputs: tuple[Any, ...]) -> int:
    return len(inputs[0]) if inputs and isinstance(inputs[0], Tensor) and inputs[0].ndim else 1
