"""Tries a network on a few images, and refuses what no method could work with in one sentence.

All that the network gives is kept as it gave it, so that each batch goes through it once.
"""

from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final, final

import torch
from torch import Tensor, nn

from onecurve.core.errors import ModelError
from onecurve.core.workbench import Budget, Meter
from onecurve.models.adapting import Reading, Scale, chosen, read, taken
from onecurve.models.metering import Metered
from onecurve.models.parts import is_finite

Shape = tuple[int, int, int]
Order = tuple[int, ...]
PROBES: Final = 3
WHOLE: Final[Order] = (0, 1, 2)
OTHERS: Final[tuple[Order, ...]] = ((0,), (1,), (2,), (0, 1), (2, 1, 0))
"""Batches in which images must get the logits that they get together."""
ROUNDING: Final = 1e-5
"""Largest difference of a logit that counts as rounding, as a share of the largest logit."""
ALIKE: Final = 1e-2
"""The same, as a share of how far logits differ between images; a network in low precision rounds by less."""
SUMS_TO_ONE: Final = 1e-3
READINGS: Final[Mapping[Scale, str]] = {
    "probabilities": "its outputs are probabilities: their logarithm is used",
    "sigmoid": "its outputs come from a sigmoid: what went into it is used",
    "one logit": "it gives one number for two classes: that of class 1, against 0 for class 0",
    "one probability": "it gives one probability for two classes: that of class 1",
}
COPIES: Final = "layers must be attributes of the module, used through `self`"
VIEWS: Final = ("View", "Squeeze", "Unsqueeze", "Clone", "Select", "ReshapeAlias", "Alias", "Permute", "Transpose", "ToCopy", "TBackward")
"""How torch's names of steps begin that change no numbers."""


def probes(module: nn.Module, shape: Shape) -> Tensor:
    """Three images of noise of different brightness, on the device of the module."""
    device = next((values.device for values in module.parameters()), torch.device("cpu"))
    noise = torch.rand(PROBES, *shape, generator=torch.Generator().manual_seed(0))
    return (noise * torch.tensor([1.0, 0.6, 0.2])[:, None, None, None]).to(device)


def passed(module: nn.Module, images: Tensor) -> Any:
    """What the module gives for a copy of the images, without gradients."""
    with torch.no_grad():
        return module(images.clone())


def cannot_run(images: Tensor, module: nn.Module, name: str, error: Exception) -> ModelError:
    """The error for a network that raised ``error`` on the images."""
    first = next((part for part in module.modules() if isinstance(part, nn.Conv2d)), None)
    takes = f"its first convolution takes {first.in_channels} channels" if first else "it must take float N x C x H x W in [0, 1]"
    words = f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')}"
    return ModelError(f"`{name}` does not take images of {' x '.join(map(str, images.shape[1:]))}: {words}", takes)


