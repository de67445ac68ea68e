"""A simpler network: the trunk as deep as the size limit allows, and a linear head with few weights on it.

The head imitates the network's own outputs, not the labels: the replacement should make the same errors.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Answer, Rebuilt
from onecurve.core.errors import AnswerError
from onecurve.core.image.images import Floats
from onecurve.core.question import Form, Forms, Question, Rebuild
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench
from onecurve.models.hooks import activations
from onecurve.models.metering import unmetered
from onecurve.models.network import TorchNetwork, evaluating, torch_module
from onecurve.repairs.machinery.elastic_net import LinearHead, elastic_net_path
from onecurve.repairs.machinery.trunk import Cut, cuts, trunk
from onecurve.repairs.machinery.varied_images import varied

BATCH = 256
HELD_BACK = 0.2
"""Share of the images that choose the penalty."""
PENALTIES = 14
SMALLEST = 1e-4
"""The least penalty as a share of the one that leaves no weight."""
LEAST_WEIGHTS = 4
"""Weights per class that must fit beside the trunk."""
NUMBER_BITS = 17
"""Bits of a number that is rounded to half precision, about, once it is stored."""
TEXT_BITS = (4000, 300)
"""Set aside for the text of the stored operations: for any network, and for each of its layers."""
TIGHTER = 0.85
"""The numbers allowed are cut down to this share until the whole fits."""


@final
class PooledHead(nn.Module):
    """A linear function of what a trunk gives; maps are pooled to their mean and peak, over all places and over quarters."""

    def __init__(self, lower: nn.Module, head: LinearHead) -> None:
        super().__init__()
        self.trunk = lower
        self.head = nn.Linear(head.weights.shape[1], head.weights.shape[0])
        with torch.no_grad():
            self.head.weight.copy_(head.weights)
            self.head.bias.copy_(head.biases)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(pooled(self.trunk(images)))
        return logits


def pooled(maps: Tensor) -> Tensor:
    """N x D: N x C x h x w to means and peaks over 1 x 1 and 2 x 2 parts (10 C numbers); N x C as it is."""
    if maps.ndim == 2:
        return maps
    parts = [pool(maps, side).flatten(1) for side in (1, 2) for pool in (functional.adaptive_avg_pool2d, functional.adaptive_max_pool2d)]
    return torch.cat(parts, 1)


@final
@dataclass(frozen=True)
class SparseHead:
    """Sparse linear head (2105.04857) on the deepest layer whose trunk fits the limit.

    Elastic net (L1 share 0.99) on pooled features, fitted to the network's probabilities on the clean images and on varied
    copies of them, as many as the budget pays for. Of the heads that fit, the sparsest within ``slack`` of the best
    held-back agreement is taken (the paper allows 5 points of accuracy). Departures: the trunk is cut, as a whole one is
    too large; weights are rounded to half precision; FISTA rather than SAGA.
    """

    name: ClassVar[str] = "sparse-head"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "keeps the lower layers, reads them with few weights"
    source: ClassVar[str] = "Leveraging sparse linear layers, 2105.04857"
    needs: ClassVar[Access] = Access.WEIGHTS | Access.CLEAN_IMAGES
    answers: ClassVar[Forms] = (Form.SIMPLIFY,)

    slack: float = 0.02
    """Held-back agreement given up for sparsity, as a share of the images."""
    most_images: int = 6000
    """Images looked at, at most."""

    def __post_init__(self) -> None:
        require_within("slack", self.slack, 0, 1)
        require_within("most_images", self.most_images, 10)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        """The trunk with its head; Abstain where no trunk fits or the budget pays for too few images."""
        if not isinstance(question, Rebuild):
            raise AnswerError("sparse-head hands back a network; this question is of another form")
        module = torch_module(workbench.subject)
        bare = unmetered(module)
        limit = question.size_limit if question.size_limit is not None else TorchNetwork(bare).size()
        least = (LEAST_WEIGHTS + 1) * workbench.subject.classes * NUMBER_BITS
        found = _deepest(bare, limit - least)
        if found is None:
            return Abstain(f"no part of the network with a head fits into {limit} bits")
        cut, lower = found
        clean = workbench.subject.granted_clean().floats()
        count = workbench.affordable(1, self.most_images)
        if count < 2 * workbench.subject.classes:
            return Abstain(f"the budget pays for {count} images, too few to fit a head")
        images = varied(clean, count, workbench.rng)
        with evaluating(module), torch.no_grad():
            features, targets = _observed(module, images, cut, workbench.device)
        room = (limit - _stored(lower)) // NUMBER_BITS
        while room >= workbench.subject.classes:
            chosen, agreement = _chosen(features, targets, room, self.slack)
            network = _halved(PooledHead(lower, chosen)).eval()
            if _stored(network) <= limit:
                note = _note(chosen, cut, agreement, workbench.subject.class_names)
                return Rebuilt(TorchNetwork(network, workbench.device), note)
            room = int(room * TIGHTER)
        return Abstain(f"no head fits beside the layers up to `{cut.layer}` into {limit} bits")


def _deepest(bare: nn.Module, limit: int) -> tuple[Cut, nn.Module] | None:
    """The largest part that fits, rounded; of equal ones the last, as an activation follows its convolution."""
    for _, cut in sorted(enumerate(cuts(bare)), key=lambda pair: (-pair[1].size, -pair[0])):
        if 0 < cut.size <= limit // (NUMBER_BITS // 2):
            lower = _halved(trunk(bare, cut.layer))
            if _stored(lower) <= limit:
                return cut, lower
    return None


def _stored(module: nn.Module) -> int:
    """Bits that the module takes once it is stored, at most."""
    fixed, each = TEXT_BITS
    return TorchNetwork(module).size() + fixed + each * len(list(module.modules()))


def _halved(module: nn.Module) -> nn.Module:
    """The module with all numbers rounded to half precision, in place; they stay as wide as they were."""
    with torch.no_grad():
        for values in (*module.parameters(), *module.buffers()):
            if values.is_floating_point():
                values.copy_(values.half())
    return module


def _observed(module: nn.Module, images: Floats, cut: Cut, device: str) -> tuple[Tensor, Tensor]:
    """Pooled features N x D of the layer and the network's probabilities N x K, from one pass each."""
    features, targets = [], []
    for start in range(0, len(images), BATCH):
        batch = torch.from_numpy(images[start : start + BATCH]).to(device)
        seen: list[Tensor] = []
        handle = module.register_forward_hook(lambda _, __, logits, seen=seen: seen.append(logits))
        try:
            features.append(pooled(activations(module, batch, cut.layer)).cpu())
        finally:
            handle.remove()
        targets.append(torch.softmax(seen[-1], 1).cpu())
    return torch.cat(features), torch.cat(targets)


