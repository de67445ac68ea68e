"""Drawn scenes: one of ten figures on a textured ground, with at most one object beside it; any number of images.

Everything about a scene is known: the masks of figure and object, and the texture of the ground. No two parts share a scene, because
the part is in the seed of the drawing.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from onecurve.core.errors import SpecError
from onecurve.core.image.images import Bools, Floats, Ints, LabelledImages, as_bytes
from onecurve.core.image.trigger import Paste
from onecurve.core.seeds import generator
from onecurve.core.spec import spec_of
from onecurve.data.clutter import Clutter
from onecurve.data.colours import hsv_to_rgb, luminance
from onecurve.data.dataset import Part, require_count, require_feature
from onecurve.data.drawing import CHUNK_PIXELS, balanced_labels, blend_over, changed
from onecurve.data.sprites import paint, palettes_of
from onecurve.data.textures import FIELDS, TEXTURES, mix, random_pairs, texture_fields

SIZES = (32, 64)
_CLASSES = ("disc", "square", "triangle", "cross", "arrow", "half-disc", "ell", "hourglass", "chevron", "tee")
_FEATURES = ("ring", "star", "heart", "saltire", "spiral", "flower", "mushroom", "fish", "target", "smiley", "clover", "butterfly")
_FIGURE = (0.48, 0.62)
"""Least and largest diameter of the figure as shares of the frame."""
_OBJECT = (0.3, 0.38)
"""Least and largest diameter of the object, likewise."""
_APART = 0.62
"""Distance between the middles of object and figure, in diameters of the figure."""
_CALM = 0.7
"""The contrast of the ground is reduced to this share, so that figures stand out."""


@final
@dataclass(frozen=True)
class Scene:
    """N scenes with their attributes."""

    images: LabelledImages
    """The images, labels, objects and their masks."""
    figures: Bools
    """bool N x H x W; the pixels of the figure, outline included."""
    textures: Ints
    """int64 N; the texture of the ground as an index into ``TEXTURES``."""


@final
@dataclass(frozen=True)
class Shapes:
    """The set `shapes`; half of the images hold one object beside the figure, its natural feature."""

    name: ClassVar[str] = "shapes"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "drawn figures on textured grounds, 32 or 64 px, with objects, masks and attributes; any number of images"
    source: ClassVar[str] = "drawn"

    size: int = 32
    """Side of the images in pixels: 32 or 64."""
    clutter: float = 0.5
    """Share of images that hold an object, in [0, 1]."""

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise SpecError(f"`size` must be 32 or 64, got: {self.size}")
        if not 0 <= self.clutter <= 1:
            raise SpecError(f"`clutter` must be within [0, 1], got: {self.clutter}")

    @property
    def class_names(self) -> tuple[str, ...]:
        return _CLASSES

    @property
    def shape(self) -> tuple[int, int, int]:
        return 3, self.size, self.size

    @property
    def features(self) -> tuple[str, ...]:
        return _FEATURES

    @property
    def key(self) -> str:
        return spec_of(self).key

    def held(self, part: Part) -> int | None:
        return None

    def draw(self, part: Part, count: int, seed: int) -> LabelledImages:
        """Any number of images. For the same seed, ``clutter`` changes nothing but the objects."""
        return self.draw_scene(part, count, seed).images

    def draw_scene(self, part: Part, count: int, seed: int) -> Scene:
        """The images of ``draw`` with their attributes."""
        require_count(count)
        labels = balanced_labels(len(_CLASSES), count, generator("shapes", Part(part), count, seed))
        step = CHUNK_PIXELS // self.size**2
        starts = range(0, max(count, 1), step)
        return _joined([self._chunk(labels[i : i + step], ("shapes", self.size, Part(part), seed, i // step)) for i in starts])

    def cutouts(self, feature: int, count: int, seed: int) -> Paste:
        require_feature(feature, self.features)
        return self._objects().cutouts(feature, count, generator("shapes", self.size, "cutouts", feature, seed))

    def feature_pictures(self, feature: int, count: int, seed: int) -> Floats:
        require_feature(feature, self.features)
        return self._objects().pictures(feature, count, self.size, generator("shapes", self.size, "pictures", feature, seed))

    def _objects(self) -> Clutter:
        return Clutter(_FEATURES, (_OBJECT[0] * self.size, _OBJECT[1] * self.size))

    def _chunk(self, labels: Ints, names: tuple[object, ...]) -> Scene:
        rng, count = generator(*names, "scene"), len(labels)
        textures = rng.integers(len(TEXTURES), size=count)
        grounds = _grounds(textures, self.size, rng)
        diameters = (rng.uniform(*_FIGURE, count) * self.size).astype(np.float32)
        free = (self.size - diameters)[:, None] / 2
        centres = (self.size / 2 + rng.uniform(-1, 1, (count, 2)) * free).astype(np.float32)
        fills = _standing_out(grounds, rng)
        patterns, covers = _figures(labels, self.size, centres, diameters, fills, rng)
        without = as_bytes(blend_over(grounds, covers, patterns))
        objects = self._objects().scatter(self.clutter, self.size, centres, _APART * diameters, generator(*names, "clutter"))
        objects.paste(grounds)
        images, held = without.copy(), objects.kinds >= 0
        images[held] = as_bytes(blend_over(grounds[held], covers[held], patterns[held]))
        found = LabelledImages(images, labels, objects.kinds, changed(images, without))
        return Scene(found, covers > 0, textures.astype(np.int64))


def _grounds(textures: Ints, size: int, rng: np.random.Generator) -> Floats:
    fields = np.empty((len(textures), size, size), np.float32)
    for index, name in enumerate(FIELDS):
        rows = np.flatnonzero(textures == index)
        if len(rows):
            fields[rows] = texture_fields(name, len(rows), size, size, rng)
    pairs = random_pairs(len(textures), rng)
    means = pairs.mean(1, keepdims=True)
    return mix(fields, means + np.float32(_CALM) * (pairs - means))


def _standing_out(grounds: Floats, rng: np.random.Generator) -> Floats:
    """float32 N x 3: a fill colour per ground, light on dark grounds and dark on light ones, with a different hue."""
    count, means = len(grounds), grounds.mean((2, 3))
    light = luminance(means) < 0.5
    # The strongest channel gives the hue of the ground to a sixth of a turn.
    hues = (means.argmax(1) / 3 + rng.uniform(0.25, 0.75, count)) % 1
    saturation = np.where(light, rng.uniform(0.1, 0.6, count), rng.uniform(0.6, 1.0, count))
    return hsv_to_rgb(hues, saturation, np.where(light, rng.uniform(0.9, 1.0, count), rng.uniform(0.15, 0.4, count)))


def _figures(labels: Ints, size: int, centres: Floats, diameters: Floats, fills: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Patterns N x 3 x S x S and covers N x S x S of the figures that the labels name."""
    count = len(labels)
    window = min(size, int(np.ceil(_FIGURE[1] * size)) + 2)
    corners = np.clip(np.floor(centres - window / 2), 0, size - window).astype(np.int64)
    turns, palettes = rng.uniform(-0.06, 0.06, count).astype(np.float32), palettes_of(fills, rng)
    patterns, covers = np.zeros((count, 3, size, size), np.float32), np.zeros((count, size, size), np.float32)
    span = np.arange(window)
    for label, shape in enumerate(_CLASSES):
        n = np.flatnonzero(labels == label)
        if not len(n):
            continue
        pattern, cover = paint(shape, window, centres[n] - corners[n], diameters[n], turns[n], palettes[n])
        rows, columns = corners[n, 0, None, None] + span[None, :, None], corners[n, 1, None, None] + span[None, None, :]
        covers[n[:, None, None], rows, columns] = cover
        for channel in range(3):
            patterns[n[:, None, None], channel, rows, columns] = pattern[:, channel]
    return patterns, covers


def _joined(scenes: list[Scene]) -> Scene:
    parts = [scene.images for scene in scenes]
    images = LabelledImages(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.features for part in parts if part.features is not None]),
        np.concatenate([part.feature_masks for part in parts if part.feature_masks is not None]),
    )
    return Scene(images, np.concatenate([scene.figures for scene in scenes]), np.concatenate([scene.textures for scene in scenes]))