@final
@dataclass(frozen=True, eq=False)
class Trial:
    """A network, the images that it is tried on, and what it gave for them."""

    module: nn.Module
    images: Tensor
    classes: int
    name: str
    leaf: Tensor
    """The images that a gradient can be asked for."""
    copies: bool
    """Whether the network writes into the images, so that it must get a copy."""
    given: Any
    """What it gave for all images, with the way back to ``leaf``."""
    apart: Mapping[Order, Any]
    """What it gave for other batches, and for the same once more."""

    @classmethod
    def of(cls, module: nn.Module, images: Tensor, classes: int, name: str) -> "Trial":
        """Run the network in eval mode; raises ``ModelError`` where it does not run."""
        try:
            leaf, copies, given = _with_gradient(module, images)
            apart = {order: passed(module, images[list(order)]) for order in (WHOLE, *OTHERS)}
        except Exception as error:
            raise cannot_run(images, module, name, error) from error
        return cls(module, images, classes, name, leaf, copies, given, apart)

    def reading(self) -> tuple[Reading, int, tuple[str, ...]]:
        """How to read logits from what the network gives, numbers per image, and a note for each thing that is done."""
        choice = chosen(self.given, PROBES, self.classes, self.name)
        numbers = taken(self.given, choice)
        width = self._width(numbers)
        shaped = all(tuple(taken(self.apart[order], choice).shape) == (len(order), width) for order in ((0,), (0, 1), WHOLE))
        scale = _scale_of(numbers.detach().reshape(PROBES, width), _last_step(numbers))
        notes = (
            f"took the output {choice!r}" if choice is not None else "",
            "gives it a copy of the images, as it writes into them" if self.copies else "",
            "" if shaped else f"took its outputs as N x {width}",
            READINGS.get(scale, ""),
        )
        reading = Reading(choice, self._choice_in_training(), 0 if shaped else width, scale, self.copies)
        return reading, width, tuple(filter(None, notes))

    def check(self, reading: Reading) -> None:
        """Raise ``ModelError`` unless the logits are finite, always the same, of each image alone, and let a gradient through."""
        logits = read(self.given, reading)
        if not is_finite(logits):
            shown = logits.detach().flatten()[:4].tolist()
            raise ModelError(f"`{self.name}` must give finite floating-point logits, got: {shown}", "are the weights finite?")
        if not torch.allclose(logits, read(self.apart[WHOLE], reading), rtol=1e-4, atol=1e-5):
            raise ModelError(f"`{self.name}` gives different logits for the same images", "in eval mode a network must not draw at random")
        self._check_apart(logits.detach(), reading)
        self._check_gradient(logits)

    def _check_apart(self, together: Tensor, reading: Reading) -> None:
        spread = float((together.amax(0) - together.amin(0)).max())
        allowed = ROUNDING * float(together.abs().max()) + ALIKE * spread
        for order in OTHERS:
            change = float((read(self.apart[order], reading) - together[list(order)]).abs().max())
            if not change <= allowed:
                raise ModelError(
                    f"`{self.name}` gives an image other logits in another batch (they change by {change:.3g})",
                    "statistics over the batch must be stored ones in eval mode (BatchNorm with track_running_stats=True), "
                    "and no step may mix the images of a batch",
                )

    def _check_gradient(self, logits: Tensor) -> None:
        try:
            # Of squares, as the rows of logits may have a constant sum.
            (gradient,) = torch.autograd.grad(logits.square().sum(), self.leaf, allow_unused=True)
        except RuntimeError as error:
            raise self._no_gradient(str(error)) from error
        if gradient is None or (not gradient.any() and not torch.equal(logits[0], logits[1])):
            raise self._no_gradient("none reaches them")
        if not is_finite(gradient):
            raise self._no_gradient("it is not finite")

    def check_copies(self, module: nn.Module, reading: Reading) -> None:
        """Raise ``ModelError`` unless a copy of ``module`` (N x K) computes with its own weights and its use can be counted."""
        together = read(self.apart[WHOLE], reading)
        meter = Meter(Budget(1e9))
        try:
            copy = deepcopy(module)
            shape = (self.images.shape[1], self.images.shape[2], self.images.shape[3])
            counted = Metered(copy, meter, shape)
            with torch.no_grad():
                same = torch.allclose(counted(self.images), together, rtol=1e-3, atol=1e-4) and meter.forward == PROBES
                for values in copy.parameters():
                    values.zero_()
                other = next(copy.parameters(), None) is None or not torch.equal(copy(self.images), together)
        except Exception as error:
            raise ModelError(f"a copy of `{self.name}` does not run: {type(error).__name__}: {error}", COPIES) from error
        if not same or not other:
            raise ModelError(f"a copy of `{self.name}` does not compute with its own weights", COPIES)

    def _width(self, numbers: Any) -> int:
        fits = {self.classes * PROBES: self.classes, **({PROBES: 1} if self.classes == 2 else {})}
        width = fits.get(numbers.numel()) if isinstance(numbers, Tensor) and numbers.ndim and len(numbers) == PROBES else None
        if width is None:
            got = str(tuple(numbers.shape)) if isinstance(numbers, Tensor) else type(numbers).__name__
            wanted = f"({PROBES}, {self.classes}) for {PROBES} images"
            raise ModelError(f"`{self.name}` must give logits of shape {wanted}, got: {got}", "logits are N x classes")
        if not numbers.is_floating_point():
            shown = numbers.flatten()[:4].tolist()
            raise ModelError(f"`{self.name}` must give finite floating-point logits, got: {shown}", "return what goes into argmax")
        return width

    def _choice_in_training(self) -> str | int | None:
        try:
            return chosen(passed(deepcopy(self.module).train(), self.images), PROBES, self.classes, self.name)
        except Exception:  # noqa: BLE001 - a user's code may raise anything
            # It can be looked into; whoever trains it will hear what is wrong.
            return None

    def _no_gradient(self, why: str) -> ModelError:
        first = next(iter(why.strip().splitlines()), "")
        return ModelError(
            f"`{self.name}` lets no gradient through to its images: {first}",
            "leave out `torch.no_grad()`, `.detach()`, `.numpy()`, rounding and argmax in its forward pass",
        )


def _with_gradient(module: nn.Module, images: Tensor) -> tuple[Tensor, bool, Any]:
    """Images that a gradient can be asked for, whether the network must get a copy of them, and what it gives."""
    leaf = images.clone().requires_grad_()
    with torch.enable_grad():
        # Torch refuses steps in place on such images.
        with suppress(Exception):
            given = module(leaf)
            if torch.equal(leaf, images):
                return leaf, False, given
        leaf = images.clone().requires_grad_()
        return leaf, True, module(leaf.clone())


def _scale_of(numbers: Tensor, last_step: str) -> Scale:
    bounded = last_step.startswith("Sigmoid")
    if numbers.shape[1] == 1:
        return "one probability" if bounded else "one logit"
    if bool((numbers >= 0).all()) and bool(((numbers.sum(1) - 1).abs() < SUMS_TO_ONE).all()):
        return "probabilities"
    return "sigmoid" if bounded else "logits"


def _last_step(numbers: Tensor) -> str:
    """Torch's name of the step that gives the numbers, views aside; empty where no gradient goes back."""
    step = numbers.grad_fn
    while step is not None and step.name().startswith(VIEWS) and step.next_functions:
        step = step.next_functions[0][0]
    return step.name() if step is not None else ""
