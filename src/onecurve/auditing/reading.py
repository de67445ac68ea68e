"""Reads a person's images for an audit: folders of classes or of splits, flat folders without labels, and npz files."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, final

import numpy as np

from onecurve.auditing.label_file import labels_in
from onecurve.auditing.names import legible
from onecurve.core.errors import DataError, UsageError
from onecurve.core.image.images import Bytes, Ints
from onecurve.data.arrays import read_content, read_unlabelled
from onecurve.data.collection import balanced_rows
from onecurve.data.pictures import Files, Sources, UnusablePictureError, decoded, header_of, highest_grey
from onecurve.data.tree import are_alike_inside, are_splits, files_in, folders_in, is_litter, names_split
from onecurve.data.validation import common_size, validate_arrays

MOST_IMAGES: Final = 6000
"""More images are drawn from, the classes as balanced as they can be."""
MOST_BYTES: Final = 1024**3
"""Of decoded images; with large ones, fewer are drawn."""
PICTURES: Final = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".jp2", ".avif"})


@final
@dataclass(frozen=True)
class Listed:
    """What a folder or file holds, before pixels are decoded."""

    sources: Sources | Bytes
    """Encoded pictures, or uint8 N x C x H x W."""
    files: tuple[str, ...]
    """N names for people."""
    classes: tuple[str, ...]
    """The classes of the data; empty where nothing is labelled."""
    labels: Ints
    """int64 N; all 0 where nothing is labelled."""
    splits: tuple[str, ...]
    """N; empty strings where there are none."""
    passed_over: tuple[tuple[str, str], ...] = ()
    """Files and folders that are not read, with the reason."""
    groups: Ints | None = None
    """int64 N; what belongs together."""
    numbered: bool = False
    """Whether the data number their classes, as an npz file does."""


@final
@dataclass(frozen=True)
class Read:
    """Decoded images."""

    listed: Listed
    rows: Ints
    """int64 n: which of the listed images these are."""
    images: Bytes
    """uint8 n x C x H x W."""
    sizes: Mapping[str, int]
    """Pictures by their own size, such as `32 x 32`."""
    passed_over: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def listed(address: str, labels: Path | None) -> Listed:
    """What is at the address: `folder:PATH`, `npz:PATH` or a plain path. ``labels`` is a file of labels for a folder without classes."""
    path = place_of(address)
    if not path.exists():
        raise DataError(f"no such file or folder: {path}", "give the path of a folder of images, or of an npz file")
    found = _legible(_of_folder(path) if path.is_dir() else _of_arrays(path))
    if labels is None:
        return found
    if found.classes:
        raise UsageError("the images have labels already, from folders or from the file", "leave the file of labels away")
    names, own = labels_in(labels, found.files)
    return replace(found, classes=names, labels=own)


def _legible(found: Listed) -> Listed:
    """The same with names that every output can hold."""
    return replace(
        found,
        files=tuple(map(legible, found.files)),
        classes=tuple(map(legible, found.classes)),
        splits=tuple(map(legible, found.splits)),
        passed_over=tuple((legible(what), why) for what, why in found.passed_over),
    )


def place_of(address: str) -> Path:
    """The path of an address of images; raises ``UsageError`` for an empty one, which would be the current folder."""
    kind, colon, place = address.partition(":")
    path = place if colon and kind in {"folder", "npz"} else address
    if not path.strip():
        raise UsageError("no images are named", "give the path of a folder of images, or of an npz file")
    return Path(path).expanduser()


def read(found: Listed, shape: tuple[int, int, int] | None, seed: int) -> Read:
    """Decode at most ``MOST_IMAGES`` images, fitted to ``shape`` (C, H, W) or to their own common size.

    Pictures that cannot be decoded are passed over with the reason; raises ``DataError`` if none is left.
    """
    rng = np.random.default_rng(seed)
    side = None if shape is None else shape[1:]
    each = 3 * (side[0] * side[1] if side else 224 * 224)
    count = min(len(found.files), MOST_IMAGES, max(1, MOST_BYTES // each))
    rows = np.sort(balanced_rows(np.arange(len(found.files)), found.labels, count, rng))
    made = _decoded(found, rows, side) if not isinstance(found.sources, np.ndarray) else _fitted(found, found.sources, rows, side)
    notes = list(made.notes)
    if count < len(found.files):
        notes.insert(0, f"{count:,} of {len(found.files):,} images are looked at, drawn so that classes are as equal as they can be")
    channels = shape[0] if shape else made.images.shape[1]
    if channels != made.images.shape[1]:
        notes.append("colours became greys, as the network takes one channel" if channels == 1 else "greys became three equal channels")
    return Read(found, made.rows, _channels(made.images, channels), made.sizes, made.passed_over, tuple(notes))


def own_shape(found: Listed) -> tuple[int, int, int]:
    """Channels, height and width of the images at their own common size, from headers alone; raises ``DataError`` if none can be read."""
    if isinstance(found.sources, np.ndarray):
        _, channels, height, width = found.sources.shape
        return channels, height, width
    sizes, fault = list[tuple[int, int]](), ""
    for row in np.linspace(0, len(found.files) - 1, min(len(found.files), MOST_IMAGES)).astype(int).tolist():
        try:
            header = header_of(found.sources, row)
            sizes.append((header.height, header.width))
        except UnusablePictureError as error:
            fault = fault or str(error)
    if not sizes:
        raise _none_readable(len(found.files), fault)
    return 3, *common_size(sizes, None, "the images")


def _none_readable(count: int, first: str) -> DataError:
    return DataError(f"none of {count} pictures can be read, the first: {first}", "bring other files")


def _of_folder(root: Path) -> Listed:
    folders = folders_in(root)
    if not folders:
        return _flat(root)
    beside = [
        (path.name, "beside the folders of classes") for path in sorted(root.iterdir()) if path.is_file() and not is_litter(path.name)
    ]
    if are_splits(folders):
        return _of_splits(root, folders, beside)
    if are_alike_inside(folders):
        names = ", ".join(folder.name for folder in folders[:5])
        raise UsageError(
            f"every sub-folder holds the same folders, so either may be the classes: {names} in {root}",
            f"choose one of them: {folders[0]}, or move the images up into the folders of their classes",
        )
    inside = [folders_in(folder) for folder in folders]
    if all(some and all(names_split(each.name) for each in some) for some in inside):
        return _labelled(root, [(split.name, folder.name, split) for folder in folders for split in folders_in(folder)], beside)
    return _labelled(root, [("", folder.name, folder) for folder in folders], beside)


def _of_splits(root: Path, splits: Sequence[Path], beside: list[tuple[str, str]]) -> Listed:
    found = []
    for split in splits:
        inside = folders_in(split)
        if not inside:
            count = sum(1 for _ in files_in(split))
            beside.append((split.name, f"a split without folders of classes, {count} files"))
        found += [(split.name, folder.name, folder) for folder in inside]
    if not found:
        raise UsageError(f"the sub-folders are splits without folders of classes: {root}", f"choose one of them: {splits[0]}")
    return _labelled(root, found, beside)


def _labelled(root: Path, folders: Sequence[tuple[str, str, Path]], beside: list[tuple[str, str]]) -> Listed:
    """Images by (split, class, folder)."""
    paths: list[Path] = []
    owners: list[tuple[str, str]] = []
    for split, name, folder in folders:
        files, others = _sorted_out(root, folder)
        beside += others
        if not files:
            beside.append((str(folder.relative_to(root)), "a class folder without pictures"))
        paths += files
        owners += [(split, name)] * len(files)
    if not paths:
        raise DataError(f"no pictures in: {root}", "put the images of each class in a sub-folder of its own")
    classes = tuple(sorted({name for _, name in owners}))
    labels = np.array([classes.index(name) for _, name in owners], np.int64)
    return Listed(Files(tuple(paths)), _named(root, paths), classes, labels, tuple(split for split, _ in owners), tuple(beside))


def _flat(root: Path) -> Listed:
    files, others = _sorted_out(root, root)
    if not files:
        raise DataError(f"no pictures in: {root}", "give a folder of pictures, or of one sub-folder per class")
    return Listed(Files(tuple(files)), _named(root, files), (), np.zeros(len(files), np.int64), ("",) * len(files), tuple(others))


def _sorted_out(root: Path, folder: Path) -> tuple[list[Path], list[tuple[str, str]]]:
    """Pictures by their endings, and what is passed over."""
    files = sorted(files_in(folder))
    kept = [path for path in files if path.suffix.lower() in PICTURES]
    return kept, [(str(path.relative_to(root)), "not a picture by its ending") for path in files if path.suffix.lower() not in PICTURES]


def _named(root: Path, paths: Sequence[Path]) -> tuple[str, ...]:
    return tuple(path.relative_to(root).as_posix() for path in paths)


def _of_arrays(path: Path) -> Listed:
    unlabelled = read_unlabelled(path)
    if unlabelled is not None:
        count = len(unlabelled)
        return Listed(unlabelled, tuple(f"row {row}" for row in range(count)), (), np.zeros(count, np.int64), ("",) * count)
    content = read_content(path, whole=False)
    count = len(content.labels)
    splits = ("",) * count if content.splits is None else tuple(map(str, content.splits))
    names = tuple(f"{split}/row {row}".removeprefix("/") for split, row in zip(splits, _within(splits), strict=True))
    return Listed(content.images, names, content.class_names, content.labels, splits, (), content.groups, numbered=True)


def _within(splits: Sequence[str]) -> list[int]:
    """The number of each image within its split."""
    counts: Counter[str] = Counter()
    numbers = []
    for split in splits:
        numbers.append(counts[split])
        counts[split] += 1
    return numbers


def _decoded(found: Listed, rows: Ints, side: tuple[int, int] | None) -> Read:
    assert not isinstance(found.sources, np.ndarray)
    sizes: dict[int, tuple[int, int]] = {}
    deep, faults = list[int](), dict[int, str]()
    for row in map(int, rows):
        try:
            header = header_of(found.sources, row)
        except UnusablePictureError as error:
            faults[row] = str(error)
            continue
        sizes[row] = (header.height, header.width)
        deep += [row] if header.sixteen_bits else []
    height, width = side or common_size(list(sizes.values()), None, "the images")
    white = highest_grey(found.sources, deep)
    images = {}
    for row in sizes:
        try:
            images[row] = decoded(found.sources, row, height, width, white)
        except UnusablePictureError as error:
            faults[row] = str(error)
    if not images:
        raise _none_readable(len(rows), next(iter(faults.values())))
    notes = _scaling({sizes[row] for row in images}, (height, width))
    if deep:
        notes.append(f"{len(deep)} pictures hold 16-bit greys, read as 0 to {white}")
    passed = tuple((found.files[row], _one_line(faults[row])) for row in sorted(faults))
    counts = Counter(f"{sizes[row][0]} x {sizes[row][1]}" for row in images)
    return Read(found, np.array(list(images), np.int64), np.stack(list(images.values())), counts, passed, tuple(notes))


def _fitted(found: Listed, images: Bytes, rows: Ints, side: tuple[int, int] | None) -> Read:
    own = (images.shape[2], images.shape[3])
    if side is not None and side[0] != side[1] and side != own:
        raise UsageError(
            f"the images are {own[0]} x {own[1]} pixels and the network takes {side[0]} x {side[1]}", "bring images of that size"
        )
    fitted = validate_arrays(images[rows], side[0] if side and side != own else None, "the images").pixels.read(np.arange(len(rows)))
    notes = _scaling({own}, (fitted.shape[2], fitted.shape[3]))
    return Read(found, rows, fitted, {f"{own[0]} x {own[1]}": len(rows)}, (), tuple(notes))


def _scaling(sizes: set[tuple[int, int]], to: tuple[int, int]) -> list[str]:
    if sizes == {to}:
        return []
    kinds = "pictures of one other size" if len(sizes) == 1 else f"pictures of {len(sizes)} sizes"
    return [f"{kinds} were scaled and cropped at the centre to {to[0]} x {to[1]}"]


def _channels(images: Bytes, wanted: int) -> Bytes:
    if images.shape[1] == wanted:
        return images
    if wanted == 3:
        return np.repeat(images, 3, axis=1)
    if wanted != 1:
        raise UsageError(f"the network takes {wanted} channels, and pictures have 1 or 3", "bring a network of 1 or 3 channels")
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    greys: Bytes = np.rint(np.einsum("nchw,c->nhw", images.astype(np.float32), weights)).astype(np.uint8)[:, None]
    return greys


def _one_line(words: str) -> str:
    return re.sub(r"\s+", " ", words)
