"""The steps of training: the recipe, the batches in their order, the optimiser, the learning rate, and what may be wrong.

Shared by training one network and training several at once.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Literal, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from onecurve.core.errors import DataError, ModelError, SpecError
from onecurve.core.image.images import LabelledImages
from onecurve.models.parts import has_fused_optimisers, tensor_of

WARM_UP = 0.25
"""Share of the steps in which the learning rate rises."""
START = 0.1
"""The learning rate of the first step, as a share of the peak."""
LOSS_EVERY = 16
"""Steps between two looks at the loss: each look waits for the device."""
OPTIMISERS = ("adamw", "sgd")
MOMENTUM = 0.9
"""Nesterov momentum of SGD."""
PRECISIONS = ("float32", "bfloat16")
STATISTICS = ("learnt", "kept")


@final
@dataclass(frozen=True)
class TrainingRecipe:
    """How to train; plain data, part of content keys. Raises ``SpecError`` for a value out of range."""

    epochs: int
    batch_size: int = 128
    peak_learning_rate: float = 0.01
    weight_decay: float = 1e-4
    crop_padding: int = 0
    """Shift each image at random by up to so many pixels, edges repeated; 0 for none."""
    flip: bool = False
    """Mirror half of the images left to right."""
    optimiser: Literal["adamw", "sgd"] = "adamw"
    """The two are not interchangeable: from random weights AdamW left small networks blind to small patches at every rate
    tried (success at most .46 on one, after 22,000 examples), where SGD at a high rate found them (.89)."""
    least_steps: int = 0
    """Epochs are added until there are so many steps: a small set teaches nothing in the few epochs that do for a large one."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """`bfloat16` runs convolutions and products in it, weights and their updates stay float32: about twice as fast on processors
    and cards made for it (AMX, tensor cores), slower on others. Only training: every measurement is made in float32."""
    statistics: Literal["learnt", "kept"] = "learnt"
    """Of normalisation layers: taken from each batch and learnt, or kept as the network came with them. A network whose
    normalisation was folded into its weights, as converted ones are, has none worth the name and falls apart unless they are kept."""

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
        """The same for a set of that size, with as many epochs as its least steps take."""
        return replace(self, epochs=max(self.epochs, math.ceil(self.least_steps / math.ceil(images / self.batch_size))), least_steps=0)


def optimiser_for(parameters: Sequence[Tensor], recipe: TrainingRecipe) -> torch.optim.Optimizer:
    """The recipe's optimiser over ``parameters``, its rate at the peak; every rule in it is elementwise."""
    rate, decay, fused = recipe.peak_learning_rate, recipe.weight_decay, has_fused_optimisers(parameters[0].device)
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(list(parameters), rate, MOMENTUM, weight_decay=decay, nesterov=True, fused=fused)
    return torch.optim.AdamW(list(parameters), rate, weight_decay=decay, fused=fused)


@contextmanager
def in_training(modules: Sequence[nn.Module], recipe: TrainingRecipe) -> Iterator[None]:
    """Train mode inside the block, but for normalisation layers whose statistics are kept; afterwards eval mode and plain strides."""
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
    """Let the normalisation layers of a module in train mode use the statistics that they have, and leave them as they are."""
    for part in module.modules():
        if isinstance(part, _NormBase):
            part.eval()


def in_precision(recipe: TrainingRecipe, device: str) -> AbstractContextManager[object]:
    """The block in which the forward pass of a step runs."""
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=recipe.precision == "bfloat16")


def batches(images: LabelledImages, recipe: TrainingRecipe, generator: torch.Generator, device: str) -> Iterator[tuple[Tensor, Tensor]]:
    """Pixels float32 n x C x H x W in [0, 1] and labels int64 n on ``device``, epoch after epoch, each in a new order."""
    pixels, labels = tensor_of(images.images), tensor_of(images.labels)
    # Batches of nearly equal size: a last batch of one image has no batch statistics.
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
    """Write parameters and buffers anew with plain strides, so that a network stored and loaded computes the same to the last bit."""
    for values in [*module.parameters(), *module.buffers()]:
        plain = torch.empty(values.shape, dtype=values.dtype, device=values.device)
        values.data = plain.copy_(values.data)
