"""A folder on a shared disk through which a driver and its workers talk: files that appear whole, and claims by renaming.

    jobs/T          a job that nobody has yet
    claims/W/T      the same, once worker W has taken it
    replies/T       what came of it
    folders/KEY     an archive that jobs read
    workers/W       what a worker says of itself; W.alive is touched as long as it lives
    driver.alive    touched as long as the driver lives
    stop            there once everybody is to leave

Times are those of the disk, so that clocks of machines need not agree.
"""

import json
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, final

from onecurve.core.errors import DataError
from onecurve.runner.engine.remote.parcels import Parcel, Reply
from onecurve.runner.engine.remote.site import Greeting
from onecurve.runner.isolation.walls import Isolation

PREFIX: Final = "spool-"
BEAT: Final = 5.0
"""Seconds between two signs of life."""
STOP, DRIVER, ALIVE = "stop", "driver", ".alive"


@final
@dataclass(frozen=True)
class Spool:
    """The folder."""

    root: Path

    def make(self) -> None:
        """Make it, for its owner alone, since truths pass through it; it must not be there."""
        self.root.parent.mkdir(parents=True, exist_ok=True)
        self.root.mkdir(mode=0o700)
        for part in ("jobs", "claims", "replies", "folders", "workers", "arriving"):
            (self.root / part).mkdir()

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.root, ignore_errors=True)

    # what a driver does

    def give(self, ticket: int, parcel: Parcel) -> None:
        """Put a job where a worker takes it."""
        head = {"job": dict(parcel.job), "folders": parcel.folders, "blob_folders": parcel.blob_folders, "fills": parcel.fills}
        self._write(f"jobs/{ticket:09d}", message(head, parcel.blobs))

    def keep_folder(self, archive: bytes, key: str) -> str:
        """Put an archive where workers fetch it, once."""
        if not (self.root / "folders" / key).exists():
            self._write(f"folders/{key}", archive)
        return key

    def replies(self) -> list[int]:
        """Tickets of jobs that somebody did."""
        return [int(name) for name in _names(self.root / "replies")]

    def reply(self, ticket: int) -> Reply:
        """What came of a job, which is then gone from here; raises ``DataError`` for what cannot be read."""
        path = self.root / "replies" / f"{ticket:09d}"
        head, parts = unpacked_message(path.read_bytes())
        path.unlink()
        return Reply(head["outcome"], {name: part for name, part in parts.items() if name != "made"}, parts.get("made", b""))

    def claims(self, worker: str) -> list[int]:
        """Tickets of the jobs that a worker has."""
        folder = self.root / "claims" / worker
        return [int(name) for name in _names(folder)] if folder.is_dir() else []

    def dismiss(self, worker: str) -> list[int]:
        """Take from a worker what it has, and let it take nothing more; returns the tickets."""
        folder, gone = self.root / "claims" / worker, self.root / "arriving" / f"gone-{worker}"
        with suppress(FileNotFoundError):
            folder.rename(gone)
            return [int(name) for name in _names(gone)]
        return []

    def greetings(self) -> dict[str, Greeting]:
        """What workers said of themselves, by worker."""
        found = {}
        for name in _names(self.root / "workers"):
            if not name.endswith(ALIVE):
                said = json.loads((self.root / "workers" / name).read_bytes())
                found[name] = Greeting(**{**said, "isolation": Isolation(**said["isolation"]), "lacks": tuple(said["lacks"])})
        return found

    def silent_for(self, worker: str) -> float:
        """Seconds of the disk's clock since the last sign of life of a worker, or of the driver under its own name."""
        place = self.root / DRIVER if worker == DRIVER else self.root / "workers" / worker
        now = self.root / "arriving" / f"now-{os.getpid()}-{threading.get_ident()}"
        now.touch()
        with suppress(FileNotFoundError):
            return now.stat().st_mtime - place.with_name(f"{place.name}{ALIVE}").stat().st_mtime
        return float("inf")

    def stop(self) -> None:
        """Everybody is to leave."""
        with suppress(OSError):
            (self.root / STOP).touch()

    # what a worker does

    def greet(self, worker: str, greeting: Greeting) -> None:
        """Say who is here."""
        (self.root / "claims" / worker).mkdir(parents=True, exist_ok=True)
        self._write(f"workers/{worker}", json.dumps(asdict(greeting)).encode())

    def claim(self, worker: str) -> int | None:
        """Take the oldest job that nobody has; None where there is none."""
        for name in _names(self.root / "jobs"):
            with suppress(FileNotFoundError):  # another worker was faster
                (self.root / "jobs" / name).rename(self.root / "claims" / worker / name)
                return int(name)
        return None

    def parcel(self, worker: str, ticket: int) -> Parcel:
        """The job that was taken."""
        head, parts = unpacked_message((self.root / "claims" / worker / f"{ticket:09d}").read_bytes())
        return Parcel(head["job"], tuple(head["folders"]), parts, head["blob_folders"], head["fills"])

    def folder(self, key: str) -> bytes:
        """An archive that a job reads."""
        return (self.root / "folders" / key).read_bytes()

    def answer(self, worker: str, ticket: int, reply: Reply) -> None:
        """Put what came of a job where the driver takes it."""
        self._write(f"replies/{ticket:09d}", message({"outcome": dict(reply.outcome)}, {**reply.blobs, "made": reply.made}))
        (self.root / "claims" / worker / f"{ticket:09d}").unlink(missing_ok=True)

    def is_over(self, worker: str) -> bool:
        """Whether a worker is to leave: all are, or it was given up, or the folder is gone."""
        return (self.root / STOP).exists() or not (self.root / "claims" / worker).is_dir()

    @contextmanager
    def living(self, who: str) -> Iterator[None]:
        """Give signs of life as a worker, or under its own name as the driver, until the block ends."""
        place = self.root / DRIVER if who == DRIVER else self.root / "workers" / who
        mark, ended = place.with_name(f"{place.name}{ALIVE}"), threading.Event()

        def beat() -> None:
            while not ended.is_set():
                with suppress(OSError):  # the disk may be away for a moment
                    mark.touch()
                ended.wait(BEAT)

        mark.touch()
        beating = threading.Thread(target=beat, daemon=True)
        beating.start()
        try:
            yield
        finally:
            ended.set()
            beating.join()
            with suppress(OSError):
                mark.unlink()

    def _write(self, name: str, content: bytes) -> None:
        """Write a file that appears whole."""
        arriving = self.root / "arriving" / f"{name.replace('/', '-')}-{os.getpid()}-{threading.get_ident()}"
        arriving.write_bytes(content)
        arriving.replace(self.root / name)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def message(head: Mapping[str, Any], parts: Mapping[str, bytes]) -> bytes:
    """A line of JSON and the bytes that belong to it."""
    sizes = [(name, len(part)) for name, part in parts.items()]
    return json.dumps({"head": head, "parts": sizes}).encode() + b"\n" + b"".join(parts.values())


def unpacked_message(content: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Head and parts of a message; raises ``DataError`` for anything else."""
    line, _, rest = content.partition(b"\n")
    try:
        said = json.loads(line)
        parts, start = {}, 0
        for name, size in said["parts"]:
            parts[str(name)] = rest[start : start + size]
            start += size
        if start != len(rest):
            raise ValueError("it is cut off")
        return dict(said["head"]), parts
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"a message that cannot be read: {error}") from error


def sweep_spools(out: Path) -> None:
    """Remove what drivers that were killed left in a run's folder; their workers leave once it is gone."""
    for root in out.glob(f"{PREFIX}*"):
        shutil.rmtree(root, ignore_errors=True)
