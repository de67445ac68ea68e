"""The meter's hands on a network: what goes forward and backward through it is counted.

The count belongs to the network, not to the caller: layers called one by one, copies, and gradients taken from a hidden
layer are counted too. What is not counted is arithmetic done on the weights themselves.
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
"""What a layer of torch's may hold besides, all of it unchangeable."""


@final
@dataclass(eq=False)
class _Tally:
    """What the metered network and the hooks on its layers share; copied once with them, the meter not at all."""

    meter: Meter
    share: float
    """The part of a pass that one layer stands for when it is called by itself."""
    inside: bool = False
    """Whether a whole pass is going on, which is counted as one."""
    outputs: list[Tensor] = field(default_factory=list)
    """What the layers of the pass gave, as far as gradients can come back through it."""

    def watch(self, tensors: list[Tensor], examples: float) -> None:
        """Count ``examples`` backward, once in each backward pass that reaches any of the ``tensors``."""
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
    """Sees to it that gradients through the layer's output are counted."""

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
    """A network that tells ``meter`` what it is used for.

    A pass counts its examples forward before it starts, and backward once for every backward pass that reaches its output
    or a layer inside. A layer with parameters that is called by itself counts 1 / (number of such layers) of a pass, so
    going round the network is not free. Copies go on counting on the same meter.
    Raises ``BudgetError`` (from the meter) once the budget is overdrawn.
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
    """A deep copy of the bare network inside ``module`` that counts nowhere.

    ``module`` may be a ``Metered`` network, a copy of one, what was inside, or a module built around any of these.
    For those who grade: they alone may run a network without paying.
    """
    known: dict[int, object] = {}
    # Layers of torch's own hold nothing but tables of tensors, which are copied ten times as fast as whatever a person may hold.
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
    """Whether the layer is torch's and holds tensors and plain settings, and no hook but the meter's."""
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
