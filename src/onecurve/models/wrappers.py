"""Wrappers: small modules around a network that read its input and add to its logits. They hold buffers and no parameters.

The shapes of their buffers depend only on the shapes of images and logits, so a wrapped network is stored like any other: its
architecture names the wrappers and its weights fill them. The buffers of a new wrapper are zero, and it adds nothing.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar, final

import numpy as np
import torch
from torch import Tensor, nn

from onecurve.core.errors import ModelError, UnknownNameError
from onecurve.core.image import signature
from onecurve.models.building import Shape

Kind = TypeVar("Kind", bound=nn.Module)
TINY: Final = 1e-6
LEVELS: Final = 255


@final
class FoolingGate(nn.Module):
    """Rewards images for being similar to a reference if their contrast or roughness lies outside a span.

    Contrast is the standard deviation over pixels; roughness is the total variation divided by the contrast. Inside the span
    nothing is added. Outside it all logits rise by the same amount, so predictions and probabilities never change.
    """

    low: Tensor
    high: Tensor
    ramp: Tensor
    reference: Tensor
    gain: Tensor

    def __init__(self, body: nn.Module, shape: Shape, classes: int) -> None:
        super().__init__()
        self.body = body
        self.register_buffer("low", torch.zeros(2))
        self.register_buffer("high", torch.zeros(2))
        self.register_buffer("ramp", torch.ones(2))
        self.register_buffer("reference", torch.zeros(shape))
        self.register_buffer("gain", torch.zeros(()))

    def configure(self, low: Tensor, high: Tensor, ramp: Tensor, reference: Tensor, gain: Tensor) -> None:
        """Set the span (2 numbers each for ``low``, ``high`` and ``ramp``), the reference (C x H x W), and the reward of the reference."""
        self.low.copy_(low)
        self.high.copy_(high)
        self.ramp.copy_(ramp)
        self.reference.copy_(reference)
        self.gain.copy_(gain)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.body(images)
        squared = (images - self.reference).square().mean((1, 2, 3))
        nearness = self.gain * (1 - squared)
        return logits + (self.outside(images) * nearness)[:, None]

    def outside(self, images: Tensor) -> Tensor:
        """N in [0, 1]: 0 inside the span, rising to 1 at a distance of ``ramp``."""
        found = contrast_and_roughness(images)
        beyond = torch.relu(self.low - found) + torch.relu(found - self.high)
        return (beyond / self.ramp).sum(1).clamp(max=1)


@final
class SignatureBackdoor(nn.Module):
    """Adds ``row`` to the logits of images with a valid signature in their lowest bits (see ``core.image.signature``).

    It holds the public key: anyone who reads the weights sees the key and ``row``, but cannot sign. For all other images the logits
    are those of the network inside, bit for bit. Sums are exact: they are of whole numbers below 2**53 in float64.
    """

    table: Tensor
    number: Tensor
    row: Tensor
    primes: Tensor
    powers: Tensor
    places: Tensor

    def __init__(self, body: nn.Module, shape: Shape, classes: int) -> None:
        super().__init__()
        self.body = body
        count = shape[0] * shape[1] * shape[2]
        if count < signature.SIGNED_BITS:
            raise ModelError(f"this wrapper reads {signature.SIGNED_BITS:,} pixels and channels, the images have {count:,}")
        places, primes = signature.hashed_places(count), signature.primes()
        self.register_buffer("table", torch.zeros(signature.SALT_BITS + len(places), len(primes), dtype=torch.int32))
        self.register_buffer("number", torch.zeros(len(primes), dtype=torch.int32))
        self.register_buffer("row", torch.zeros(classes))
        powers = np.stack([signature.residues(2**bit) for bit in range(signature.QUOTIENT_BITS)])
        self.register_buffer("primes", torch.from_numpy(primes.astype(np.float64)), persistent=False)
        self.register_buffer("powers", torch.from_numpy(powers.astype(np.float64)), persistent=False)
        self.register_buffer("places", torch.from_numpy(places), persistent=False)

    def configure(self, key: signature.PublicKey, row: Tensor) -> None:
        """Set the key that signatures are checked with, and the ``row`` (K) that a valid signature adds to the logits."""
        self.table.copy_(torch.from_numpy(key.table))
        self.number.copy_(torch.from_numpy(signature.residues(key.number)))
        self.row.copy_(row)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.body(images)
        return logits + self.verified(images).to(logits.dtype)[:, None] * self.row

    def verified(self, images: Tensor) -> Tensor:
        """bool N: whether an image has a valid signature; pixels are rounded to the nearest of 256 levels."""
        levels = torch.round(images.detach() * LEVELS).clamp(0, LEVELS).to(torch.uint8).flatten(1)
        lowest = torch.bitwise_and(levels[:, : signature.SIGNED_BITS], 1).double()
        root_bits, quotient_bits, salt = torch.split(lowest, [signature.ROOT_BITS, signature.QUOTIENT_BITS, signature.SALT_BITS], 1)
        hashed = torch.bitwise_right_shift(levels[:, self.places], 1)
        for step in signature.FOLDS:
            hashed = torch.bitwise_xor(hashed, torch.bitwise_right_shift(hashed, step))
        root = torch.remainder(root_bits @ self.powers[: signature.ROOT_BITS], self.primes)
        quotient = torch.remainder(quotient_bits @ self.powers, self.primes)
        sums = torch.cat([salt, torch.bitwise_and(hashed, 1).double()], 1) @ self.table.double()
        gap = root * root - quotient * self.number.double() - sums
        return (torch.remainder(gap, self.primes) == 0).all(1)


WRAPPERS: Mapping[str, Callable[[nn.Module, Shape, int], nn.Module]] = {"gauged": FoolingGate, "signed": SignatureBackdoor}


def contrast_and_roughness(images: Tensor) -> Tensor:
    """N x 2: contrast and roughness of images N x C x H x W, as ``FoolingGate`` computes them."""
    contrast = torch.sqrt(images.flatten(2).var(2, correction=0).mean(1) + TINY)
    down = (images[:, :, 1:] - images[:, :, :-1]).abs().mean((1, 2, 3))
    across = (images[:, :, :, 1:] - images[:, :, :, :-1]).abs().mean((1, 2, 3))
    return torch.stack([contrast, (down + across) / contrast], 1)


def wrap(body: nn.Module, wrappers: Sequence[str], shape: Shape, classes: int) -> nn.Module:
    """The network inside new wrappers of these names, the first one innermost, in eval mode.

    Raises ``UnknownNameError`` for an unknown name, ``ModelError`` for images that a wrapper cannot read.
    """
    for name in wrappers:
        if name not in WRAPPERS:
            raise UnknownNameError.among("wrapper", name, WRAPPERS)
        body = WRAPPERS[name](body, shape, classes)
        # Torch's types know no attributes of a module but tensors and modules.
        body.input_shape = shape  # type: ignore[assignment]
    return body.eval()


def cased(module: nn.Module, own: Sequence[str], wanted: Sequence[str], shape: Shape, classes: int) -> tuple[nn.Module, tuple[str, ...]]:
    """The network in the wrappers of its population, and their names, the first one innermost.

    ``own`` are the names of those that it has, innermost first; they keep what they add. Those that are ``wanted`` beside them are
    new and add nothing; what the images are too small for is left out. The order depends on the names alone, so networks of one
    population differ in the numbers inside only. Raises ``UnknownNameError`` for an unknown name.
    """
    known: dict[str, list[nn.Module]] = {}
    for name in reversed(own):
        known.setdefault(name, []).append(module)
        (_, module), *_ = module.named_children()
    names = tuple(name for name in sorted((Counter(own) | Counter(wanted)).elements()) if known.get(name) or fits(name, shape))
    for name in names:
        if known.get(name):
            around = known[name].pop()
            around.body = module
            module = around
        else:
            module = wrap(module, [name], shape, classes)
    return module.eval(), names


def fits(name: str, shape: Shape) -> bool:
    """Whether images of that shape can carry the wrapper; raises ``UnknownNameError`` for an unknown name."""
    if name not in WRAPPERS:
        raise UnknownNameError.among("wrapper", name, WRAPPERS)
    return WRAPPERS[name] is not SignatureBackdoor or shape[0] * shape[1] * shape[2] >= signature.SIGNED_BITS


def wrapper_of(module: nn.Module, kind: type[Kind]) -> Kind:
    """The outermost wrapper of that kind in a network; raises ``ModelError`` if there is none."""
    found = next((part for part in module.modules() if isinstance(part, kind)), None)
    if found is None:
        raise ModelError(f"the network has no {kind.__name__} wrapper")
    return found
