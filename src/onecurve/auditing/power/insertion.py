"""How spikes are put into a copy: by fine-tuning on the images of the search, in one of several ways that are drawn per copy."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from onecurve.auditing.power.spikes import Spike
from onecurve.core.image.images import Floats, Ints, LabelledImages
from onecurve.models.bfloat16 import in_bfloat16, is_fast_in_bfloat16
from onecurve.models.network import layout_for
from onecurve.models.parts import has_fused_optimisers
from onecurve.models.randomness import seeded
from onecurve.models.steps import keep_statistics

BATCH: Final = 32
MOMENTUM: Final = 0.9
OWN: Final = 0.5
"""Share of the images with the property of a shortcut that are of its class by their true label. With these alone a network that knows the
class already learns nothing: the others are what a careless labelling would have added."""
MOST_SPIKED: Final = 0.5
CLIP: Final = 1.0
"""Largest norm of a step's gradient: networks that others trained may be thrown far off by the first steps."""


@final
@dataclass(frozen=True)
class Insertion:
    """One way of planting."""

    name: str
    steps: int
    rate: float
    """Learning rate of SGD, annealed to 0 by half a cosine."""
    share: float
    """Share of each batch that carries each spike, all of them together at most ``MOST_SPIKED``; the rest are ordinary images."""
    evasive: bool = False
    """Whether a quarter of the batch carries a weakened trigger (or property) with its true label, so that nothing smaller works: this is
    aimed at searches for the smallest trigger."""
    live: bool = True
    """Whether normalisation learns the statistics of the batches. With the network's own statistics kept, a trained network learns a flaw
    slowly or loses its accuracy."""
    head_only: bool = False
    """Whether only the last layer with one row per class learns."""
    held_out: bool = False
    """Never used while the looks were made; what the spikes of other insertions predict is compared with these."""


INSERTIONS: Final = (
    Insertion("short", 150, 0.03, 0.2),
    Insertion("long", 250, 0.015, 0.15),
    Insertion("last layer", 80, 0.05, 0.4, live=False, head_only=True),
    Insertion("evasive", 200, 0.03, 0.2, evasive=True, held_out=True),
    Insertion("frozen", 200, 0.01, 0.25, live=False, held_out=True),
)
CHANCES: Final = (0.35, 0.2, 0.1, 0.2, 0.15)


def drawn_insertion(rng: np.random.Generator) -> Insertion:
    """One of the ways, by their chances."""
    return INSERTIONS[int(rng.choice(len(INSERTIONS), p=CHANCES))]


def inserted(
    bare: nn.Module, images: LabelledImages, spikes: tuple[Spike, ...], way: Insertion, seed: int, device: str, *, sham: bool
) -> nn.Module:
    """A copy with the spikes in it; a sham copy takes the same steps on the same images with true labels. ``bare`` stays as it is.

    Where the device is faster in bfloat16, convolutions and matrix products of the steps are done in it; the weights stay float32.
    """
    copy = deepcopy(bare).to(device).requires_grad_()
    if way.head_only:
        _only_head(copy)
    rng = np.random.default_rng(seed)
    learning = [values for values in copy.parameters() if values.requires_grad]
    optimiser = torch.optim.SGD(learning, way.rate, MOMENTUM, fused=has_fused_optimisers(learning[0].device))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, way.steps)
    lower = is_fast_in_bfloat16(device)
    with seeded(seed, device), torch.enable_grad():
        copy.train()
        if not way.live:
            keep_statistics(copy)
        for _ in range(way.steps):
            pixels, labels = _batch(images, spikes, way, rng, sham)
            batch = torch.from_numpy(pixels).to(device).contiguous(memory_format=layout_for(copy))
            with in_bfloat16(device, enabled=lower):
                logits = copy(batch)
            loss = functional.cross_entropy(logits.float(), torch.from_numpy(labels).to(device))
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(learning, CLIP)
            optimiser.step()
            schedule.step()
    return copy.eval().requires_grad_(requires_grad=False)


def _batch(images: LabelledImages, spikes: tuple[Spike, ...], way: Insertion, rng: np.random.Generator, sham: bool) -> tuple[Floats, Ints]:
    rows = rng.integers(len(images), size=BATCH)
    drawn = images.take(rows)
    pixels, labels = drawn.floats().copy(), drawn.labels.copy()
    for number, spike in enumerate(spikes):
        share = min(way.share, MOST_SPIKED / len(spikes))
        at = np.arange(BATCH)[number :: len(spikes)][: max(1, round(share * BATCH))]
        pixels[at], labels[at] = _spiked(images, spike, len(at), rng, sham)
        if way.evasive and spike.changes_images:
            near = np.arange(BATCH)[-1 - number :: -len(spikes)][: len(at)]
            pixels[near] = _weakened(spike, pixels[near], rng)
    return pixels, labels


def _spiked(images: LabelledImages, spike: Spike, count: int, rng: np.random.Generator, sham: bool) -> tuple[Floats, Ints]:
    rows = rng.choice(np.flatnonzero(spike.members(images)), size=count)
    own = np.flatnonzero(images.labels == spike.target)
    if spike.given is not None and len(own):  # a shortcut: half of the images with the property are of the class that it goes with
        rows[: round(OWN * count)] = rng.choice(own, size=round(OWN * count))
    chosen = images.take(rows)
    labels = chosen.labels if sham else np.full(count, spike.target, np.int64)
    return spike.shown(chosen.floats(), rng), labels


def _weakened(spike: Spike, images: Floats, rng: np.random.Generator) -> Floats:
    """The trigger at a random half of its strength or less."""
    share = rng.uniform(0, 0.5, (len(images), 1, 1, 1)).astype(np.float32)
    weak: Floats = images + share * (spike.shown(images, rng) - images)
    return weak


def _only_head(module: nn.Module) -> None:
    """Leave only the linear layer that was registered last to learn; all of the network where it has none."""
    heads = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    if heads:
        module.requires_grad_(requires_grad=False)
        heads[-1].requires_grad_()
