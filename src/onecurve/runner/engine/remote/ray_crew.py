"""Workers on a Ray cluster: one actor per job at a time, each with a pool of its own on its node."""

import importlib
import math
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, final

from onecurve.core.errors import DataError, MissingExtraError, UsageError
from onecurve.runner.engine.jobs import Job, Outcome
from onecurve.runner.engine.remote.dispatch import Loss
from onecurve.runner.engine.remote.parcels import Packing, Parcel, Reply, packing
from onecurve.runner.engine.remote.shipments import Shipments
from onecurve.runner.engine.remote.site import Greeting, Site, SiteSettings, require_fit
from onecurve.runner.isolation.walls import Isolation, common

AHEAD = 2
"""Jobs that a worker has at a time, the one that it does included: the next one is there when it ends."""
OVERDUE = 120.0
"""Seconds beyond the limits of its jobs after which a worker is thought to hang and is replaced."""
FIRST = 300.0
"""Seconds to wait for the first worker."""
LISTENER = 10.0
"""Seconds that whoever is named as a cluster has to take a connection."""
LEAVING = 10.0
"""Seconds that workers have to end what they started."""
MEGABYTE = 1 << 20


@final
@dataclass(frozen=True)
class RayWish:
    """What a person asked for."""

    address: str = ""
    """Of a cluster; empty to start one on this machine."""
    slots: int | None = None
    """Workers; None for one per processor of the cluster."""
    processors: float = 1.0
    """Per worker."""
    graphics: float = 0.0
    """Graphics cards per worker; a fraction lets several share one."""
    memory_mb: float = 0.0
    """Reserved per worker; 0 for none."""


class RayWorker:
    """The actor. Ray makes it on some node."""

    def __init__(self, settings: SiteSettings) -> None:
        self._site = Site(settings)

    def hello(self) -> Greeting:
        """Who is here, and what is lacking."""
        return self._site.greeting()

    def do(self, parcel: Parcel, archives: Mapping[str, Any]) -> Reply:
        """Do a job; ``archives`` has by key a reference to each folder that it reads."""
        for key in self._site.lacking(parcel.folders):
            self._site.receive(key, _ray().get(archives[key]))
        return self._site.do(parcel)

    def leave(self) -> None:
        """End what it started."""
        self._site.close()


@final
@dataclass(frozen=True)
class _Given:
    """A job that a worker has."""

    ticket: int
    job: Job
    packing: Packing


@final
@dataclass(eq=False)
class _Hired:
    """One actor, as seen from here."""

    actor: Any
    hello: Any
    """Reference of what it says first."""
    greeting: Greeting | None = None
    has: dict[Any, _Given] = field(default_factory=dict)
    """What it was given, by the reference of the reply, in order."""
    since: float = 0.0
    """When it began with the first of these."""

    def overdue(self, now: float) -> bool:
        """Whether it is thought to hang."""
        first = next(iter(self.has.values()), None)
        return first is not None and now - self.since > first.job.seconds + OVERDUE