def _chosen(features: Tensor, targets: Tensor, limit: int, slack: float) -> tuple[LinearHead, float]:
    """The sparsest head within ``slack`` of the best, among those of at most ``limit`` numbers, and its held-back agreement."""
    judging = torch.arange(len(features)) % round(1 / HELD_BACK) == 0
    heads = elastic_net_path(features[~judging], targets[~judging], PENALTIES, SMALLEST)
    said = targets[judging].argmax(1)
    scored = [
        (float((features[judging] @ head.weights.T + head.biases).argmax(1).eq(said).float().mean()), head)
        for head in heads
        if head.size <= limit
    ]
    if not scored:
        # The sparsest of the path is still too large: biases alone always fit.
        return LinearHead(torch.zeros_like(heads[0].weights), heads[0].biases), 0.0
    best = max(agreement for agreement, _ in scored)
    agreement, head = next(pair for pair in scored if pair[0] >= best - slack)
    return head, agreement


def _note(head: LinearHead, cut: Cut, agreement: float, names: tuple[str, ...]) -> str:
    used = torch.count_nonzero(head.weights, dim=1).tolist()
    counts = ", ".join(f"{name} {count}" for name, count in zip(names, used, strict=True))
    return (
        f"trunk up to `{cut.layer}` ({cut.size} parameters), held-back agreement {agreement:.3f}; "
        f"features per class (of {head.weights.shape[1]}): {counts}; median {int(np.median(used))}"
    )
