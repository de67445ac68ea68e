"""Training with AdamW or SGD and one cycle of the learning rate. On a CPU, the same seed gives the same bits.

Images stay uint8 and are converted to floats batch by batch to save memory. The module is trained in place.
"""

import math

import torch
from torch import nn

from onecurve.core.errors import DataError, ModelError
from onecurve.core.image.images import LabelledImages
from onecurve.core.network import Network
from onecurve.models.network import layout_for
from onecurve.models.randomness import seeded
from onecurve.models.steps import (
    LOSS_EVERY,
    Progress,
    TrainingRecipe,
    batches,
    check_labels,
    check_loss,
    in_precision,
    in_training,
    one_cycle,
    optimiser_for,
)

CHUNK = 512
"""Number of images converted to floats at a time when accuracy is measured."""


def train(
    module: nn.Module, images: LabelledImages, recipe: TrainingRecipe, seed: int, *, device: str = "cpu", progress: Progress | None = None
) -> None:
    """Train ``module`` in place on ``device`` and leave it in eval mode there.

    AdamW (1711.05101) or SGD with Nesterov momentum, and one cycle of the learning rate (1708.07120: linear up from a tenth
    of the peak, linear down to nothing); cross-entropy; the images are shuffled in every epoch. ``progress`` is called
    with the share done, in (0, 1], and a description. Parameters that require no gradient are not changed. Raises ``DataError`` for
    no images or for labels that the network has no logit for, ``ModelError`` if the loss is no longer a finite number.
    """
    if len(images) == 0:
        raise DataError("there are no images to train on")
    # Torch's types lack the argument `memory_format`.
    module.to(device=device, memory_format=layout_for(module))  # type: ignore[call-overload]
    with in_training([module], recipe), seeded(seed, device), torch.enable_grad():
        _run(module, images, recipe.on(len(images)), torch.Generator().manual_seed(seed), device, progress)


def accuracy(network: Network, images: LabelledImages) -> float:
    """The share of images that the network classifies as labelled; raises ``DataError`` if there are no images."""
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
    optimiser = optimiser_for(parameters, recipe)
    layout = layout_for(module)
    per_epoch = math.ceil(len(images) / recipe.batch_size)
    total = recipe.epochs * per_epoch
    loss_sum = torch.zeros((), device=device)
    for step, (pixels, labels) in enumerate(batches(images, recipe, generator, device)):
        with in_precision(recipe, device):
            logits = module(pixels.contiguous(memory_format=layout)).float()
        if step == 0:
            check_labels(images.labels, logits.shape[1])
        loss = nn.functional.cross_entropy(logits, labels)
        optimiser.param_groups[0]["lr"] = recipe.peak_learning_rate * one_cycle(step, total)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        loss_sum += loss.detach()
        if (step + 1) % LOSS_EVERY == 0 or step + 1 == total:
            mean = float(loss_sum) / (step % LOSS_EVERY + 1)
            loss_sum.zero_()
            check_loss(mean, step, recipe)
            if progress is not None:
                progress((step + 1) / total, f"epoch {step // per_epoch + 1} of {recipe.epochs}, loss {mean:.3f}")
