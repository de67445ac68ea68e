"""What a person should know of their images before anything runs on them: counts, parts, grey levels, repeated pictures."""

from typing import Final

import numpy as np

from onecurve.data.collection import Collection
from onecurve.data.dataset import Part

READ: Final = 2000
"""Images that are read for their grey levels, at most."""
NAMED: Final = 5
"""Classes that one line names at most."""
FEW_LEVELS: Final = 16
"""Grey levels below which a line says so: scans of two levels, or 16-bit pictures that were read wrongly."""
WORDS: Final = {Part.TRAIN: "training", Part.CLEAN: "clean", Part.HELDOUT: "held out"}


def card_of(collection: Collection) -> tuple[str, ...]:
    """A few lines: images, classes, size and parts; then whatever is odd about them."""
    each = np.bincount(collection.labels, minlength=len(collection.class_names))
    channels, height, width = collection.shape
    parts = ", ".join(f"{len(collection.rows(part))} {words}" for part, words in WORDS.items())
    count = f"{collection.place}: {len(collection.labels)} images of {len(each)} classes ({each.min()} to {each.max()} each)"
    lines = [f"{count}, {width} x {height} pixels, {channels} channel{'s' if channels > 1 else ''}: {parts}"]
    return (*lines, *_missing(collection), *_levels(collection), *_repeated(collection))


def _missing(collection: Collection) -> list[str]:
    """Classes without an image in some part."""
    lines = []
    for part, words in WORDS.items():
        each = np.bincount(collection.labels[collection.rows(part)], minlength=len(collection.class_names))
        names = [collection.class_names[at] for at in np.flatnonzero(each == 0)]
        if names:
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            lines.append(f"no {words} image of: {', '.join(names[:NAMED])}{more}")
    return lines


def _levels(collection: Collection) -> list[str]:
    """Grey levels of some images, where they are few or leave out the dark or the bright end."""
    rows = np.linspace(0, len(collection.labels) - 1, min(READ, len(collection.labels))).astype(np.int64)
    levels = np.flatnonzero(np.bincount(collection.pixels.read(np.unique(rows)).ravel(), minlength=256))
    low, high = int(levels[0]), int(levels[-1])
    if len(levels) >= FEW_LEVELS and high - low >= 128:
        return []
    return [f"its pixels have {len(levels)} different values, from {low} to {high} of 0 to 255"]


def _repeated(collection: Collection) -> list[str]:
    """Pictures that occur more than once, and those of them that have two labels."""
    _, at, counts = np.unique(collection.digests, return_inverse=True, return_counts=True)
    if counts.max() == 1:
        return []
    pairs = np.unique(np.stack([at, collection.labels]), axis=1)
    torn = int((np.bincount(pairs[0]) > 1).sum())
    words = f"{int((counts > 1).sum())} pictures occur more than once; copies are kept in one part"
    return [f"{words}; {torn} of them have more than one label" if torn else words]
