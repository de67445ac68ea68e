"""How many examples really pass where a transform of torch is at work, such as ``torch.func.vmap``, ``jacrev`` or ``jvp``.

Such a transform hands the network tensors that look like one example and hold many, or that carry derivatives beside the values.
Each wrapper has a level; the levels of nested transforms count upwards from 1, and 0 is the tensor without any wrapper.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import Any, final

import torch
from torch import Tensor
from torch._functorch.pyfunctorch import temporarily_pop_interpreter_stack
from torch.autograd import forward_ad

from onecurve.core.errors import ModelError

Batches = Mapping[int, int]
"""Level of a ``vmap`` to the size of its batch; the levels of ``is_grads_batched`` are negative."""
_wrappers: Any = torch._C._functorch
"""Torch has no public way to look below a wrapper."""


@final
@dataclass(frozen=True)
class Load:
    """What one pass through a network or a layer amounts to."""

    examples: float
    """Examples, as whoever calls the network sees them."""
    batches: Batches = field(default_factory=dict)
    """Batches that are hidden in the tensors."""
    tangents: Mapping[int, Batches] = field(default_factory=dict)
    """Level at which derivatives are carried forward to the batches hidden in those."""

    @property
    def forward(self) -> float:
        """Examples that go forward."""
        return self.examples * prod(self.batches.values())

    @property
    def carried(self) -> float:
        """Examples for which derivatives are carried forward beside the values."""
        return self.forward * (_with_tangents(self.batches, self.tangents.values()) - 1)

    def with_more(self, tensors: Iterable[Tensor]) -> "Load":
        """The same with the batches and derivatives that these tensors hide too."""
        batches = dict(self.batches)
        tangents = {level: dict(hidden) for level, hidden in self.tangents.items()}
        for tensor in tensors:
            batches |= batches_of(tensor)
            for level, tangent in _tangents_of(tensor):
                tangents[level] = {**tangents.get(level, {}), **batches_of(tangent)}
        return Load(self.examples, batches, tangents)

    def passed_back(self, gradient: Tensor, level: int) -> float:
        """Examples whose gradient goes back when ``gradient`` reaches the output, at the level of the transform that asks for it."""
        # What is wrapped above that level is a plain batch there; what is wrapped below may be in the gradient as well.
        within = {at: size for at, size in self.batches.items() if at > level}
        batches = {at: size for at, size in self.batches.items() if at < level} | batches_of(gradient)
        tangents = {at: dict(hidden) for at, hidden in self.tangents.items() if at < level}
        for at, tangent in _tangents_of(gradient):
            tangents[at] = {**tangents.get(at, {}), **batches_of(tangent)}
        return self.examples * prod(within.values()) * prod(batches.values()) * _with_tangents(batches, tangents.values())


def load_of(examples: float, images: Tensor, others: Iterable[Tensor]) -> Load:
    """What a pass of ``images`` amounts to; ``others`` are the tensors of the network, which a transform may have batched as well."""
    plain = Load(examples)
    return plain.with_more([images, *others]) if is_transformed(images) else plain


def is_transformed(tensor: Tensor) -> bool:
    """Whether a transform is at work or the tensor comes from one."""
    inside: bool = _wrappers.maybe_current_level() is not None or forward_ad._current_level >= 0
    return inside or bool(_wrappers.is_legacy_batchedtensor(tensor))


def batches_of(tensor: Tensor) -> dict[int, int]:
    """The batches that are hidden in a tensor."""
    found: dict[int, int] = {}
    while _wrappers.is_functorch_wrapped_tensor(tensor):
        inner = _wrappers.get_unwrapped(tensor)
        if _wrappers.is_batchedtensor(tensor):
            found[_wrappers.maybe_get_level(tensor)] = inner.shape[_wrappers.maybe_get_bdim(tensor)]
        tensor = inner
    level = 0
    while _wrappers.is_legacy_batchedtensor(tensor):
        level += 1
        tensor = torch._remove_batch_dim(tensor, level, 1, 0)
        found[-level] = tensor.shape[0]
    return found


def levels_of(tensor: Tensor) -> Iterator[tuple[int, Tensor]]:
    """The tensor below each wrapper that may have gradients of its own, with its level; the innermost has level 0."""
    while _wrappers.is_functorch_wrapped_tensor(tensor):
        if not _wrappers.is_batchedtensor(tensor):
            yield _wrappers.maybe_get_level(tensor), tensor
        tensor = _wrappers.get_unwrapped(tensor)
    yield 0, tensor


def require_real_pass(images: object) -> None:
    """Raise ``ModelError`` where torch records the network, to run what it recorded later: there nothing would be counted."""
    recorder = _recorder(images)
    if recorder:
        raise ModelError(
            f"a metered network cannot be recorded by {recorder}: what is recorded runs without the meter",
            "call the network itself; `torch.func`, and `torch.fx` on its layers, work",
        )


def _recorder(images: object) -> str:
    if isinstance(images, torch.fx.Proxy):
        return "torch.fx"
    if torch._C._get_tracing_state() is not None:
        return "torch.jit.trace"
    if torch.compiler.is_compiling():
        return "torch.compile or torch.export"
    if torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.PROXY) is not None:
        return "make_fx"
    return ""


def _with_tangents(batches: Batches, tangents: Iterable[Batches]) -> float:
    """One for the values, and one more for every derivative carried along; derivatives of derivatives multiply."""
    return prod(1 + prod(size for at, size in hidden.items() if at not in batches) for hidden in tangents)


def _tangents_of(tensor: Tensor) -> list[tuple[int, Tensor]]:
    if forward_ad._current_level < 0 or not tensor.is_floating_point():
        return []
    found = []
    for level, inner in levels_of(tensor):
        with _at(level):
            tangent = forward_ad.unpack_dual(inner).tangent  # type: ignore[no-untyped-call]
        if tangent is not None:
            found.append((level, tangent))
    return found


@contextmanager
def _at(level: int) -> Iterator[None]:
    """Leave the transforms above that level inside the block: torch answers only for the innermost."""
    with ExitStack() as left:
        while (current := _wrappers.maybe_current_level()) is not None and current > level:
            left.enter_context(temporarily_pop_interpreter_stack())
        yield