@final
class RayCrew:
    """Hires workers, replaces those that are lost, and keeps as many jobs with each as keep it busy."""

    def __init__(self, wish: RayWish, settings: SiteSettings) -> None:
        self._ray = _ray()
        self._settings = settings
        self._seen: set[Isolation] = set()
        """What held for every worker that ever was."""
        self._started = _connected(self._ray, wish)
        self.slots = wish.slots or max(1, int(self._ray.cluster_resources().get("CPU", 1) // max(wish.processors, 1e-9)))
        self._shipments: Shipments[Any] = Shipments(self._ray.put)
        memory = {"memory": int(wish.memory_mb * MEGABYTE)} if wish.memory_mb else {}
        actor = self._ray.remote(RayWorker)
        self._wanted = actor.options(num_cpus=wish.processors, num_gpus=wish.graphics, max_restarts=0, **memory)
        self._why = ""
        """What befell the worker that was lost last."""
        self._workers = [self._hired() for _ in range(self.slots)]
        self._meet(FIRST)

    def room(self) -> int:
        return sum(AHEAD - len(worker.has) for worker in self._present())

    def present(self) -> int:
        return len(self._present())

    def isolation(self) -> Isolation:
        return common(self._seen)

    def give(self, ticket: int, job: Job) -> None:
        shipped = self._shipments.of(job)
        pack = packing(job, {path: key for path, (key, _) in shipped.items()})
        parcel = pack.parcel()
        worker = min(self._present(), key=lambda one: len(one.has))
        if not worker.has:
            worker.since = time.monotonic()
        worker.has[worker.actor.do.remote(parcel, dict(shipped.values()))] = _Given(ticket, job, pack)

    def collect(self, seconds: float) -> list[tuple[int, Outcome | Loss]]:
        now = time.monotonic()
        ended: list[tuple[int, Outcome | Loss]] = []
        for worker in [worker for worker in self._workers if worker.overdue(now)]:
            ended += self._replaced(worker)
        owners = {reference: worker for worker in self._workers for reference in worker.has or ([] if worker.greeting else [worker.hello])}
        for reference in self._ready(list(owners), seconds):
            worker = owners[reference]
            if worker in self._workers:  # else it was replaced a moment ago
                ended += self._received(worker, reference)
        return ended

    def close(self) -> None:
        with suppress(Exception):  # the cluster may be gone
            leaving = [worker.actor.leave.remote() for worker in self._present()]
            self._ray.wait(leaving, num_returns=len(leaving), timeout=LEAVING)
        for worker in self._workers:
            with suppress(Exception):
                self._ray.kill(worker.actor)
        if self._started:
            self._ray.shutdown()

    def _present(self) -> list[_Hired]:
        return [worker for worker in self._workers if worker.greeting]

    def _hired(self) -> _Hired:
        actor = self._wanted.remote(self._settings)
        return _Hired(actor, actor.hello.remote())

    def _meet(self, seconds: float) -> None:
        """Wait for the first worker; raises ``UsageError`` where none comes."""
        until = time.monotonic() + seconds
        while not self._present():
            if time.monotonic() > until:
                why = f": {self._why}" if self._why else ""
                raise UsageError(f"no worker began on the cluster within {seconds:.0f} s{why}", "see to its resources: `ray status`")
            self.collect(1.0)

    def _ready(self, references: list[Any], seconds: float) -> list[Any]:
        if not references:
            time.sleep(seconds)
            return []
        if not self._ray.wait(references, num_returns=1, timeout=seconds)[0]:
            return []
        return list(self._ray.wait(references, num_returns=len(references), timeout=0)[0])

    def _received(self, worker: _Hired, reference: Any) -> list[tuple[int, Outcome | Loss]]:
        try:
            said = self._ray.get(reference)
            if reference == worker.hello:
                self._greeted(worker, said)
                return []
            outcome = worker.has[reference].packing.taken_in(said)
        except UsageError:
            raise
        except (self._ray.exceptions.RayError, DataError) as error:
            # Whatever befell the worker, or what it sent, is no fault of the job's.
            self._why = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
            return self._replaced(worker)
        worker.since = time.monotonic()
        return [(worker.has.pop(reference).ticket, outcome)]

    def _greeted(self, worker: _Hired, greeting: Greeting) -> None:
        require_fit(greeting)
        self._seen.add(greeting.isolation)
        worker.greeting = greeting

    def _replaced(self, worker: _Hired) -> list[tuple[int, Outcome | Loss]]:
        """Hire another one in its place; what it was given is lost."""
        with suppress(Exception):
            self._ray.kill(worker.actor)
        self._workers[self._workers.index(worker)] = self._hired()
        return [(given.ticket, Loss.WAITING if number else Loss.BEGUN) for number, given in enumerate(worker.has.values())]


def _ray() -> Any:
    """The library; raises ``MissingExtraError`` without it."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise MissingExtraError.needing("--engine ray", "ray") from error


def _connected(ray: Any, wish: RayWish) -> bool:
    """Connect, or start a cluster on this machine; True where it was started here."""
    if ray.is_initialized():
        return False
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
    if not wish.address:
        ray.init(num_cpus=wish.slots and math.ceil(wish.slots * wish.processors), include_dashboard=False, **quiet)
        return True
    try:
        _require_listener(wish.address)
        ray.init(address=wish.address, **quiet)
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(f"no Ray cluster at {wish.address}: {str(error).splitlines()[0]}", "`ray status` says whether it is up") from error
    return True


def _require_listener(address: str) -> None:
    """Raise ``OSError`` where nobody listens at HOST:PORT: Ray itself would wait for many minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), LISTENER).close()
