"""What a pass through each network takes on this machine, so that processor seconds can be read as passes of that network."""

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from typing import final

from onecurve.core.grade import Cost
from onecurve.core.spec import content_key
from onecurve.runner.engine.jobs import Job, Outcome, Trust
from onecurve.runner.phases.plant import PlantedNetwork
from onecurve.runner.session import Session


@final
class PassTimes:
    """Processor seconds of an example's pass forward, by network."""

    def __init__(self, seconds: Mapping[str, float]) -> None:
        self._seconds = seconds

    def passes(self, network: str, cost: Cost) -> float | None:
        """The processor seconds of a cell as passes through its network; None where either is not known."""
        each = self._seconds.get(network, 0.0)
        return cost.cpu_seconds / each if each and cost.cpu_seconds is not None else None


def time_passes(session: Session, networks: Sequence[PlantedNetwork]) -> PassTimes:
    """Measure each network once on each machine, and keep that in the store.

    Nothing is measured where a graphics card does the work: processor seconds leave it out.
    """
    if session.device != "cpu":
        return PassTimes({})
    machine = content_key(platform.node(), platform.machine(), os.cpu_count() or 0)
    keys = {f"pass:{network.name}:{machine}": network.name for network in networks if not network.reference}
    known = session.store.prepared()
    jobs = [
        Job(Trust.TRUSTED, "time_pass", {"folder": str(session.network_folder(name))}, f"time passes of {name}", key=key)
        for key, name in keys.items()
        if key not in known
    ]
    session.display.phase("time a pass", len(jobs))

    def done(job: Job, outcome: Outcome) -> Iterable[Job]:
        session.display.done(1, outcome.failed)
        if outcome.value is not None:
            session.store.prepare(job.key, dict(outcome.value))
        return ()

    session.run(jobs, done)
    found = session.store.prepared()
    return PassTimes({name: float(found[key]["seconds"]) for key, name in keys.items() if key in found})
