"""The one door for a network that somebody brings: it is made plain on a copy and tried on images, or refused in one sentence.

Whatever is accepted here gives logits N x K that depend on each image alone, can be copied, metered and differentiated.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, final

import torch
from torch import Tensor, nn

from onecurve.core.errors import ModelError
from onecurve.core.workbench import Budget, Meter
from onecurve.models.adapting import Adapted, Reading, Scale, chosen, taken
from onecurve.models.metering import Metered
from onecurve.models.parts import is_finite
from onecurve.models.randomness import seeded
from onecurve.models.unwrapping import (
    in_single_precision,
    own_copy,
    settle_sizes,
    trainable,
    with_plain_weights,
    without_shells,
)

Shape = tuple[int, int, int]
PROBES = 3
ROUNDING = 1e-5
"""Largest difference of a logit that counts as rounding, as a share of the largest logit."""
ALIKE = 1e-2
"""The same, as a share of how far logits differ between images; a network in low precision rounds by less."""
SUMS_TO_ONE = 1e-3
READINGS: dict[Scale, str] = {
    "probabilities": "its outputs are probabilities: their logarithm is used",
    "sigmoid": "its outputs come from a sigmoid: what went into it is used",
    "one logit": "it gives one number for two classes: that of class 1, against 0 for class 0",
    "one probability": "it gives one probability for two classes: that of class 1",
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
        trial = _Trial(plain, probes(plain, shape), classes, name)
        reading, outputs, more = trial.reading()
        adapted = plain if reading == Reading() else Adapted(plain, reading)
        trial = replace(trial, module=adapted.eval())
        trial.require_logits()
        trial.require_images_apart()
        trial.require_gradient()
        trial.require_copies()
    return Admitted(adapted.eval(), (*notes, *more), outputs)


def probes(module: nn.Module, shape: Shape) -> Tensor:
    """Three images of noise of different brightness, on the device of the module."""
    device = next((values.device for values in module.parameters()), torch.device("cpu"))
    noise = torch.rand(PROBES, *shape, generator=torch.Generator().manual_seed(0))
    return (noise * torch.tensor([1.0, 0.6, 0.2])[:, None, None, None]).to(device)


def _plain(module: nn.Module, shape: Shape, name: str) -> tuple[nn.Module, tuple[str, ...]]:
    """The copy without anything around it, which gives the same logits, and what was done."""
    unwrapped = without_shells(own_copy(module, name))
    plain = unwrapped.module.eval()
    widened = in_single_precision(plain)
    images = probes(plain, shape)
    try:
        sized = settle_sizes(plain, images[:1])
        before = _passed(plain, images)
    except Exception as error:
        raise _cannot_run(plain, images, name, error) from error
    folded = with_plain_weights(plain)
    if folded and isinstance(before, Tensor) and not torch.allclose(before, _passed(plain, images), rtol=1e-3, atol=1e-4):
        raise ModelError(f"`{name}` gives other logits once masks and computed weights are folded in", "fold them in before you give it")
    return plain, (*unwrapped.notes, *widened, *sized, *folded, *trainable(plain))


def _passed(module: nn.Module, images: Tensor) -> Any:
    with torch.no_grad():
        return module(images.clone())


def _cannot_run(module: nn.Module, images: Tensor, name: str, error: Exception) -> ModelError:
    first = next((part for part in module.modules() if isinstance(part, nn.Conv2d)), None)
    takes = f"its first convolution takes {first.in_channels} channels" if first else "it must take float N x C x H x W in [0, 1]"
    words = f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')}"
    return ModelError(f"`{name}` does not take images of {' x '.join(map(str, images.shape[1:]))}: {words}", takes)


@final
@dataclass(frozen=True, eq=False)
class _Trial:
    """A network and the images that it is tried on."""

    module: nn.Module
    images: Tensor
    classes: int
    name: str

    def run(self, images: Tensor) -> Any:
        """What the network gives for some images, in eval mode."""
        try:
            return _passed(self.module, images)
        except Exception as error:
            raise _cannot_run(self.module, images, self.name, error) from error

    def reading(self) -> tuple[Reading, int, tuple[str, ...]]:
        """How to read logits from what the network gives, numbers per image, and a note for each thing that is done."""
        given = self.run(self.images)
        choice = chosen(given, PROBES, self.classes, self.name)
        logits = taken(given, choice)
        if not isinstance(logits, Tensor):
            got = type(logits).__name__
            raise ModelError(
                f"`{self.name}` must give logits of shape ({PROBES}, {self.classes}) for {PROBES} images, got: {got}",
                "logits are N x classes",
            )
        width = self._width(logits)
        logits = logits.reshape(PROBES, width)
        copies = self._needs_copies()
        reading = Reading(choice, self._choice_in_training(), 0, "logits", copies)
        notes = [f"took the output {choice!r}"] if choice is not None else []
        notes += ["gives it a copy of the images, as it writes into them"] if copies else []
        if self._shaped(choice) != [(count, width) for count in range(1, PROBES + 1)]:
            reading = replace(reading, width=width)
            notes.append(f"took its outputs as N x {width}")
        scale = _scale_of(logits, self.classes, self._last_step(reading))
        if scale != "logits":
            reading = replace(reading, scale=scale)
            notes.append(READINGS[scale])
        return reading, width, tuple(notes)

    def require_logits(self) -> None:
        """Raise ``ModelError`` unless there are finite logits, and the same ones again."""
        first, second = self.run(self.images), self.run(self.images)
        if not is_finite(first):
            raise ModelError(
                f"`{self.name}` must give finite floating-point logits, got: {first.flatten()[:4].tolist()}", "are the weights finite?"
            )
        if not torch.allclose(first, second, rtol=1e-4, atol=1e-5):
            raise ModelError(f"`{self.name}` gives different logits for the same images", "in eval mode a network must not draw at random")

    def require_images_apart(self) -> None:
        """Raise ``ModelError`` where the logits of an image depend on how many others are in the batch, on which, or on their order."""
        together = self.run(self.images)
        orders: Sequence[list[int]] = [[place] for place in range(PROBES)] + [[0, 1], list(reversed(range(PROBES)))]
        spread = float((together.amax(0) - together.amin(0)).max())
        allowed = ROUNDING * float(together.abs().max()) + ALIKE * spread
        for order in orders:
            change = float((self.run(self.images[order]) - together[order]).abs().max())
            if not change <= allowed:
                raise ModelError(
                    f"`{self.name}` gives an image other logits in another batch (they change by {change:.3g})",
                    "statistics over the batch must be stored ones in eval mode (BatchNorm with track_running_stats=True), "
                    "and no step may mix the images of a batch",
                )

    def require_gradient(self) -> None:
        """Raise ``ModelError`` unless a finite gradient of the logits reaches the images."""
        logits = _differentiable(self.module, self.images)
        if isinstance(logits, Exception):
            raise _no_gradient(self.name, str(logits)) from logits
        leaf, values = logits
        try:
            # Of squares, as rows of one sum, such as those of a softmax, would give none.
            (gradient,) = torch.autograd.grad(values.square().sum(), leaf, allow_unused=True)
        except RuntimeError as error:
            raise _no_gradient(self.name, str(error)) from error
        if gradient is not None and not is_finite(gradient):
            raise _no_gradient(self.name, "it is not finite")
        if gradient is None or (not gradient.any() and not torch.equal(values[0], values[1])):
            raise _no_gradient(self.name, "none reaches them")

    def require_copies(self) -> None:
        """Raise ``ModelError`` unless a copy works by itself and its use can be counted."""
        together = self.run(self.images)
        meter = Meter(Budget(1e9))
        try:
            copy = deepcopy(self.module)
            counted = Metered(copy, meter, tuple(self.images.shape[1:]))
            with torch.no_grad():
                same = torch.allclose(counted(self.images), together, rtol=1e-3, atol=1e-4) and meter.forward == PROBES
                for values in copy.parameters():
                    values.zero_()
                other = next(copy.parameters(), None) is None or not torch.equal(copy(self.images), together)
        except Exception as error:
            raise ModelError(f"a copy of `{self.name}` does not run: {type(error).__name__}: {error}", COPIES) from error
        if not same or not other:
            raise ModelError(f"a copy of `{self.name}` does not compute with its own weights", COPIES)

    def _width(self, logits: Tensor) -> int:
        fits = {self.classes * PROBES: self.classes, **({PROBES: 1} if self.classes == 2 else {})}
        width = fits.get(logits.numel())
        if width is None or len(logits) != PROBES:
            raise self._misshaped(str(tuple(logits.shape)))
        if not logits.is_floating_point():
            raise ModelError(
                f"`{self.name}` must give finite floating-point logits, got: {logits.flatten()[:4].tolist()}",
                "it must return what goes into argmax",
            )
        return width

    def _misshaped(self, got: str) -> ModelError:
        wanted = f"({PROBES}, {self.classes}) for {PROBES} images"
        return ModelError(f"`{self.name}` must give logits of shape {wanted}, got: {got}", "logits are N x classes")

    def _shaped(self, choice: str | int | None) -> list[tuple[int, ...]]:
        """The shapes of the outputs for one, two and three images."""
        return [tuple(taken(self.run(self.images[:count]), choice).shape) for count in range(1, PROBES + 1)]

    def _needs_copies(self) -> bool:
        images = self.images.clone()
        with torch.no_grad():
            self.module(images)
        if not torch.equal(images, self.images):
            return True
        plain, cloned = (_differentiable(self.module, self.images, copied=copied) for copied in (False, True))
        return isinstance(plain, Exception) and not isinstance(cloned, Exception)

    def _choice_in_training(self) -> str | int | None:
        try:
            tried = deepcopy(self.module).train()
            with torch.no_grad():
                return chosen(tried(self.images.clone()), PROBES, self.classes, self.name)
        except Exception:  # noqa: BLE001 - a user's code may raise anything
            # It can be looked into; whoever trains it will hear what is wrong.
            return None

    def _last_step(self, reading: Reading) -> str:
        """Torch's name of the step that gives the numbers, views aside; empty where no gradient goes back."""
        found = _differentiable(self.module, self.images, copied=reading.copies, choice=reading.choice)
        step = None if isinstance(found, Exception) else found[1].grad_fn
        while step is not None and step.name().startswith(VIEWS) and step.next_functions:
            step = step.next_functions[0][0]
        return step.name() if step is not None else ""


