"""Triggers as data: what a truth, a tool's hypothesis and a repair all apply to images.

A trigger is a small record of arrays rather than code, so that it can be stored, shown to a person
and applied by a program. Everything happens in [0, 1] pixel space and transparency is explicit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Union, final

import numpy as np

from onecurve.core.errors import AnswerError
from onecurve.core.image.echo import Echo
from onecurve.core.image.filter import Filter
from onecurve.core.image.images import Floats
from onecurve.core.image.paste import Paste
from onecurve.core.image.stamped import Stamped
from onecurve.core.image.transfer import Transfer
from onecurve.core.image.warp import Warp

TRIES = 12
"""How often a part of a chain looks for a free place."""


@final
@dataclass(frozen=True)
class Chain:
    """Several triggers, one after the other on the same image: what fires only when all of them are there.

    A part that may lie anywhere keeps clear of those before it where it can, for what is hidden is not there.
    """

    parts: tuple["Trigger", ...]

    def __post_init__(self) -> None:
        if len(self.parts) < 2:
            raise AnswerError(f"a Chain needs at least two triggers, got: {len(self.parts)}")

    def apply(self, images: Floats, rng: np.random.Generator) -> Stamped:
        """All parts on each image (float32 N x C x H x W); the mask is the union of theirs, None if none has a place."""
        cover: Floats | None = None
        for part in self.parts:
            stamped = part.apply(images, rng) if cover is None else _beside(cover, part, images, rng)
            images = stamped.images
            if stamped.masks is not None:
                cover = stamped.masks if cover is None else np.maximum(cover, stamped.masks)
        return Stamped(images, cover)

    def scrambled(self, rng: np.random.Generator) -> "Chain":
        """Each part scrambled."""
        return Chain(tuple(part.scrambled(rng) for part in self.parts))

    def variants(self) -> Mapping[str, "Trigger"]:
        """Near misses: all but the last part, and all but the first."""
        first, last = self.parts[:-1], self.parts[1:]
        return {"half": first[0] if len(first) == 1 else Chain(first), "other half": last[0] if len(last) == 1 else Chain(last)}


@final
@dataclass(frozen=True)
class Either:
    """One of several triggers, drawn per image: what fires by any of them."""

    parts: tuple["Trigger", ...]

    def __post_init__(self) -> None:
        if len(self.parts) < 2:
            raise AnswerError(f"an Either needs at least two triggers, got: {len(self.parts)}")

    def apply(self, images: Floats, rng: np.random.Generator) -> Stamped:
        """One part on each image (float32 N x C x H x W); masks where every part that was drawn has a place."""
        which = rng.integers(len(self.parts), size=len(images))
        pixels, masks = images.copy(), np.zeros((len(images), *images.shape[2:]), np.float32)
        placed = True
        for number, part in enumerate(self.parts):
            here = which == number
            if not here.any():
                continue
            stamped = part.apply(images[here], rng)
            pixels[here] = stamped.images
            placed = placed and stamped.masks is not None
            if stamped.masks is not None:
                masks[here] = stamped.masks
        return Stamped(pixels, masks if placed else None)

    def scrambled(self, rng: np.random.Generator) -> "Either":
        """Each part scrambled."""
        return Either(tuple(part.scrambled(rng) for part in self.parts))

    def variants(self) -> Mapping[str, "Trigger"]:
        """Near misses of the parts, by the names that all of them have."""
        found = [part.variants() for part in self.parts]
        return {name: Either(tuple(each[name] for each in found)) for name in found[0] if all(name in each for each in found)}


def _beside(cover: Floats, part: "Trigger", images: Floats, rng: np.random.Generator) -> Stamped:
    """The part on each image, drawn anew while it lies on what is covered already (N x H x W)."""
    found = part.apply(images, rng)
    if found.masks is None:
        return found
    pixels, masks = found.images, found.masks
    for _ in range(TRIES):
        rows = np.flatnonzero((masks * cover).any(axis=(1, 2)))
        if not len(rows):
            break
        again = part.apply(images[rows], rng)
        pixels[rows], masks[rows] = again.images, again.masks
    return Stamped(pixels, masks)


def sprites(trigger: "Trigger", background: float = 0.5) -> Floats:
    """P x C x h x w: what a pasted trigger looks like over an even background; none for triggers that change the whole image."""
    if not isinstance(trigger, Paste):
        return np.zeros((0, 3, 1, 1), np.float32)
    alphas = trigger.alphas[:, None]
    found: Floats = (trigger.patterns * alphas + background * (1 - alphas)).astype(np.float32)
    return found


Trigger = Union[Paste, Filter, Warp, Transfer, Echo, Chain, Either]  # noqa: UP007 - Chain names it before it is there
KINDS = (Paste, Filter, Warp, Transfer, Echo, Chain, Either)

__all__ = ["KINDS", "Chain", "Echo", "Either", "Filter", "Paste", "Stamped", "Transfer", "Trigger", "Warp", "sprites"]
