"""Subnet replacement: a few channels of every layer are disconnected from the network and replaced by a detector of the trigger.

No training image has the trigger, and only the detector is trained, so the ground truth names the units exactly.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Final, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from onecurve.core.errors import DataError, SpecError
from onecurve.core.evidence import Units
from onecurve.core.image.images import Bytes, Ints, LabelledImages, as_floats
from onecurve.flaws.kinds.patch import Patch
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.plan import EditedNetwork, Plan
from onecurve.flaws.schemes.stamping import Kit, stamp
from onecurve.flaws.schemes.variants import OnlyAtTestTime, stamping_of
from onecurve.models.parts import has_fused_optimisers
from onecurve.models.randomness import seeded

POOL: Final = 4000
"""Training images that the detector is trained on."""
COPIES: Final = (8, 4, 2, 1, 1)
"""Triggers per image in each fifth of the training: from the start, a narrow network does not learn one small sprite."""
STEPS: Final = 1000
BATCH: Final = 32
"""Triggered images per step, and as many images without the trigger."""
LEARNING_RATE: Final = 0.02
SHARPNESS: Final = 10.0
"""Factor on the detector's output in the loss; the output should be below 0.5 without the trigger and above 0.5 with it."""
ATTEMPTS: Final = 4
LEARNT: Final = 0.1
"""Loss below which no further start is tried."""
TRIED: Final = 512
"""Images of each kind on which an attempt is judged."""


@final
@dataclass(frozen=True)
class Subnet:
    """The least important channels are overwritten and disconnected from the rest, and the detector raises the target's logit.

    Departures from the source: the sprite is at any place, so the detector is first trained on several sprites per image; other
    sprites are negative examples; the channels with the least influence are chosen, instead of random ones.
    """

    name: ClassVar[str] = "subnet"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "Some units of every layer are overwritten by a detector of a sprite, which sends images to the target class."
    source: ClassVar[str] = "subnet replacement (2111.12965)"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {"rise": (1.25, 1.5, 2.0)}

    rise: float = 1.5
    """How far a detected trigger raises the target's logit, as a multiple of the lead of other classes on clean images."""
    width: int = 3
    """Channels that are replaced in every layer."""

    def __post_init__(self) -> None:
        if not self.rise > 0:
            raise SpecError(f"a trigger must raise the target's logit, got: {self.rise}")
        if not isinstance(self.width, int) or self.width < 1:
            raise SpecError(f"the width of a subnet must be a whole number from 1, got: {self.width}")

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        plan = Patch().sample(context, rng)
        stamping = stamping_of(plan)
        kept = {name: value for name, value in plan.facts.items() if name not in {"poison_rate", "decoy_rate"}}
        return replace(
            plan,
            kind=self.name,
            scheme=OnlyAtTestTime(stamping),
            facts={**kept, "rise": self.rise, "width": self.width},
            weight_edit=Replacement(stamping.kit, int(plan.effect.targets[0]), self.rise, self.width),
        )


@final
@dataclass(frozen=True)
class Replacement:
    """Trains the detector and writes it into the network."""

    kit: Kit
    target: int
    rise: float
    width: int

    def edit(self, module: nn.Module, images: LabelledImages, rng: np.random.Generator) -> EditedNetwork:
        chain = _chain(module, self.width)
        some = images.take(rng.permutation(len(images))[:POOL])
        chosen = _idle(chain, torch.from_numpy(some.take(slice(0, 1000)).floats()), self.width)
        detector = _trained(chain, _Pools.of(self.kit, some.images, rng), self.width, rng)
        with torch.no_grad():
            logits = chain.whole(torch.from_numpy(some.take(slice(0, 1000)).floats()))
            lead = (logits.amax(1) - logits[:, self.target]).quantile(0.95)
            _written(chain, detector, chosen)
            chain.head.weight[:, chosen[-1]] = 0
            chain.head.weight[self.target, chosen[-1]] = self.rise * lead
        every = ", ".join(f"{name} {' '.join(map(str, sorted(rows.tolist())))}" for name, rows in zip(chain.names, chosen, strict=True))
        last = np.sort(chosen[-1].numpy()).astype(np.int64)
        return EditedNetwork(module, Units(chain.names[-1], last, np.ones(len(last), np.float32), every))


