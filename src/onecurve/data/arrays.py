"""Reads and checks the content of an `.npz` file of images; its arrays are recognised by their names.

Nothing is unpickled, and nothing is read before the directory of the file shows that it fits in memory.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from onecurve.core.image.images import Bools, Bytes, Ints
from onecurve.data.annotations import read_annotations
from onecurve.data.archive import Archive, opened
from onecurve.data.natural_features import Annotated
from onecurve.data.pictures import Slices
from onecurve.data.validation import SHOWN

MOST_CLASSES = 100_000
_IMAGES = ("images", "image", "x", "data")
_ENCODED = ("jpeg", "encoded")
_LABELS = ("labels", "label", "y", "targets")
_GROUPS = ("groups", "group", "tracks", "track")
_CLASS_NAMES = ("class_names", "names", "classes")
_ROW_NAMES = ("name",)
_UNSEEN = ("test", "val", "valid", "validation")
"""Splits that a network is not trained on."""
_LAYOUT = "it needs `images` (uint8, N x H x W x C) and `labels` (integers, N), or `x_train`, `y_train`, `x_test`, `y_test`"


@final
@dataclass(frozen=True)
class Content:
    """All images of a file, its splits one after the other."""

    images: Bytes | Slices
    """uint8 N x C x H x W, or encoded pictures."""
    labels: Ints
    """int64 N."""
    class_names: tuple[str, ...]
    groups: Ints | None
    """int64 N: images that belong together."""
    test: Bools | None
    """bool N: which images belong to the file's own test or validation splits; None if it has none."""
    splits: np.ndarray | None
    """str N: the split of each image by its name in the file; None if there is one only."""
    annotated: Annotated | None
    """The natural features that the file annotates, if it does."""


@final
@dataclass(frozen=True)
class _Split:
    """Names of the arrays of one split; empty for an array that is not there."""

    images: str
    labels: str
    offsets: str
    groups: str
    name: str
    """`train`, `test`, `val`, …; empty for arrays without one."""


def read_content(path: Path, *, whole: bool = True) -> Content:
    """All images, labels and names of the file; raises ``DataError`` for anything that does not fit.

    ``whole`` refuses a file that names classes without images, and one with a single class.
    """
    with opened(path) as archive:
        splits = _splits(archive)
        labels = [_labels(archive, split.labels) for split in splits]
        images = [_encoded(archive, split) if split.offsets else _images_first(archive, split.images) for split in splits]
        groups = [_groups(archive, split.groups) if split.groups else None for split in splits]
        for split, some_labels, some_images, some_groups in zip(splits, labels, images, groups, strict=True):
            _check_lengths(archive, split, len(some_labels), len(some_images), some_groups)
        every, joined = np.concatenate(labels), _joined(archive, images)
        sizes = [len(some) for some in labels]
        test = np.repeat([split.name in _UNSEEN for split in splits], sizes)
        annotated = read_annotations(archive, [f"_{split.name}" if split.name else "" for split in splits], joined)
        every, names = _compact(archive, every, _class_names(archive, every, whole), whole)
        of_splits = np.repeat([split.name or "train" for split in splits], sizes) if len(splits) > 1 else None
        return Content(joined, every, names, _joined_groups(groups), test if test.any() and not test.all() else None, of_splits, annotated)


def read_unlabelled(path: Path) -> Bytes | None:
    """uint8 N x C x H x W: the images of a file without labels; None for a file that has labels or no images."""
    with opened(path) as archive:
        keys = {key.lower(): key for key in archive.names}
        name = next((keys[each] for each in _IMAGES if each in keys), "")
        labelled = any(_split(keys, split) is not None for split in ("", "train", *_UNSEEN))
        return _images_first(archive, name) if name and not labelled else None


def _splits(archive: Archive) -> list[_Split]:
    """The file's splits, training first; raises ``DataError`` if none is complete. Arrays without a split are training images."""
    keys = {key.lower(): key for key in archive.names}
    found = [split for name in ("", "train", *_UNSEEN) if (split := _split(keys, name)) is not None]
    if not found:
        raise archive.fault(f"no arrays of images and labels among: {', '.join(archive.names) or 'none'}", _LAYOUT)
    return found


