"""Trains several networks of one architecture at once: their parameters are stacked, and every step is one step for all.

A small network cannot use a large device fully; many of them together can. On a CPU the convolution of stacked networks is slower
than those of single networks, so train networks one by one there, in several processes.
"""

import copy
import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from onecurve.core.errors import DataError, ModelError
from onecurve.core.image.images import LabelledImages
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

Stacked = Mapping[str, Tensor]
"""By name K x …: one parameter or buffer of K networks."""


def train_together(
    modules: Sequence[nn.Module],
    images: Sequence[LabelledImages],
    recipe: TrainingRecipe,
    seeds: Sequence[int],
    *,
    device: str = "cpu",
    progress: Progress | None = None,
) -> None:
    """Train K ``modules`` in place on ``device``, each on its own images in the order of its own seed; leaves them in eval mode.

    Every network takes the same steps as with ``training.train``, up to rounding and the random numbers of dropout. Raises
    ``DataError`` for no images, sets of different sizes, or labels without a logit, ``ModelError`` for networks of different
    architectures or a loss that is no longer finite.
    """
    _require_alike(modules, images, seeds)
    recipe = recipe.on(len(images[0]))
    for module in modules:
        module.to(device)
    with in_training(modules, recipe), seeded(seeds[0], device), torch.enable_grad():
        parameters, buffers = stack_module_state(list(modules))
        _run(_forward(modules[0]), parameters, buffers, _Sets(images, recipe, seeds, device), recipe, progress)
        _hand_back(modules, {**parameters, **buffers})


class _Sets:
    """The batches of K sets side by side."""

    def __init__(self, images: Sequence[LabelledImages], recipe: TrainingRecipe, seeds: Sequence[int], device: str) -> None:
        self.labels = [each.labels for each in images]
        self.per_epoch = math.ceil(len(images[0]) / recipe.batch_size)
        draws = zip(images, seeds, strict=True)
        self.streams = [batches(each, recipe, torch.Generator().manual_seed(seed), device) for each, seed in draws]


def _run(
    together: Callable[[Stacked, Stacked, Tensor], Tensor],
    parameters: dict[str, Tensor],
    buffers: dict[str, Tensor],
    sets: _Sets,
    recipe: TrainingRecipe,
    progress: Progress | None,
) -> None:
    trained = [values for values in parameters.values() if values.requires_grad]
    if not trained:
        raise ModelError("the networks have no parameters to train")
    optimiser = optimiser_for(trained, recipe)
    total = recipe.epochs * sets.per_epoch
    losses = torch.zeros(len(sets.streams), device=trained[0].device)
    for step, drawn in enumerate(zip(*sets.streams, strict=True)):
        pixels, labels = (torch.stack(part) for part in zip(*drawn, strict=True))
        with in_precision(recipe, str(pixels.device)):
            logits = together(parameters, buffers, pixels).float()
        if step == 0:
            for each in sets.labels:
                check_labels(each, logits.shape[2])
        each_loss = nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view_as(labels).mean(1)
        optimiser.param_groups[0]["lr"] = recipe.peak_learning_rate * one_cycle(step, total)
        optimiser.zero_grad()
        torch.autograd.backward(each_loss.sum())
        optimiser.step()
        losses += each_loss.detach()
        if (step + 1) % LOSS_EVERY == 0 or step + 1 == total:
            means = (losses / (step % LOSS_EVERY + 1)).tolist()
            losses.zero_()
            for mean in means:
                check_loss(mean, step, recipe)
            if progress is not None:
                words = (
                    f"epoch {step // sets.per_epoch + 1} of {recipe.epochs}, {len(means)} networks, mean loss {sum(means) / len(means):.3f}"
                )
                progress((step + 1) / total, words)


def _forward(module: nn.Module) -> Callable[[Stacked, Stacked, Tensor], Tensor]:
    """From stacked weights and images K x N x C x H x W to logits K x N x classes; batch statistics are updated in place."""
    skeleton = copy.deepcopy(module).to("meta")

    def alone(parameters: Stacked, buffers: Stacked, pixels: Tensor) -> Tensor:
        logits: Tensor = functional_call(skeleton, (dict(parameters), dict(buffers)), (pixels,))
        return logits

    return vmap(alone, in_dims=(0, 0, 0), randomness="different")


def _hand_back(modules: Sequence[nn.Module], stacked: Stacked) -> None:
    with torch.no_grad():
        for place, module in enumerate(modules):
            own = {**dict(module.named_parameters()), **dict(module.named_buffers())}
            for name, values in stacked.items():
                own[name].copy_(values[place])


def _require_alike(modules: Sequence[nn.Module], images: Sequence[LabelledImages], seeds: Sequence[int]) -> None:
    if not len(modules) == len(images) == len(seeds) > 0:
        raise ModelError(f"wanted as many networks as sets and seeds, got: {len(modules)}, {len(images)}, {len(seeds)}")
    shapes = [{name: values.shape for name, values in module.state_dict().items()} for module in modules]
    if any(type(module) is not type(modules[0]) for module in modules) or any(each != shapes[0] for each in shapes):
        raise ModelError("networks that are trained together must have one architecture", "train them one by one")
    counts = sorted({len(each) for each in images})
    if len(counts) > 1 or counts[0] == 0:
        raise DataError(f"networks that are trained together need sets of one size, and images in them, got: {counts}")
