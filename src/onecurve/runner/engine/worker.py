"""Inside a process that works: do a job, say what came of it and what it cost; and the workers that do one trusted job after another.

Messages are JSON, so nothing that a tool makes is ever unpickled by the process that keeps the rows.
"""

import errno
import importlib
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from multiprocessing.process import parent_process
from pathlib import Path
from typing import Any

from onecurve.core.errors import DataError, OneCurveError, SchemaError
from onecurve.runner.engine.jobs import Trust
from onecurve.runner.engine.messages import BadMessageError, Inbox, envelope, send, storable
from onecurve.runner.engine.processes import die_with_parent, file_mb, rss_mb

Handler = Callable[..., dict[str, Any]]
OUR_JOBS = 64 << 20
"""Bytes of a job's description, at most; it is written by our own side."""
PACKAGE = Path(__file__).parents[2]
KEEPERS = (PACKAGE / "store", PACKAGE / "models" / "storage.py", PACKAGE / "runner" / "engine")
"""Code that reads and writes what is kept; a fault of the disk inside it is nobody's who is at work."""
NO_FAULT_OF_THEIRS = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS}


def serve(jobs: Connection, trust: Trust, log: str) -> None:
    """Do one job after another until the other side hangs up. Runs in a process of its own."""
    start_worker(log)
    die_with_parent(os.getppid())
    above = parent_process()
    if above is not None and not above.is_alive():
        return
    handlers = handlers_of(trust).HANDLERS
    inbox = Inbox(jobs.fileno(), OUR_JOBS)
    while True:
        job = next_message(inbox)
        if job is None:
            return
        began = time.process_time()
        reply = performed(handlers, job)
        try:
            send(jobs.fileno(), {"nonce": job["nonce"], "text": json.dumps(reply), "cpu_seconds": time.process_time() - began})
        except OSError:
            return


def next_message(inbox: Inbox) -> dict[str, Any] | None:
    """Wait for the next job; None when nobody is there any more."""
    while True:
        try:
            message = inbox.read()
        except (EOFError, OSError, BadMessageError):
            return None
        if message is not None:
            return envelope(message)
        select.select([inbox.descriptor], [], [])


def start_worker(log: str) -> None:
    """What every process that works does first: leave the keyboard to the others, and print into a log."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def handlers_of(trust: Trust) -> Any:
    """The module with the handlers of that kind of worker."""
    return importlib.import_module(f"onecurve.runner.handlers.{trust.value}")


def performed(handlers: Mapping[str, Handler], job: Mapping[str, Any]) -> dict[str, Any]:
    """Do a job and describe what came of it; never raises."""
    before, files = _reset_peak(), file_mb()
    started = time.perf_counter()
    outcome: dict[str, Any] = {"value": None, "reason": "", "hint": "", "traceback": ""}
    try:
        outcome["value"] = handlers[job["do"]](**job["arguments"])
    except BaseException as error:  # noqa: BLE001 - the outermost door: one bad tool costs its own cell
        outcome |= _fault(error)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        pass  # a tool may have closed them
    outcome["seconds"] = time.perf_counter() - started
    # Pages of libraries are no memory of the job's: it may touch them for the first time, and the system may take them back meanwhile.
    outcome["peak_mb"] = max(0.0, _peak() - before - (file_mb() - files))
    return outcome


def _fault(error: BaseException) -> dict[str, Any]:
    try:
        reason, trace = _reason(error), traceback.format_exc()
    except Exception as second:  # noqa: BLE001 - an error may fail to describe itself
        reason, trace = f"raised {type(error).__name__}, which cannot be described: {type(second).__name__}", ""
    hint = getattr(error, "hint", "")
    return {
        "reason": storable(reason),
        "hint": storable(hint) if isinstance(hint, str) else "",
        "traceback": storable(trace),
        "lost": is_the_machines(error),
    }


def is_the_machines(error: BaseException) -> bool:
    """Whether a full disk or a damaged file is to blame, met by our own code and not by a tool's."""
    places = [Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
    ours = [place for place in places if place.is_relative_to(PACKAGE)]
    if not ours or not any(ours[-1].is_relative_to(keeper) for keeper in KEEPERS):
        return False
    if any(not place.is_relative_to(PACKAGE) for place in places[: places.index(ours[-1])]):
        return False
    full = isinstance(error, OSError) and error.errno in NO_FAULT_OF_THEIRS
    return full or "No space left on device" in str(error) or isinstance(error, SchemaError | DataError)


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


def _reset_peak() -> float:
    """Forget the peak so far and return the memory in use now, in MiB."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return _peak()
    return rss_mb(os.getpid())


def _peak() -> float:
    """Peak memory in MiB since the last reset where the system can tell, else of the process so far."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return float(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
