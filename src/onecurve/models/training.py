"""Training: AdamW or SGD with one cycle of the learning rate, the same to the last bit for the same seed on a CPU.

Images stay uint8 and become floats batch by batch, so memory does not grow with the set. The module is trained in place.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import torch
from torch import Tensor, nn

from onecurve.core.errors import DataError, ModelError, SpecError
from onecurve.core.images import LabelledImages
from onecurve.core.network import Network
from onecurve.models.network import layout_for
from onecurve.models.parts import has_fused_optimisers, tensor_of
from onecurve.models.randomness import seeded

WARM_UP = 0.25
"""Share of the steps in which the learning rate rises."""
START = 0.1
"""The learning rate of the first step, as a share of the peak."""
LOSS_EVERY = 16
"""Steps between two looks at the loss: each look waits for the device."""
CHUNK = 512
"""Images turned into floats at a time when accuracy is measured."""

OPTIMISERS = ("adamw", "sgd")
MOMENTUM = 0.9
"""Nesterov momentum of SGD."""

Progress = Callable[[float, str], None]


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

    def __post_init__(self) -> None:
        if self.optimiser not in OPTIMISERS:
            raise SpecError(f"no optimiser is called: {self.optimiser}", f"there are: {', '.join(OPTIMISERS)}")
        whole = {"epochs": (1, 100_000), "batch_size": (1, 65_536), "crop_padding": (0, 64)}
        limits = {**whole, "peak_learning_rate": (1e-9, 10), "weight_decay": (0, 10)}
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not isinstance(value, int if name in whole else int | float) or not low <= value <= high:
                kind = "a whole number" if name in whole else "a number"
                raise SpecError(f"{name} of a training recipe must be {kind} within {low}..{high}, got: {value}")


def train(
    module: nn.Module, images: LabelledImages, recipe: TrainingRecipe, seed: int, *, device: str = "cpu", progress: Progress | None = None
) -> None:
    """Train ``module`` in place on ``device`` and leave it in eval mode there.

    AdamW (1711.05101) or SGD with Nesterov momentum, and one cycle of the learning rate (1708.07120: linear up from a tenth
    of the peak, linear down to nothing); cross-entropy; a new order of the images in every epoch. ``progress`` is told the
    share done, in (0, 1], and words. Parameters that require no gradient stay as they are. Raises ``DataError`` for no images
    or labels that the network has no logit for, ``ModelError`` when the loss is no longer a finite number.
    """
    if len(images) == 0:
        raise DataError("there are no images to train on")
    module.to(device=device, memory_format=layout_for(module))  # type: ignore[call-overload]
    module.train()
    try:
        with seeded(seed, device), torch.enable_grad():
            _run(module, images, recipe, torch.Generator().manual_seed(seed), device, progress)
    finally:
        module.eval()
        _restore_layout(module)


def accuracy(network: Network, images: LabelledImages) -> float:
    """The share of images that the network puts in their labelled class; raises ``DataError`` for no images."""
    if len(images) == 0:
        raise DataError("there are no images to measure accuracy on")
    right = 0
    for start in range(0, len(images), CHUNK):
        part = images.take(slice(start, start + CHUNK))
        right += int((network.logits(part.floats()).argmax(axis=1) == part.labels).sum())
    return right / len(images)


def _run(
    module: nn.Module, images: LabelledImages, recipe: TrainingRecipe, generator: torch.Generator, device: str, progress: Progress | None
) -> None:
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if not parameters:
        raise ModelError("the network has no parameters to train")
    optimiser = _optimiser(parameters, recipe)
    layout = layout_for(module)
    batches = math.ceil(len(images) / recipe.batch_size)
    total = recipe.epochs * batches
    loss_sum = torch.zeros((), device=device)
    for step, (pixels, labels) in enumerate(_batches(images, recipe, generator, device)):
        logits = module(pixels.contiguous(memory_format=layout))
        if step == 0:
            _check_labels(images.labels, logits.shape[1])
        loss = nn.functional.cross_entropy(logits, labels)
        optimiser.param_groups[0]["lr"] = recipe.peak_learning_rate * _cycle(step, total)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss_sum += loss.detach()
        if (step + 1) % LOSS_EVERY == 0 or step + 1 == total:
            mean = float(loss_sum) / (step % LOSS_EVERY + 1)
            loss_sum.zero_()
            _check_loss(mean, step, recipe)
            if progress is not None:
                progress((step + 1) / total, f"epoch {step // batches + 1} of {recipe.epochs}, loss {mean:.3f}")


def _optimiser(parameters: list[nn.Parameter], recipe: TrainingRecipe) -> torch.optim.Optimizer:
    rate, decay, fused = recipe.peak_learning_rate, recipe.weight_decay, has_fused_optimisers(parameters[0].device)
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(parameters, rate, MOMENTUM, weight_decay=decay, nesterov=True, fused=fused)
    return torch.optim.AdamW(parameters, rate, weight_decay=decay, fused=fused)


def _batches(images: LabelledImages, recipe: TrainingRecipe, generator: torch.Generator, device: str) -> Iterator[tuple[Tensor, Tensor]]:
    pixels, labels = tensor_of(images.images), tensor_of(images.labels)
    # Batches of nearly equal size: a last batch of one image has no batch statistics.
    count = math.ceil(len(images) / recipe.batch_size)
    for _ in range(recipe.epochs):
        for rows in torch.tensor_split(torch.randperm(len(images), generator=generator), count):
            batch = _augmented(pixels[rows].to(device), recipe, generator)
            yield batch.float().div_(255), labels[rows].to(device)


def _augmented(batch: Tensor, recipe: TrainingRecipe, generator: torch.Generator) -> Tensor:
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


def _cycle(step: int, total: int) -> float:
    """The learning rate of a step as a share of the peak."""
    rising = max(1, round(WARM_UP * total))
    if step < rising:
        return START + (1 - START) * (step + 1) / rising
    return (total - step) / (total - rising + 1)


def _check_labels(labels: np.ndarray, classes: int) -> None:
    wrong = (labels < 0) | (labels >= classes)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(f"labels must be within 0..{classes - 1}, as the network has {classes} logits; row {row} holds: {labels[row]}")


def _check_loss(mean: float, step: int, recipe: TrainingRecipe) -> None:
    if not math.isfinite(mean):
        raise ModelError(
            f"training diverged: by step {step + 1} the loss was: {mean}",
            f"lower the peak learning rate, which is {recipe.peak_learning_rate:g}, or look for NaN in the weights",
        )


def _restore_layout(module: nn.Module) -> None:
    # Written anew with plain strides, so that a network stored and loaded computes the same to the last bit.
    for values in [*module.parameters(), *module.buffers()]:
        plain = torch.empty(values.shape, dtype=values.dtype, device=values.device)
        values.data = plain.copy_(values.data)