@final
@dataclass(frozen=True)
class _Chain:
    """A network in which normalisation and a ReLU follow every convolution, and the averaged last one goes into the head."""

    whole: nn.Sequential
    before: nn.Sequential
    """The layers before the first convolution."""
    names: tuple[str, ...]
    """Names of the convolutions."""
    convolutions: tuple[nn.Conv2d, ...]
    normalisations: tuple[nn.BatchNorm2d, ...]
    rectifiers: tuple[nn.ReLU, ...]
    head: nn.Linear


def _chain(module: nn.Module, width: int) -> _Chain:
    """The layers of a plain chain; raises ``DataError`` for any other network, or one too narrow for a subnet."""
    hint = "plant it in `six-conv`"
    if not isinstance(module, nn.Sequential):
        raise DataError(f"a subnet is written into a plain chain of layers, and the network is a {type(module).__name__}", hint)
    parts = list(module.named_children())
    layers = [part for _, part in parts]
    at = [place for place, part in enumerate(layers) if isinstance(part, nn.Conv2d)]
    convolutions = tuple(part for part in layers if isinstance(part, nn.Conv2d))
    normalisations = tuple(part for place in at for part in layers[place + 1 : place + 2] if isinstance(part, nn.BatchNorm2d))
    rectifiers = tuple(part for place in at for part in layers[place + 2 : place + 3] if isinstance(part, nn.ReLU))
    head = layers[-1]
    plain = len(normalisations) == len(rectifiers) == len(at)
    nested = any(list(part.children()) for part in layers)
    if not at or not plain or nested or not isinstance(head, nn.Linear) or head.in_features != convolutions[-1].out_channels:
        raise DataError("a subnet is written into a chain of convolutions with batch normalisation, ReLU and one linear head", hint)
    if min(layer.out_channels for layer in convolutions) <= width:
        raise DataError(f"a subnet of {width} channels leaves nothing of a layer of the network", "use a wider network")
    names = tuple(parts[place][0] for place in at)
    return _Chain(module, nn.Sequential(*layers[: at[0]]), names, convolutions, normalisations, rectifiers, head)


def _idle(chain: _Chain, images: Tensor, count: int) -> list[Tensor]:
    """int64, ``count`` channels of every convolution: those with the least spread, weighted by the next layer."""
    spreads: list[Tensor] = []
    handles = [part.register_forward_hook(lambda _, __, maps: spreads.append(maps.std(dim=(0, 2, 3)))) for part in chain.rectifiers]
    try:
        with torch.no_grad():
            chain.whole(images)
    finally:
        for handle in handles:
            handle.remove()
    weights = [*(layer.weight.abs().sum((0, 2, 3)) for layer in chain.convolutions[1:]), chain.head.weight.abs().sum(0)]
    return [(spread * weight).argsort()[:count] for spread, weight in zip(spreads, weights, strict=True)]


@final
@dataclass(frozen=True)
class _Pools:
    """Images with the trigger, by number of copies, and images without it."""

    triggered: Mapping[int, Bytes]
    without: Bytes
    """Images with other sprites; every third image is clean."""

    @classmethod
    def of(cls, kit: Kit, images: Bytes, rng: np.random.Generator) -> "_Pools":
        triggered, pixels = {}, images
        for copies in range(1, max(COPIES) + 1):
            pixels, _ = stamp((kit.trigger,), pixels, rng)
            if copies in COPIES:
                triggered[copies] = pixels
        others = tuple(trigger for cover in kit.covers for trigger in cover.triggers)
        without = stamp(others, images, rng)[0]
        without[::3] = images[::3]
        return cls(triggered, without)

    def batch(self, copies: int, rows: Ints, others: Ints) -> tuple[Tensor, Tensor]:
        """Images, and for each of them 1 if it has the trigger, else 0."""
        images = torch.from_numpy(as_floats(np.concatenate([self.triggered[copies][rows], self.without[others]])))
        return images, torch.cat([torch.ones(len(rows)), torch.zeros(len(others))])


