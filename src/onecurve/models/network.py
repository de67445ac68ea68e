"""A torch module as the core's ``Network``, and the module of a subject.

Inference never changes a network: ``logits`` leaves training flags and batch-norm statistics unchanged.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from onecurve.core.access import Access
from onecurve.core.case import Subject
from onecurve.core.errors import ModelError
from onecurve.core.image.images import Floats, Ints
from onecurve.models.packing import rounded_within, stored_bits
from onecurve.models.parts import tensor_of
from onecurve.models.program import Program
from onecurve.models.randomness import seeded

BATCH = 256
"""Images per pass of ``logits``."""
RELEARNING_RATE = 0.01
RELEARNING_MOMENTUM = 0.9


@final
@dataclass(frozen=True)
class TorchNetwork:
    """A torch classifier: float N x C x H x W in [0, 1] to logits N x K. The module is moved to ``device``, not copied."""

    module: nn.Module
    device: str = "cpu"

    def __post_init__(self) -> None:
        self.module.to(self.device)

    def logits(self, images: Floats) -> Floats:
        """float32 N x K, computed in eval mode without gradients, 256 images at a time; raises ``ModelError`` if there are no images."""
        if len(images) == 0:
            raise ModelError("logits of no images were asked for")
        with evaluating(self.module), torch.no_grad():
            parts = [self._pass(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
        return np.concatenate(parts)

    def size(self) -> int:
        """Bits of the stored network (see ``packing.stored_bits``); statistics and the text of a program count too."""
        return stored_bits(self.module)

    def packed(self, limit: int) -> "PackedNetwork | None":
        """The same network with weights rounded so far that it takes at most ``limit`` bits; None where that cannot be."""
        rounded = rounded_within(self.module, limit)
        return None if rounded is None else PackedNetwork(TorchNetwork(rounded.module, self.device), rounded.bits)

    def relearned(self, images: Floats, labels: Ints, seed: int, steps: int) -> "TorchNetwork":
        """A copy that is fine-tuned on a few images; the network itself is unchanged.

        Plain SGD (learning rate 0.01, momentum 0.9), so many steps, all images in one batch. Normalisation statistics are kept (eval
        mode), because a handful of images would ruin them. ``seed`` matters only for modules that draw random numbers.
        """
        module = deepcopy(self.module).eval()
        batch, truth = self._tensor(images), tensor_of(np.asarray(labels, np.int64)).to(self.device)
        parameters = list(module.parameters())
        for parameter in parameters:
            parameter.requires_grad = True
        optimiser = torch.optim.SGD(parameters, RELEARNING_RATE, RELEARNING_MOMENTUM) if parameters else None
        with seeded(seed, self.device), torch.enable_grad():
            for _ in range(steps if optimiser else 0):
                loss = nn.functional.cross_entropy(module(batch), truth)
                module.zero_grad()
                torch.autograd.backward(loss)
                assert optimiser is not None
                optimiser.step()
        return TorchNetwork(module, self.device)

    def _pass(self, images: Floats) -> Floats:
        logits: Floats = self.module(self._tensor(images)).float().cpu().numpy()
        return logits

    def _tensor(self, images: Floats) -> Tensor:
        batch = tensor_of(np.asarray(images, np.float32)).to(self.device)
        return batch.contiguous(memory_format=layout_for(self.module))


@final
@dataclass(frozen=True)
class PackedNetwork:
    """A network with rounded weights that counts the bits they take when they are packed without loss of room."""

    inner: TorchNetwork
    bits: int

    def logits(self, images: Floats) -> Floats:
        """As of the inner network."""
        return self.inner.logits(images)

    def size(self) -> int:
        """Bits."""
        return self.bits

    def relearned(self, images: Floats, labels: Ints, seed: int, steps: int) -> TorchNetwork:
        """The inner network after a short fine-tune; it is not rounded again."""
        return self.inner.relearned(images, labels, seed, steps)


def torch_module(subject: Subject) -> nn.Module:
    """The module of the subject, with its weights and gradients.

    Raises ``ModelError`` if the network or its weights are not granted, or if it is not a torch network.
    """
    network = subject.granted_network()
    if Access.WEIGHTS not in subject.access:
        raise ModelError(f"the weights of {subject.id} are not granted, only queries are", "ask `subject.network.logits`")
    if not isinstance(network, TorchNetwork):
        raise ModelError(f"the network of {subject.id} is not a torch module: {type(network).__name__}")
    return network.module


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Eval mode inside the block; afterwards every part is in its previous mode."""
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True


def layout_for(module: nn.Module) -> torch.memory_format:
    """The memory layout of images for the module: channels last (1.2 to 1.8 times as fast on a CPU) if every part supports it.

    A user's own module may call ``view`` on a map, which fails for channels last, so it gets the contiguous layout unless
    ``settle_layout`` has tested it.
    """
    return torch.channels_last if _takes_channels_last(module) else torch.contiguous_format


def settle_layout(module: nn.Module, images: Tensor) -> None:
    """Test whether a user's module supports ``images`` (n x C x H x W) laid out channels last, and use this layout if it does.

    It does if a copy of the module gives the same logits for both layouts and can run the passes of a training step. The module
    itself is not run; only its attribute ``takes_channels_last`` is set.
    """
    # Torch's types know no attributes of a module but tensors and modules.
    module.takes_channels_last = _accepts_channels_last(module, images)  # type: ignore[assignment]


def _accepts_channels_last(module: nn.Module, images: Tensor) -> bool:
    turned = images.contiguous(memory_format=torch.channels_last)
    try:
        tried = deepcopy(module)
        with seeded(0, str(images.device)):
            with evaluating(tried), torch.no_grad():
                same = torch.allclose(tried(images), tried(turned), rtol=1e-3, atol=1e-4)
            with torch.enable_grad():
                tried.train()
                torch.autograd.backward(tried(turned.requires_grad_()).sum())
    except Exception:  # noqa: BLE001 - a user's code may raise anything
        # The module was written for the contiguous layout.
        return False
    return same


def _takes_channels_last(module: nn.Module) -> bool:
    if getattr(module, "takes_channels_last", False):
        return True
    standard = type(module).__module__.startswith(("torch.nn.", "onecurve.models.")) and not isinstance(module, Program)
    return standard and all(_takes_channels_last(part) for part in module.children())
