"""Fine-pruning: silence the channels that clean images do not use, then fine-tune.

The network kept is the last one *inside* the tolerance, restored from before the step that left it.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor, nn

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Answer, Rebuilt
from onecurve.core.errors import AnswerError
from onecurve.core.image.images import LabelledImages
from onecurve.core.question import Form, Forms, Question, Rebuild
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.models.finetuning import FinetuningRecipe, finetune, held_back, held_back_accuracy
from onecurve.models.hooks import last_convolution, layer_named
from onecurve.models.metering import unmetered
from onecurve.models.network import TorchNetwork, evaluating, torch_module

SWEEP_SHARE = 0.3
"""Part of the budget that ranking and pruning may take; the rest goes to fine-tuning."""


@final
@dataclass(frozen=True)
class FinePruning:
    """Fine-pruning (1805.12185): prune dormant channels of the last convolution, then fine-tune on clean images.

    A channel's activation is measured after the batch normalisation that follows the convolution, if any, and after a
    ReLU. On a residual network the last branch's channel is silenced, the shortcut beside it is not. Departures: the
    tolerance is 3 points of held-back clean accuracy, not 4 or 10; the pruning step grows where the budget is small.
    """

    name: ClassVar[str] = "fine-pruning"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "prunes channels that clean images leave dormant, then fine-tunes"
    source: ClassVar[str] = "Fine-Pruning, 1805.12185"
    needs: ClassVar[Access] = Access.WEIGHTS | Access.CLEAN_IMAGES | Access.CLEAN_LABELS
    answers: ClassVar[Forms] = (Form.REPAIR,)

    tolerance: float = 0.03
    """How much held-back clean accuracy pruning may cost, as a share of the images."""
    learning_rate: float = 0.01
    epochs: int = 40
    """At most so many passes over the clean set."""

    def __post_init__(self) -> None:
        require_within("tolerance", self.tolerance, 0, 1)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        """The pruned and fine-tuned copy; Abstain where the budget does not pay for ranking the channels."""
        if not isinstance(question, Rebuild):
            raise AnswerError("fine-pruning hands back a network; this question is of another form")
        recipe = FinetuningRecipe(epochs=self.epochs, learning_rate=self.learning_rate)
        clean = workbench.subject.granted_clean()
        judging = held_back(clean, recipe.held_back, workbench.seed).judging
        copy = deepcopy(torch_module(workbench.subject)).to(workbench.device)
        channel = _ChannelSwitch.of(copy)
        sweep = workbench.remaining * SWEEP_SHARE
        ranked_on = clean.take(slice(0, int(sweep / 2)))
        evaluations = int((sweep - len(ranked_on)) / len(judging)) - 1
        if len(ranked_on) == 0 or evaluations < 1:
            return Abstain("the budget does not pay for ranking the channels")
        order = np.argsort(_mean_activation(copy, channel, ranked_on, workbench.device), kind="stable")
        pruned = _prune(copy, channel, order, judging, evaluations, self.tolerance)
        hooks = channel.keep_pruned(pruned)
        done = finetune(copy, clean, recipe, workbench)
        for hook in hooks:
            hook.remove()
        note = f"{len(pruned)} of {len(order)} channels pruned, {done.steps} steps of fine-tuning"
        return Rebuilt(TorchNetwork(unmetered(copy), workbench.device), note)


@final
@dataclass(frozen=True)
class _ChannelSwitch:
    """The parameters whose rows make up the channels of the last convolution, and the layer that gives them."""

    layer: nn.Module
    """The batch normalisation after the convolution, or the convolution itself."""
    parameters: tuple[nn.Parameter, ...]

    @classmethod
    def of(cls, module: nn.Module) -> "_ChannelSwitch":
        convolution = layer_named(module, last_convolution(module))
        layers = list(module.modules())
        after = [part for part in layers[layers.index(convolution) + 1 :] if isinstance(part, nn.BatchNorm2d)]
        layer = after[0] if after else convolution
        parts = {id(parameter): parameter for part in (convolution, layer) for parameter in part.parameters(recurse=False)}
        return cls(layer, tuple(parts.values()))

    def silence(self, channels: np.ndarray) -> None:
        """Set all of these channels' parameters to zero: with its scale and shift at zero a channel says nothing."""
        rows = torch.from_numpy(channels)
        with torch.no_grad():
            for parameter in self.parameters:
                parameter[rows.to(parameter.device)] = 0

    def keep_pruned(self, channels: np.ndarray) -> list[torch.utils.hooks.RemovableHandle]:
        """Hooks that hold the gradients of these channels at zero, so that fine-tuning does not bring them back."""
        rows = torch.from_numpy(channels)
        return [
            parameter.register_hook(lambda gradient: gradient.index_fill(0, rows.to(gradient.device), 0)) for parameter in self.parameters
        ]


def _mean_activation(module: nn.Module, channel: _ChannelSwitch, images: LabelledImages, device: str) -> np.ndarray:
    """Mean over images and places of each channel after a ReLU."""
    sums: list[Tensor] = []
    handle = channel.layer.register_forward_hook(lambda _, __, output: sums.append(output.clamp(min=0).mean((2, 3)).sum(0)))
    try:
        with evaluating(module), torch.no_grad():
            for start in range(0, len(images), 256):
                module(torch.from_numpy(images.take(slice(start, start + 256)).floats()).to(device))
    finally:
        handle.remove()
    return torch.stack(sums).sum(0).cpu().numpy() / len(images)


def _prune(
    module: nn.Module, channel: _ChannelSwitch, order: np.ndarray, judging: LabelledImages, evaluations: int, tolerance: float
) -> np.ndarray:
    """Prune in ``order`` while held-back accuracy holds; gives the channels pruned and leaves the module with exactly these silent."""
    device = str(next(module.parameters()).device)
    least = held_back_accuracy(module, judging, device) - tolerance
    step = max(1, -(-len(order) // evaluations))
    kept = 0
    for count in range(step, len(order), step):
        before = [parameter.detach().clone() for parameter in channel.parameters]
        channel.silence(order[:count])
        if held_back_accuracy(module, judging, device) < least:
            with torch.no_grad():
                for parameter, values in zip(channel.parameters, before, strict=True):
                    parameter.copy_(values)
            break
        kept = count
    return order[:kept].copy()
