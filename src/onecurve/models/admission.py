"""The one door for a network that somebody brings: it is made plain on a copy and tried on images, or refused in one sentence.

Whatever is accepted here gives logits N x K that depend on each image alone, can be copied, metered and differentiated.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from onecurve.core.errors import ModelError
from onecurve.models.adapting import Adapted, Reading
from onecurve.models.randomness import seeded
from onecurve.models.trials import Shape, Trial, cannot_run, passed, probes
from onecurve.models.unwrapping import (
    in_single_precision,
    own_copy,
    settle_sizes,
    trainable,
    with_plain_weights,
    without_shells,
)


@final
@dataclass(frozen=True, eq=False)
class Admitted:
    """A network that every method can work with."""

    module: nn.Module
    """A copy in eval mode: float32 N x C x H x W in [0, 1] to logits N x K."""
    notes: tuple[str, ...]
    """What was done to it, one line each; empty for a network that needed nothing."""
    outputs: int
    """Numbers that the network itself gives for an image: K, or 1 for two classes."""


def admit(module: nn.Module, shape: Shape, classes: int, *, name: str = "") -> Admitted:
    """A plain copy of any classifier of images of ``shape`` (C, H, W) into ``classes`` classes; ``module`` itself is not changed.

    Wrappers, masks, computed weights and half precision are undone; logits are taken out of dictionaries and tuples; a softmax or
    sigmoid at the end is undone. Then one, two and three images are tried. ``name`` is what errors call the network.

    Raises ``ModelError`` with one sentence and what to do: for TorchScript and quantised networks, for one that does not take such
    images, gives no finite logits N x ``classes``, draws at random, mixes the images of a batch, or lets no gradient through.
    """
    name = name or type(module).__name__
    with seeded(0):
        plain, notes = _plain(module, shape, name)
        trial = Trial.of(plain, probes(plain, shape), classes, name)
        reading, outputs, more = trial.reading()
        trial.check(reading)
        adapted = plain if reading == Reading() else Adapted(plain, reading)
        trial.check_copies(adapted.eval(), reading)
    return Admitted(adapted, (*notes, *more), outputs)


def _plain(module: nn.Module, shape: Shape, name: str) -> tuple[nn.Module, tuple[str, ...]]:
    """The copy without anything around it, which gives the same logits, and what was done."""
    unwrapped = without_shells(own_copy(module, name))
    plain = unwrapped.module.eval()
    widened = in_single_precision(plain)
    images = probes(plain, shape)
    try:
        sized = settle_sizes(plain, images[:1])
        before = passed(plain, images)
    except Exception as error:
        raise cannot_run(images, plain, name, error) from error
    folded = with_plain_weights(plain)
    if folded and isinstance(before, Tensor) and not torch.allclose(before, passed(plain, images), rtol=1e-3, atol=1e-4):
        raise ModelError(f"`{name}` gives other logits once masks and computed weights are folded in", "fold them in before you give it")
    return plain, (*unwrapped.notes, *widened, *sized, *folded, *trainable(plain))
