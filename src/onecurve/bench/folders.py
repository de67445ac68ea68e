"""Cache folder, number of jobs and device, for several commands."""

import os
import sys
from pathlib import Path

from onecurve.core.errors import UsageError
from onecurve.models.devices import has_device


def cache_root() -> Path:
    """Where planted networks are kept between runs: $ONECURVE_CACHE, or ~/.cache/onecurve."""
    place = os.environ.get("ONECURVE_CACHE")
    return Path(place) if place else Path.home() / ".cache" / "onecurve"


def slots(jobs: int | None) -> int:
    """Jobs at a time: as asked, else one per core that this process may use."""
    if jobs is not None:
        return jobs
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def command_line() -> str:
    """The command as it was typed, for the report."""
    return " ".join(["onecurve", *sys.argv[1:]])


def device_named(name: str) -> str:
    """The device, checked; raises ``UsageError`` where it is not there. Loads torch only for other than `cpu`."""
    if not has_device(name):
        raise UsageError(f"no such device here: {name}", "use --device cpu")
    return name
