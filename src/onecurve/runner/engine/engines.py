"""The promise of an engine: whatever does the jobs of a run, on this machine or on others."""

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Protocol, Self

from onecurve.runner.engine.jobs import Job, Outcome
from onecurve.runner.isolation.walls import Isolation


class Engine(Protocol):
    """Does jobs, each in isolation from all others. Use as a context manager."""

    slots: int
    """How many jobs at a time."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def isolation(self) -> Isolation:
        """What cells are kept from, as tried where they run; on several machines what holds on all of them."""
        ...

    def running(self) -> tuple[tuple[Job, float], ...]:
        """The jobs under way, each with its seconds so far."""
        ...

    def run(
        self,
        jobs: Iterable[Job],
        done: Callable[[Job, Outcome], Iterable[Job]],
        watch: Callable[[int], None] = lambda waiting: None,
    ) -> None:
        """Do all jobs, and those that ``done`` returns when one is finished; ``watch`` is told now and then how many wait."""
        ...
