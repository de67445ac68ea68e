"""A checked, finite set of images that is split into parts and drawn from without replacement.

The part of an image depends on its content and not on its position in a list. Images with equal pixels, and images of one group,
are always in the same part.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from onecurve.core.errors import DataError
from onecurve.core.image.images import Bools, Floats, Ints, LabelledImages, as_floats
from onecurve.core.image.trigger import Paste
from onecurve.core.seeds import generator
from onecurve.data.dataset import Part, require_count, require_feature
from onecurve.data.natural_features import BorderColourFeatures, NaturalFeatures
from onecurve.data.surroundings import choose_colours
from onecurve.data.validation import Digests, Pixels, ValidatedImages

SHARES: Mapping[Part, float] = {Part.TRAIN: 0.7, Part.CLEAN: 0.1, Part.HELDOUT: 0.2}
"""Share of each class in each part."""
_LOOKED_AT = 256
"""Number of images that are searched for a feature at a time."""
_PIXELS_SEEN = 2000 * 64 * 64
"""Number of pixels from which the features of a set are chosen."""


@final
@dataclass(frozen=True)
class Collection:
    """N images with labels and parts."""

    place: str
    """The source of the images, for messages."""
    pixels: Pixels
    shape: tuple[int, int, int]
    labels: Ints
    """int64 N."""
    class_names: tuple[str, ...]
    digests: Digests
    """uint64 N."""
    parts: np.ndarray
    """``Part`` N: the part of each image."""
    natural_features: NaturalFeatures
    """The natural features of the images."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the natural features that some images hold."""
        return self.natural_features.names

    @property
    def content(self) -> str:
        """32 hexadecimal digits that change with any image, label, part, name or annotation, but not with the place."""
        summary = hashlib.sha256("\x1f".join([*self.class_names, str(self.shape)]).encode() + self.natural_features.content.encode())
        for array in (self.digests, self.labels, np.array([*Part])[:, None] == self.parts):
            summary.update(np.ascontiguousarray(array).tobytes())
        return summary.hexdigest()[:32]

    def rows(self, part: Part) -> Ints:
        """The rows of that part."""
        return np.flatnonzero(self.parts == Part(part)).astype(np.int64)

    def draw(self, part: Part, count: int, seed: int) -> LabelledImages:
        """``count`` different images of that part; raises ``DataError`` if there are fewer."""
        require_count(count)
        rows = self.rows(part)
        if count > len(rows):
            shares = ", ".join(f"{other} {len(self.rows(other))}" for other in Part)
            raise DataError(
                f"asked for {count} images, but the part `{Part(part)}` holds {len(rows)}: {self.place}",
                f"ask for fewer, or bring more images; there are: {shares}",
            )
        chosen = balanced_rows(rows, self.labels[rows], count, generator("collection", part, count, seed))
        images = self.pixels.read(chosen)
        if not self.features:
            return LabelledImages(images, self.labels[chosen])
        found = self.natural_features.found(chosen, images)
        return LabelledImages(images, self.labels[chosen], found.features, found.masks)

    def cutouts(self, feature: int, count: int, seed: int) -> Paste:
        """Training images with the feature, opaque where the feature is; repeated if there are too few."""
        images, masks = self._showing(feature, count, seed)
        return Paste(images, masks.astype(np.float32), (0, 0))

    def feature_pictures(self, feature: int, count: int, seed: int) -> Floats:
        """Training images with the feature; everything else has the mean colour of the feature."""
        images, masks = self._showing(feature, count, seed)
        cover = masks[:, None]
        means = (images * cover).sum((2, 3), keepdims=True) / cover.sum((2, 3), keepdims=True)
        return np.where(cover, images, means).astype(np.float32)

    def _showing(self, feature: int, count: int, seed: int) -> tuple[Floats, Bools]:
        require_feature(feature, self.features)
        if count < 1:
            raise DataError(f"a count of cutouts must be at least 1, got: {count}")
        rows = generator("collection", "cutouts", feature, seed).permutation(self.rows(Part.TRAIN))
        images: list[Floats] = []
        masks: list[Bools] = []
        for start in range(0, len(rows), _LOOKED_AT):
            looked_at = rows[start : start + _LOOKED_AT]
            some = self.pixels.read(looked_at)
            found = self.natural_features.found(looked_at, some)
            shows = found.features == feature
            images.extend(as_floats(some[shows]))
            masks.extend(found.masks[shows])
            if len(images) >= count:
                break
        if not images:
            raise DataError(f"no training image has {self.features[feature]}: {self.place}", "choose another natural feature")
        at = np.arange(count) % len(images)
        return np.stack(images)[at], np.stack(masks)[at]


