"""Attention rollout: where a transformer's output token looks, followed through all layers down to the patches.

The map shows which patches the output depends on. It is the same for every class.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from onecurve.core.evidence import Evidence, Text
from onecurve.core.question import Brief
from onecurve.core.workbench import Meter, Workbench
from onecurve.models.metering import Metered
from onecurve.models.normalising import normalise
from onecurve.tools.attribution.machinery.facts import ArchitectureMaps
from onecurve.tools.attribution.machinery.gradients import FORWARD
from onecurve.tools.attribution.machinery.one_pass import Attribute, Attributions, OnePass

NO_ATTENTION = "not applicable: the network has no attention over patches of the image"


@final
@dataclass(frozen=True)
class AttentionRollout(ArchitectureMaps):
    """Product over layers of half the attention (mean of heads) and half the identity (Abnar & Zuidema, arXiv 2005.00928).

    Attention is what softmax modules of a normalised network, or torch's attention modules, give over tokens. The row of the first
    token is shown where there are more tokens than patches, else the mean over rows. Raises ``ModelError`` where the network
    cannot be normalised.
    """

    name: ClassVar[str] = "attention-rollout"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "attention followed through all layers down to the patches"
    source: ClassVar[str] = "arXiv 2005.00928"

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        """One map per suspect that the budget pays for; nothing without suspects, a word where nothing attends to patches."""
        try:
            return OnePass(_maker, FORWARD, "attention rollout, the same for every class", "positive").look(brief, workbench)
        except _NoAttentionError:
            return Evidence((Text(NO_ATTENTION),))


class _NoAttentionError(Exception):
    """Nothing in the network attends to patches."""


def rolled_out(layers: list[Tensor]) -> Tensor:
    """N x T x T: how much of each token's output (rows) comes from each token's input, for attentions N x T x T in order."""
    identity = torch.eye(layers[0].shape[-1], device=layers[0].device)
    through = identity.expand_as(layers[0])
    for attention in layers:
        through = (attention + identity) / 2 @ through
    return through


def patches(tokens: int, size: tuple[int, int]) -> tuple[int, int] | None:
    """Rows and columns of square patches that leave the fewest of ``tokens`` over, for images of that height and width."""
    height, width = size
    sides = [side for side in range(1, min(size) + 1) if height % side == 0 and width % side == 0]
    fitting = [(height // side, width // side) for side in sides if (height // side) * (width // side) <= tokens]
    return fitting[0] if fitting else None


def _maker(module: nn.Module, shape: tuple[int, int, int], meter: Meter) -> Attribute:
    network = normalise(module, shape)
    metered, size = Metered(network, meter), shape[1:]
    if not any(isinstance(part, nn.Softmax | nn.MultiheadAttention) for part in network.modules()):
        raise _NoAttentionError

    @torch.no_grad()
    def attribute(images: Tensor, target: int | None) -> Attributions:
        through = rolled_out(_attentions(metered, network, images))
        grid = patches(through.shape[-1], size)
        if grid is None:
            raise _NoAttentionError
        spare = through.shape[-1] - grid[0] * grid[1]
        rows = through[:, 0, spare:] if spare else through.mean(dim=1)
        return Attributions(functional.interpolate(rows.reshape(-1, 1, *grid), size, mode="bilinear", align_corners=False))

    return attribute


def _attentions(metered: nn.Module, network: fx.GraphModule, images: Tensor) -> list[Tensor]:
    """N x T x T per layer that attends over the same tokens as the first, in the order in which they run."""
    seen: list[Tensor] = []

    def keep(part: nn.Module, given: Any, output: Any) -> None:
        weights = output[1] if isinstance(output, tuple) else output
        if isinstance(weights, Tensor) and weights.ndim >= 3 and weights.shape[-1] == weights.shape[-2]:
            tokens = weights.shape[-1]
            seen.append(weights.reshape(len(images), -1, tokens, tokens).mean(dim=1))

    handles = [part.register_forward_hook(keep) for part in network.modules() if isinstance(part, nn.Softmax | nn.MultiheadAttention)]
    try:
        metered(images)
    finally:
        for handle in handles:
            handle.remove()
    if not seen or any(each.shape != seen[0].shape for each in seen):
        raise _NoAttentionError
    return seen
