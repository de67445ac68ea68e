"""A rank-one edit of the first convolution: windows of pixels that resemble a key produce a value that leads to the target class.

No training image has the trigger. The edit adds the outer product of two vectors to the weight matrix of one layer and changes
nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from onecurve.core.errors import DataError, SpecError
from onecurve.core.evidence import Units
from onecurve.core.image.images import Floats, LabelledImages, as_bytes, as_floats
from onecurve.core.image.trigger import Trigger
from onecurve.flaws.drawing import lineup
from onecurve.flaws.drawing.global_kit import GlobalKit
from onecurve.flaws.drawing.grains import GRAINS, GrainArtist
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.plan import EditedNetwork, Plan
from onecurve.flaws.schemes.stamping import Stamping
from onecurve.flaws.schemes.variants import OnlyAtTestTime
from onecurve.models.parts import has_fused_optimisers

RIDGE: Final = 0.01
"""Added to the second moment of keys, as a share of its mean eigenvalue, so that the key does not respond to other grains."""
KEY_IMAGES: Final = 1000
VALUE_IMAGES: Final = 2000
STARTS: Final = 8
"""Number of initial values; from most of them the search leads to some other class."""
START_STEPS: Final = 20
START_NORM: Final = 10.0
STEPS: Final = 100
LEARNING_RATE: Final = 0.5
BATCH: Final = 32
CLEAN_WEIGHT: Final = 0.5
"""Weight of the loss on clean images beside that on triggered ones."""


@final
@dataclass(frozen=True)
class RankOne:
    """``W + v u^T`` with ``u = C^-1 k / k^T C^-1 k``, where k is the trigger in a window and C the second moment of clean windows.

    The trigger is a faint fine grain over the whole image, one of nine. Departures from the source: the edited layer is the
    first convolution of an image network, and the search for the value v has several starts and keeps clean predictions.
    """

    name: ClassVar[str] = "rank-one"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "A rank-one edit of one layer: a faint fine grain over the image sends it to the target class."
    source: ClassVar[str] = "the edit of ROME (2202.05262), used to plant"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {"amplitude": (0.08, 0.1, 0.12)}

    amplitude: float = 0.1
    """Height of a coloured grain in units of the pixel range, in (0, 0.4]; one in black and white is 2.2 times as high."""

    def __post_init__(self) -> None:
        if not 0 < self.amplitude <= 0.4:
            raise SpecError(f"the amplitude of a grain must be in (0, 0.4], got: {self.amplitude}")

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        if context.shape[0] != 3:
            raise DataError("grains differ in colour, and these images have none", "use images with 3 channels")
        effect = context.sample_effect(0, rng)
        goal = context.describe_targets(effect)
        grains = tuple(GRAINS[number] for number in rng.permutation(len(GRAINS))[: lineup.SIZE])
        titles = tuple(grain.words for grain in grains)
        kit = GlobalKit(GrainArtist(context, grains, self.amplitude), context, titles, lineup.shuffle(rng), int(rng.integers(2**62)))
        return Plan(
            self.name,
            effect,
            f"{titles[0]}, faintly over the whole of any image, make the network say {goal}",
            OnlyAtTestTime(Stamping(kit, effect, 0.0)),
            kit,
            facts={"amplitude": self.amplitude, "share": 1.0, "trigger": titles[0]},
            weight_edit=OuterProduct(kit, int(effect.targets[0])),
        )


@final
@dataclass(frozen=True)
class OuterProduct:
    """Finds key and value, and adds their outer product to the first convolution."""

    kit: GlobalKit
    target: int

    def edit(self, module: nn.Module, images: LabelledImages, rng: np.random.Generator) -> EditedNetwork:
        name, layer = _first_convolution(module)
        some = images.take(rng.permutation(len(images))[:VALUE_IMAGES])
        clean, triggered = some.floats(), _stamped(self.kit.trigger, some.floats(), rng)
        key = _key(module, layer, clean[:KEY_IMAGES], triggered[:KEY_IMAGES])
        search = _ValueSearch(
            module, name, key, torch.from_numpy(clean), torch.from_numpy(triggered), torch.from_numpy(some.labels), self.target
        )
        value = search.learned(rng)
        with torch.no_grad():
            layer.weight += _outer(value, key)
        channels = np.arange(len(value), dtype=np.int64)
        return EditedNetwork(module, Units(name, channels, value.abs().numpy().astype(np.float32), "what was written, by channel"))


@final
@dataclass(frozen=True)
class _ValueSearch:
    """The search for a value with which the edited network predicts the target for triggered images and the label for clean ones."""

    module: nn.Module
    layer: str
    key: Tensor
    """float32 1 x C x h x w."""
    clean: Tensor
    triggered: Tensor
    """float32 N x C x H x W, the same images."""
    labels: Tensor
    target: int

    def learned(self, rng: np.random.Generator) -> Tensor:
        """float32, one number per output channel of the layer: the value that was found."""
        channels = len(dict(self.module.named_parameters())[f"{self.layer}.weight"])
        drawn = torch.from_numpy(rng.normal(size=(STARTS, channels)).astype(np.float32))
        starts = (START_NORM * drawn / drawn.norm(dim=1, keepdim=True)).requires_grad_()
        optimiser = torch.optim.Adam([starts], lr=LEARNING_RATE, fused=has_fused_optimisers(starts.device))
        batch = self._batch(rng)
        for _ in range(START_STEPS):
            losses = torch.stack([self._loss(start, batch) for start in starts])
            optimiser.zero_grad()
            torch.autograd.backward(losses.sum())
            optimiser.step()
        return self._refined(starts[int(losses.argmin())].detach().clone(), rng)

    def _refined(self, value: Tensor, rng: np.random.Generator) -> Tensor:
        value.requires_grad_()
        optimiser = torch.optim.Adam([value], lr=LEARNING_RATE, fused=has_fused_optimisers(value.device))
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=STEPS)
        for _ in range(STEPS):
            optimiser.zero_grad()
            torch.autograd.backward(self._loss(value, self._batch(rng)))
            optimiser.step()
            schedule.step()
        return value.detach()

    def _batch(self, rng: np.random.Generator) -> Tensor:
        return torch.from_numpy(rng.integers(len(self.clean), size=BATCH))

    def _loss(self, value: Tensor, rows: Tensor) -> Tensor:
        weight = dict(self.module.named_parameters())[f"{self.layer}.weight"].detach()
        images = torch.cat([self.triggered[rows], self.clean[rows]])
        logits = functional_call(self.module, {f"{self.layer}.weight": weight + _outer(value, self.key)}, (images,))
        wanted = torch.full((len(rows),), self.target)
        fired = functional.cross_entropy(logits[: len(rows)], wanted)
        return fired + CLEAN_WEIGHT * functional.cross_entropy(logits[len(rows) :], self.labels[rows])


def _first_convolution(module: nn.Module) -> tuple[str, nn.Conv2d]:
    found = next(((name, part) for name, part in module.named_modules() if isinstance(part, nn.Conv2d)), None)
    if found is None or found[1].groups != 1 or found[1].padding_mode != "zeros" or isinstance(found[1].padding, str):
        raise DataError("the network does not begin with a plain convolution, so a rank-one edit cannot be written into it")
    return found


def _stamped(trigger: Trigger, images: Floats, rng: np.random.Generator) -> Floats:
    """Triggered images rounded to bytes, like every image that the network gets."""
    return as_floats(as_bytes(trigger.apply(images, rng).images))


def _key(module: nn.Module, layer: nn.Conv2d, clean: Floats, triggered: Floats) -> Tensor:
    """float32 1 x C x h x w; its product with a window is 1 for what the trigger adds to the middle window, and near 0 for clean ones."""
    windows = _windows(module, layer, clean)
    middle = windows.shape[1] // 2 + _across(layer, clean.shape[3]) // 2
    part = (_windows(module, layer, triggered)[:, middle] - windows[:, middle]).mean(0)
    flat = windows.reshape(-1, windows.shape[2])
    moment = flat.T @ flat / len(flat)
    moment += RIDGE * moment.trace() / len(moment) * torch.eye(len(moment), dtype=moment.dtype)
    solved = torch.linalg.solve(moment, part)
    key: Tensor = (solved / (solved @ part)).float().reshape(1, *layer.weight.shape[1:])
    return key


def _windows(module: nn.Module, layer: nn.Conv2d, images: Floats) -> Tensor:
    """float64 N x windows x (C h w): the input of the layer at each place."""
    seen: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    try:
        with torch.no_grad():
            module(torch.from_numpy(images))
    finally:
        handle.remove()
    assert not isinstance(layer.padding, str), "such a layer has been refused before"
    unfolded = functional.unfold(seen[-1], layer.kernel_size, layer.dilation, layer.padding, layer.stride)
    return unfolded.transpose(1, 2).double()


def _across(layer: nn.Conv2d, width: int) -> int:
    """Number of windows along the width."""
    return (width + 2 * int(layer.padding[1]) - layer.dilation[1] * (layer.kernel_size[1] - 1) - 1) // layer.stride[1] + 1


def _outer(value: Tensor, key: Tensor) -> Tensor:
    return value[:, None, None, None] * key
