"""Does work of one audit in several processes, each forked from this one with all that it holds; each keeps what it made on disk.

A network of a person need not be importable or picklable, so nothing is sent: a process has the network because it is a copy of this one.
Its result is read from disk here, where what a process left undone is done.
"""

import contextlib
import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from typing import Final, TypeVar

import torch

from onecurve.runner.engine.processes import die_with_parent

T = TypeVar("T")
POLL: Final = 1.0
"""Seconds after which the time of the processes is looked at again."""


def processes_for(device: str) -> int:
    """How many processes are worth it: one per thread of torch; 1, for doing the work here, where a process cannot be forked safely."""
    forkable = sys.platform.startswith("linux") and torch.device(device).type == "cpu" and not torch.cuda.is_available()
    return torch.get_num_threads() if forkable else 1


@contextlib.contextmanager
def one_thread(processes: int) -> Iterator[None]:
    """In the block torch has one thread, as it has in each of several processes; with one process it keeps its own."""
    threads = torch.get_num_threads()
    if processes > 1:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def side_by_side(works: Sequence[Callable[[], T]], processes: int, seconds: float, done: Callable[[T], None]) -> list[T]:
    """The result of each work, in their order; each is first done in a process of its own, so many at a time, with one thread each.

    A work keeps its result on disk and reads it when it is called again: so it is, here, when its process has ended. What a process
    failed at, or did not end within ``seconds``, is done here then. ``done`` is called with each result as it comes. With one process
    all is done here.
    """
    found = dict[int, T]()
    for place in _ended(works, processes, seconds) if processes > 1 else range(len(works)):
        found[place] = works[place]()
        done(found[place])
    return [found[place] for place in range(len(works))]


def _ended(works: Sequence[Callable[[], object]], processes: int, seconds: float) -> Iterator[int]:
    """The places of the works, each when its process has ended."""
    context = multiprocessing.get_context("fork")
    waiting = list(enumerate(works))
    running = dict[int, tuple[ForkProcess, int, float]]()
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                place, work = waiting.pop(0)
                process = context.Process(target=_alone, args=(work, os.getpid()), daemon=True)
                with warnings.catch_warnings():  # Python 3.12 warns of forks beside threads; this one uses no thread but its own
                    warnings.simplefilter("ignore", DeprecationWarning)
                    process.start()
                running[process.sentinel] = (process, place, time.monotonic() + seconds)
            wait(list(running), POLL)
            for sentinel, (process, place, until) in list(running.items()):
                if process.is_alive() and time.monotonic() < until:
                    continue
                process.kill()
                process.join()
                del running[sentinel]
                yield place
    finally:
        for process, _, _ in running.values():
            process.kill()


def _alone(work: Callable[[], object], parent: int) -> None:
    """All that the process does. It says nothing: what went wrong comes up again when the work is done in the process that forked it."""
    die_with_parent(parent)
    torch.set_num_threads(1)
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere), contextlib.redirect_stdout(nowhere):  # noqa: PTH123
        work()
