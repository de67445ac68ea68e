"""One fresh process per cell: a keeper forks it, watches it with everything that it starts, and leaves nothing of it behind.

The keeper has the heavy imports and the subject in memory and never runs a tool's code, so each cell begins from the
same state, whatever the one before it did. It says nothing that a cell wrote without its frame having been checked.
"""

import gc
import importlib
import os
import random
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import current_process, parent_process
from pathlib import Path
from typing import Any, NoReturn, final

import psutil

from onecurve.core.errors import OneCurveError
from onecurve.runner.engine.jobs import Trust
from onecurve.runner.engine.leftovers import cell_folder
from onecurve.runner.engine.messages import BadMessageError, Inbox, loaded, send
from onecurve.runner.engine.processes import (
    MEGABYTE,
    Reaped,
    address_space,
    adopt_orphans,
    anonymous_mb,
    descendants,
    die_with_parent,
    folder_mb,
    proportional_mb,
)
from onecurve.runner.engine.worker import OUR_JOBS, handlers_of, next_message, performed, start_worker
from onecurve.runner.isolation.walls import Confinement, Walls

GLANCE = 0.05
"""Seconds between two looks at time, memory and processes of a cell."""
SHARE_OF_TIME = 10.0
"""The slow way to count memory is used again after so many times the time that it took."""
LOG_BYTES = 1 << 20
"""What is kept of what one cell prints."""
ANSWERS = 3
"""Descriptor on which a cell answers."""
MADE = "made"
"""Folder, in that of a cell, for what it hands over."""


@final
@dataclass(frozen=True)
class Limits:
    """What one cell, with everything that it starts, may use."""

    memory_mb: float
    processes: int = 64
    temporary_mb: float = 2048.0


class _DriverGoneError(Exception):
    """Nobody waits for the cell any more."""


def keep_cells(jobs: Connection, log: str, limits: Limits, confinement: Confinement | None = None) -> None:
    """Do each job in a process of its own until the other side hangs up. Runs in a process of its own.

    With a confinement, cells are isolated as far as the system can do so.
    """
    with suppress(OSError):
        os.setsid()
    start_worker(log)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    adopt_orphans()
    keeper = _Keeper(jobs.fileno(), limits, confinement)
    try:
        keeper.work()
    finally:
        Reaped().end_all()


@final
class _Keeper:
    def __init__(self, driver: int, limits: Limits, confinement: Confinement | None) -> None:
        self.driver = driver
        self.limits = limits
        self.walls = Walls(confinement, limits.memory_mb) if confinement else None
        self.module = handlers_of(Trust.UNTRUSTED)
        above = parent_process()
        self.driver_pid = above.pid if above is not None else None
        self.threads = _one_thread()
        gc.collect()
        gc.freeze()

    def work(self) -> None:
        inbox = Inbox(self.driver, OUR_JOBS)
        while (job := next_message(inbox)) is not None:
            with suppress(Exception):
                # What cannot be prepared, the cell will try itself, and its row says why it cannot.
                self.module.warm(job["do"], job["arguments"])
            folder = cell_folder()
            try:
                said = _Cell(self, job, folder).run()
                send(self.driver, {"nonce": job["nonce"], **self._taken_over(job, said, folder / MADE)})
            except (_DriverGoneError, OSError):
                return
            finally:
                Reaped().end_all()
                shutil.rmtree(folder, ignore_errors=True)
                if self.walls:
                    self.walls.clear()

    def _taken_over(self, job: Mapping[str, Any], said: dict[str, Any], made: Path) -> dict[str, Any]:
        """The reply, once what it names has been moved to where it is kept; what is not there costs the cell its answer."""
        try:
            value = loaded(said["text"].encode()).get("value") if "text" in said else None
            if isinstance(value, dict):
                self.module.take_over(job["arguments"], value, made)
        except BadMessageError:
            pass  # whoever reads the reply says what is wrong with it
        except OSError:
            raise  # the disk's fault: what cannot be read of theirs is told apart by whoever takes it over
        except Exception as error:  # noqa: BLE001 - whatever a cell hands over costs that cell and not the keeper
            why = error.message if isinstance(error, OneCurveError) else type(error).__name__
            said = {name: item for name, item in said.items() if name != "text"} | {"reason": f"its answer cannot be kept: {why}"}
        return said


