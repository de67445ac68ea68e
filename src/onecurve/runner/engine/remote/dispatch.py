"""The loop that gives jobs to workers elsewhere and takes in what comes of them: one writer, and lost work is given out again."""

import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from types import FrameType, TracebackType
from typing import Protocol, final

from onecurve.core.errors import OneCurveError
from onecurve.runner.engine.jobs import Job, Outcome
from onecurve.runner.engine.pool import Pool
from onecurve.runner.engine.remote.transfers import TRANSFERS
from onecurve.runner.isolation.walls import Isolation

GLANCE = 0.2
"""Seconds between two looks at what is shown to a person."""
TRIES = 3
"""A job whose worker was lost so many times is told as lost; the next run does it again."""
NOBODY = 300.0
"""Seconds without any worker after which a run ends."""
DRAINING = 60.0
"""Seconds for which jobs under way are waited for after Ctrl-C."""

Done = Callable[[Job, Outcome], Iterable[Job]]


class Loss(Enum):
    """A job was lost with its worker."""

    BEGUN = "begun"
    WAITING = "waiting"
    """The worker had not begun with it."""


class Crew(Protocol):
    """Workers elsewhere. Tickets name what they were given."""

    slots: int
    """How many workers there are to be."""

    def room(self) -> int:
        """How many more jobs they would take now."""
        ...

    def give(self, ticket: int, job: Job) -> None:
        """Give one of them a job; raises ``DataError`` for a job that reads what is not there."""
        ...

    def collect(self, seconds: float) -> list[tuple[int, Outcome | Loss]]:
        """What has ended, waiting so long for the first."""
        ...

    def present(self) -> int:
        """How many workers there are now."""
        ...

    def isolation(self) -> Isolation:
        """What holds for all of them."""
        ...

    def close(self) -> None:
        """Send all of them home."""
        ...


@final
class RemoteEngine:
    """An engine whose jobs a crew does, except those that concern the files of this machine."""

    def __init__(self, hire: Callable[[], Crew], home: Pool) -> None:
        self.slots = 0
        self._hire = hire
        self._home = home
        self._under_way: dict[int, tuple[Job, float]] = {}
        self._losses: dict[int, int] = {}
        """How often the worker of a job was lost, by identity."""
        self._tickets = 0
        self._crew: Crew | None = None
        self._met = time.monotonic()
        """When a worker was there last."""

    def __enter__(self) -> "RemoteEngine":
        self._home.__enter__()
        try:
            self._crew = self._hire()
        except BaseException:
            self._home.__exit__(None, None, None)
            raise
        self.slots = self._crew.slots
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._present_crew().close()
        finally:
            self._home.__exit__(kind, error, trace)

    def isolation(self) -> Isolation:
        return self._present_crew().isolation()

    def running(self) -> tuple[tuple[Job, float], ...]:
        now = time.monotonic()
        own = tuple((job, now - began) for job, began in self._under_way.values())
        return (*self._home.running(), *own[: self.slots])

    def run(self, jobs: Iterable[Job], done: Done, watch: Callable[[int], None] = lambda waiting: None) -> None:
        """Do all jobs. Ctrl-C lets those under way end and be kept, for a minute, and gives out no more; a second one ends at once."""
        jobs = list(jobs)
        self._home.run([job for job in jobs if job.do not in TRANSFERS], done, watch)
        queue = deque(job for job in jobs if job.do in TRANSFERS)
        self._met = time.monotonic()
        with _interrupts() as asked:
            while (queue or self._under_way) and not asked():
                self._give(queue, done)
                watch(len(queue))
                self._take(queue, done)
                self._require_somebody()
            if asked():
                self._drain(done)
                raise KeyboardInterrupt

    def _give(self, queue: deque[Job], done: Done) -> None:
        crew = self._present_crew()
        room = crew.room()
        while queue and room > 0:
            job = queue.popleft()
            self._tickets += 1
            try:
                crew.give(self._tickets, job)
            except OneCurveError as error:
                queue.extendleft(done(job, Outcome(None, error.message, error.hint, lost=True)))
                continue
            self._under_way[self._tickets] = (job, time.monotonic())
            room -= 1

    def _take(self, queue: deque[Job], done: Done) -> None:
        for ticket, ended in self._present_crew().collect(GLANCE):
            job, began = self._under_way.pop(ticket)
            outcome = self._counted(job, ended, time.monotonic() - began) if isinstance(ended, Loss) else ended
            if outcome is None:
                queue.appendleft(job)
                continue
            self._losses.pop(id(job), None)
            # What follows goes first, so that finished looks become finished rows early.
            queue.extendleft(done(job, outcome))

    def _counted(self, job: Job, loss: Loss, seconds: float) -> Outcome | None:
        """None for a job that is given out again, else that it was lost too often."""
        losses = self._losses.get(id(job), 0) + (loss is Loss.BEGUN)
        self._losses[id(job)] = losses
        return None if losses < TRIES else Outcome(None, f"its worker was lost {TRIES} times", seconds=seconds, lost=True)

    def _require_somebody(self) -> None:
        """Raise ``OneCurveError`` where there has been no worker for long."""
        now = time.monotonic()
        if self._present_crew().present():
            self._met = now
        elif now - self._met > NOBODY:
            raise OneCurveError(
                f"no worker has been there for {NOBODY:.0f} s",
                "see to the cluster; everything finished is kept, and the same command goes on",
            )

    def _drain(self, done: Done) -> None:
        until = time.monotonic() + DRAINING
        while self._under_way and time.monotonic() < until:
            self._take(deque(), done)

    def _present_crew(self) -> Crew:
        assert self._crew is not None
        return self._crew


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed meanwhile; a second one is raised as usual."""
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return

    def note(_number: int, _frame: FrameType | None) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()

    before = signal.signal(signal.SIGINT, note)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)
