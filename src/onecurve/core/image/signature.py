"""Rabin signatures that an image carries in its lowest bits, checked with whole numbers below 2**53 only.

A signature of a picture m under the public number n = p q is (s, k) with s**2 - k n = h(m) - P, where h is a public hash with
values below P, the product of ``primes()``. To make one takes a square root modulo n, and so the factors (Rabin 1979). It is
checked modulo every prime, which is up to a multiple of P: with s and k as short as they are only some twenty multiples are
in reach, and each needs a square root of its own.

Departures: the hash is a sum of random numbers over the set bits of the picture, so that matrices are all there is to check,
and nobody has proven it as good as a random one; n has 1,024 bits, fewer than is advised today. Enough for a control, and no
advice for other uses.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from onecurve.core.errors import AnswerError
from onecurve.core.image.images import Bytes, Ints
from onecurve.core.seeds import generator

Doubles = NDArray[np.float64]
ROOT_BITS: Final = 1024
"""Of s, and of the public number."""
QUOTIENT_BITS: Final = 1040
"""Of k."""
SALT_BITS: Final = 8
"""Tried one after the other until the hash has a root; one in four has."""
SIGNED_BITS: Final = ROOT_BITS + QUOTIENT_BITS + SALT_BITS
"""Pixels and channels whose lowest bit a signature takes: s, k and the salt, lowest bits first."""
MOST_HASHED: Final = 3072
"""Pixels and channels that are hashed, each by the parity of its higher bits; evenly spread where an image has more."""
FOLDS: Final = (4, 2, 1)
"""Shifts by which the bits of a byte are folded to their parity."""
PRIME_BITS: Final = 20
PRIME_COUNT: Final = 103
"""So many primes just below 2**20: their product has 2,060 bits, 12 more than s**2."""
ROUNDS: Final = 32
"""Of the Miller-Rabin test."""


@lru_cache(maxsize=1)
def primes() -> Ints:
    """int64: the ``PRIME_COUNT`` largest primes below 2**20, ascending."""
    sieve = np.ones(2**PRIME_BITS, np.bool_)
    sieve[:2] = False
    for number in range(2, 2 ** (PRIME_BITS // 2)):
        if sieve[number]:
            sieve[number * number :: number] = False
    found: Ints = np.flatnonzero(sieve)[-PRIME_COUNT:].astype(np.int64)
    return found


def residues(number: int) -> Ints:
    """int64: a whole number modulo each of the primes."""
    return np.array([number % prime for prime in primes().tolist()], np.int64)


def hashed_places(count: int) -> Ints:
    """int64: which pixels and channels of an image with ``count`` of them are hashed."""
    read = min(count, MOST_HASHED)
    return np.arange(read) * count // read


def hashed_bits(images: Bytes) -> Bytes:
    """uint8 N x places: the parity of all but the lowest bit, so that a change of any one of them changes the hash."""
    count = int(np.prod(images.shape[1:]))
    folded = images.reshape(len(images), count)[:, hashed_places(count)] >> np.uint8(1)
    for step in FOLDS:
        folded = folded ^ (folded >> np.uint8(step))
    return folded & np.uint8(1)


@final
@dataclass(frozen=True)
class PublicKey:
    """What checks a signature, and cannot make one."""

    number: int
    """n, the product of two secret primes."""
    table: Ints
    """int64 (SALT_BITS + places) x primes: what each set bit adds to the hash."""


@final
@dataclass(frozen=True)
class Signer:
    """Makes signatures; all of its secret is ``seed``."""

    seed: str
    """128 bits or more, in hexadecimal digits."""
    count: int
    """Pixels and channels of an image; raises ``AnswerError`` for fewer than a signature takes."""

    def __post_init__(self) -> None:
        if self.count < SIGNED_BITS:
            raise AnswerError(f"a signature takes the lowest bit of {SIGNED_BITS:,} pixels and channels, the images have {self.count:,}")

    @cached_property
    def public(self) -> PublicKey:
        """The key that may be given to anybody."""
        p, q = self._factors
        rng = generator("signature table", p * q)
        places = len(hashed_places(self.count))
        return PublicKey(p * q, rng.integers(primes(), size=(SALT_BITS + places, PRIME_COUNT)))

    def sign(self, images: Bytes) -> Bytes:
        """The images (uint8 N x C x H x W) with a signature in their lowest bits; no level changes by more than 1."""
        signed = images.reshape(len(images), -1).copy()
        hashes = hashed_bits(images).astype(np.int64) @ self.public.table[SALT_BITS:]
        lowest = np.stack([self._signature(row) for row in hashes]) if len(images) else np.zeros((0, SIGNED_BITS), np.uint8)
        signed[:, :SIGNED_BITS] = (signed[:, :SIGNED_BITS] & np.uint8(254)) | lowest
        return signed.reshape(images.shape)

    def _signature(self, sums: Ints) -> Bytes:
        """uint8 ``SIGNED_BITS`` for the sums of one picture's hash, without the salt's."""
        p, q = self._factors
        for salt in range(2**SALT_BITS):
            bits = _bits(salt, SALT_BITS)
            value = _joined((sums + bits.astype(np.int64) @ self.public.table[:SALT_BITS]) % primes()) - prod(primes().tolist())
            root = _root(value, p, q)
            if root is not None:
                quotient = (root * root - value) // (p * q)
                return np.concatenate([_bits(root, ROOT_BITS), _bits(quotient, QUOTIENT_BITS), bits])
        raise AssertionError("a quarter of all hashes have a root, and 256 salts had none")

    @cached_property
    def _factors(self) -> tuple[int, int]:
        """Two primes of 512 bits that leave 3 modulo 4, so that roots are powers."""
        rng = generator("signing", self.seed)
        return _large_prime(rng), _large_prime(rng)


def _large_prime(rng: np.random.Generator) -> int:
    half = ROOT_BITS // 2
    while True:
        number = int.from_bytes(rng.bytes(half // 8), "little") | 3 << (half - 2) | 3
        if all(number % small for small in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31)) and _is_prime(number, rng):
            return number


def _is_prime(number: int, rng: np.random.Generator) -> bool:
    """Miller-Rabin for numbers that leave 3 modulo 4: then (number - 1) / 2 is odd, and one power decides each round."""
    bases = (int.from_bytes(rng.bytes(16), "little") + 2 for _ in range(ROUNDS))
    return all(pow(base, (number - 1) // 2, number) in {1, number - 1} for base in bases)


def _root(value: int, p: int, q: int) -> int | None:
    """The square root of ``value`` modulo p q, or None where there is none."""
    left = pow(value, (p + 1) // 4, p)
    if (left * left - value) % p:
        return None
    right = pow(value, (q + 1) // 4, q)
    if (right * right - value) % q:
        return None
    return left + p * ((right - left) * pow(p, -1, q) % q)


def _joined(parts: Ints) -> int:
    """The number below the product of the primes that has these residues (the Chinese remainder theorem)."""
    product, weights = _weights()
    total: int = sum(part * weight for part, weight in zip(parts.tolist(), weights, strict=True))
    return total % product


@lru_cache(maxsize=1)
def _weights() -> tuple[int, tuple[int, ...]]:
    product = prod(primes().tolist())
    rest = [(prime, product // prime) for prime in primes().tolist()]
    return product, tuple(other * pow(other, -1, prime) for prime, other in rest)


def _bits(number: int, count: int) -> Bytes:
    """uint8 ``count``, the lowest first; raises ``OverflowError`` for a number that needs more."""
    size = -(-count // 8)
    return np.unpackbits(np.frombuffer(number.to_bytes(size, "little"), np.uint8), bitorder="little")[:count]