def _split(keys: dict[str, str], split: str) -> _Split | None:
    """The arrays of that split, named `x_train` or `train_x`."""

    def find(names: Iterable[str]) -> str:
        written = (each for name in names for each in ((f"{name}_{split}", f"{split}_{name}") if split else (name,)))
        return next((keys[each] for each in written if each in keys), "")

    images, encoded, labels, offsets = find(_IMAGES), find(_ENCODED), find(_LABELS), find(("offsets",))
    if encoded and offsets and labels:
        return _Split(encoded, labels, offsets, find(_GROUPS), split)
    return _Split(images, labels, "", find(_GROUPS), split) if images and labels else None


def _compact(archive: Archive, labels: Ints, names: tuple[str, ...], whole: bool) -> tuple[Ints, tuple[str, ...]]:
    """Labels and names without numbers that no image has, as in a file with labels from 1.

    Raises ``DataError`` if the file itself names a class without images: whether it can be left out is for the person to say.
    """
    present = np.unique(labels)
    empty = [names[label] for label in range(len(names)) if label not in set(present.tolist())]
    if not empty or (_named(archive) and not whole):
        return labels, names
    if _named(archive):
        listed = ", ".join(f"`{name}`" for name in empty[:SHOWN]) + (f" and {len(empty) - SHOWN} more" if len(empty) > SHOWN else "")
        raise archive.fault(
            f"{len(empty)} of {len(names)} classes have no image: {listed}",
            "leave their names away and number the labels anew, or bring images of them",
        )
    return np.searchsorted(present, labels).astype(np.int64), tuple(names[int(label)] for label in present)


def _named(archive: Archive) -> str:
    """The name of the array with the names of the classes; empty if there is none."""
    keys = {key.lower(): key for key in archive.names}
    return next((keys[name] for name in _CLASS_NAMES if name in keys), "")


def _labels(archive: Archive, name: str) -> Ints:
    labels = archive.read(name)
    if labels.dtype.kind == "f":
        missing = int(np.isnan(labels).sum())
        what = f"`{name}` holds {missing} NaN" if missing else f"`{name}` must hold whole numbers, got: {labels.dtype}"
        raise archive.fault(what, "save class indices 0, 1, 2, … as integers")
    if labels.dtype.kind not in "iub":
        raise archive.fault(
            f"`{name}` must hold integers, got: {labels.dtype}", "save class indices 0, 1, 2, …, and the names as `class_names`"
        )
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise archive.fault(f"`{name}` must be one number per image, got the shape: {labels.shape}", "of one-hot labels save the argmax")
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < MOST_CLASSES:
        raise archive.fault(
            f"`{name}` must be within 0..{MOST_CLASSES - 1}, got: {labels.min()} to {labels.max()}", "number the classes 0, 1, 2, …"
        )
    return labels.astype(np.int64)


def _images_first(archive: Archive, name: str) -> Bytes:
    """uint8 N x C x H x W with 1 or 3 channels."""
    images = archive.read(name)
    if images.dtype != np.uint8:
        holes = images.dtype.kind == "f" and not np.isfinite(images).all()
        what = f"`{name}` must be uint8, got: {images.dtype}" + (" with NaN or infinite values" if holes else "")
        raise archive.fault(what, "of floats in [0, 1] save (255 * images).round().astype('uint8')")
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and images.shape[3] in (1, 3, 4):
        images = np.moveaxis(images, 3, 1)
    if images.ndim != 4 or images.shape[1] not in (1, 3, 4):
        raise archive.fault(f"`{name}` must be N x H x W x C, N x C x H x W or N x H x W, got the shape: {images.shape}", _LAYOUT)
    return np.ascontiguousarray(_without_alpha(images) if images.shape[1] == 4 else images)


