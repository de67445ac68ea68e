"""How many bits a network takes when it is stored as small as it goes without a change, and with its weights rounded.

Everything counts that a stored network needs: parameters, buffers, statistics of normalisation, and the text of a program.
"""

import bz2
from copy import deepcopy
from dataclasses import dataclass
from math import log2
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from onecurve.models.program import Program

LEVELS = (255, 127, 63, 31, 15, 7, 3, 2)
"""Values that a rounded weight may have."""
SCALE_BITS = 16
"""For the scale of each row of weights, and for each number that is not in a table of weights."""


def stored_bits(module: nn.Module) -> int:
    """Bits of all tensors, each once, and of the text if it is a program, after compression.

    The bytes of the numbers are ordered by their place (all first bytes, then all second bytes) and go through bzip2, which gives the
    same length everywhere. So zeros and rounded weights cost what they tell, however they are laid out.
    """
    planes = [_planes(values) for values in _tensors(module)]
    bits = 8 * len(bz2.compress(b"".join(planes))) if planes else 0
    return bits + (8 * len(bz2.compress(module.text.encode())) if isinstance(module, Program) else 0)


@final
@dataclass(frozen=True)
class Rounded:
    """A copy with rounded weights, and the bits that it takes at least."""

    module: nn.Module
    bits: int


def rounded_within(module: nn.Module, limit: int) -> Rounded | None:
    """The copy whose weights have as many values as fit into ``limit`` bits, one scale per row; None where not even two fit."""
    tables = [values for values in _tensors(module) if _is_table(values)]
    rows = sum(len(values) for values in tables)
    numbers = sum(values.numel() for values in _tensors(module)) - sum(values.numel() for values in tables)
    weights = sum(values.numel() for values in tables)
    for levels in LEVELS:
        bits = int(weights * log2(levels)) + SCALE_BITS * (rows + numbers)
        if bits <= limit:
            copy = deepcopy(module)
            with torch.no_grad():
                for values in _tensors(copy):
                    values.copy_(_rounded(values, levels) if _is_table(values) else _halved(values))
            return Rounded(copy, bits)
    return None


def _rounded(values: Tensor, levels: int) -> Tensor:
    rows, half = values.flatten(1), (levels - 1) // 2
    largest = rows.abs().amax(1, keepdim=True).clamp(min=1e-12)
    if half > 1:
        step = largest / half
        return ((rows / step).round().clamp(-half, half) * step).view_as(values)
    if levels == 2:
        return (rows.sign() * rows.abs().mean(1, keepdim=True)).view_as(values)
    # Of three values the outer ones lie where the large weights are (ternary weight networks, 1605.04711).
    outer = rows.abs() > 0.7 * rows.abs().mean(1, keepdim=True)
    step = (rows.abs() * outer).sum(1, keepdim=True) / outer.sum(1, keepdim=True).clamp(min=1)
    return (rows.sign() * outer * step).view_as(values)


def _halved(values: Tensor) -> Tensor:
    return values.half().to(values.dtype) if values.is_floating_point() else values


def _is_table(values: Tensor) -> bool:
    return values.is_floating_point() and values.ndim > 1


def _tensors(module: nn.Module) -> list[Tensor]:
    return list({id(values): values for values in (*module.parameters(), *module.buffers())}.values())


def _planes(values: Tensor) -> bytes:
    flat = np.ascontiguousarray(values.detach().cpu().reshape(-1).view(torch.uint8).numpy())
    return flat.reshape(-1, values.element_size()).T.tobytes()
