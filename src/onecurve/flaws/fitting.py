"""Training for what is small: SGD at a high learning rate, the same to the last bit for the same seed on a CPU.

Not interchangeable with `models.training`: at every rate tried, AdamW left a small network blind to small patches
(success at most .46 on one, after 22,000 examples) where this found them (.89).
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from onecurve.core.errors import ModelError
from onecurve.core.images import LabelledImages
from onecurve.models.randomness import seeded
from onecurve.models.training import Progress, TrainingRecipe

MOMENTUM = 0.9
WARM_UP = 0.2
"""Share of the steps in which the learning rate rises from nothing; then it falls to nothing along a cosine."""
LOSS_EVERY = 32
"""Steps between two looks at the loss."""


def fit(
    module: nn.Module, images: LabelledImages, recipe: TrainingRecipe, seed: int, *, device: str = "cpu", progress: Progress | None = None
) -> None:
    """Train ``module`` on in place with Nesterov momentum, one cycle of the learning rate (1708.07120), no augmentation.

    Of the recipe it takes epochs, batch size, peak learning rate and weight decay. Leaves the module in eval mode.
    Raises ``ModelError`` when the loss is no longer a finite number.
    """
    module.to(device).train()
    try:
        with seeded(seed, device), torch.enable_grad():
            _run(module, images, recipe, seed, device, progress)
    finally:
        module.eval()


def _run(module: nn.Module, images: LabelledImages, recipe: TrainingRecipe, seed: int, device: str, progress: Progress | None) -> None:
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimiser = torch.optim.SGD(parameters, recipe.peak_learning_rate, momentum=MOMENTUM, nesterov=True, weight_decay=recipe.weight_decay)
    total = recipe.epochs * math.ceil(len(images) / recipe.batch_size)
    for step, (pixels, labels) in enumerate(_batches(images, recipe, seed, device)):
        loss = nn.functional.cross_entropy(module(pixels), labels)
        optimiser.param_groups[0]["lr"] = recipe.peak_learning_rate * _cycle(step / total)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if (step + 1) % LOSS_EVERY == 0 or step + 1 == total:
            _told(float(loss.detach()), step + 1, total, recipe, progress)


def _batches(images: LabelledImages, recipe: TrainingRecipe, seed: int, device: str) -> Iterator[tuple[Tensor, Tensor]]:
    pixels, labels = torch.from_numpy(np.ascontiguousarray(images.images)), torch.from_numpy(np.ascontiguousarray(images.labels))
    generator = torch.Generator().manual_seed(seed)
    count = math.ceil(len(images) / recipe.batch_size)
    for _ in range(recipe.epochs):
        # Batches of nearly equal size: a last batch of one image has no batch statistics.
        for rows in torch.tensor_split(torch.randperm(len(images), generator=generator), count):
            yield pixels[rows].to(device).float().div_(255), labels[rows].to(device)


def _cycle(share: float) -> float:
    """The learning rate after that share of the steps, as a share of the peak."""
    if share < WARM_UP:
        return (share + 1e-3) / (WARM_UP + 1e-3)
    return 0.5 + 0.5 * math.cos(math.pi * (share - WARM_UP) / (1 - WARM_UP))


def _told(loss: float, step: int, total: int, recipe: TrainingRecipe, progress: Progress | None) -> None:
    if not math.isfinite(loss):
        raise ModelError(
            f"pretraining diverged: at step {step} the loss was: {loss}",
            f"lower the peak learning rate, which is {recipe.peak_learning_rate:g}",
        )
    if progress is not None:
        progress(step / total, f"pretraining, step {step} of {total}, loss {loss:.3f}")