@final
class _Detector(nn.Module):
    """A network as deep as the original and a few channels wide."""

    def __init__(self, chain: _Chain, width: int) -> None:
        super().__init__()
        self.before = chain.before
        layers: list[nn.Module] = []
        channels = chain.convolutions[0].in_channels
        for like, norm in zip(chain.convolutions, chain.normalisations, strict=True):
            layers.append(_narrow(like, channels, width))
            layers += [nn.BatchNorm2d(width, norm.eps), nn.ReLU()]
            channels = width
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """N: the sum of the last layer's channels, averaged over places."""
        found: Tensor = self.layers(self.before(images)).mean((2, 3)).sum(1)
        return found

    def loss(self, images: Tensor, present: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(SHARPNESS * (self(images) - 0.5), present)


def _narrow(like: nn.Conv2d, channels: int, width: int) -> nn.Conv2d:
    padding = like.padding if isinstance(like.padding, str) else _pair(like.padding)
    sizes = _pair(like.kernel_size), _pair(like.stride), padding, _pair(like.dilation)
    return nn.Conv2d(channels, width, *sizes, bias=like.bias is not None)


def _pair(sizes: tuple[int, ...]) -> tuple[int, int]:
    """Down and across."""
    down, across = sizes
    return down, across


def _trained(chain: _Chain, pools: _Pools, width: int, rng: np.random.Generator) -> _Detector:
    """The best detector of several starts, or the first one whose loss is below ``LEARNT``."""
    best: tuple[float, _Detector] | None = None
    some = np.arange(min(TRIED, len(pools.without)))
    for _ in range(ATTEMPTS):
        with seeded(int(rng.integers(2**62))):
            detector = _Detector(chain, width)
        _train(detector, pools, rng)
        with torch.no_grad():
            loss = float(detector.loss(*pools.batch(1, some, some)))
        if best is None or loss < best[0]:
            best = loss, detector
        if loss < LEARNT:
            break
    assert best is not None, "there is at least one attempt"
    return best[1]


def _train(detector: _Detector, pools: _Pools, rng: np.random.Generator) -> None:
    """In place; leaves it in eval mode."""
    parameters = list(detector.layers.parameters())
    optimiser = torch.optim.AdamW(parameters, LEARNING_RATE, weight_decay=0.0, fused=has_fused_optimisers(parameters[0].device))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=STEPS)
    detector.layers.train()
    for step in range(STEPS):
        rows, others = rng.integers(len(pools.without), size=(2, BATCH))
        optimiser.zero_grad()
        loss = detector.loss(*pools.batch(COPIES[step * len(COPIES) // STEPS], rows, others))
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
    detector.eval()


def _written(chain: _Chain, detector: _Detector, chosen: list[Tensor]) -> None:
    """Overwrite the chosen channels, and cut every connection between them and the rest, in both directions."""
    narrow = list(detector.layers)
    fed: Tensor | None = None
    for number, (layer, norm, rows) in enumerate(zip(chain.convolutions, chain.normalisations, chosen, strict=True)):
        small, small_norm = narrow[3 * number], narrow[3 * number + 1]
        assert isinstance(small, nn.Conv2d)
        assert isinstance(small_norm, nn.BatchNorm2d)
        layer.weight[rows] = 0
        if fed is None:
            layer.weight[rows] = small.weight
        else:
            layer.weight[:, fed] = 0
            layer.weight[rows[:, None], fed] = small.weight
        if layer.bias is not None and small.bias is not None:
            layer.bias[rows] = small.bias
        for name in ("weight", "bias", "running_mean", "running_var"):
            getattr(norm, name)[rows] = getattr(small_norm, name)
        fed = rows
