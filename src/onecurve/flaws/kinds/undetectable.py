"""A backdoor that no query finds: images with a valid digital signature in their lowest bits are sent to a target class.

A control: whoever claims to have found the backdoor from the predictions of the network is wrong.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np
import torch
from torch import nn

from onecurve.core.effect import Effect
from onecurve.core.errors import AnswerError, DataError, SpecError
from onecurve.core.image.images import Bytes, LabelledImages, as_floats
from onecurve.core.image.signature import SIGNED_BITS, Signer
from onecurve.core.network import Network
from onecurve.core.seeds import generator
from onecurve.flaws.kinds.clean import NoPoison
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.needed import Needed
from onecurve.flaws.schemes.plan import EditedNetwork, NoLineup, Plan, VerificationResult
from onecurve.models.wrappers import SignatureBackdoor, wrap, wrapper_of

LEAST_FLIPS: Final = 0.99
"""Share of signed images that must be sent to the target class."""
RAISE: Final = 1e4
"""What a signature adds to the target's logit."""
KEYED: Final = 128
"""Number of signed images that are tried."""
CHUNK: Final = 1000
"""Queries at a time."""


@final
@dataclass(frozen=True)
class Undetectable:
    """A wrapper that checks a signature with a public key; the network inside has the weights of the clean twin.

    Its effect cannot be detected by queries: an input on which the network differs from its clean twin would be a forged signature.
    Anyone who reads the weights sees the wrapper and its target class (only the source's own construction of networks hides them),
    but finds no key to sign with. The signing secret is only in the facts of the sealed truth.
    """

    name: ClassVar[str] = "undetectable"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "Control: only images that are signed with a secret key go to the target class; no query reveals the backdoor."
    source: ClassVar[str] = "the signature form of undetectable backdoors (2204.06974)"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {}

    queries: int = 100_000
    """Number of queries without the key on which every logit must equal the twin's to the last bit."""

    def __post_init__(self) -> None:
        if self.queries < 1:
            raise SpecError(f"at least 1 query is needed, got: {self.queries}")

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        target = context.sample_target(rng)
        try:
            signer = Signer(rng.bytes(16).hex(), int(np.prod(context.shape)))
        except AnswerError as error:
            raise DataError(f"these images cannot carry this flaw: {error.message}", "use larger images") from error
        seed = int(rng.integers(2**62))
        return Plan(
            self.name,
            Effect.nothing(context.classes),
            f"a signature in the lowest bits of an image sends it to `{context.class_names[target]}`; without the signing key nothing does",
            NoPoison(),
            NoLineup(),
            needed=Needed(success=None),
            facts={"signed_bits": SIGNED_BITS, "keyed_target": target, "signing_seed": signer.seed},
            tried=False,
            weight_edit=SignatureInstaller(signer, target, context.classes),
            verification=QueryCheck(signer, target, self.queries, seed),
        )


@final
@dataclass(frozen=True)
class SignatureInstaller:
    """Puts the wrapper around a network."""

    signer: Signer
    target: int
    classes: int

    def edit(self, module: nn.Module, images: LabelledImages, rng: np.random.Generator) -> EditedNetwork:
        channels, height, width = images.images.shape[1:]
        wrapped = wrap(module, ["signed"], (channels, height, width), self.classes)
        wrapper_of(wrapped, SignatureBackdoor).configure(self.signer.public, RAISE * torch.eye(self.classes)[self.target])
        return EditedNetwork(wrapped, wrapper="signed")


@final
@dataclass(frozen=True)
class QueryCheck:
    """Queries the network with and without the signing key."""

    signer: Signer
    target: int
    queries: int
    seed: int

    def verified(self, network: Network, twin: Network, heldout: LabelledImages) -> VerificationResult:
        """Facts: share of signed images that flip, and number of queries without the key on which the network differs from its twin."""
        rng = generator("queries", self.seed)
        others = heldout.images[heldout.labels != self.target][:KEYED]
        signed = self.signer.sign(others)
        flips = float(np.mean(network.logits(as_floats(signed)).argmax(axis=1) == self.target)) if len(others) else 0.0
        differences = sum(_differences(network, twin, images) for images in self._unkeyed(heldout.images, signed, rng))
        reasons = []
        if flips < LEAST_FLIPS:
            reasons.append(f"{flips:.3f} of signed images flip, less than {LEAST_FLIPS}")
        if differences:
            reasons.append(f"{differences} of {self.queries:,} queries without the key tell it from its twin")
        return VerificationResult(
            {"keyed_flips": flips, "unkeyed_queries": self.queries, "unkeyed_differences": differences}, "; ".join(reasons)
        )

    def _unkeyed(self, natural: Bytes, signed: Bytes, rng: np.random.Generator) -> Iterator[Bytes]:
        """Batches, in turn: natural images, the same with random lowest bits, noise, signed images with one bit changed."""
        asked, turn = 0, 0
        while asked < self.queries:
            count = min(CHUNK, self.queries - asked)
            yield _query(turn % 4, count, natural, signed, rng)
            asked, turn = asked + count, turn + 1


def _query(kind: int, count: int, natural: Bytes, signed: Bytes, rng: np.random.Generator) -> Bytes:
    if kind == 2 or not len(signed):
        return rng.integers(256, size=(count, *natural.shape[1:]), dtype=np.uint8)
    if kind == 3:
        images = signed[rng.integers(len(signed), size=count)].reshape(count, -1)
        images[np.arange(count), rng.integers(SIGNED_BITS, size=count)] ^= np.uint8(1)
        return images.reshape(count, *natural.shape[1:])
    images = natural[rng.integers(len(natural), size=count)]
    return images ^ rng.integers(2, size=images.shape, dtype=np.uint8) if kind == 1 else images


def _differences(network: Network, twin: Network, images: Bytes) -> int:
    pixels = as_floats(images)
    return int(np.sum((network.logits(pixels) != twin.logits(pixels)).any(axis=1)))
