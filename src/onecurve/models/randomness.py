"""Torch's global generator, borrowed with a seed and handed back as it was.

Module constructors, dropout and the like draw from the global generator and cannot be given another one. Everything
else in this room draws from a generator of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int, device: str = "cpu") -> Iterator[None]:
    """Inside the block torch's global draws depend on ``seed`` alone; the generators of other devices are not touched."""
    place = torch.device(device)
    cuda = place.type == "cuda"
    with torch.random.fork_rng(devices=[place] if cuda else []):
        torch.default_generator.manual_seed(seed)
        if cuda:
            with torch.cuda.device(place):
                torch.cuda.manual_seed(seed)
        yield
