"""Worker processes: started when needed, watched, and replaced alone when one hangs, dies or says what it cannot say."""

import multiprocessing
import secrets
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from json import loads
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, final

from onecurve.core.errors import OneCurveError
from onecurve.runner.engine.cells import GLANCE, Limits, keep_cells
from onecurve.runner.engine.jobs import Job, Outcome, Trust
from onecurve.runner.engine.leftovers import sweep
from onecurve.runner.engine.messages import LIMIT, BadMessageError, Inbox, envelope, loaded, outcome_of, send
from onecurve.runner.engine.processes import descendants, kill_if_the_same, living
from onecurve.runner.engine.worker import serve
from onecurve.runner.isolation.secrets import secrets_withheld
from onecurve.runner.isolation.walls import NONE as NOT_ISOLATED
from onecurve.runner.isolation.walls import Confinement, Isolation, tell_isolation

PRELOADED = ["onecurve.runner.engine.preload"]
GRACE = 15.0
"""Seconds beyond the limit of a cell after which its keeper is thought to hang."""
LAUNCHES, PAUSE = 3, 0.1
"""Attempts to start a process, and seconds between two."""
TRYING = 30.0
"""Seconds to find out what cells can be kept from."""
FROM_OUTSIDE = {signal.SIGKILL, signal.SIGTERM}
"""Signals that may well come from a person or the system; a process that fails by itself ends by another."""


@final
@dataclass
class _Worker:
    trust: Trust
    process: ForkServerProcess
    jobs: Connection
    inbox: Inbox
    job: Job | None = None
    nonce: str = ""
    started: float = 0.0
    below: dict[int, tuple[int, float]] = field(default_factory=dict)
    """What it started, as far as it was seen, with the times at which they began."""

    def begin(self, job: Job) -> None:
        self.job, self.started, self.nonce = job, time.monotonic(), secrets.token_hex(8)
        self.below.clear()
        # A worker that died while it was idle is found out when its end of the line is read.
        with suppress(OSError):
            content = {"nonce": self.nonce, "do": job.do, "arguments": dict(job.arguments), "seconds": job.seconds}
            send(self.jobs.fileno(), content)

    def look(self) -> None:
        """Remember what it started: should its keeper be killed, nobody else would know."""
        for pid in descendants(self.process.pid or 0):
            if pid not in self.below and (found := living(pid)) is not None:
                self.below[pid] = found

    def end(self, *, gently: bool) -> None:
        """End it and all that it started; gently where it can still be trusted to do the second itself."""
        self.look()
        with suppress(OSError):
            self.jobs.close()
        if gently and self.trust is Trust.UNTRUSTED:
            self.process.join(timeout=GRACE)
        self.process.kill()
        self.process.join(timeout=GRACE)
        kill_if_the_same(self.below.values())


