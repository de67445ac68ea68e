"""The jobs that plant networks: one network at a time, or on a graphics card several small ones whose trainings take place as one."""

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from onecurve.core.spec import content_key
from onecurve.runner.engine.jobs import Job, Outcome, Trust
from onecurve.runner.networks import WantedNetwork

SECONDS = 7200.0
"""A network that takes longer than this to plant is given up."""
TOGETHER = 8
"""Networks that are planted together at most; more fill a card no better and are lost together."""


@final
@dataclass(frozen=True)
class Order:
    """A network to plant, its content key, and what may be known of the run's networks without looking."""

    wanted: WantedNetwork
    key: str
    population: Mapping[str, Any]
    """Of the wanted networks. The grades follow the admitted ones, which nobody knows yet."""
    classes: int
    controls: frozenset[str]
    """Addresses of flaws without an effect."""
    casings: tuple[str, ...]
    """Wrappers that every network of its set and architecture gets."""

    @property
    def name(self) -> str:
        return self.wanted.name

    @property
    def from_zoo(self) -> bool:
        """Whether it comes trained."""
        return bool(self.wanted.recipe.get("zoo"))

    @property
    def arguments(self) -> dict[str, Any]:
        """What planting it takes, besides places."""
        return {
            "flaws": list(self.wanted.flaws) or ["clean"],
            "recipe": dict(self.wanted.recipe),
            "seed": self.wanted.seed,
            "subject": self.name,
            "population": {**self.population, "classes": self.classes},
            "casings": list(self.casings),
        }


@final
@dataclass(frozen=True)
class Built:
    """What came of planting one network."""

    order: Order
    value: Mapping[str, Any] | None
    """None where it could not be planted."""
    reason: str
    folder: Path
    hint: str = ""
    """What to do about the reason; may be empty."""


def planting_jobs(orders: Sequence[Order], cache: Path, device: str) -> list[Job]:
    """Those that are trained take longest, so they begin first."""
    building = cache / "building"
    building.mkdir(parents=True, exist_ok=True)
    groups = _groups(sorted(orders, key=lambda order: order.from_zoo), TOGETHER if device.startswith("cuda") else 1)
    return [_job(group, cache, tempfile.mkdtemp(prefix=f"{group[0].name}-", dir=building)) for group in groups]


def built(job: Job, outcome: Outcome, orders: Mapping[str, Order]) -> list[Built]:
    """What came of each network of a job."""
    folder, asked = Path(job.arguments["folder"]), job.arguments
    if job.do == "plant_network":
        return [Built(orders[asked["subject"]], outcome.value, outcome.reason, folder, outcome.hint)]
    names = [network["subject"] for network in asked["networks"]]
    if outcome.value is None:
        return [Built(orders[name], None, outcome.reason, folder / name, outcome.hint) for name in names]
    found = outcome.value["networks"]
    return [Built(orders[name], _made(found[name]), str(found[name].get("reason", "")), folder / name) for name in names]


def _made(value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return value if "cases" in value else None


def _groups(orders: Sequence[Order], most: int) -> Iterator[list[Order]]:
    """Networks of one set, architecture and training, at most so many together; those that come trained stay alone."""
    alike: dict[str, list[Order]] = defaultdict(list)
    for order in orders:
        own = order.name if order.from_zoo or most == 1 else ""
        alike[content_key(dict(order.wanted.recipe), own)].append(order)
    for group in alike.values():
        for first in range(0, len(group), most):
            yield group[first : first + most]


def _job(group: Sequence[Order], cache: Path, folder: str) -> Job:
    places = {"folder": folder, "cache": str(cache / "weights")}
    names = ", ".join(order.name for order in group)
    planted = " and ".join(" + ".join(order.wanted.flaws) or "nothing" for order in group)
    words, seconds = f"plant {planted} in {names}", SECONDS * len(group)
    if len(group) == 1:
        return Job(Trust.TRUSTED, "plant_network", {**group[0].arguments, **places}, words, key=names, seconds=seconds)
    arguments = {"networks": [order.arguments for order in group], **places}
    return Job(Trust.TRUSTED, "plant_networks", arguments, words, key=names, seconds=seconds)