@final
class _Cell:
    """One job from its fork to the last of its processes."""

    def __init__(self, keeper: _Keeper, job: Mapping[str, Any], folder: Path) -> None:
        self.keeper, self.job, self.folder = keeper, job, folder
        self.reaped = Reaped()
        self.logged = 0
        self.peak_mb = 0.0
        self.began = self.sized = time.monotonic()
        self.pid = 0
        self.next_count = 0.0
        self.idle_mb = anonymous_mb([os.getpid()])

    def run(self) -> dict[str, Any]:
        """Fork, watch, end; what to tell the process that keeps the rows."""
        answers, their_answers = os.pipe()
        printed, their_output = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        keeper = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            self._be_the_cell(keeper, their_answers, their_output)
        os.close(their_answers)
        os.close(their_output)
        os.set_blocking(printed, False)
        try:
            said = self._watched(Inbox(answers), printed)
            self.reaped.end_all()
            self._log(printed)
        finally:
            os.close(answers)
            os.close(printed)
        measured = {"seconds": time.monotonic() - self.began, "peak_mb": self.peak_mb, "cpu_seconds": self.reaped.cpu_seconds}
        return {**measured, **said}

    def _watched(self, inbox: Inbox, printed: int) -> dict[str, Any]:
        poll = select.poll()
        for descriptor in (inbox.descriptor, printed, self.keeper.driver):
            poll.register(descriptor, select.POLLIN)
        looked = self.began
        while True:
            ready = {descriptor for descriptor, _ in poll.poll(GLANCE * 1000)}
            if printed in ready and not self._log(printed):
                poll.unregister(printed)
            if self.keeper.driver in ready:
                raise _DriverGoneError
            said = self._answer(inbox) if inbox.descriptor in ready else None
            now = time.monotonic()
            if said is None and now - looked >= GLANCE:
                looked = now
                said = self._glanced(inbox, now)
            if said is not None:
                return said

    def _glanced(self, inbox: Inbox, now: float) -> dict[str, Any] | None:
        """What a look at the whole group tells: that nobody waits, that it ended, that it takes too much, or nothing."""
        if self.keeper.driver_pid is not None and not psutil.pid_exists(self.keeper.driver_pid):
            raise _DriverGoneError
        reason = self._over(now)
        if self.pid in self.reaped.endings:
            # What it started may still hold the other end, so that no end of it is seen.
            return self._answer(inbox) or self._ended()
        if not reason and now - self.sized > 1.0:
            self.sized = now
            reason = self._over_on_disk()
        return {"reason": reason} if reason else None

    def _answer(self, inbox: Inbox) -> dict[str, Any] | None:
        """The reply, or how the cell ended without one, or None as long as neither is there."""
        try:
            message = inbox.read()
        except BadMessageError as error:
            return {"reason": f"its reply cannot be read: {error}"}
        except (EOFError, OSError):
            return self._ended()
        return None if message is None else {"text": message.decode("utf-8", "replace")}

    def _ended(self) -> dict[str, Any]:
        """How the process ended that has closed its end; it is given a moment, since it may still be on its way out."""
        for _ in range(100):
            self.reaped.all_that_ended()
            if self.pid in self.reaped.endings:
                code = self.reaped.endings[self.pid]
                return {"reason": f"the worker exited with code {code}"} if code >= 0 else {"signal": -code}
            time.sleep(0.01)
        return {"reason": "the worker closed its connection"}

    def _over(self, now: float) -> str:
        if now - self.began > self.job["seconds"]:
            return f"timed out after {self.job['seconds']:g} s"
        self.reaped.all_that_ended()
        group = descendants(os.getpid())
        if len(group) > self.keeper.limits.processes:
            return f"started more than {self.keeper.limits.processes} processes"
        held = anonymous_mb(group) - self.idle_mb
        if len(group) > 1:
            # The quick way counts pages that were there before the cell began once for each of its processes.
            if now < self.next_count:
                return ""
            held = proportional_mb(group) - proportional_mb([os.getpid()])
            took = time.monotonic() - now
            self.next_count = now + SHARE_OF_TIME * took
        self.peak_mb = max(self.peak_mb, held)
        if held > self.keeper.limits.memory_mb:
            return f"used more than {self.keeper.limits.memory_mb:g} MiB of memory"
        return ""

    def _over_on_disk(self) -> str:
        if folder_mb(self.folder) > self.keeper.limits.temporary_mb:
            return f"wrote more than {self.keeper.limits.temporary_mb:g} MiB of temporary files"
        return ""

    def _log(self, printed: int) -> bool:
        """Copy what was printed into the log, up to its limit; False when nothing more can come."""
        try:
            while chunk := os.read(printed, 1 << 16):
                kept = chunk[: max(0, LOG_BYTES - self.logged)]
                if kept:
                    with suppress(OSError):
                        os.write(1, kept)
                    if len(kept) < len(chunk) or self.logged + len(kept) == LOG_BYTES:
                        with suppress(OSError):
                            os.write(1, b"\n[what follows was not kept]\n")
                self.logged += len(kept)
                if time.monotonic() - self.began > self.job["seconds"]:
                    return True
        except OSError:
            return True
        return False

    def _be_the_cell(self, parent: int, answers: int, output: int) -> NoReturn:
        """All that the forked process ever does."""
        try:
            die_with_parent(parent)
            os.setsid()
            _keep_only(answers, output)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.environ["TMPDIR"] = tempfile.tempdir = str(self.folder)
            # A tool may start processes of its own.
            current_process()._config["daemon"] = False  # type: ignore[attr-defined]
            _start_chance(self.job["arguments"].get("seed", 0), self.keeper.threads)
            _limit_itself(self.keeper.limits)
            send(ANSWERS, self._performed())
            os.close(ANSWERS)
        finally:
            os._exit(0)

    def _performed(self) -> dict[str, Any]:
        arguments, made = self.job["arguments"], self.folder / MADE
        made.mkdir()
        if self.keeper.walls:
            handed = self.keeper.module.reach(arguments, self.keeper.walls.hidden)
            try:
                self.keeper.walls.close(handed, self.folder)
            except OSError as error:
                return {"value": None, "reason": f"the cell could not be isolated: {error}", "lost": True}
        return performed(self.keeper.module.HANDLERS, {**self.job, "arguments": self.keeper.module.with_output(arguments, made)})


