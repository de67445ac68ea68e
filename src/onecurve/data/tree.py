"""Walks a person's folder: which files there are, which sub-folders are splits and which are classes."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from onecurve.core.errors import DataError

_LITTER: Final = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
"""Files that operating systems create; they and hidden files are skipped."""
_SPLIT: Final = re.compile(
    r"(.*[_\-. ])?(train|training|test|testing|val|valid|validation|dev|eval|pred|heldout|holdout)([_\-. ]?(set|data|images|\d+))?"
)
SHARED: Final = 0.5
"""Two folders are splits of one set if they share at least this part of the sub-folders of the smaller one, and at least two."""


def is_litter(name: str) -> bool:
    """Whether a file or folder of that name is hidden or made by an operating system."""
    return name.startswith(".") or name.lower() in _LITTER


def folders_in(root: Path) -> list[Path]:
    """The sub-folders by name, linked ones too; raises ``DataError`` if the folder cannot be read."""
    try:
        return sorted((entry for entry in root.iterdir() if entry.is_dir() and not is_litter(entry.name)), key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"the folder cannot be read: {root}: {error.strerror}") from error


def files_in(folder: Path) -> Iterator[Path]:
    """All files at any depth, in folders that are links too. Raises ``DataError`` for what is neither a file nor a folder."""
    seen = {os.path.realpath(folder)}
    for place, below, names in os.walk(folder, followlinks=True):
        # A link to a folder above would be walked for ever.
        new = [name for name in below if not is_litter(name) and os.path.realpath(Path(place, name)) not in seen]
        seen.update(os.path.realpath(Path(place, name)) for name in new)
        below[:] = new
        for name in names:
            path = Path(place, name)
            if is_litter(name):
                continue
            # Broken links are kept, so that validation reports them.
            if path.exists() and not path.is_file():
                raise DataError(f"neither a file nor a folder: {path}", "remove it; images are read from regular files")
            yield path


def names_split(name: str) -> bool:
    """Whether a folder of that name is usually a split: `train`, `seg_test`, `val2017`."""
    return _SPLIT.fullmatch(name.lower()) is not None


def are_splits(folders: list[Path]) -> bool:
    """Whether the folders are splits of one set and not classes.

    They are if all are named so, or if one is and at least two hold the same class folders.
    """
    named = [names_split(folder.name) for folder in folders]
    if all(named):
        return bool(folders)
    return any(named) and _share(folders)


def are_alike_inside(folders: list[Path]) -> bool:
    """Whether all folders hold sub-folders of the same names, at least two, that are not splits: either level may be the classes."""
    inner = [{entry.name for entry in folders_in(folder)} for folder in folders]
    return len(folders) > 1 and len(inner[0]) > 1 and all(names == inner[0] for names in inner) and not all(map(names_split, inner[0]))


def _share(folders: list[Path]) -> bool:
    inner = [{entry.name for entry in folders_in(folder)} for folder in folders]
    pairs = ((one, other) for at, one in enumerate(inner) for other in inner[:at])
    return any(len(one & other) >= max(2.0, SHARED * min(len(one), len(other))) for one, other in pairs)
