"""Checks of a map that query the network: does the map depend on the weights, does the logit depend on the marked pixels?

Adebayo et al. (arXiv 1810.03292) showed that some methods give nearly the same map whatever the network has learned. Passes of the network
with shuffled weights are not charged to the budget; passes of the subject are. Clean images that a check reads are not counted as those
that the tool read.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial, wraps
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from onecurve.core.access import Access
from onecurve.core.evidence import Check, Evidence
from onecurve.core.image.counted import uncounted
from onecurve.core.image.images import Floats
from onecurve.core.question import Brief
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.models.metering import Metered, unmetered
from onecurve.models.network import TorchNetwork, torch_module
from onecurve.tools.attribution.machinery.baseline_image import baseline_image
from onecurve.tools.attribution.machinery.map_checks import agreement

EXAMINED = 2
"""Suspects whose maps are examined."""
SHUFFLE_SEED = 0
"""The shuffled network is the same for every tool and look."""
UNCHANGED = 0.5
"""The correlation with the map of shuffled weights above which a map shows the input rather than the network."""
COVERED = 0.1
"""Share of the pixels that are covered to see whether the logit falls."""

Look = Callable[[Brief, Workbench], Evidence]
T = TypeVar("T")


def examined(look: Callable[[T, Brief, Workbench], Evidence]) -> Callable[[T, Brief, Workbench], Evidence]:
    """A tool's method ``look`` that adds checks of its maps to the evidence; see ``examine``."""

    @wraps(look)
    def look_and_examine(tool: T, brief: Brief, workbench: Workbench) -> Evidence:
        return examine(partial(look, tool), brief, workbench)

    return look_and_examine


def examine(look: Look, brief: Brief, workbench: Workbench) -> Evidence:
    """What ``look`` shows, with checks of the maps of the first suspects.

    `weights`: the map is another where the weights are shuffled. `sensitive`: covering the tenth of the pixels that are marked most
    lowers the logit more than covering the tenth marked least; left out where the budget is spent.
    """
    granted = workbench.remaining
    evidence = look(brief, workbench)
    maps = [piece.values for piece in evidence.heat_maps()[:EXAMINED]]
    if brief.suspects is None or not maps or not isinstance(workbench.subject.network, TorchNetwork):
        return evidence
    some, stacked = replace(brief, suspects=brief.suspects[: len(maps)]), np.stack(maps)
    checks = [*evidence.checks]
    if Access.WEIGHTS in workbench.subject.access:
        checks += _weights(look, some, workbench, stacked, granted / len(evidence.heat_maps()))
    return replace(evidence, checks=(*checks, *_sensitivity(some, workbench, stacked)))


def shuffled(module: nn.Module, seed: int) -> nn.Module:
    """A copy of the bare network in which the numbers of each parameter stand in random order; counts nowhere.

    It has the architecture and the scale of the network and nothing of what it learned. Statistics of normalisation stay.
    """
    copy, chance = unmetered(module), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for values in copy.parameters():
            order = torch.randperm(values.numel(), generator=chance).to(values.device)
            values.copy_(values.flatten()[order].view_as(values))
    return copy


def _weights(look: Look, brief: Brief, workbench: Workbench, maps: Floats, each: float) -> list[Check]:
    # Each suspect gets what it got in the look itself, and one pass is added for what a look needs once.
    budget = Budget(each * len(maps) + 1)
    meter = Meter(budget)
    subject, device = workbench.subject, workbench.device
    network = TorchNetwork(Metered(shuffled(torch_module(subject), SHUFFLE_SEED), meter), device)
    reference = subject.reference
    if isinstance(reference, TorchNetwork):
        reference = TorchNetwork(Metered(unmetered(reference.module), meter), device)
    other = Workbench(replace(subject, network=network, reference=reference), budget, meter, workbench.seed, device=device)
    others = [piece.values for piece in look(brief, other).heat_maps()]
    if len(others) < len(maps):
        return []
    value = float(agreement(maps, np.stack(others)).mean())
    return [Check("weights", value, value <= UNCHANGED, "mean correlation with the maps of a network with shuffled weights")]


def _sensitivity(brief: Brief, workbench: Workbench, maps: Floats) -> list[Check]:
    suspects = brief.suspects
    if suspects is None or workbench.remaining < 3 * len(suspects):
        return []
    subject = replace(workbench.subject, clean=uncounted(workbench.subject.clean))
    baseline = baseline_image("mean", subject, suspects)
    marked, unmarked = (np.where(_extreme(signed)[:, None], baseline, suspects) for signed in (maps, -maps))
    logits = workbench.subject.granted_network().logits(np.concatenate([suspects, marked, unmarked]))
    whole, without_most, without_least = logits.reshape(3, len(suspects), -1)
    rows = np.arange(len(suspects))
    targets = whole.argmax(axis=1) if brief.target is None else np.full(len(suspects), brief.target)
    falls = [float((whole - each)[rows, targets].mean()) for each in (without_most, without_least)]
    value = falls[0] - falls[1]
    return [Check("sensitive", value, value > 0, "how much further the logit falls without the tenth marked most than without the least")]


def _extreme(values: Floats) -> np.ndarray:
    """bool N x H x W: the tenth of the pixels with the highest values."""
    flat = values.reshape(len(values), -1)
    count = max(1, round(COVERED * flat.shape[1]))
    chosen = np.zeros(flat.shape, bool)
    np.put_along_axis(chosen, np.argsort(-flat, axis=1, kind="stable")[:, :count], values=True, axis=1)
    return chosen.reshape(values.shape)