@final
class Pool:
    """Up to ``slots`` jobs at a time: trusted ones in workers that are kept, each untrusted one in a fresh process.

    Processes start by forkserver with the heavy imports done once, so replacing a killed worker is cheap. With a confinement, the
    processes of untrusted jobs are isolated as far as the system can do so.
    Use as a context manager.
    """

    def __init__(self, slots: int, logs: Path, memory_mb: float, confinement: Confinement | None = None) -> None:
        self.slots = slots
        self._logs = logs
        self._confinement = confinement
        self._limits = Limits(memory_mb)
        self._workers: list[_Worker] = []
        self._count = 0
        self._queue: deque[Job] = deque()
        self._tried: dict[int, Job] = {}
        """Jobs whose worker died once already, by identity."""
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)

    def __enter__(self) -> "Pool":
        sweep()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for worker in self._workers:
            with suppress(OSError):
                worker.jobs.close()  # all at once, so that they end side by side
        for worker in self._workers:
            worker.end(gently=True)
        self._workers.clear()
        self._queue.clear()
        sweep()

    def isolation(self) -> Isolation:
        """What cells of this pool are kept from, as tried now in a process of its own."""
        found = (self._tried_walls(self._confinement) for _ in range(LAUNCHES if self._confinement else 0))
        return next((isolation for isolation in found if isolation is not None), NOT_ISOLATED)

    def _tried_walls(self, confinement: Confinement | None) -> Isolation | None:
        """None where the process that tries them was killed."""
        ours, theirs = self._context.Pipe()
        with TemporaryDirectory() as folder:
            process = self._launched(tell_isolation, theirs, confinement, folder)
            theirs.close()
            try:
                return Isolation(**loads(ours.recv_bytes())) if ours.poll(TRYING) else None
            except EOFError:
                return None
            finally:
                process.kill()
                process.join()
                ours.close()

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
        eats memory has an outcome with the reason, like one that raises. A worker that was killed from outside,
        as it seems, is given the same job once more.
        """
        self._queue = queue = deque(jobs)
        while queue or self.running():
            self._start(queue)
            watch(len(queue))
            for job, outcome in self._finished():
                self._tried.pop(id(job), None)
                # What follows goes first, so that finished looks become finished rows early.
                queue.extendleft(done(job, outcome))

    def _start(self, queue: deque[Job]) -> None:
        while queue and len(self.running()) < self.slots:
            job = queue.popleft()
            self._free_worker(job.trust).begin(job)

    def _free_worker(self, trust: Trust) -> _Worker:
        for worker in [worker for worker in self._workers if worker.trust is trust and worker.job is None]:
            if worker.process.is_alive():
                return worker
            worker.end(gently=False)
            self._workers.remove(worker)
        worker = self._new_worker(trust)
        self._workers.append(worker)
        return worker

    def _new_worker(self, trust: Trust) -> _Worker:
        self._logs.mkdir(parents=True, exist_ok=True)
        ours, theirs = self._context.Pipe()
        self._count += 1
        log = str(self._logs / f"{trust.value}-{self._count}.log")
        if trust is Trust.UNTRUSTED:
            process = self._launched(keep_cells, theirs, log, self._limits, self._confinement)
        else:
            process = self._launched(serve, theirs, trust, log)
        theirs.close()
        # The reply of a cell stands inside the message as a text, where quotes take two bytes.
        return _Worker(trust, process, ours, Inbox(ours.fileno(), 8 * LIMIT if trust is Trust.UNTRUSTED else 64 * LIMIT))

    def _launched(self, target: Callable[..., None], *arguments: object) -> ForkServerProcess:
        """A process that does this; the server that forks it is started again where somebody killed it."""
        for attempt in range(LAUNCHES):
            process = self._context.Process(target=target, args=arguments, daemon=True)
            try:
                with secrets_withheld():
                    process.start()
            except (EOFError, OSError) as error:
                if attempt == LAUNCHES - 1:
                    raise OneCurveError(
                        f"no worker could be started: {type(error).__name__}: {error}", "run the same command again"
                    ) from error
                time.sleep(PAUSE)
            else:
                return process
        raise AssertionError

    def _finished(self) -> list[tuple[Job, Outcome]]:
        busy = [worker for worker in self._workers if worker.job is not None]
        ready = set(wait([worker.jobs for worker in busy], timeout=GLANCE)) if busy else set()
        finished = []
        for worker in busy:
            job = worker.job
            assert job is not None
            outcome = self._received(worker, job) if worker.jobs in ready else self._overdue(worker, job)
            if outcome is not None:
                worker.job = None
                finished.append((job, outcome))
        return finished

    def _received(self, worker: _Worker, job: Job) -> Outcome | None:
        try:
            message = worker.inbox.read()
        except (EOFError, OSError):
            return self._died(worker, job)
        except BadMessageError as error:
            return self._dropped(worker, f"its reply cannot be read: {error}")
        if message is None:
            return self._overdue(worker, job)
        try:
            said = envelope(message)
            if said.get("nonce") != worker.nonce:
                raise BadMessageError("it belongs to another job")
        except BadMessageError as error:
            return self._dropped(worker, f"its reply cannot be read: {error}")
        if "signal" in said:
            return self._killed(worker, job, said)
        return _told(job, said)

    def _killed(self, worker: _Worker, job: Job, said: dict[str, Any]) -> Outcome | None:
        """The process of a cell ended by a signal that was not ours."""
        if said["signal"] in FROM_OUTSIDE and self._once_more(worker, job):
            return None
        return _told(job, {**said, "reason": f"the worker was killed by signal {said['signal']}"})

    def _died(self, worker: _Worker, job: Job) -> Outcome | None:
        """The worker itself is gone, which no job of it ought to bring about."""
        worker.process.join(timeout=1)
        code = worker.process.exitcode
        reason = _ending(code)
        seconds = time.monotonic() - worker.started
        self._drop(worker)
        if self._once_more(worker, job):
            return None
        # A fault in the process itself is that of what it was given, such as a network that was handed over to be graded.
        by_itself = code is not None and code < 0 and -code not in FROM_OUTSIDE
        return Outcome(None, f"{reason}, twice", seconds=seconds, lost=worker.trust is Trust.TRUSTED and not by_itself)

    def _once_more(self, worker: _Worker, job: Job) -> bool:
        if id(job) in self._tried:
            return False
        self._tried[id(job)] = job
        worker.job = None
        self._queue.appendleft(job)
        return True

    def _overdue(self, worker: _Worker, job: Job) -> Outcome | None:
        if worker.trust is Trust.UNTRUSTED:
            worker.look()
        grace = GRACE if worker.trust is Trust.UNTRUSTED else 0.0
        if time.monotonic() - worker.started > job.seconds + grace:
            return self._dropped(worker, f"timed out after {job.seconds:g} s")
        return None

    def _dropped(self, worker: _Worker, reason: str) -> Outcome:
        seconds = time.monotonic() - worker.started
        self._drop(worker)
        return Outcome(None, reason, seconds=seconds)

    def _drop(self, worker: _Worker) -> None:
        with suppress(OSError):
            worker.end(gently=False)
        self._workers.remove(worker)


def _told(job: Job, said: dict[str, Any]) -> Outcome:
    """What came of a job by the worker's message; a reply that breaks the rules costs the job."""
    seconds, cpu, peak = (float(said.get(name, 0.0)) for name in ("seconds", "cpu_seconds", "peak_mb"))
    measured = Outcome(None, str(said.get("reason", "")), seconds=seconds, peak_mb=peak, cpu_seconds=cpu)
    if measured.reason:
        return measured
    try:
        reply = loaded(str(said.get("text")).encode("utf-8", "replace"), finite=job.trust is Trust.UNTRUSTED)
        outcome = outcome_of(job, reply)
    except BadMessageError as error:
        return replace(measured, reason=f"its reply cannot be read: {error}")
    return replace(outcome, cpu_seconds=cpu, peak_mb=max(peak, outcome.peak_mb))


def _ending(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"the worker was killed by signal {-exit_code}"
    return f"the worker exited with code {exit_code}"
