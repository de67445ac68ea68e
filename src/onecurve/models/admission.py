"""The one door for a network that somebody brings: it is made plain on a copy and tried on images, or refused in one sentence.

Whatever is accepted here gives logits N x K that depend on each image alone, can be copied, metered and differentiated.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Final, final

import torch
from torch import Tensor, nn

from onecurve.core.errors import ModelError
from onecurve.models.adapting import Adapted, Reading, Scale, read, widths_of
from onecurve.models.randomness import seeded
from onecurve.models.trials import PROBES, READINGS, WHOLE, Shape, Trial, cannot_run, passed, probes
from onecurve.models.unwrapping import (
    in_single_precision,
    own_copy,
    settle_sizes,
    trainable,
    with_plain_weights,
    without_shells,
)

LAST: Final[Mapping[Scale, tuple[type[nn.Module], Scale]]] = {
    "probabilities": (nn.Softmax, "logits"),
    "sigmoid": (nn.Sigmoid, "logits"),
    "one probability": (nn.Sigmoid, "one logit"),
}
"""What is left out at the end of a network whose outputs are on a scale, and the scale without it."""
NOTES: Final[Mapping[Scale, tuple[str, ...]]] = {
    "logits": ("left out the softmax or sigmoid at its end",),
    "one logit": ("left out the sigmoid at its end", READINGS["one logit"]),
}


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
        bared = _without_last(trial, reading, more)
        if bared is not None:
            trial, reading, more = bared
        trial.check(reading)
        adapted = trial.module if reading == Reading() else Adapted(trial.module, reading)
        trial.check_copies(adapted.eval(), reading)
    return Admitted(adapted, (*notes, *more), outputs)


def outputs_of(module: nn.Module, shape: Shape, *, name: str = "") -> int:
    """How many classes a network tells apart, before it is admitted: the numbers that it gives for an image, and 2 where that is one.

    Raises ``ModelError`` where it does not take images of ``shape`` (C, H, W) or gives no row of numbers for each.
    """
    name = name or type(module).__name__
    with seeded(0):
        plain, _ = _plain(module, shape, name)
        given = passed(plain, probes(plain, shape))
    widths = widths_of(given, PROBES)
    if not widths:
        raise ModelError(f"`{name}` gives no logits N x classes, but: {type(given).__name__}", "return a tensor N x classes")
    return max(2, widths[0])


def _without_last(trial: Trial, reading: Reading, more: tuple[str, ...]) -> tuple[Trial, Reading, tuple[str, ...]] | None:
    """The same without the softmax or sigmoid module at its end, with a note; None where there is none, or more would change."""
    kind, undone = LAST.get(reading.scale, (None, reading.scale))
    name = "" if kind is None else _last_run(trial.module, trial.images, kind)
    if not name:
        return None
    bare = deepcopy(trial.module)
    bare.set_submodule(name, nn.Identity().eval())
    tried = Trial.of(bare, trial.images, trial.classes, trial.name)
    numbers = replace(reading, scale="logits")
    before, after = read(trial.apart[WHOLE], numbers), read(tried.apart[WHOLE], numbers)
    again = after.softmax(1) if kind is nn.Softmax else after.sigmoid()
    if not torch.allclose(again, before, rtol=1e-4, atol=1e-6):
        return None
    return tried, replace(reading, scale=undone), (*more[:-1], *NOTES[undone])


def _last_run(module: nn.Module, images: Tensor, kind: type[nn.Module]) -> str:
    """The name of the module of that kind that runs last; empty where none does."""
    seen: list[str] = []
    named = [(name, part) for name, part in module.named_modules() if name and isinstance(part, kind)]
    handles = [part.register_forward_hook(lambda *_, name=name: seen.append(name)) for name, part in named]
    try:
        passed(module, images)
    finally:
        for handle in handles:
            handle.remove()
    return seen[-1] if seen else ""


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
