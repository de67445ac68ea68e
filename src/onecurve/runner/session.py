"""What all phases of a run share: the suite, the folders, the store, the workers and the display."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, final

from onecurve.core.errors import UsageError
from onecurve.runner.engine.engines import Engine
from onecurve.runner.engine.jobs import Job, Outcome, Trust
from onecurve.runner.suite import Suite
from onecurve.store.store import Store

NETWORKS = "networks"
"""Folder of a run that holds what was planted."""


class Display(Protocol):
    """Where a person sees what goes on."""

    def phase(self, words: str, total: int) -> None:
        """A new phase begins, with so many steps; 0 if that is not known."""
        ...

    def done(self, steps: int, failed: bool) -> None:
        """So many more steps of the phase are done."""
        ...

    def running(self, jobs: Iterable[tuple[Job, float]]) -> None:
        """What runs now, each with its seconds so far."""
        ...

    def say(self, words: str) -> None:
        """One line worth keeping."""
        ...


@final
class Silent:
    """A display for tests and programs."""

    def phase(self, words: str, total: int) -> None:
        """Says nothing."""

    def done(self, steps: int, failed: bool) -> None:
        """Says nothing."""

    def running(self, jobs: Iterable[tuple[Job, float]]) -> None:
        """Says nothing."""

    def say(self, words: str) -> None:
        """Says nothing."""


@final
@dataclass(frozen=True)
class Session:
    """One run under way."""

    suite: Suite
    out: Path
    cache: Path
    store: Store
    engine: Engine
    display: Display
    device: str = "cpu"
    failures: list[str] = field(default_factory=list)
    """What went wrong so far, in words."""
    unplanted: dict[str, str] = field(default_factory=dict)
    """Networks that could not be planted, by name, with the reason."""

    @property
    def blobs(self) -> str:
        return str(self.store.blobs.folder)

    @property
    def sealed_blobs(self) -> str:
        return str(self.store.sealed.folder)

    def network_folder(self, name: str) -> Path:
        """Where a planted network lies: `subject` for everyone, `sealed` for the grading side."""
        return self.out / NETWORKS / name

    def run(self, jobs: Iterable[Job], done: Callable[[Job, Outcome], Iterable[Job]]) -> None:
        """Have the engine do jobs while the display shows what is under way."""

        def watch(_waiting: int) -> None:
            self.store.settle()
            self.display.running(self.engine.running())

        self.engine.run(jobs, done, watch)

    def ask(self, trust: Trust, do: str, label: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Do one job now and return its value; raises ``UsageError`` with the reason if it fails."""
        outcomes: list[Outcome] = []

        def keep(_job: Job, outcome: Outcome) -> Iterable[Job]:
            outcomes.append(outcome)
            return ()

        self.run([Job(trust, do, arguments, label)], keep)
        outcome = outcomes[0]
        if outcome.value is None:
            raise UsageError(f"{label}: {outcome.reason}", outcome.hint)
        return dict(outcome.value)