def _without_alpha(images: Bytes) -> Bytes:
    """The images on a white background."""
    colours, alpha = images[:, :3].astype(np.uint16), images[:, 3:].astype(np.uint16)
    over: Bytes = ((colours * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return over


def _encoded(archive: Archive, split: _Split) -> Slices:
    buffer, offsets = archive.read(split.images), archive.read(split.offsets)
    if buffer.dtype != np.uint8 or buffer.ndim != 1:
        raise archive.fault(f"`{split.images}` must be uint8 in one dimension, got: {buffer.dtype} {buffer.shape}")
    if offsets.dtype.kind not in "iu" or offsets.ndim != 1 or len(offsets) == 0:
        raise archive.fault(f"`{split.offsets}` must be integers in one dimension, got: {offsets.dtype} {offsets.shape}")
    offsets = offsets.astype(np.int64)
    if offsets[0] < 0 or offsets[-1] > len(buffer) or (np.diff(offsets) < 0).any():
        raise archive.fault(f"`{split.offsets}` must rise within 0..{len(buffer)}, the length of `{split.images}`")
    return Slices(buffer, offsets, split.images)


def _groups(archive: Archive, name: str) -> Ints:
    groups = archive.read(name)
    if groups.dtype.kind not in "iu" or groups.ndim != 1:
        raise archive.fault(f"`{name}` must be one integer per image, got: {groups.dtype} {groups.shape}")
    return groups.astype(np.int64)


def _check_lengths(archive: Archive, split: _Split, labels: int, images: int, groups: Ints | None) -> None:
    if labels != images:
        raise archive.fault(
            f"there are {images} images in `{split.images}` and {labels} labels in `{split.labels}`", "they must go one by one"
        )
    if groups is not None and len(groups) != images:
        raise archive.fault(f"there are {images} images in `{split.images}` and {len(groups)} entries in `{split.groups}`")
    if images == 0:
        raise archive.fault(f"`{split.images}` holds no images")


def _joined(archive: Archive, images: list[Bytes | Slices]) -> Bytes | Slices:
    if len(images) == 1:
        return images[0]
    raw = [some for some in images if not isinstance(some, Slices)]
    if len(raw) == len(images):
        if len({some.shape[1:] for some in raw}) > 1:
            raise archive.fault(f"the splits have images of different shapes: {', '.join(str(some.shape[1:]) for some in raw)}")
        return np.concatenate(raw)
    encoded = [some for some in images if isinstance(some, Slices)]
    if len(encoded) < len(images):
        raise archive.fault("one split is encoded and the other is not", "save both in the same way")
    # A picture ends where the next one begins, so there may be no gap between the splits.
    buffers = [some.buffer[some.offsets[0] : some.offsets[-1]] for some in encoded]
    starts = np.cumsum([0, *map(len, buffers)])
    offsets = [some.offsets[:-1] - some.offsets[0] + start for some, start in zip(encoded, starts[:-1], strict=True)]
    return Slices(np.concatenate(buffers), np.concatenate([*offsets, starts[-1:]]), encoded[0].array)


def _joined_groups(groups: list[Ints | None]) -> Ints | None:
    """Groups of different splits get different numbers, because the same number may mean something else in each split."""
    known = [some for some in groups if some is not None]
    if len(known) < len(groups):
        return None
    relabelled = [np.unique(some, return_inverse=True)[1] for some in known]
    starts = np.cumsum([0, *(int(some.max()) + 1 for some in relabelled)])
    return np.concatenate([some + start for some, start in zip(relabelled, starts[:-1], strict=True)]).astype(np.int64)


def _class_names(archive: Archive, labels: Ints, several: bool) -> tuple[str, ...]:
    """One name per class, from the file or else its number; raises ``DataError`` if the names do not fit the labels."""
    present = np.unique(labels)
    if several and len(present) < 2:
        raise archive.fault(f"there is only one class, all labels are: {present[0]}", "a classifier needs at least two")
    classes = int(present[-1]) + 1
    keys = {key.lower(): key for key in archive.names}
    whole, by_row = _named(archive), next((keys[name] for name in _ROW_NAMES if name in keys), "")
    if whole:
        names = archive.strings(whole)
        if len(names) < classes:
            raise archive.fault(
                f"the labels go up to {classes - 1} but `{whole}` names {len(names)} classes", "name every class, or mend the labels"
            )
        return _unique_names(names)
    names = [str(label) for label in range(classes)]
    if by_row:
        found = archive.strings(by_row)
        if len(found) == len(labels):
            for label, row in zip(*np.unique(labels, return_index=True), strict=True):
                names[int(label)] = found[int(row)]
    return _unique_names(names)


def _unique_names(names: list[str]) -> tuple[str, ...]:
    """The names, with their number appended to empty names and to names that occur twice."""
    return tuple(f"{name} ({index})".strip() if not name or names.count(name) > 1 else name for index, name in enumerate(names))
