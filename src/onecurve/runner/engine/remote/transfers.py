"""What each kind of job reads and makes, so that it can be done where the run's folder is not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

Arguments = Mapping[str, Any]


@final
@dataclass(frozen=True)
class Transfer:
    """Names of a job's arguments; a dot leads into an argument that is an object. An argument may be absent, empty, or a list."""

    networks: tuple[str, ...] = ()
    """Folders that never change as long as the run goes on."""
    folders: tuple[str, ...] = ()
    """Other folders that it reads."""
    blobs: tuple[str, ...] = ()
    """Folders of blobs that it reads from or writes to."""
    records: tuple[str, ...] = ()
    """Keys of records that it reads; a list may hold pairs, whose second item is the key."""
    files: tuple[str, ...] = ()
    """Keys of adopted files that it reads."""
    fills: str = ""
    """A folder that it fills."""
    caches: str = ""
    """A folder that only saves work."""


_PLACE = ("place.subject", "place.reference")
TRANSFERS: Mapping[str, Transfer] = {
    "look": Transfer(networks=_PLACE, blobs=("place.blobs",), records=("brief",)),
    "read": Transfer(networks=_PLACE, blobs=("place.blobs", "evidence_in"), records=("question", "evidence", "references")),
    "answer": Transfer(networks=_PLACE, blobs=("place.blobs",), records=("question",)),
    "read_lineups": Transfer(networks=("subject",), folders=("folder",)),
    "grade": Transfer(networks=("folder",), blobs=("blobs",), records=("question", "answer.weights"), files=("answer.network",)),
    "prepare": Transfer(networks=("folder", "trained.clean"), blobs=("blobs.open", "blobs.sealed")),
    "time_pass": Transfer(networks=("folder",)),
    "plant_network": Transfer(fills="folder", caches="cache"),
    "plant_networks": Transfer(fills="folder", caches="cache"),
    "lay_out": Transfer(blobs=("blobs",), records=("conditions.seen",), fills="folder"),
}
"""By kind of job. A kind that is not here is done on the machine of the driver."""


def named(arguments: Arguments, names: tuple[str, ...]) -> Iterator[str]:
    """The texts under these names that are not empty, lists and pairs opened."""
    for name in names:
        found: Any = arguments
        for part in name.split("."):
            found = found.get(part, "") if isinstance(found, Mapping) else ""
        for item in found if isinstance(found, list | tuple) else [found]:
            text = item[-1] if isinstance(item, list | tuple) else item
            if text:
                yield str(text)


def rewritten(value: Any, places: Mapping[str, str]) -> Any:
    """The same arguments with every text that is one of the places replaced by what stands for it."""
    if isinstance(value, str):
        return places.get(value, value)
    if isinstance(value, Mapping):
        return {name: rewritten(item, places) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [rewritten(item, places) for item in value]
    return value


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item)
