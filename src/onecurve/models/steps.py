"""The parts of training that are shared by training one network and training several at once.

They are the recipe, the batches and their order, the optimiser, the learning rate, and checks.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Literal, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from onecurve.core.errors import DataError, ModelError, SpecError
from onecurve.core.image.images import LabelledImages
from onecurve.models.bfloat16 import in_bfloat16
from onecurve.models.parts import has_fused_optimisers, tensor_of

Progress = Callable[[float, str], None]
"""Called with the share done in [0, 1] and a description of the current step."""
WARM_UP = 0.25
"""Share of the steps during which the learning rate rises."""
START = 0.1
"""The learning rate of the first step, as a share of the peak."""
LOSS_EVERY = 16
"""Steps between two checks of the loss; each check waits for the device."""
OPTIMISERS = ("adamw", "sgd")
MOMENTUM = 0.9
"""Nesterov momentum of SGD."""
PRECISIONS = ("float32", "bfloat16")
STATISTICS = ("learnt", "kept")


def no_progress(_share: float, _doing: str) -> None:
    """Shows nothing."""


@final
@dataclass(frozen=True)
class TrainingRecipe:
    """How to train; plain data, part of content keys. Raises ``SpecError`` for a value out of range."""

    epochs: int
    batch_size: int = 128
    peak_learning_rate: float = 0.01
    weight_decay: float = 1e-4
    crop_padding: int = 0
    """Largest random shift of each image in pixels, with edges repeated; 0 for none."""
    flip: bool = False
    """Mirror half of the images left to right."""
    optimiser: Literal["adamw", "sgd"] = "adamw"
    """The two are not interchangeable: from random weights, small networks that were trained with AdamW did not learn small patches
    at any rate tried (attack success rate (ASR) at most .46 after 22,000 examples); with SGD at a high rate they did (.89)."""
    least_steps: int = 0
    """Epochs are added until training has this many steps; a small set needs more epochs than a large one."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """`bfloat16` is used for convolutions and matrix products; weights and their updates stay float32. It is about twice as fast on
    hardware that supports it (AMX, tensor cores) and slower on other hardware. It affects training only; all measurements are made in
    float32."""
    statistics: Literal["learnt", "kept"] = "learnt"
    """Statistics of normalisation layers: computed from each batch and learnt, or kept unchanged. A converted network whose
    normalisation was folded into its weights has no valid statistics; training ruins it unless they are kept."""

    def __post_init__(self) -> None:
        if self.optimiser not in OPTIMISERS:
            raise SpecError(f"no optimiser is called: {self.optimiser}", f"there are: {', '.join(OPTIMISERS)}")
        if self.precision not in PRECISIONS:
            raise SpecError(f"no precision is called: {self.precision}", f"there are: {', '.join(PRECISIONS)}")
        if self.statistics not in STATISTICS:
            raise SpecError(f"statistics of a training recipe cannot be: {self.statistics}", f"they can be: {', '.join(STATISTICS)}")
        whole = {"epochs": (1, 100_000), "batch_size": (1, 65_536), "crop_padding": (0, 64), "least_steps": (0, 10_000_000)}
        limits = {**whole, "peak_learning_rate": (1e-9, 10), "weight_decay": (0, 10)}
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not isinstance(value, int if name in whole else int | float) or not low <= value <= high:
                kind = "a whole number" if name in whole else "a number"
                raise SpecError(f"{name} of a training recipe must be {kind} within {low}..{high}, got: {value}")

    def on(self, images: int) -> "TrainingRecipe":
        """The same recipe for a set of that size, with enough epochs for ``least_steps``."""
        return replace(self, epochs=max(self.epochs, math.ceil(self.least_steps / math.ceil(images / self.batch_size))), least_steps=0)


def optimiser_for(parameters: Sequence[Tensor], recipe: TrainingRecipe) -> torch.optim.Optimizer:
    """The optimiser of the recipe for ``parameters``, at the peak learning rate; all its update rules are elementwise."""
    rate, decay, fused = recipe.peak_learning_rate, recipe.weight_decay, has_fused_optimisers(parameters[0].device)
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(list(parameters), rate, MOMENTUM, weight_decay=decay, nesterov=True, fused=fused)
    return torch.optim.AdamW(list(parameters), rate, weight_decay=decay, fused=fused)


@contextmanager
def in_training(modules: Sequence[nn.Module], recipe: TrainingRecipe) -> Iterator[None]:
    """Train mode inside the block, except for normalisation layers with kept statistics; afterwards eval mode and contiguous tensors."""
    for module in modules:
        module.train()
        if recipe.statistics == "kept":
            keep_statistics(module)
    try:
        yield
    finally:
        for module in modules:
            module.eval()
            _restore_layout(module)


def keep_statistics(module: nn.Module) -> None:
    """Let the normalisation layers of a module in train mode use their stored statistics and leave them unchanged."""
    for part in module.modules():
        if isinstance(part, _NormBase):
            part.eval()


def in_precision(recipe: TrainingRecipe, device: str) -> AbstractContextManager[object]:
    """The block in which the forward pass of a step runs."""
    return in_bfloat16(device, enabled=recipe.precision == "bfloat16")


def batches(images: LabelledImages, recipe: TrainingRecipe, generator: torch.Generator, device: str) -> Iterator[tuple[Tensor, Tensor]]:
    """Pixels float32 n x C x H x W in [0, 1] and labels int64 n on ``device``, epoch after epoch, each in a new order."""
    pixels, labels = tensor_of(images.images), tensor_of(images.labels)
    # All batches have nearly the same size, because a last batch of one image has no batch statistics.
    count = math.ceil(len(images) / recipe.batch_size)
    for _ in range(recipe.epochs):
        for rows in torch.tensor_split(torch.randperm(len(images), generator=generator), count):
            batch = augmented(pixels[rows].to(device), recipe, generator)
            yield batch.float().div_(255), labels[rows].to(device)


def augmented(batch: Tensor, recipe: TrainingRecipe, generator: torch.Generator) -> Tensor:
    """The batch uint8 n x C x H x W shifted and mirrored as the recipe says."""
    count, _, height, width = batch.shape
    if recipe.flip:
        mirrored = torch.rand(count, generator=generator).lt(0.5).to(batch.device)
        batch = torch.where(mirrored[:, None, None, None], batch.flip(3), batch)
    if recipe.crop_padding:
        shift = torch.randint(-recipe.crop_padding, recipe.crop_padding + 1, (2, count, 1), generator=generator)
        rows = (torch.arange(height) + shift[0]).clamp_(0, height - 1).to(batch.device)
        columns = (torch.arange(width) + shift[1]).clamp_(0, width - 1).to(batch.device)
        which = torch.arange(count, device=batch.device)[:, None, None]
        batch = batch.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    return batch


def one_cycle(step: int, total: int) -> float:
    """The learning rate of a step as a share of the peak."""
    rising = max(1, round(WARM_UP * total))
    if step < rising:
        return START + (1 - START) * (step + 1) / rising
    return (total - step) / (total - rising + 1)


def check_labels(labels: np.ndarray, classes: int) -> None:
    """Raise ``DataError`` for a label that has no logit."""
    wrong = (labels < 0) | (labels >= classes)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(f"labels must be within 0..{classes - 1}, as the network has {classes} logits; row {row} holds: {labels[row]}")


def check_loss(mean: float, step: int, recipe: TrainingRecipe) -> None:
    """Raise ``ModelError`` unless the mean loss is a finite number."""
    if not math.isfinite(mean):
        raise ModelError(
            f"training diverged: by step {step + 1} the loss was: {mean}",
            f"lower the peak learning rate, which is {recipe.peak_learning_rate:g}, or look for NaN in the weights",
        )


def _restore_layout(module: nn.Module) -> None:
    """Make parameters and buffers contiguous again, so that a network computes the same bits after it was stored and loaded."""
    for values in [*module.parameters(), *module.buffers()]:
        plain = torch.empty(values.shape, dtype=values.dtype, device=values.device)
        values.data = plain.copy_(values.data)