def _keep_only(answers: int, output: int) -> None:
    """Hold nothing open but an empty input, the output, and ``ANSWERS``: what else came along belongs to the run and serves all cells."""
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(answers, ANSWERS)
    os.closerange(ANSWERS + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    # Where a tool needs the helpers of multiprocessing, it starts its own.
    resource_tracker._resource_tracker._fd = resource_tracker._resource_tracker._pid = None  # type: ignore[attr-defined]
    server: Any = forkserver._forkserver
    server._forkserver_address = server._forkserver_alive_fd = server._forkserver_pid = None


def _one_thread() -> int:
    """Have torch use one thread here, as threads do not survive a fork, and return how many a cell may use."""
    torch = importlib.import_module("torch")
    threads = int(torch.get_num_threads())
    if threads > 1:
        torch.set_num_threads(1)
    return threads


def _start_chance(seed: object, threads: int) -> None:
    """Set what a cell may draw from without a seed of its own, so that its row does not depend on what ran before."""
    torch, numpy = importlib.import_module("torch"), importlib.import_module("numpy")
    number = seed if isinstance(seed, int) else 0
    random.seed(number)
    numpy.random.seed(number % (1 << 32))
    torch.manual_seed(number % (1 << 63))
    if threads > 1:
        torch.set_num_threads(threads)


def _limit_itself(limits: Limits) -> None:
    _lower(resource.RLIMIT_AS, address_space(limits.memory_mb))
    _lower(resource.RLIMIT_FSIZE, int(limits.temporary_mb * MEGABYTE))
    _lower(resource.RLIMIT_CORE, 0)


def _lower(kind: int, limit: int) -> None:
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