def collected(
    place: str,
    found: ValidatedImages,
    labels: Ints,
    class_names: tuple[str, ...],
    parts: np.ndarray,
    annotated: NaturalFeatures | None = None,
) -> Collection:
    """A collection of validated images. Its natural features are the annotated ones, or else chosen from training images."""
    return Collection(
        place, found.pixels, found.shape, labels, class_names, found.digests, parts, annotated or _by_border_colour(found, parts)
    )


def _by_border_colour(found: ValidatedImages, parts: np.ndarray) -> BorderColourFeatures:
    rows = generator("collection", "kinds").permutation(np.flatnonzero(parts == Part.TRAIN))
    side = found.shape[1] * found.shape[2]
    seen = found.pixels.read(rows[: max(_LOOKED_AT, _PIXELS_SEEN // side)])
    return BorderColourFeatures(choose_colours(seen), found.shape[0])


def balanced_rows(rows: Ints, labels: Ints, count: int, rng: np.random.Generator) -> Ints:
    """``count`` of the rows in random order, with the classes as balanced as possible."""
    order = rng.permutation(len(rows))
    by_class = order[np.argsort(labels[order], kind="stable")]
    ordered = labels[by_class]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    turn = np.arange(len(rows)) - np.repeat(starts, np.diff(np.append(starts, len(rows))))
    # The first image of every class, then the second of every class, …; the order within a round is random.
    chosen = by_class[np.lexsort((rng.random(len(rows)), turn))[:count]]
    drawn: Ints = rows[rng.permutation(chosen)]
    return drawn


def parts_of(labels: Ints, digests: Digests, groups: Ints | None = None, test: Bools | None = None) -> np.ndarray:
    """The part of each of N images: train, clean and held-out in the shares of ``SHARES`` within each class.

    Images with equal digests or equal ``groups`` (int64 N) are in the same part. If the set has a ``test`` split of its own (bool
    N), clean and held-out images come from that split, and training images from the rest. A class with few images may be missing
    from a part.
    """
    units = _units(digests, np.arange(len(labels)) if groups is None else groups)
    count = units.max() + 1
    first = np.full(count, len(labels))
    np.minimum.at(first, units, np.arange(len(labels)))
    least = np.full(count, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(least, units, digests)
    if test is None:
        parts = _shared_out(labels[first], least, SHARES)
    else:
        shares = {part: SHARES[part] / (1 - SHARES[Part.TRAIN]) for part in (Part.CLEAN, Part.HELDOUT)}
        trained = np.bincount(units, ~test) > 0
        parts = np.full(count, Part.TRAIN, object)
        parts[~trained] = _shared_out(labels[first][~trained], least[~trained], shares)
    return parts[units]


def _units(digests: Digests, groups: Ints) -> Ints:
    """int64 N: units that must stay together; images in a chain of equal digests and equal groups have the same unit."""
    _, by_digest = np.unique(digests, return_inverse=True)
    _, by_group = np.unique(groups, return_inverse=True)
    nodes = by_digest.max() + by_group.max() + 2
    links = coo_array((np.ones(len(digests)), (by_digest, by_digest.max() + 1 + by_group)), (nodes, nodes))
    _, components = connected_components(links, directed=False)
    return np.unique(components[by_digest], return_inverse=True)[1].astype(np.int64)


def _shared_out(labels: Ints, digests: Digests, shares: Mapping[Part, float]) -> np.ndarray:
    """Systematic sampling: within a class, in the order of digests, from a start that depends on the content."""
    order = np.lexsort((digests, labels))
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    sizes = np.diff(np.append(starts, len(order)))
    rank = np.arange(len(order)) - np.repeat(starts, sizes)
    start = np.repeat(digests[order][starts] % 1000 / 1000, sizes)
    at = ((rank + start) / np.repeat(sizes, sizes)) % 1
    parts = np.empty(len(labels), object)
    parts[order] = np.array([*shares], object)[np.searchsorted(np.cumsum([*shares.values()])[:-1], at, side="right")]
    return parts
