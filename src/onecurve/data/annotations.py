"""Natural features that come with an `.npz` file: `features`, `feature_names`, and `feature_masks` or `feature_boxes`."""

from collections.abc import Sequence

import numpy as np

from onecurve.core.image.images import Bools, Bytes, Ints
from onecurve.data.archive import Archive
from onecurve.data.natural_features import Annotated, Boxes, Masks
from onecurve.data.pictures import Slices

FEATURES, NAMES, MASKS, BOXES = "features", "feature_names", "feature_masks", "feature_boxes"
_LAYOUT = (
    "save `features` (integers, -1 for none), `feature_names`, and `feature_masks` (bool, N x H x W) or `feature_boxes` (integers, N x 4)"
)


def read_annotations(archive: Archive, endings: Sequence[str], images: Bytes | Slices) -> Annotated | None:
    """The annotated features of all images, or None if the file has none; ``endings`` are those of its splits, in order.

    Raises ``DataError`` for annotations that do not fit the images, and for annotations of encoded pictures, whose size is not known yet.
    """
    if NAMES not in archive.names:
        return None
    if isinstance(images, Slices):
        raise archive.fault(f"`{NAMES}` goes with encoded pictures", "save the images as raw uint8, or leave the annotations out")
    names = tuple(archive.strings(NAMES))
    features = _features(archive, [FEATURES + ending for ending in endings], len(images), len(names))
    masks, boxes = ([kind + ending for ending in endings] for kind in (MASKS, BOXES))
    height, width = images.shape[2:]
    if all(name in archive.names for name in masks):
        return Annotated(names, features, _masks(archive, masks, features, (height, width)))
    if all(name in archive.names for name in boxes):
        return Annotated(names, features, _boxes(archive, boxes, features, (height, width)))
    raise archive.fault(f"`{NAMES}` without `{masks[0]}` and without `{boxes[0]}`", _LAYOUT)


def _features(archive: Archive, arrays: Sequence[str], images: int, kinds: int) -> Ints:
    features = _joined(archive, arrays)
    if features.dtype.kind not in "iu" or features.shape != (images,):
        raise archive.fault(
            f"`{arrays[0]}` must be one integer per image, {images} in all, got: {features.dtype} {features.shape}", _LAYOUT
        )
    if not -1 <= int(features.min()) <= int(features.max()) < kinds:
        raise archive.fault(f"`{arrays[0]}` must be within -1..{kinds - 1}, got: {features.min()} to {features.max()}", _LAYOUT)
    return features.astype(np.int64)


def _masks(archive: Archive, arrays: Sequence[str], features: Ints, size: tuple[int, int]) -> Masks:
    masks = _joined(archive, arrays)
    if masks.dtype.kind not in "bu" or masks.shape != (len(features), *size):
        raise archive.fault(f"`{arrays[0]}` must be bool of shape {(len(features), *size)}, got: {masks.dtype} {masks.shape}", _LAYOUT)
    _require(archive, arrays[0], (features < 0) | masks.any(axis=(1, 2)), "is empty though the image holds a feature")
    return Masks(masks.astype(np.bool_))


def _boxes(archive: Archive, arrays: Sequence[str], features: Ints, size: tuple[int, int]) -> Boxes:
    boxes = _joined(archive, arrays)
    if boxes.dtype.kind not in "iu" or boxes.shape != (len(features), 4):
        raise archive.fault(f"`{arrays[0]}` must be integers of shape {(len(features), 4)}, got: {boxes.dtype} {boxes.shape}", _LAYOUT)
    boxes = boxes.astype(np.int64)
    top, left, bottom, right = boxes.T
    fits = (top >= 0) & (left >= 0) & (top < bottom) & (left < right) & (bottom <= size[0]) & (right <= size[1])
    _require(archive, arrays[0], (features < 0) | fits, f"is no box (top, left, bottom, right) within {size[0]} x {size[1]}")
    return Boxes(boxes)


def _joined(archive: Archive, arrays: Sequence[str]) -> np.ndarray:
    missing = [name for name in arrays if name not in archive.names]
    if missing:
        raise archive.fault(f"`{NAMES}` without `{missing[0]}`", _LAYOUT)
    parts = [archive.read(name) for name in arrays]
    if len({part.shape[1:] for part in parts}) > 1:
        raise archive.fault(f"`{'` and `'.join(arrays)}` differ in shape: {', '.join(str(part.shape[1:]) for part in parts)}", _LAYOUT)
    return np.concatenate(parts)


def _require(archive: Archive, array: str, fits: Bools, otherwise: str) -> None:
    if not fits.all():
        wrong = np.flatnonzero(~fits)
        raise archive.fault(f"`{array}` of row {wrong[0]} {otherwise}; rows like it: {len(wrong)}", _LAYOUT)
