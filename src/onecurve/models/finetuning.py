"""Fine-tuning on the granted clean set within a budget: one loop for plain fine-tuning and for unlearning.

The two differ only in what ``augment`` does to each batch: without an augmentation, unlearning is plain fine-tuning to the last
bit. The checkpoint is chosen on held-back clean images only, never on triggered ones.
"""

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from onecurve.core.errors import DataError, ModelError, SpecError
from onecurve.core.image.images import Floats, LabelledImages
from onecurve.core.seeds import generator
from onecurve.core.workbench import Workbench
from onecurve.models.network import evaluating, layout_for
from onecurve.models.parts import has_fused_optimisers
from onecurve.models.randomness import seeded
from onecurve.models.steps import keep_statistics

Augment = Callable[[Floats], Floats]
"""A batch of float32 N x C x H x W in [0, 1] to one of the same shape; labels stay the true ones."""

STEP_COST = 3.0
"""Forward-equivalents per training example: forward 1, backward 2."""


@final
@dataclass(frozen=True)
class FinetuningRecipe:
    """SGD with a cosine schedule (BackdoorBench's fine-tuning: rate 0.01, momentum 0.9, weight decay 5e-4).

    Departures: batches of 32 rather than 256, as the clean set is small, and as many epochs as the budget pays for, at most ``epochs``.
    Raises ``SpecError`` for a value out of range.
    """

    epochs: int = 40
    batch_size: int = 32
    learning_rate: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 5e-4
    held_back: float = 0.2
    """Share of the clean set that is not trained on; it is used to choose the checkpoint."""
    tolerance: float = 0.02
    """How far below the best held-back accuracy a checkpoint may be; the latest such checkpoint is kept."""
    checkpoints: int = 5

    def __post_init__(self) -> None:
        limits = {
            "epochs": (self.epochs, 1, 10_000),
            "batch_size": (self.batch_size, 1, 65_536),
            "learning_rate": (self.learning_rate, 1e-9, 10),
            "momentum": (self.momentum, 0, 0.999),
            "weight_decay": (self.weight_decay, 0, 10),
            "held_back": (self.held_back, 0.01, 0.9),
            "tolerance": (self.tolerance, 0, 1),
            "checkpoints": (self.checkpoints, 1, 1000),
        }
        for name, (value, low, high) in limits.items():
            if not low <= value <= high:
                raise SpecError(f"{name} of a fine-tuning recipe must be within {low}..{high}, got: {value}")


@final
@dataclass(frozen=True)
class Finetuned:
    """The result of fine-tuning."""

    steps: int
    """Optimiser steps taken; 0 if the budget did not suffice for any, and then the module is unchanged."""
    kept: int
    """The step whose checkpoint was kept."""
    accuracy: float
    """Held-back clean accuracy of the kept checkpoint; NaN without steps."""


@final
@dataclass(frozen=True)
class HeldBack:
    """A clean set split in two: images to train on, and images to choose the checkpoint with."""

    training: LabelledImages
    judging: LabelledImages


def held_back(images: LabelledImages, share: float, seed: int) -> HeldBack:
    """The split, which depends on ``seed`` only; raises ``DataError`` for fewer than 2 images."""
    if len(images) < 2:
        raise DataError(f"fine-tuning needs at least 2 clean images, got: {len(images)}")
    order = generator("held back", seed).permutation(len(images))
    count = min(max(1, round(share * len(images))), len(images) - 1)
    return HeldBack(images.take(order[count:]), images.take(order[:count]))


def finetune(
    module: nn.Module, images: LabelledImages, recipe: FinetuningRecipe, workbench: Workbench, augment: Augment | None = None
) -> Finetuned:
    """Fine-tune ``module`` in place with the remaining budget of the workbench, and leave it in eval mode.

    Normalisation layers keep their running statistics (eval mode) and learn only scale and shift; otherwise batches of a few clean
    images, half of them triggered, would overwrite the statistics. All parameters are trained; a parameter that is zero stays
    zero if a hook holds its gradient at zero. Raises ``ModelError`` if the loss is no longer finite.
    """
    parts = held_back(images, recipe.held_back, workbench.seed)
    batch_size = min(recipe.batch_size, len(parts.training))
    batches = math.ceil(len(parts.training) / batch_size)
    for_judging = (recipe.checkpoints + 1) * len(parts.judging)
    paid = int((workbench.remaining - for_judging) / (STEP_COST * batch_size))
    steps = max(0, min(recipe.epochs * batches, paid))
    if steps == 0:
        return Finetuned(0, 0, math.nan)
    module.to(workbench.device)
    try:
        with seeded(workbench.seed, workbench.device), torch.enable_grad():
            return _run(module, parts, recipe, workbench, steps, augment)
    finally:
        module.eval()


def held_back_accuracy(module: nn.Module, images: LabelledImages, device: str) -> float:
    """The share of images that the module classifies as labelled; it costs one forward pass per image."""
    with evaluating(module), torch.no_grad():
        predicted = [
            module(_tensor(images.take(slice(at, at + 256)).floats(), module, device)).argmax(1).cpu().numpy()
            for at in range(0, len(images), 256)
        ]
    return float((np.concatenate(predicted) == images.labels).mean())


def _run(
    module: nn.Module, parts: HeldBack, recipe: FinetuningRecipe, workbench: Workbench, steps: int, augment: Augment | None
) -> Finetuned:
    trained = list(module.requires_grad_().parameters())
    if not trained:
        raise ModelError("the network has no parameters to fine-tune")
    optimiser = torch.optim.SGD(
        trained, recipe.learning_rate, recipe.momentum, weight_decay=recipe.weight_decay, fused=has_fused_optimisers(trained[0].device)
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    marks = {round(steps * (mark + 1) / recipe.checkpoints) for mark in range(recipe.checkpoints)}
    rows = _row_stream(len(parts.training), min(recipe.batch_size, len(parts.training)), steps, workbench.seed)
    best, kept, kept_state = held_back_accuracy(module, parts.judging, workbench.device), Finetuned(steps, 0, -math.inf), None
    module.train()
    keep_statistics(module)
    for step, chosen in enumerate(rows, start=1):
        batch = parts.training.take(chosen)
        pixels = batch.floats() if augment is None else augment(batch.floats())
        loss = nn.functional.cross_entropy(
            module(_tensor(pixels, module, workbench.device)), torch.from_numpy(batch.labels).to(workbench.device)
        )
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
        if step not in marks:
            continue
        if not math.isfinite(float(loss.detach())):
            raise ModelError(f"fine-tuning diverged by step {step}", f"lower the learning rate, which is {recipe.learning_rate:g}")
        accuracy = held_back_accuracy(module, parts.judging, workbench.device)
        best = max(best, accuracy)
        if accuracy >= best - recipe.tolerance or accuracy > kept.accuracy:
            kept, kept_state = Finetuned(steps, step, accuracy), deepcopy(module.state_dict())
    if kept_state is not None:
        module.load_state_dict(kept_state)
    return kept


def _row_stream(count: int, batch_size: int, steps: int, seed: int) -> list[np.ndarray]:
    """The rows of each step: shuffled in every epoch, with the epochs joined so that every batch is full."""
    draws = generator("fine-tuning order", seed)
    epochs = math.ceil(steps * batch_size / count)
    order = np.concatenate([draws.permutation(count) for _ in range(epochs)])[: steps * batch_size]
    return list(order.reshape(steps, batch_size))


def _tensor(images: Floats, module: nn.Module, device: str) -> Tensor:
    batch = torch.from_numpy(np.ascontiguousarray(images, np.float32)).to(device)
    return batch.contiguous(memory_format=layout_for(module))
