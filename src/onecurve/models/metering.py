"""Counts the forward and backward passes through a network.

The count belongs to the network, not to the caller: layers that are called one by one, copies, and gradients of a hidden layer
are counted too. Arithmetic on the weights themselves is not counted.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import chain
from math import prod
from typing import Any, final

import torch
from torch import Tensor, nn

from onecurve.core.workbench import Meter
from onecurve.models.network import evaluating
from onecurve.models.parts import without_hooks
from onecurve.models.passes import Load, is_transformed, levels_of, load_of, require_real_pass
from onecurve.models.randomness import seeded

_TENSORS = ("_parameters", "_buffers")
_PASS_HOOKS = ("_forward_pre_hooks", "_forward_hooks")
_WITH_KEYWORDS = ("_forward_pre_hooks_with_kwargs", "_forward_hooks_with_kwargs")
"""Which of these hooks are given arguments by keyword too."""
_SETTINGS = (int, float, str, tuple, type(None))
"""Other immutable values that a layer of torch may hold."""
Shape = tuple[int, ...]


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

    def begin(self, part: nn.Module, images: Tensor, examples: float) -> Load:
        """Count a pass before it runs."""
        load = load_of(examples, images, chain(part.parameters(), part.buffers()))
        self.meter.count_forward(load.forward)
        if load.tangents:
            self.meter.count_backward(load.carried)
        return load

    def end(self, load: Load, outputs: list[Tensor]) -> None:
        """Count what a pass took beyond what its input told, and each backward pass that reaches any of the ``outputs``."""
        if not is_transformed(outputs[-1]):
            self._watch(load, 0, [output for output in outputs if output.requires_grad])
            return
        whole = load.with_more(outputs)
        self.meter.count_forward(whole.forward - load.forward)
        self.meter.count_backward(whole.carried - load.carried)
        reached: dict[int, list[Tensor]] = {}
        for level, output in chain.from_iterable(map(levels_of, outputs)):
            if output.requires_grad:
                reached.setdefault(level, []).append(output)
        for level, tensors in reached.items():
            self._watch(whole, level, tensors)

    def _watch(self, load: Load, level: int, reached: list[Tensor]) -> None:
        if reached:
            count = _CountBackward(self.meter, load, level)
            torch.autograd.graph.register_multi_grad_hook(reached, count, mode="any")


@final
@dataclass(frozen=True, eq=False)
class _CountBackward:
    """Counts a backward pass when it comes to a network, before it goes through."""

    meter: Meter
    load: Load
    level: int

    def __call__(self, gradient: Tensor) -> None:
        self.meter.count_backward(self.load.passed_back(gradient, self.level))


@final
@dataclass(frozen=True, eq=False)
class _BeforeLayer:
    """Counts a layer that is called outside a pass, before it runs."""

    tally: _Tally
    usual: int
    """Numbers that the layer is given for one example of the usual size; 0 if that is not known."""
    loads: list[Load] = field(default_factory=list)
    """Of the calls that have begun, the innermost last."""

    def __call__(self, layer: nn.Module, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        if self.tally.inside:
            return
        given = _images_of(inputs, named)
        require_real_pass(given)
        if given is not None:
            self.loads[:] = [self.tally.begin(layer, given, _examples(given, self.usual) * self.tally.share)]


@final
@dataclass(frozen=True, eq=False)
class _AfterLayer:
    """Makes the tally count gradients through the output of the layer."""

    tally: _Tally
    before: _BeforeLayer

    def __call__(self, layer: nn.Module, inputs: tuple[Any, ...], named: Mapping[str, Any], output: Any) -> None:
        if not isinstance(output, Tensor):
            return
        if self.tally.inside:
            # What no gradient can reach is not held on to: its memory is used again within the pass.
            if output.requires_grad or is_transformed(output):
                self.tally.outputs.append(output)
        elif self.before.loads:
            self.tally.end(self.before.loads.pop(), [output])


@final
class Metered(nn.Module):
    """A network whose use is counted by ``meter``.

    A pass counts its examples forward before it starts, and backward before a backward pass goes from its output, or from a layer
    inside, through the network. Examples that ``torch.func.vmap`` and its kin hide are counted one by one, and derivatives that are
    carried forward (``jvp``) count as those that go backward. An image with more numbers than ``shape`` (C, H, W) counts as that many
    images. A layer with parameters that is called by itself counts as 1 / (number of such layers) of a pass, so calling layers one by
    one is not free. Copies count on the same meter.

    The meter raises ``BudgetError`` for a pass that would overdraw the budget; recording the network (``torch.jit.trace``,
    ``torch.export``) raises ``ModelError``.
    """

    def __init__(self, inner: nn.Module, meter: Meter, shape: Shape | None = None) -> None:
        super().__init__()
        self.inner = inner
        layers = [part for part in inner.modules() if part._parameters]
        self._tally = _Tally(meter, 1 / max(1, len(layers)))
        self._usual = prod(shape) if shape else 0
        given = _usual_inputs(inner, layers, shape) if shape else {}
        for layer in layers:
            before = _BeforeLayer(self._tally, given.get(layer, 0))
            layer.register_forward_pre_hook(before, with_kwargs=True)
            layer.register_forward_hook(_AfterLayer(self._tally, before), with_kwargs=True)
        self.train(inner.training)

    def forward(self, images: Tensor) -> Tensor:
        require_real_pass(images)
        tally = self._tally
        load = tally.begin(self.inner, images, _examples(images, self._usual))
        tally.inside = True
        try:
            logits: Tensor = self.inner(images)
            tally.end(load, [*tally.outputs, logits])
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
        for hooks, by_keyword in zip(_pass_hooks(part), (getattr(part, name) for name in _WITH_KEYWORDS), strict=True):
            for key in [key for key, hook in hooks.items() if isinstance(hook, _BeforeLayer | _AfterLayer)]:
                del hooks[key]
                by_keyword.pop(key, None)
    return bare


def _is_plain_layer(part: nn.Module) -> bool:
    """Whether the layer is one of torch's that holds only tensors and plain settings, and no hooks but the meter's."""
    if not type(part).__module__.startswith("torch.nn.modules."):
        return False
    counted = all(isinstance(hook, _BeforeLayer | _AfterLayer) for hooks in _pass_hooks(part) for hook in hooks.values())
    others = [value for name, value in vars(part).items() if name not in (*_TENSORS, *_PASS_HOOKS, *_WITH_KEYWORDS)]
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


def _images_of(inputs: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    """The first tensor or what stands in for one where the network is recorded, or None."""
    return next((value for value in (*inputs, *named.values()) if isinstance(value, Tensor | torch.fx.Proxy)), None)


def _examples(images: Tensor, usual: int) -> float:
    """How many examples of the usual size these are, at least one for each."""
    count = len(images) if images.ndim else 1
    return max(count, images.numel() / usual) if usual else count


def _usual_inputs(network: nn.Module, layers: list[nn.Module], shape: Shape) -> dict[nn.Module, int]:
    """How many numbers each layer is given for one image of that shape; empty for a network that does not run on one."""
    found: dict[nn.Module, int] = {}

    def note(layer: nn.Module, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        given = _images_of(inputs, named)
        found[layer] = max(found.get(layer, 0), 0 if given is None else given.numel())

    handles = [layer.register_forward_pre_hook(note, with_kwargs=True) for layer in layers]
    weights = next(network.parameters(), torch.zeros(()))
    try:
        with seeded(0, str(weights.device)), evaluating(network), torch.no_grad():
            network(torch.zeros(1, *shape, device=weights.device, dtype=weights.dtype))
    except Exception:  # noqa: BLE001 - a user's code may raise anything
        # It will raise again where it is used; its layers are then counted by their examples alone.
        return {}
    finally:
        for handle in handles:
            handle.remove()
    return found
