"""Which of the truth's inputs a task uses: drawn by seed, and found again from the question alone."""

import hashlib

import numpy as np

from onecurve.core.errors import UngradeableError
from onecurve.core.image.images import Floats, Ints


def some_rows(count: int, at_most: int, rng: np.random.Generator) -> Ints:
    """Up to ``at_most`` of ``count`` row numbers without repetition, in ascending order."""
    rows: Ints = np.sort(rng.permutation(count)[:at_most]).astype(np.int64)
    return rows


def rows_of(inputs: Floats, pool: Floats) -> Ints:
    """For each input the first row of ``pool`` that holds the very same image; ``UngradeableError`` where there is none."""
    places: dict[bytes, int] = {}
    for row, image in enumerate(pool):
        places.setdefault(_digest(image), row)
    found = [places.get(_digest(image)) for image in inputs]
    if None in found:
        raise UngradeableError(
            "the question asks about an input that the truth does not hold", "was the case planted again since it was asked?"
        )
    return np.array(found, np.int64)


def _digest(image: Floats) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(image, np.float32).tobytes(), digest_size=16).digest()
