"""The progress display: what runs, what is done, how much time is left. Plain lines where there is no terminal."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from onecurve.runner.engine.jobs import Job
from onecurve.runner.session import Display

SHOWN = 8
"""Running jobs shown at most."""
QUIET = 10.0
"""Seconds between two lines where there is no terminal."""


@contextmanager
def progress_display() -> Iterator["LiveDisplay | LineDisplay"]:
    """The display that suits the terminal; everything goes to stderr."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield LineDisplay(console)
        return
    display = LiveDisplay(console)
    with display.live:
        yield display


class LiveDisplay:
    """A bar per phase and the jobs under way."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console)
        self._current: TaskID | None = None
        self._failed = 0
        self.live = Live(self._progress, console=console, refresh_per_second=4)

    def phase(self, words: str, total: int) -> None:
        if self._current is not None:
            self._progress.stop_task(self._current)
        self._failed = 0
        self._current = self._progress.add_task(words, total=total or None)

    def done(self, steps: int, failed: bool) -> None:
        if self._current is None:
            return
        self._progress.advance(self._current, steps)
        if failed:
            self._failed += 1
            words = self._progress.tasks[-1].description.partition(" (")[0]
            self._progress.update(self._current, description=f"{words} ({self._failed} failed)")

    def running(self, jobs: Iterable[tuple[Job, float]]) -> None:
        lines = [Text(f"  {seconds:5.0f} s  {job.label}", style="dim") for job, seconds in list(jobs)[:SHOWN]]
        self.live.update(Group(self._progress, *lines))

    def say(self, words: str) -> None:
        self.live.console.print(words)


class LineDisplay:
    """A line when a phase begins and every few seconds, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._words, self._total, self._count, self._failed = "", 0, 0, 0
        self._began = self._last = time.monotonic()

    def phase(self, words: str, total: int) -> None:
        self._words, self._total, self._count, self._failed = words, total, 0, 0
        self._began = self._last = time.monotonic()
        self._console.print(f"{words}: {total} to do" if total else words, highlight=False)

    def done(self, steps: int, failed: bool) -> None:
        self._count += steps
        self._failed += failed
        self._tell(())

    def running(self, jobs: Iterable[tuple[Job, float]]) -> None:
        self._tell(jobs)

    def _tell(self, jobs: Iterable[tuple[Job, float]]) -> None:
        now = time.monotonic()
        if now - self._last < QUIET:
            return
        self._last = now
        under_way = "; ".join(job.label for job, _ in jobs)
        line = f"{self._words}{self._state(now)}" + (f"; now: {under_way}" if under_way else "")
        self._console.print(line, highlight=False, soft_wrap=True)

    def _state(self, now: float) -> str:
        if not self._total:
            return ""
        failed = f", {self._failed} failed" if self._failed else ""
        # Before anything is done there is nothing to judge the rest by.
        rest = (now - self._began) / self._count * (self._total - self._count) if self._count else 0
        left = f", about {rest:.0f} s left" if self._count else ""
        return f": {self._count} of {self._total}{failed}{left}"

    def say(self, words: str) -> None:
        self._console.print(words, highlight=False, soft_wrap=True)


def whole(display: Display, words: str) -> Callable[[float, str], None]:
    """A phase of 100 steps; the returned function moves it to a share in [0, 1]."""
    display.phase(words, 100)
    done = 0

    def progress(share: float, _words: str) -> None:
        nonlocal done
        steps = int(100 * share) - done
        done += steps
        display.done(steps, failed=False)

    return progress
