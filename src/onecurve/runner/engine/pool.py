"""Worker processes: started when needed, watched, and killed alone when one hangs or eats memory."""

import json
import multiprocessing
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import TracebackType
from typing import final

import psutil

from onecurve.runner.engine.jobs import Job, Outcome, Trust
from onecurve.runner.engine.worker import MEGABYTE, serve

PRELOADED = ["onecurve.runner.engine.preload"]
GLANCE = 0.05
"""Seconds between two looks at time and memory of what runs."""


@final
@dataclass
class _Worker:
    trust: Trust
    process: ForkServerProcess
    jobs: Connection
    lifeline: Connection
    """Held open by this process only; when it closes, the worker dies."""
    job: Job | None = None
    started: float = 0.0
    idle_mb: float = 0.0

    def begin(self, job: Job) -> None:
        self.job, self.started, self.idle_mb = job, time.monotonic(), _rss(self.process.pid)
        self.jobs.send_bytes(json.dumps({"do": job.do, "arguments": dict(job.arguments)}).encode())

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self.jobs.close()
        self.lifeline.close()

    def memory_mb(self) -> float:
        """What the worker holds beyond what it held when the job began, in MiB."""
        return _rss(self.process.pid) - self.idle_mb


@final
class Pool:
    """Up to ``slots`` jobs at a time, in trusted and untrusted workers. Use as a context manager.

    Processes start by forkserver with the heavy imports done once, so replacing a killed worker is cheap.
    """

    def __init__(self, slots: int, logs: Path, memory_mb: float) -> None:
        self.slots = slots
        self._logs = logs
        self._memory_mb = memory_mb
        self._workers: list[_Worker] = []
        self._count = 0
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for worker in self._workers:
            worker.kill()
        self._workers.clear()

    def running(self) -> tuple[tuple[Job, float], ...]:
        """The jobs under way, each with its seconds so far."""
        now = time.monotonic()
        return tuple((worker.job, now - worker.started) for worker in self._workers if worker.job is not None)

    def run(
        self,
        jobs: Iterable[Job],
        done: Callable[[Job, Outcome], Iterable[Job]],
        watch: Callable[[int], None] = lambda waiting: None,
    ) -> None:
        """Do all jobs, and those that ``done`` returns when one is finished.

        ``watch`` is called between times with the count of jobs that wait. A job whose worker hangs, dies or
        eats memory has an outcome with the reason, like one that raises.
        """
        queue = deque(jobs)
        while queue or self.running():
            self._start(queue)
            watch(len(queue))
            for job, outcome in self._finished():
                # What follows goes first, so that finished looks become finished rows early.
                queue.extendleft(done(job, outcome))

    def _start(self, queue: deque[Job]) -> None:
        while queue and self._has_slot_for(queue[0]):
            job = queue.popleft()
            self._free_worker(job.trust).begin(job)

    def _has_slot_for(self, job: Job) -> bool:
        running = [running for running, _ in self.running()]
        if job.alone or any(other.alone for other in running):
            return not running
        return len(running) < self.slots

    def _free_worker(self, trust: Trust) -> _Worker:
        for worker in self._workers:
            if worker.trust is trust and worker.job is None:
                return worker
        worker = self._new_worker(trust)
        self._workers.append(worker)
        return worker

    def _new_worker(self, trust: Trust) -> _Worker:
        self._logs.mkdir(parents=True, exist_ok=True)
        ours, theirs = self._context.Pipe()
        lifeline, their_lifeline = self._context.Pipe()
        self._count += 1
        log = str(self._logs / f"{trust.value}-{self._count}.log")
        process = self._context.Process(target=serve, args=(theirs, their_lifeline, trust, log, self._memory_mb), daemon=True)
        process.start()
        theirs.close()
        their_lifeline.close()
        return _Worker(trust, process, ours, lifeline)

    def _finished(self) -> list[tuple[Job, Outcome]]:
        busy = [worker for worker in self._workers if worker.job is not None]
        ready = set(wait([worker.jobs for worker in busy], timeout=GLANCE)) if busy else set()
        finished = []
        for worker in busy:
            job = worker.job
            outcome = self._received(worker) if worker.jobs in ready else self._overdrawn(worker)
            if outcome is not None and job is not None:
                worker.job = None
                finished.append((job, outcome))
        return finished

    def _received(self, worker: _Worker) -> Outcome:
        try:
            return Outcome(**json.loads(worker.jobs.recv_bytes()))
        except (EOFError, OSError, ValueError, TypeError):
            worker.process.join(timeout=1)
            return self._lost(worker, _ending(worker.process.exitcode))

    def _overdrawn(self, worker: _Worker) -> Outcome | None:
        assert worker.job is not None
        if time.monotonic() - worker.started > worker.job.seconds:
            return self._lost(worker, f"timed out after {worker.job.seconds:g} s")
        if worker.trust is Trust.UNTRUSTED and worker.memory_mb() > self._memory_mb:
            return self._lost(worker, f"used more than {self._memory_mb:g} MiB of memory")
        return None

    def _lost(self, worker: _Worker, reason: str) -> Outcome:
        seconds = time.monotonic() - worker.started
        peak = worker.memory_mb()
        with suppress(OSError):
            worker.kill()
        self._workers.remove(worker)
        return Outcome(None, reason, seconds=seconds, peak_mb=max(0.0, peak))


def _ending(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"the worker was killed by signal {-exit_code}"
    return f"the worker exited with code {exit_code}"


def _rss(pid: int | None) -> float:
    try:
        return float(psutil.Process(pid).memory_info().rss) / MEGABYTE
    except psutil.Error:
        return 0.0
