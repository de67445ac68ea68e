"""Workers that are jobs of Slurm, on a cluster with a shared disk; submitit submits them, a spool gives them their work."""

import importlib
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, final

from onecurve.core.errors import DataError, MissingExtraError, UsageError
from onecurve.runner.engine.jobs import Job, Outcome
from onecurve.runner.engine.remote.archives import key_of
from onecurve.runner.engine.remote.dispatch import Loss
from onecurve.runner.engine.remote.parcels import Packing, packing
from onecurve.runner.engine.remote.shipments import Shipments
from onecurve.runner.engine.remote.site import Greeting, SiteSettings, require_fit
from onecurve.runner.engine.remote.slurm_worker import work
from onecurve.runner.engine.remote.spool import DRIVER, PREFIX, Spool, sweep_spools
from onecurve.runner.isolation.walls import Isolation, common

AHEAD: Final = 2
"""Jobs for each worker that are ready or under way, so that it never waits for the driver."""
SILENT: Final = 120.0
"""Seconds without a sign of life after which a worker is given up."""
OVERDUE: Final = 120.0
"""Seconds beyond the limit of its job after which a worker is thought to hang."""
LOOK: Final = 5.0
"""Seconds between two looks after the workers."""
GLANCE: Final = 0.05
LEAVING: Final = 15.0
"""Seconds that workers have to leave."""
ATTEMPTS: Final = 3
"""For each worker, how often another one is submitted in its place before the first has begun with a job."""


