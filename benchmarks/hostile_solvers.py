"""Each dishonest or broken tool of `hostile/kinds.py` beside good ones: what it costs the others, and what it leaves.

    python benchmarks/hostile_solvers.py [KIND …]

Every kind has a run of its own. Prints per kind how the run ended, what became of the tool's cells, how many rows of rivals differ
from those of a run without it, whether it got what it has no business with, and what was left five seconds after the end; the last
line sums up.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from hostile.kinds import FAULTS, MESSAGES, NAMES, STATE, STORAGE
from hostile.world import CLOCKS, GOOD, SUITE, left
from onecurve.core.row import Row
from onecurve.store.store import Store

TOOL = """
import ctypes, json, os, resource, signal, struct, sys, tempfile, threading, time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from onecurve import Access, ClassScores, ContractError, Evidence, Text

told = TOLD


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no words")


class Evil:
    def __reduce__(self):
        return os.system, ("touch " + told["owned"],)


class EvilScores(ClassScores):
    def __reduce__(self):
        return os.system, ("touch " + told["owned"],)


class Got(Exception):
    pass


def got(what):
    raise Got(f"got hold of it: {str(what)[:60]}")


def walk(folder, own=0):
    read = []  # but for what lies beside the subject itself, and so many files that it was handed
    for place, _, names in os.walk(folder):
        for name in () if os.path.basename(place) == "subject" else names:
            try:
                read.append((place[-20:], name, (Path(place) / name).read_bytes()[:20]))
            except OSError:
                pass
    if len(read) > own:
        got(read)
    os.listdir(folder)


def send(content, framed=True):
    content = struct.pack("!I", len(content)) + content if framed else content
    for descriptor in range(3, 40):
        try:
            os.write(descriptor, content)
        except OSError:
            pass


@dataclass(frozen=True)
class Hostile:
    name: ClassVar[str] = NAME
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "does harm"
    source: ClassVar[str] = "benchmark"
    needs: ClassVar[Access] = Access.QUERIES | Access.CLEAN_IMAGES
    shows: ClassVar[tuple[type, ...]] = (ClassScores,)

    def look(self, brief, workbench):
        scores = np.linspace(0, 1, len(workbench.subject.class_names), dtype=np.float32)
        give = None
PROGRAM
        return give if give is not None else Evidence((ClassScores(scores),))
"""


@dataclass(frozen=True)
class Told:
    """What came of one run."""

    code: int
    own: str
    rivals_changed: int
    rivals_missing: int
    got: bool
    left: int
    seconds: float
    error: str


def main(wanted: list[str]) -> None:
    """Run each kind and print."""
    programs = {**FAULTS, **STATE, **MESSAGES, **STORAGE, **dict.fromkeys(NAMES, "pass")}
    kinds = [kind for kind in programs if not wanted or kind in wanted]
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder, socket.create_server(("127.0.0.1", 0)) as there:
        place = Path(folder)
        clean = _rows(place, "without", None, "pass", there)[1]
        found = {kind: _tried(place, number, kind, programs[kind], clean, there) for number, kind in enumerate(kinds)}
    harmed = sum(told.rivals_changed + told.rivals_missing > 0 for told in found.values())
    ended = sum("Traceback" in told.error for told in found.values())
    got, left = (sum(getattr(told, name) for told in found.values()) for name in ("got", "left"))
    print(f"\n{len(found)} kinds: {harmed} harmed rivals, {ended} ended with a traceback, {got} got hold of something, {left} things left")


def _tried(place: Path, number: int, kind: str, program: str, clean: dict[str, Row], there: socket.socket) -> Told:
    began = time.monotonic()
    code, rows, error = _rows(place, f"run-{number}", kind, program, there)
    time.sleep(5)
    rivals = {key: row for key, row in rows.items() if key in clean}
    own = [row for key, row in rows.items() if key not in clean]
    told = Told(
        code,
        "; ".join(sorted({f"{row.status}: {row.reason[:60]}" for row in own if row.status != "skipped"})),
        sum(_plain(rivals[key]) != _plain(clean[key]) for key in rivals),
        len(clean) - len(rivals) if code != 2 else 0,
        any("got hold of it" in row.reason for row in own),
        len(left(place)),
        time.monotonic() - began,
        error,
    )
    rivals_are = f"rivals changed {told.rivals_changed}, missing {told.rivals_missing}"
    print(f"{kind}: exit {told.code}, {rivals_are}, left {told.left}; {told.own}", flush=True)
    if "Traceback" in error or (told.code == 2 and not own):
        print(f"    {error[-300:].strip()}", flush=True)
    return told


def _plain(row: Row) -> dict[str, object]:
    return {name: value for name, value in asdict(row).items() if name not in CLOCKS}


def _rows(place: Path, name: str, kind: str | None, program: str, there: socket.socket) -> tuple[int, dict[str, Row], str]:
    home = place / name
    home.mkdir()
    out = home / "out"
    suite = home / "suite.yaml"
    suite.write_text(json.dumps({**SUITE, "solvers": list(GOOD)}))
    command = [sys.executable, "-m", "onecurve", "run", str(suite), "--out", str(out), "--jobs", "2"]
    if kind is not None:
        lines = "\n".join(f"        {line}" for line in program.splitlines())
        told = {"out": str(out), "cache": str(place / "cache"), "port": there.getsockname()[1], "owned": str(home / "owned")}
        file = home / "tool.py"
        known = f"{{**{told!r}, 'driver': int(Path({str(home / 'pid')!r}).read_text() or 0)}}"
        file.write_text(TOOL.replace("TOLD", known).replace("NAME", repr(NAMES.get(kind, "hostile"))).replace("PROGRAM", lines))
        command += ["--solver", f"{file}:Hostile"]
    environment = {**os.environ, "ONECURVE_CACHE": str(place / "cache"), "TMPDIR": str(place)}
    (home / "pid").write_text("")
    with subprocess.Popen(command, env=environment, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        (home / "pid").write_text(str(process.pid))
        try:
            _, error = process.communicate(timeout=240)
        except subprocess.TimeoutExpired:
            process.kill()
            error = "Traceback: it hangs"
    try:
        with Store.read(out) as store:
            return process.returncode, {row.key: row for row in store.rows()}, error
    except Exception as fault:  # noqa: BLE001 - whatever is wrong with the results is what is measured
        return process.returncode, {}, f"{error}\n{fault}"


if __name__ == "__main__":
    main(sys.argv[1:])
