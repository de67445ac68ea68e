"""Folders that jobs read, each put where workers can fetch it: once by content, and forgotten again when others need the room."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar, final

from onecurve.runner.engine.jobs import Job
from onecurve.runner.engine.remote.archives import key_of, packed
from onecurve.runner.engine.remote.parcels import read_folders

Placed = TypeVar("Placed")

MOST_BYTES = 2 << 30
"""What is kept ready, at most; more is packed again when it is wanted again."""


@final
class Shipments(Generic[Placed]):
    """What was put where workers fetch it; ``put`` puts an archive there and returns how to fetch it."""

    def __init__(self, put: Callable[[bytes], Placed], most_bytes: int = MOST_BYTES) -> None:
        self._put = put
        self._most = most_bytes
        self._kept: OrderedDict[str, tuple[Placed, int]] = OrderedDict()
        self._known: dict[str, str] = {}
        """Keys of folders that never change, by path."""

    def of(self, job: Job) -> dict[str, tuple[str, Placed]]:
        """By path of each folder that the job reads: its key, and how to fetch it. Raises ``DataError`` for one that is not there."""
        fixed, others = read_folders(job)
        found = {path: self._fixed(path) for path in fixed}
        return found | {path: self._placed(packed(Path(path))) for path in others}

    def _fixed(self, path: str) -> tuple[str, Placed]:
        key = self._known.get(path)
        if key is not None and key in self._kept:
            self._kept.move_to_end(key)
            return key, self._kept[key][0]
        found = self._placed(packed(Path(path)))
        self._known[path] = found[0]
        return found

    def _placed(self, archive: bytes) -> tuple[str, Placed]:
        key = key_of(archive)
        if key not in self._kept:
            self._kept[key] = (self._put(archive), len(archive))
            while sum(size for _, size in self._kept.values()) > self._most and len(self._kept) > 1:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return key, self._kept[key][0]
