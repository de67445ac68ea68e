"""Inside a worker process: take a job, do it, say what came of it and what it cost.

Messages are JSON, so nothing that a tool makes is ever unpickled by the process that keeps the rows.
"""

import importlib
import json
import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from onecurve.core.errors import OneCurveError
from onecurve.runner.engine.jobs import Trust

Handler = Callable[..., dict[str, Any]]
MEGABYTE = 1 << 20
HEADROOM = 2
"""Address space granted beyond the memory limit, as a multiple of it: the backstop for one huge allocation."""


def serve(jobs: Connection, lifeline: Connection, trust: Trust, log: str, memory_mb: float) -> None:
    """Work until the other side hangs up. Runs in a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, args=(lifeline,), daemon=True).start()
    _redirect_output(Path(log))
    handlers = _handlers(trust)
    if trust is Trust.UNTRUSTED:
        _limit_memory(memory_mb)
    while True:
        try:
            job = json.loads(jobs.recv_bytes())
        except (EOFError, OSError):
            return
        jobs.send_bytes(json.dumps(_outcome(handlers, job)).encode())


def _outcome(handlers: Mapping[str, Handler], job: Mapping[str, Any]) -> dict[str, Any]:
    before = _reset_peak()
    started = time.perf_counter()
    outcome: dict[str, Any] = {"value": None, "reason": "", "hint": "", "traceback": ""}
    try:
        outcome["value"] = handlers[job["do"]](**job["arguments"])
    except BaseException as error:  # noqa: BLE001 - the outermost door: one bad tool costs its own cell
        outcome["reason"] = _reason(error)
        outcome["hint"] = getattr(error, "hint", "")
        outcome["traceback"] = traceback.format_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    outcome["seconds"] = time.perf_counter() - started
    outcome["peak_mb"] = max(0.0, _peak() - before)
    return outcome


def _reason(error: BaseException) -> str:
    if isinstance(error, OneCurveError):
        return error.message
    if isinstance(error, MemoryError):
        return f"out of memory: {error}" if str(error) else "out of memory"
    if isinstance(error, SystemExit):
        return f"called exit with: {error.code}"
    if isinstance(error, RuntimeError) and "can't allocate memory" in str(error):
        return "out of memory"
    return f"raised {type(error).__name__}: {error}"


def _handlers(trust: Trust) -> Mapping[str, Handler]:
    module = importlib.import_module(f"onecurve.runner.handlers.{trust.value}")
    handlers: Mapping[str, Handler] = module.HANDLERS
    return handlers


def _die_with_parent(lifeline: Connection) -> None:
    # The other end is closed only when the process that keeps the rows is gone, kill -9 included.
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


def _redirect_output(log: Path) -> None:
    # What a tool prints belongs in a log, not in the progress display.
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def _limit_memory(memory_mb: float) -> None:
    used = psutil.Process().memory_info().vms
    limit = int(used + HEADROOM * memory_mb * MEGABYTE)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _reset_peak() -> float:
    """Forget the peak so far and return the memory in use now, in MiB."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return _peak()
    return float(psutil.Process().memory_info().rss) / MEGABYTE


def _peak() -> float:
    """Peak memory in MiB since the last reset where the system can tell, else of the process so far."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return float(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
