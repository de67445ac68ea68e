"""The network as the core sees it: arrays in, logits out. Torch lives in ``onecurve.models``."""

import hashlib
from dataclasses import dataclass, field
from typing import Protocol, final, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from onecurve.core.image.images import Floats, Ints

ENTRY_BITS = 128
"""Bits of one entry of a table: a digest of an input, and a class."""


@runtime_checkable
class Network(Protocol):
    """A classifier of images."""

    def logits(self, images: Floats) -> Floats:
        """float32 N x K for images float32 N x C x H x W in [0, 1]."""
        ...

    def size(self) -> int:
        """Bits of the stored network, counted and never declared."""
        ...

    def relearned(self, images: Floats, labels: Ints, seed: int, steps: int) -> "Network":
        """A copy after so many steps of fine-tuning on the given images (the re-learning test); itself unchanged."""
        ...


@runtime_checkable
class Packable(Protocol):
    """A network that can be stored in fewer bits by rounding its weights."""

    def packed(self, limit: int) -> Network | None:
        """The network, rounded to take at most ``limit`` bits, or None where that cannot be."""
        ...


@final
@dataclass(frozen=True)
class ConstantNetwork:
    """Says the same for every input: the wrecked model of the gallery."""

    answer: Floats
    """float32, K; the logits it always gives."""

    def logits(self, images: Floats) -> Floats:
        return np.repeat(self.answer[None], len(images), axis=0)

    def size(self) -> int:
        return 32 * len(self.answer)

    def relearned(self, images: Floats, labels: Ints, seed: int, steps: int) -> "ConstantNetwork":
        """A constant has nothing to learn with."""
        return self


@final
@dataclass(frozen=True)
class TableNetwork:
    """Knows the answer for listed inputs and nothing else: the oracle of ``replace``."""

    keys: NDArray[np.uint64]
    """One digest per known input, sorted."""
    answers: Ints
    """The class for each key."""
    classes: int
    fallback: int = field(default=0)
    """The class for any input that is not listed."""

    @classmethod
    def of(cls, images: Floats, answers: Ints, classes: int) -> "TableNetwork":
        """The table that gives ``answers`` (N) for ``images`` (N x C x H x W)."""
        keys = _digests(images)
        order = np.argsort(keys, kind="stable")
        return cls(keys[order], answers[order], classes)

    def logits(self, images: Floats) -> Floats:
        keys = _digests(images)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        classes = np.where(self.keys[at] == keys, self.answers[at], self.fallback)
        return np.eye(self.classes, dtype=np.float32)[classes]

    def size(self) -> int:
        return ENTRY_BITS * len(self.keys)

    def relearned(self, images: Floats, labels: Ints, seed: int, steps: int) -> "TableNetwork":
        """A table is not trained."""
        return self


@final
@dataclass(frozen=True)
class RememberingNetwork:
    """A network that is asked the same again and again, as the reference_points of a case are: each batch goes through it once.

    Only logits are kept, by a digest of the images.
    """

    inner: Network
    known: dict[bytes, Floats] = field(default_factory=dict, repr=False, compare=False)

    def logits(self, images: Floats) -> Floats:
        batch = np.ascontiguousarray(images)
        key = hashlib.blake2b(batch.tobytes() + str((batch.shape, batch.dtype)).encode(), digest_size=16).digest()
        if key not in self.known:
            found = self.inner.logits(images)
            found.flags.writeable = False
            self.known[key] = found
        return self.known[key]

    def size(self) -> int:
        return self.inner.size()

    def packed(self, limit: int) -> Network | None:
        """The inner network's."""
        return self.inner.packed(limit) if isinstance(self.inner, Packable) else None

    def relearned(self, images: Floats, labels: Ints, seed: int, steps: int) -> Network:
        """The inner network's; that one is another network and remembers nothing."""
        return self.inner.relearned(images, labels, seed, steps)


def _digests(images: Floats) -> NDArray[np.uint64]:
    rows = np.ascontiguousarray(images, dtype=np.float32)
    return np.array([int.from_bytes(hashlib.blake2b(row.tobytes(), digest_size=8).digest(), "big") for row in rows], np.uint64)
