"""A user's own images in a folder with one sub-folder per class.

Classes are in the alphabetical order of the names of the sub-folders (as in torchvision's ImageFolder), so `10` comes before `2`.
For a network that was trained with another order, rename the sub-folders.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, final

import numpy as np

from onecurve.core.errors import DataError
from onecurve.data.collection import Collection, collected, parts_of
from onecurve.data.own_images import OwnImages
from onecurve.data.pictures import Files
from onecurve.data.tree import are_alike_inside, are_splits, files_in, folders_in
from onecurve.data.validation import SHOWN, error_listing, validate_pictures

_LAYOUT = "put the images of each class in a sub-folder of its own: PATH/cat/1.jpg, PATH/dog/2.png, …"


@final
@dataclass(frozen=True)
class Folder(OwnImages):
    """The set `folder:PATH`; always three channels. Raises ``DataError`` on first use if anything is wrong with it.

    Without ``size`` the images keep their size if all have the same; otherwise thumbnails get 32 pixels and photographs 224, as the
    median picture is. 16-bit greys are read over the bits that the set uses.
    """

    name: ClassVar[str] = "folder"
    version: ClassVar[int] = 3
    summary: ClassVar[str] = "your own images: a folder with one sub-folder of image files per class"
    source: ClassVar[str] = "your own"

    def opened(self) -> Collection:
        classes = _classes_in(Path(self.path).expanduser())
        paths = tuple(path for files in classes.values() for path in files)
        labels = np.repeat(np.arange(len(classes)), [len(files) for files in classes.values()]).astype(np.int64)
        found = validate_pictures(Files(paths), self.size, self.path)
        parts = parts_of(labels, found.digests)
        return collected(self.path, found, labels, tuple(classes), parts)


def _classes_in(root: Path) -> dict[str, list[Path]]:
    """The files of each class; raises ``DataError`` if the folder does not have this layout."""
    if not root.exists():
        raise DataError(f"no such folder: {root}", "write folder:PATH with the path of an existing folder")
    if not root.is_dir():
        raise DataError(f"not a folder: {root}", "a single file of arrays is written npz:PATH")
    folders = folders_in(root)
    _require_classes(root, folders)
    classes = {folder.name: sorted(files_in(folder)) for folder in folders}
    empty = [name for name, files in classes.items() if not files]
    if empty:
        raise error_listing(
            f"{len(empty)} of {len(classes)} class folders hold no files: {root}", empty, "add images to them or remove them"
        )
    return classes


def _require_classes(root: Path, folders: list[Path]) -> None:
    if not folders:
        raise DataError(f"the folder has no sub-folders: {root}", _LAYOUT)
    names = ", ".join(folder.name for folder in folders[:SHOWN])
    if are_splits(folders):
        raise DataError(f"the sub-folders are splits and not classes: {names} in {root}", f"choose one of them: folder:{folders[0]}")
    if len(folders) < 2:
        raise DataError(f"there is only one class: {folders[0].name} in {root}", _LAYOUT)
    if are_alike_inside(folders):
        inner = ", ".join(folder.name for folder in folders_in(folders[0])[:SHOWN])
        raise DataError(
            f"every sub-folder holds the same folders ({inner}), so either may be the classes: {names} in {root}",
            f"choose one of them: folder:{folders[0]}, or move the images up into the folders of their classes",
        )
