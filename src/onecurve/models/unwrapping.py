"""Takes off what tools and training scripts put around a network, on a copy: what is left is a plain network of plain layers.

Wrappers for speed or several devices, masks of pruning, weights that are computed from other weights, low precision. Each of them
stops a method that copies a network, reads its weights or attaches hooks to its layers.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm, remove_spectral_norm
from torch.nn.utils.weight_norm import WeightNorm, remove_weight_norm

from onecurve.core.errors import ModelError
from onecurve.models.metering import Metered
from onecurve.models.network import evaluating
from onecurve.models.randomness import seeded

SHELLS = {"OptimizedModule": "_orig_mod", "DataParallel": "module", "DistributedDataParallel": "module"}
"""Classes of torch that wrap a network, and the attribute that holds it."""
COMPUTED = "put weights that are computed from others in as ordinary ones"
LOW = (torch.float16, torch.bfloat16)


@final
@dataclass(frozen=True)
class Unwrapped:
    """A plain copy of a network, and what was done, one line each."""

    module: nn.Module
    notes: tuple[str, ...]


def own_copy(module: nn.Module, name: str) -> nn.Module:
    """A deep copy; tensors that were computed by an earlier pass and kept as attributes are copied without their history.

    Raises ``ModelError`` for TorchScript, quantised layers, and whatever cannot be copied.
    """
    _refuse_closed(module, name)
    held = (value for part in module.modules() for value in vars(part).values())
    computed = [value for value in held if isinstance(value, Tensor) and value.grad_fn is not None]
    try:
        return deepcopy(module, {id(value): value.detach().clone() for value in computed})
    except Exception as error:
        raise ModelError(
            f"`{name}` cannot be copied: {type(error).__name__}: {_first_line(error)}",
            "a network may hold tensors, layers and plain values",
        ) from error


def without_shells(module: nn.Module) -> Unwrapped:
    """The network inside the wrappers of ``torch.compile``, ``DataParallel`` and OneCurve's own meter, at any depth; changed in place."""
    notes: list[str] = []
    bare = _shelled(module, notes)
    for part in bare.modules():
        if getattr(part, "_compiled_call_impl", None) is not None:
            part._compiled_call_impl = None
            notes.append("took off `torch.compile`")
    return Unwrapped(bare, tuple(dict.fromkeys(notes)))


def with_plain_weights(module: nn.Module) -> tuple[str, ...]:
    """Fold masks and computed weights into ordinary ones, in place; gives a note for each kind."""
    notes: list[str] = []
    for part in list(module.modules()):
        _fold_hooks(part, notes)
        if parametrize.is_parametrized(part):
            for tensor in list(part.parametrizations):  # type: ignore[arg-type]
                parametrize.remove_parametrizations(part, str(tensor), leave_parametrized=True)
            notes.append(COMPUTED)
    return tuple(dict.fromkeys(notes))


def in_single_precision(module: nn.Module) -> tuple[str, ...]:
    """Turn half-precision numbers into single precision, and the whole network if its weights are double; in place."""
    named = [values for values in (*module.parameters(), *module.buffers()) if values.is_floating_point()]
    weights = [values for values in module.parameters() if values.is_floating_point()]
    wide = bool(weights) and all(values.dtype == torch.float64 for values in weights)
    changed = [values for values in named if values.dtype in LOW or (wide and values.dtype == torch.float64)]
    kinds = sorted({str(values.dtype).removeprefix("torch.") for values in changed})
    for values in changed:
        values.data = values.data.float()
    return (f"turned {' and '.join(kinds)} weights into float32",) if kinds else ()


def trainable(module: nn.Module) -> tuple[str, ...]:
    """Let a wholly frozen network be trained, in place; one that is frozen in part stays so."""
    weights = [values for values in module.parameters() if values.is_floating_point()]
    if not weights or any(values.requires_grad for values in weights):
        return ()
    for values in weights:
        values.requires_grad = True
    return ("all its weights were frozen: its copy may be trained",)


def settle_sizes(module: nn.Module, images: Tensor, seed: int = 0) -> tuple[str, ...]:
    """Let lazy layers take their sizes from ``images`` (N x C x H x W), in place; their weights are drawn by ``seed``."""
    if not any(is_lazy(values) for values in (*module.parameters(), *module.buffers())):
        return ()
    with seeded(seed, str(images.device)), evaluating(module), torch.no_grad():
        module(images)
    return ("lazy layers took their sizes from the images",)


def _refuse_closed(module: nn.Module, name: str) -> None:
    for part in module.modules():
        if isinstance(part, torch.jit.ScriptModule):
            raise ModelError(
                f"`{name}` is TorchScript, whose layers no method can look into",
                "give the Python network that it was made from, with its weights: FILE.py:CALLABLE[weights=PATH]",
            )
        if ".quantized" in type(part).__module__ or any(values.is_quantized for values in part._buffers.values() if values is not None):
            raise ModelError(
                f"`{name}` is quantised, and no gradient goes back through: {type(part).__name__}",
                "give the network with floating-point weights that it was made from",
            )


def _shelled(module: nn.Module, notes: list[str]) -> nn.Module:
    while True:
        kind = type(module).__name__
        if isinstance(module, Metered):
            module = module.inner
        elif kind in SHELLS and type(module).__module__.startswith("torch."):
            notes.append("took off `torch.compile`" if kind == "OptimizedModule" else f"took off `{kind}`")
            module = getattr(module, SHELLS[kind])
        else:
            break
    for name, child in list(module.named_children()):
        inside = _shelled(child, notes)
        if inside is not child:
            setattr(module, name, inside)
    return module


def _fold_hooks(part: nn.Module, notes: list[str]) -> None:
    for key, hook in list(part._forward_pre_hooks.items()):
        folding: Any = hook
        if isinstance(hook, BasePruningMethod):
            folding.remove(part)
            del part._forward_pre_hooks[key]
            notes.append("folded the masks of pruning into the weights: training may bring pruned weights back")
        elif isinstance(hook, WeightNorm):
            remove_weight_norm(part, folding.name)
            notes.append(COMPUTED)
        elif isinstance(hook, SpectralNorm):
            remove_spectral_norm(part, folding.name)
            notes.append(COMPUTED)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "")