@final
@dataclass(frozen=True)
class SlurmWish:
    """What a person asked for."""

    slots: int
    """Workers."""
    out: Path
    """The folder of the run, on a disk that every machine has at the same place."""
    cluster: str = "slurm"
    """`slurm`, or `local` for processes of this machine, as a trial."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """What submitit takes: partition, minutes, memory."""


@final
@dataclass(eq=False)
class _Hired:
    """One job of Slurm, as seen from here."""

    name: str
    job: Any
    greeting: Greeting | None = None
    began: dict[int, float] = field(default_factory=dict)
    """When the jobs that it has were first seen with it."""


@final
@dataclass(frozen=True)
class _Given:
    job: Job
    packing: Packing


@final
class SlurmCrew:
    """Submits workers, replaces those that are lost, and keeps the spool filled."""

    def __init__(self, wish: SlurmWish, settings: SiteSettings) -> None:
        self._executor_of = _submitit().AutoExecutor
        self.slots = wish.slots
        self._wish, self._settings = wish, settings
        self._seen: set[Isolation] = set()
        """What held for every worker that ever was."""
        sweep_spools(wish.out)
        self._spool = Spool(wish.out.resolve() / f"{PREFIX}{settings.run}")
        self._spool.make()
        self._shipments: Shipments[str] = Shipments(lambda archive: self._spool.keep_folder(archive, key_of(archive)))
        self._given: dict[int, _Given] = {}
        self._looked = 0.0
        self._count = self._fruitless = 0
        self._signs = ExitStack()
        self._signs.enter_context(self._spool.living(DRIVER))
        try:
            self._executor = self._ready_executor()
            self._workers = self._hired(self.slots)
            self._meet()
        except BaseException:
            self.close()
            raise

    def room(self) -> int:
        return self.slots * AHEAD - len(self._given)

    def present(self) -> int:
        """Those that wait in the queue of Slurm count too."""
        return len(self._workers)

    def isolation(self) -> Isolation:
        return common(self._seen)

    def give(self, ticket: int, job: Job) -> None:
        shipped = self._shipments.of(job)
        pack = packing(job, {path: key for path, (key, _) in shipped.items()})
        self._spool.give(ticket, pack.parcel())
        self._given[ticket] = _Given(job, pack)

    def collect(self, seconds: float) -> list[tuple[int, Outcome | Loss]]:
        until = time.monotonic() + seconds
        while True:
            ended = [*self._taken_in(), *self._looked_after()]
            if ended or time.monotonic() > until:
                return ended
            time.sleep(GLANCE)

    def close(self) -> None:
        self._spool.stop()
        workers = getattr(self, "_workers", [])
        until = time.monotonic() + LEAVING
        while time.monotonic() < until and not all(_is_over(worker.job) for worker in workers):
            time.sleep(GLANCE)
        for worker in workers:
            with suppress(Exception):  # it may have ended by itself, and Slurm may be away
                worker.job.cancel(check=False)
        self._signs.close()
        self._spool.remove()

    def _ready_executor(self) -> Any:
        try:
            executor = self._executor_of(folder=self._spool.root / "submitit", cluster=self._wish.cluster)
            executor.update_parameters(name="onecurve", **self._wish.parameters)
        except (RuntimeError, ValueError, NameError, AssertionError, TypeError) as error:
            raise UsageError(
                f"no jobs can be submitted: {error}"[:500], "`sinfo` says whether this machine belongs to a cluster"
            ) from error
        return executor

    def _hired(self, count: int) -> list[_Hired]:
        names = [f"w{self._count + number}" for number in range(count)]
        self._count += count
        try:
            return [_Hired(name, self._executor.submit(work, str(self._spool.root), name, self._settings)) for name in names]
        except (OSError, RuntimeError) as error:
            raise UsageError(f"Slurm took no job: {error}"[:500], "see to partition, account and limits: --engine-option") from error

    def _meet(self) -> None:
        """Wait for the first worker, as long as Slurm keeps any in its queue; raises ``UsageError`` where none can come."""
        while not any(worker.greeting for worker in self._workers):
            self._looked_after()
            time.sleep(GLANCE)

    def _taken_in(self) -> list[tuple[int, Outcome | Loss]]:
        return [ended for ticket in self._spool.replies() if (ended := self._received(ticket)) is not None]

    def _received(self, ticket: int) -> tuple[int, Outcome | Loss] | None:
        try:
            reply = self._spool.reply(ticket)
            if ticket not in self._given:  # of a worker that was given up too early; somebody else has the job under another ticket
                return None
            self._fruitless = 0
            return ticket, self._given.pop(ticket).packing.taken_in(reply)
        except DataError:
            return ticket, Loss.BEGUN

    def _looked_after(self) -> list[tuple[int, Outcome | Loss]]:
        """Greet who is new and replace who is lost, now and then."""
        if time.monotonic() - self._looked < LOOK and all(worker.greeting for worker in self._workers):
            return []
        self._looked = time.monotonic()
        said = self._spool.greetings()
        ended: list[tuple[int, Outcome | Loss]] = []
        for worker in list(self._workers):
            if worker.greeting is None and worker.name in said:
                self._greeted(worker, said[worker.name])
            worker.began = {ticket: worker.began.get(ticket, self._looked) for ticket in self._spool.claims(worker.name)}
            if self._is_lost(worker):
                ended += self._replaced(worker)
        return ended

    def _greeted(self, worker: _Hired, greeting: Greeting) -> None:
        require_fit(greeting)
        self._seen.add(greeting.isolation)
        worker.greeting = greeting

    def _is_lost(self, worker: _Hired) -> bool:
        if _is_over(worker.job):
            return True
        hanging = any(
            ticket in self._given and self._looked - began > self._given[ticket].job.seconds + OVERDUE
            for ticket, began in worker.began.items()
        )
        return hanging or (worker.greeting is not None and self._spool.silent_for(worker.name) > SILENT)

    def _replaced(self, worker: _Hired) -> list[tuple[int, Outcome | Loss]]:
        """Submit another one in its place; the job that it had is lost, unless its reply is there."""
        had = self._spool.dismiss(worker.name)
        ended = self._taken_in()
        self._fruitless += 1
        if self._fruitless > ATTEMPTS * self.slots:
            raise UsageError(f"{self._fruitless} workers ended without having done a job: {_last_words(worker.job)}", "see to the cluster")
        with suppress(Exception):
            worker.job.cancel(check=False)
        self._workers[self._workers.index(worker)] = self._hired(1)[0]
        return [*ended, *((ticket, Loss.BEGUN) for ticket in had if self._given.pop(ticket, None) is not None)]


def _is_over(job: Any) -> bool:
    """Whether Slurm says that a job has ended; a job that waits in its queue has not."""
    try:
        return bool(job.done())
    except Exception:  # noqa: BLE001 - the commands of Slurm may fail for a moment
        return False


def _last_words(job: Any) -> str:
    with suppress(Exception):
        said = [line for line in (job.stderr() or "").splitlines() if line.strip()]
        return said[-1][:300] if said else "nothing was written"
    return "nothing is known"


def _submitit() -> Any:
    """The library; raises ``MissingExtraError`` without it."""
    try:
        return importlib.import_module("submitit")
    except ImportError as error:
        raise MissingExtraError.needing("--engine slurm", "slurm") from error
