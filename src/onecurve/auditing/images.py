"""A person's images for an audit: read, named by the outputs of the network, and split into images to search and to test on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np

from onecurve.auditing.class_map import mapped
from onecurve.auditing.data_card import card_notes, data_card
from onecurve.auditing.reading import Listed, listed, read
from onecurve.core.errors import DataError
from onecurve.core.image.images import Bools, Ints, LabelledImages
from onecurve.core.seeds import generator, seed_for
from onecurve.data.near_copies import copy_groups

FRESH: Final = 1 / 3
"""Share of each class that claims are tested on."""
FEWEST: Final = 3
"""With fewer images there is nothing to search and to test on."""


@final
@dataclass(frozen=True)
class AuditedImages:
    """Images for an audit. Search and fresh images share no picture, near copies and groups of the data included."""

    search: LabelledImages
    """Labels are outputs of the network; all 0 where nobody labelled the images."""
    fresh: LabelledImages
    class_names: tuple[str, ...]
    """One per output."""
    labelled: bool
    files: tuple[str, ...]
    """Names of the search images and then of the fresh ones."""
    splits: tuple[str, ...]
    """The split that each of ``files`` came in; empty strings where there are none."""
    card: Mapping[str, Any]
    notes: tuple[str, ...]
    guessed: bool = False
    """Whether classes are outputs by their alphabetical order, which nothing but their number speaks for."""


def audited_images(
    address: str, outputs: int, shape: tuple[int, int, int] | None, labels: Path | None, classes: Path | None, seed: int
) -> AuditedImages:
    """The images at the address, for a network with so many ``outputs`` that takes ``shape`` (channels, height, width) if that is known.

    The address is `folder:PATH`, `npz:PATH` or a path: a folder of class folders, a folder of splits that hold them, a flat folder
    without labels (or with a file of ``labels``), or an npz file. ``classes`` says which output each class is, see ``mapped``.
    Raises ``DataError`` or ``UsageError``, one sentence with what to do.
    """
    return images_of(listed(address, labels), address, outputs, shape, classes, seed)


def images_of(
    found: Listed, address: str, outputs: int, shape: tuple[int, int, int] | None, classes: Path | None, seed: int
) -> AuditedImages:
    """The same of images that are listed already."""
    names = mapped(found.classes, outputs, classes, numbered=found.numbered)
    images = read(found, shape, seed_for("audited images", seed))
    if len(images.rows) < FEWEST:
        raise DataError(f"there are only {len(images.rows)} images: {address}", "an audit needs some to search and others to test on")
    own = np.array(names.outputs or (0,), np.int64)[found.labels[images.rows]]
    splits = np.array(found.splits)[images.rows]
    copies = copy_groups(images.images)
    units = copies if found.groups is None else _joined(copies, found.groups[images.rows])
    fresh = fresh_rows(own, splits, units, generator("audited images", "fresh", seed))
    card = data_card(images, own, names, fresh, copies)
    order = np.concatenate([np.flatnonzero(~fresh), np.flatnonzero(fresh)])
    whole = LabelledImages(images.images, own)
    return AuditedImages(
        whole.take(~fresh),
        whole.take(fresh),
        names.names,
        bool(found.classes),
        tuple(found.files[row] for row in images.rows[order]),
        tuple(str(split) for split in splits[order]),
        card,
        (*card_notes(card), *images.notes),
        names.guessed,
    )


def fresh_rows(labels: Ints, splits: np.ndarray, units: Ints, rng: np.random.Generator) -> Bools:
    """bool N: a third of the images of each class and split, whole units only; a unit goes with its first image.

    Raises ``DataError`` where all are one unit.
    """
    _, first, unit = np.unique(units, return_index=True, return_inverse=True)
    if len(first) == 1:
        raise DataError(f"all {len(labels)} images are copies of one, or one group", "an audit needs some to search and others to test on")
    order = rng.permutation(len(first))
    _, strata = np.unique(np.char.add(np.char.add(labels.astype(str), "\x1f"), splits.astype(str)), return_inverse=True)
    by_stratum = order[np.argsort(strata[first][order], kind="stable")]
    chosen = np.zeros(len(first), bool)
    for stratum in range(int(strata.max()) + 1):
        own = by_stratum[strata[first][by_stratum] == stratum]
        # Systematic sampling: a class of one image is fresh in one of three audits.
        chosen[own] = (np.arange(len(own)) * FRESH + rng.random()) % 1 < FRESH
    if chosen.all() or not chosen.any():  # as by chance where there are hardly any images
        chosen[order[0]] = not chosen[order[0]]
    fresh: Bools = chosen[unit]
    return fresh


def _joined(copies: Ints, groups: Ints) -> Ints:
    """Units of images that are in one chain of copies and groups."""
    units = copies.copy()
    while True:
        before = units.copy()
        for each in (groups, copies):
            least = np.full(int(each.max()) + 1, len(units), np.int64)
            np.minimum.at(least, each, units)
            units = least[each]
        if (units == before).all():
            return units
