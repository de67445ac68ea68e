"""All blobs of a run: the open ones, those made from the ground truth, and the copies of both in a remote place."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, final

from onecurve.core.errors import DataError
from onecurve.store.blobs import REBUILT, REMEDY, Blobs
from onecurve.store.remote import Remote

SEALED: Final = "sealed"
"""Folder of a run for what is made from the ground truth; no cell that is isolated can open it."""
AT_ONCE: Final = 8
"""Files that are copied side by side."""


@final
class Holdings:
    """The blobs of the run in a folder, which is where they are worked with, and maybe a remote place that holds them all.

    The remote place has the layout of the folder: `blobs/ab/abcdef….safetensors`, `sealed/blobs/…`.
    """

    def __init__(self, folder: Path, remote: Remote | None) -> None:
        self.remote = remote
        self.open = Blobs(folder / "blobs", remote.below("blobs") if remote else None)
        self.sealed = Blobs(folder / SEALED / "blobs", remote.below(f"{SEALED}/blobs") if remote else None)

    def holder(self, key: str) -> Blobs:
        """The blobs that hold the record of that key: the open ones, unless it lies in the sealed ones alone. It is fetched if need be."""
        both = (self.open, self.sealed)
        here = next((blobs for blobs in both if blobs.path(key).exists()), None)
        return here or next((blobs for blobs in both if blobs.bring(blobs.path(key))), self.open)

    def is_here(self, key: str) -> bool:
        """Whether a record or a network, as rows name it, is in the folder."""
        return any(path.exists() for _, path in self._places(key))

    def bring(self, keys: Iterable[str]) -> None:
        """Have these records and networks here, whole; raises ``DataError`` for one that is neither here nor in the remote place."""
        for key in keys if self.remote is not None else ():
            if not self.is_here(key):
                fault = self.open.file_fault(key.removeprefix(REBUILT)) if key.startswith(REBUILT) else self.holder(key).fault(key)
                if fault:
                    raise DataError(fault, REMEDY)

    def mend(self, key: str) -> None:
        """Fetch a record or a network again that is damaged here."""
        for blobs, path in self._places(key):
            if path.exists():
                blobs.bring(path, anew=True)

    def send(self, keys: Iterable[str]) -> None:
        """Copy these records and networks to the remote place, as far as they are here; one that was copied is not copied again."""
        if self.remote is not None:
            _send(place for key in dict.fromkeys(keys) if key for place in self._places(key))

    def send_all(self) -> None:
        """Copy whatever is here to the remote place."""
        self.send(key for blobs in (self.open, self.sealed) for key in blobs.keys())  # noqa: SIM118 - not a dict

    def get(self, key: str) -> Any:
        """The record of that key, open or sealed; raises ``MissingBlobError`` if it is nowhere, ``DataError`` if it is damaged."""
        return self.holder(key).get(key)

    def _places(self, key: str) -> list[tuple[Blobs, Path]]:
        if key.startswith(REBUILT):
            return [(self.open, self.open.file(key.removeprefix(REBUILT)))]
        return [(blobs, blobs.path(key)) for blobs in (self.open, self.sealed)]


def _send(places: Iterable[tuple[Blobs, Path]]) -> None:
    wanted = [(blobs, path) for blobs, path in places if path.exists() and not blobs.is_sent(path)]
    if len(wanted) < 2:
        for blobs, path in wanted:
            blobs.send(path)
        return
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda place: place[0].send(place[1]), wanted))
