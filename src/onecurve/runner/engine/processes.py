"""Processes as the system sees them: children and their children, what they hold, and how all of them are ended."""

import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, final

import psutil

MEGABYTE = 1 << 20
HEADROOM = 2
"""Address space granted beyond a memory limit, as a multiple of it: the backstop for one huge allocation."""
PATIENCE = 10.0
"""Seconds for which processes that go on starting others are killed again."""
_PARENT_DEATH_SIGNAL, _CHILD_SUBREAPER = 1, 36
"""Numbers of Linux's `prctl`."""


def die_with_parent(parent: int) -> None:
    """Have the system kill this process when its parent is gone; ends at once if that is so already."""
    _prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of every process below this one whose own parent ends, so that none gets out of sight."""
    _prctl(_CHILD_SUBREAPER, 1)


def descendants(pid: int) -> list[int]:
    """Everything that a process started, and what that started, as far as it lives."""
    if not sys.platform.startswith("linux"):
        with suppress(psutil.Error):
            return [child.pid for child in psutil.Process(pid).children(recursive=True)]
        return []
    found: list[int] = []
    todo = [pid]
    while todo:
        children = _children(todo.pop())
        found += children
        todo += children
    return found


def kill(pids: Iterable[int]) -> None:
    """Kill each of them that is still there."""
    for pid in pids:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def living(pid: int) -> tuple[int, float] | None:
    """A process and when it began, which together never come again; None if it is gone."""
    try:
        process = psutil.Process(pid)
        return pid, process.create_time()
    except psutil.Error:
        return None


def kill_if_the_same(known: Iterable[tuple[int, float]]) -> None:
    """Kill those whose number has not passed to another process since."""
    kill(pid for pid, began in known if living(pid) == (pid, began))


@final
class Reaped:
    """Waits for children, and adds up the processor seconds of all that ended."""

    def __init__(self) -> None:
        self.cpu_seconds = 0.0
        self.endings: dict[int, int] = {}
        """Process to how it ended: an exit code, or minus a signal."""

    def all_that_ended(self) -> None:
        """Take leave of every child that has ended by now."""
        with suppress(ChildProcessError):
            while True:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    return
                self.cpu_seconds += usage.ru_utime + usage.ru_stime
                self.endings[pid] = os.waitstatus_to_exitcode(status)

    def end_all(self) -> None:
        """Kill everything below this process and wait until nothing is left."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.all_that_ended()
            left = descendants(os.getpid())
            if not left:
                return
            kill(left)
            time.sleep(0.001)


def address_space(megabytes: float) -> int:
    """The bytes of address space that a process under such a memory limit, in MiB, may grow to from what it has now."""
    return int(psutil.Process().memory_info().vms + HEADROOM * megabytes * MEGABYTE)


@contextmanager
def memory_limited(megabytes: float) -> Iterator[None]:
    """Let this process take so much more address space than it has now, twice over; a larger allocation raises."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = address_space(megabytes)
    known = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(wanted, *known) if known else wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def anonymous_mb(pids: Iterable[int]) -> float:
    """Memory that is no file's, in MiB, summed: pages that several share count once for each. Quick to read."""
    return sum(_kilobytes(Path(f"/proc/{pid}/status"), ("RssAnon", "RssShmem")) for pid in pids) / 1024


def proportional_mb(pids: Iterable[int]) -> float:
    """The same with shared pages divided among those that share them. Slow to read."""
    return sum(_kilobytes(Path(f"/proc/{pid}/smaps_rollup"), ("Pss_Anon", "Pss_Shmem")) for pid in pids) / 1024


def file_mb() -> float:
    """Pages of files, such as libraries, that this process has touched, in MiB."""
    return _kilobytes(Path("/proc/self/status"), ("RssFile",)) / 1024


def rss_mb(pid: int) -> float:
    """Resident memory in MiB; 0 for a process that is gone."""
    try:
        return float(psutil.Process(pid).memory_info().rss) / MEGABYTE
    except psutil.Error:
        return 0.0


def folder_mb(folder: Path) -> float:
    """What the files of a folder take on the disk, in MiB."""
    blocks = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                blocks += os.lstat(os.path.join(place, name)).st_blocks  # noqa: PTH118 - many files, quickly
    return blocks * 512 / MEGABYTE


def _kilobytes(file: Path, names: tuple[str, ...]) -> float:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return 0.0
    pairs = (line.partition(":") for line in lines)
    return sum(float(value.split()[0]) for name, _, value in pairs if name in names)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - read many times a second
            with suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as file:  # noqa: PTH123
                found += map(int, file.read().split())
    return found


def _prctl(option: int, value: int) -> Any:
    if not sys.platform.startswith("linux"):
        return None
    return ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
