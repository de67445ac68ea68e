"""Triggers as data: what a truth, a tool's hypothesis and a repair all apply to images.

A trigger is a small record of arrays rather than code, so that it can be stored, shown to a person
and applied by a program. Everything happens in [0, 1] pixel space and transparency is explicit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Union, final

import numpy as np

from onecurve.core.errors import AnswerError
from onecurve.core.filter import Filter
from onecurve.core.images import Floats
from onecurve.core.paste import Paste
from onecurve.core.stamped import Stamped
from onecurve.core.transfer import Transfer
from onecurve.core.warp import Warp


@final
@dataclass(frozen=True)
class Chain:
    """Several triggers, one after the other on the same image: what fires only when all of them are there."""

    parts: tuple["Trigger", ...]

    def __post_init__(self) -> None:
        if len(self.parts) < 2:
            raise AnswerError(f"a Chain needs at least two triggers, got: {len(self.parts)}")

    def apply(self, images: Floats, rng: np.random.Generator) -> Stamped:
        """All parts on each image (float32 N x C x H x W); the mask is the union of theirs, None if none has a place."""
        cover: Floats | None = None
        for part in self.parts:
            stamped = part.apply(images, rng)
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


Trigger = Union[Paste, Filter, Warp, Transfer, Chain]  # noqa: UP007 - Chain names it before it is there
KINDS = (Paste, Filter, Warp, Transfer, Chain)

__all__ = ["KINDS", "Chain", "Filter", "Paste", "Stamped", "Transfer", "Trigger", "Warp"]
