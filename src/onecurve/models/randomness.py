"""Seeds torch's global generator and restores its state afterwards.

Module constructors, dropout and the like draw from the global generator and cannot use another one. All other code in this package
uses its own generators.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int, device: str = "cpu") -> Iterator[None]:
    """Inside the block torch's global random numbers depend on ``seed`` only; the generators of other devices are not touched."""
    place = torch.device(device)
    cuda = place.type == "cuda"
    with torch.random.fork_rng(devices=[place] if cuda else []):
        torch.default_generator.manual_seed(seed)
        if cuda:
            with torch.cuda.device(place):
                torch.cuda.manual_seed(seed)
        yield
