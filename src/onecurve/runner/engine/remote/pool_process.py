"""A pool in a process of its own: what a worker of a cluster starts, since its own process belongs to the cluster's software."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

from onecurve.core.errors import OneCurveError
from onecurve.runner.engine.jobs import Job, Outcome, Trust
from onecurve.runner.engine.messages import Inbox, envelope, send
from onecurve.runner.engine.pool import Pool
from onecurve.runner.engine.remote.leftovers import sweep_sites
from onecurve.runner.engine.worker import OUR_JOBS, next_message
from onecurve.runner.isolation.walls import Confinement, Isolation

ENDING = 30.0
"""Seconds that it is given to end by itself."""


@final
@dataclass(frozen=True)
class PoolSettings:
    """What a pool is made of; JSON values."""

    logs: str
    memory_mb: float
    hidden: tuple[str, ...] = ()
    """What no cell may read; none for no isolation."""
    readable: tuple[str, ...] = ()

    @property
    def confinement(self) -> Confinement | None:
        return Confinement(tuple(self.hidden), tuple(self.readable)) if self.hidden else None


class _AloneError(Exception):
    """Nobody waits for what is done any more."""


class PoolGoneError(OneCurveError):
    """The process of the pool is no more."""


@final
class PoolProcess:
    """Does one job at a time. It ends with the process that made it, whatever that dies of."""

    def __init__(self, settings: PoolSettings, environment: Mapping[str, str], directory: str) -> None:
        Path(settings.logs).mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", __name__, json.dumps(asdict(settings))]
        with (Path(settings.logs) / f"pool-{os.getpid()}.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **environment},
                cwd=directory,
                start_new_session=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to = self._process.stdin.fileno()
        self._inbox = Inbox(self._process.stdout.fileno(), OUR_JOBS)
        self.isolation = Isolation(**self._said()["isolation"])

    def do(self, job: Job) -> Outcome:
        """Do the job to its end; raises ``PoolGoneError`` where the pool died meanwhile."""
        try:
            send(self._to, {**asdict(job), "trust": job.trust.value})
        except OSError as error:
            raise PoolGoneError("the pool of a worker is gone") from error
        return Outcome(**self._said())

    def close(self) -> None:
        """End it, gently first."""
        for end in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                assert end is not None
                end.close()
        try:
            self._process.wait(ENDING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _said(self) -> dict[str, Any]:
        while True:
            try:
                message = self._inbox.read()
            except (EOFError, OSError) as error:
                raise PoolGoneError("the pool of a worker is gone") from error
            if message is not None:
                return envelope(message)
            select.select([self._inbox.descriptor], [], [])


def main() -> None:
    """Do the jobs that come in by the standard input, one after another, until it is closed."""
    out = os.dup(1)
    os.dup2(2, 1)  # whatever prints, prints into the log
    settings = PoolSettings(**json.loads(sys.argv[1]))
    inbox = Inbox(0, OUR_JOBS)
    with suppress(_AloneError), Pool(1, Path(settings.logs), settings.memory_mb, settings.confinement) as pool:
        send(out, {"isolation": asdict(pool.isolation())})
        while (message := next_message(inbox)) is not None:
            outcome = _done(pool, Job(**{**message, "trust": Trust(message["trust"])}))
            with suppress(BrokenPipeError):
                send(out, asdict(outcome))
    sweep_sites()  # whoever started this may have been killed


def _done(pool: Pool, job: Job) -> Outcome:
    outcomes: list[Outcome] = []

    def keep(_job: Job, outcome: Outcome) -> Iterable[Job]:
        outcomes.append(outcome)
        return ()

    pool.run([job], keep, lambda waiting: _end_if_alone())
    return outcomes[0]


def _end_if_alone() -> None:
    """End where nobody holds the other end of the standard input any more: nobody waits for the job."""
    poll = select.poll()
    poll.register(0, select.POLLHUP)
    if any(event & select.POLLHUP for _, event in poll.poll(0)):
        raise _AloneError


if __name__ == "__main__":
    main()
