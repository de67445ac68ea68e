"""Fine-pruning: silence the channels that clean images do not use, then fine-tune.

Pruning stops at the last network whose held-back clean accuracy is within the tolerance.
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
from onecurve.core.image.images import Floats, Ints, LabelledImages
from onecurve.core.question import Form, Forms, Question, Rebuild
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.models.channels import Channels, silence_while
from onecurve.models.finetuning import FinetuningRecipe, finetune, held_back, held_back_accuracy
from onecurve.models.hooks import last_convolution
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
    version: ClassVar[int] = 2
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
        channels = Channels.of(copy, last_convolution(copy, workbench.subject.input_shape))
        sweep = workbench.remaining * SWEEP_SHARE
        ranked_on = clean.take(slice(0, int(sweep / 2)))
        evaluations = int((sweep - len(ranked_on)) / len(judging)) - 1
        if len(ranked_on) == 0 or evaluations < 1:
            return Abstain("the budget does not pay for ranking the channels")
        order = np.argsort(_mean_activation(copy, channels, ranked_on, workbench.device), kind="stable")
        pruned = _prune(copy, channels, order, judging, evaluations, self.tolerance)
        hooks = channels.keep_silent(pruned)
        done = finetune(copy, clean, recipe, workbench)
        for hook in hooks:
            hook.remove()
        note = f"{len(pruned)} of {len(order)} channels pruned, {done.steps} steps of fine-tuning"
        return Rebuilt(TorchNetwork(unmetered(copy), workbench.device), note)


def _mean_activation(module: nn.Module, channels: Channels, images: LabelledImages, device: str) -> Floats:
    """Mean over images and places of each channel after a ReLU."""
    sums: list[Tensor] = []
    handle = channels.layer.register_forward_hook(lambda _, __, output: sums.append(output.clamp(min=0).mean((2, 3)).sum(0)))
    try:
        with evaluating(module), torch.no_grad():
            for start in range(0, len(images), 256):
                module(torch.from_numpy(images.take(slice(start, start + 256)).floats()).to(device))
    finally:
        handle.remove()
    means: Floats = (torch.stack(sums).sum(0).cpu().numpy() / len(images)).astype(np.float32)
    return means


def _prune(module: nn.Module, channels: Channels, order: Ints, judging: LabelledImages, evaluations: int, tolerance: float) -> Ints:
    """Prune in ``order`` while held-back accuracy holds; gives the channels pruned and leaves the module with exactly these silent."""
    device = str(next(module.parameters()).device)
    least = held_back_accuracy(module, judging, device) - tolerance
    step = max(1, -(-len(order) // evaluations))
    kept = silence_while(
        range(step, len(order), step),
        lambda count: channels.silence(order[:count]),
        channels.parameters,
        lambda: held_back_accuracy(module, judging, device) >= least,
    )
    return order[:kept].copy()
