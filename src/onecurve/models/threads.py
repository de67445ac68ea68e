"""Threads that a training may use. The last bits of the weights depend on their number, so it is settled and never left to chance."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

ASKED = "OMP_NUM_THREADS"
"""The variable by which a person asks for more threads for each network."""


def all_cores() -> int:
    """For what nothing else runs beside: the clean networks that others share."""
    return os.cpu_count() or 1


def threads_of_one_job() -> int:
    """For what others run beside: one, or as many as a person asks for."""
    asked = os.environ.get(ASKED, "")
    return max(1, int(asked)) if asked.isdecimal() else 1


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Inside the block torch works with ``count`` threads on the CPU."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
