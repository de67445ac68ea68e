"""Which engine does the jobs of a run: this machine's processes, or a cluster."""

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

from onecurve.core.errors import SpecError, UnknownNameError, UsageError
from onecurve.runner.engine.engines import Engine
from onecurve.runner.engine.pool import Pool
from onecurve.runner.engine.remote.dispatch import RemoteEngine
from onecurve.runner.engine.remote.ray_crew import RayCrew, RayWish
from onecurve.runner.engine.remote.site import SiteSettings
from onecurve.runner.engine.remote.slurm_crew import SlurmCrew, SlurmWish
from onecurve.runner.isolation.walls import Confinement

LOCAL: Final = "local"
ENGINES: Final[Mapping[str, frozenset[str]]] = {
    LOCAL: frozenset(),
    "ray": frozenset({"cpus", "gpus", "memory_mb"}),
    "slurm": frozenset({"partition", "account", "qos", "constraint", "minutes", "cpus", "gpus", "memory_mb", "cluster"}),
}
"""Every engine with the options that it takes."""
ABOVE_ZERO: Final = frozenset({"cpus", "minutes"})
AMOUNTS: Final = ABOVE_ZERO | {"gpus", "memory_mb"}
"""Options that are numbers."""


@final
@dataclass(frozen=True)
class EngineChoice:
    """What a person asked for; nothing here changes a row."""

    name: str = LOCAL
    address: str = ""
    """Of a cluster that is up; empty to start one on this machine."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Of ray: `cpus`, `gpus` (a fraction lets workers share a card) and `memory_mb` that every worker reserves. Of slurm the same in whole
    numbers, `partition`, `account`, `qos`, `constraint`, `minutes` that a worker may run, and `cluster=local` for a trial here.
    """
    jobs: int | None = None
    """At a time; None for as many as there are processors."""

    def __post_init__(self) -> None:
        if self.name not in ENGINES:
            raise UnknownNameError.among("engine", self.name, ENGINES)
        for option in self.options:
            if option not in ENGINES[self.name]:
                raise UnknownNameError.among(f"option of the engine `{self.name}`", option, ENGINES[self.name])
            if option in AMOUNTS:
                _require_amount(self.name, option, self.options[option])
        if self.name != "ray" and self.address:
            raise UsageError(f"the {self.name} engine takes no address", "name the engine of the cluster: --engine ray")
        if self.name == "slurm" and self.jobs is None:
            raise UsageError("the engine slurm needs a number of workers", "say how many jobs to submit: --jobs N")


@final
@dataclass(frozen=True)
class Workplace:
    """What every engine must know."""

    slots: int
    """Jobs at a time on this machine."""
    logs: Path
    memory_mb: float
    confinement: Confinement | None
    required: bool
    """Whether cells must be isolated whole."""
    device: str
    files: Sequence[str]
    """Files of a person that a run names; every machine must have them at the same place."""


def engine_of(choice: EngineChoice, place: Workplace) -> Engine:
    """The engine, not yet begun."""
    if choice.name == LOCAL:
        return Pool(place.slots, place.logs, place.memory_mb, place.confinement)
    settings, home = _site_settings(place), Pool(1, place.logs, place.memory_mb, place.confinement)
    if choice.name == "slurm":
        asked = _slurm_wish(choice, place)
        return RemoteEngine(lambda: SlurmCrew(asked, settings), home)
    wish = _ray_wish(choice, place)
    return RemoteEngine(lambda: RayCrew(wish, settings), home)


def _slurm_wish(choice: EngineChoice, place: Workplace) -> SlurmWish:
    on_card, options = place.device.startswith("cuda"), choice.options
    parameters = {
        "timeout_min": int(_amount(choice, "minutes", 24 * 60)),
        "cpus_per_task": int(_amount(choice, "cpus", 1)),
        **({"gpus_per_node": gpus} if (gpus := int(_amount(choice, "gpus", 1 if on_card else 0))) else {}),
        **({"mem_gb": memory / 1024} if (memory := _amount(choice, "memory_mb", 0.0)) else {}),
        **{f"slurm_{name}": options[name] for name in ("partition", "account", "qos", "constraint") if name in options},
    }
    assert choice.jobs is not None
    return SlurmWish(choice.jobs, place.logs.parent, options.get("cluster", "slurm"), parameters)


def _ray_wish(choice: EngineChoice, place: Workplace) -> RayWish:
    on_card = place.device.startswith("cuda")
    return RayWish(
        address=choice.address or os.environ.get("RAY_ADDRESS", ""),
        slots=choice.jobs,
        processors=_amount(choice, "cpus", 1.0),
        graphics=_amount(choice, "gpus", 1.0 if on_card else 0.0),
        memory_mb=_amount(choice, "memory_mb", 0.0),
    )


def _amount(choice: EngineChoice, option: str, usual: float) -> float:
    return float(choice.options.get(option, usual))


def _require_amount(engine: str, option: str, text: str) -> None:
    """Raise ``SpecError`` for what is not an amount that the engine can reserve."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    least = "more than 0" if option in ABOVE_ZERO else "at least 0"
    if not 0 <= found < float("inf") or (found == 0 and option in ABOVE_ZERO):
        raise SpecError(f"the engine's option {option} is a number of {least}, got: {text}")
    if engine == "slurm" and option != "memory_mb" and found != int(found):
        raise SpecError(f"Slurm reserves whole numbers, got: {option}={text}")


def _site_settings(place: Workplace) -> SiteSettings:
    shut = place.confinement
    return SiteSettings(
        run=secrets.token_hex(6),
        memory_mb=place.memory_mb,
        isolated=shut is not None,
        hidden=shut.hidden if shut else (),
        readable=shut.readable if shut else (),
        threads=os.environ.get("OMP_NUM_THREADS", "1"),
        directory=str(Path.cwd()),
        files=tuple(place.files),
        device=place.device,
        whole=place.required,
    )