COPIES = "layers must be attributes of the module, used through `self`"
VIEWS = ("View", "Squeeze", "Unsqueeze", "Clone", "Select", "ReshapeAlias", "Alias", "Permute", "Transpose", "ToCopy", "TBackward")


def _scale_of(logits: Tensor, classes: int, last_step: str) -> Scale:
    bounded = last_step.startswith("Sigmoid")
    if logits.shape[1] == 1:
        return "one probability" if bounded else "one logit"
    sums = logits.sum(1)
    if bool((logits >= 0).all()) and bool(((sums - 1).abs() < SUMS_TO_ONE).all()):
        return "probabilities"
    return "sigmoid" if bounded else "logits"


def _differentiable(
    module: nn.Module, images: Tensor, *, copied: bool = False, choice: str | int | None = None
) -> tuple[Tensor, Tensor] | Exception:
    """Images that a gradient is asked for, and what the network gives for them; or what it raised."""
    leaf = images.clone().requires_grad_()
    try:
        with torch.enable_grad():
            return leaf, taken(module(leaf.clone() if copied else leaf), choice)
    except Exception as error:  # noqa: BLE001 - a user's code may raise anything
        return error


def _no_gradient(name: str, why: str) -> ModelError:
    first = next(iter(why.strip().splitlines()), "")
    return ModelError(
        f"`{name}` lets no gradient through to its images: {first}",
        "leave out `torch.no_grad()`, `.detach()`, `.numpy()`, rounding and argmax in its forward pass",
    )
