"""The number of threads of a training. It is always set, because the last bits of the weights depend on it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

ASKED = "OMP_NUM_THREADS"
"""The environment variable that asks for more threads for each network."""


def threads_of_one_job() -> int:
    """Threads for training beside other jobs: one, or the number in ``OMP_NUM_THREADS``."""
    asked = os.environ.get(ASKED, "")
    return max(1, int(asked)) if asked.isdecimal() else 1


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Inside the block torch uses ``count`` threads on the CPU."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
