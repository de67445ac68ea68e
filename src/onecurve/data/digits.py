"""Real handwritten digits over real photographs: 32 x 32 colour images, any number of them, without a download.

Scans and photographs are those of scikit-learn (the UCI optical recognition set; `china.jpg` by Jian-Feng Sun,
`flower.jpg` by dany13). Neither a scan nor a photograph's pixel is shared between parts, however many images are
drawn; within a part, images share scans, so a thousand images are fewer than a thousand independent ones.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from onecurve.core.errors import SpecError
from onecurve.core.image.images import Floats, Ints, LabelledImages, as_bytes
from onecurve.core.image.trigger import Paste
from onecurve.core.seeds import generator
from onecurve.core.spec import spec_of
from onecurve.data.clutter import Clutter
from onecurve.data.colours import contrasting, luminance
from onecurve.data.dataset import Part, require_count, require_feature
from onecurve.data.drawing import balanced_labels, blend_over, changed, chosen_from, drawn_in_chunks
from onecurve.data.photographs import blocks_of
from onecurve.data.scans import CLASSES, random_poses, scans_of, strokes

SIDE = 32
_CALM = 0.6
"""The contrast of the photograph is reduced to this share, so that strokes stand out at 32 pixels."""
_APART = 0.5
"""Least distance between the middles of object and digit, in sizes of the digit."""
_CLUTTER = Clutter(
    ("ring", "star", "heart", "saltire", "crescent", "flower", "drop", "bolt", "mushroom", "fish", "target", "leaf"), (9.0, 12.0)
)


@final
@dataclass(frozen=True)
class Digits:
    """The set `digits`; half of the images hold one small coloured object, its natural feature."""

    name: ClassVar[str] = "digits"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "real digit scans over crops of real photographs, 32 px, with small objects; any number of images"
    source: ClassVar[str] = "scikit-learn: load_digits, load_sample_images"

    clutter: float = 0.5
    """Share of images that hold an object, in [0, 1]."""

    def __post_init__(self) -> None:
        if not 0 <= self.clutter <= 1:
            raise SpecError(f"`clutter` must be within [0, 1], got: {self.clutter}")

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(str(digit) for digit in range(CLASSES))

    @property
    def shape(self) -> tuple[int, int, int]:
        return 3, SIDE, SIDE

    @property
    def features(self) -> tuple[str, ...]:
        return _CLUTTER.features

    @property
    def key(self) -> str:
        return spec_of(self).key

    def held(self, part: Part) -> int | None:
        return None

    def draw(self, part: Part, count: int, seed: int) -> LabelledImages:
        """Any number of images. For the same seed, ``clutter`` changes nothing but the objects."""
        require_count(count)
        part = Part(part)
        labels = balanced_labels(CLASSES, count, generator("digits", part, count, seed))
        return drawn_in_chunks(labels, self.shape, lambda some, number: self._chunk(part, some, ("digits", part, seed, number)))

    def cutouts(self, feature: int, count: int, seed: int) -> Paste:
        require_feature(feature, self.features)
        return _CLUTTER.cutouts(feature, count, generator("digits", "cutouts", feature, seed))

    def feature_pictures(self, feature: int, count: int, seed: int) -> Floats:
        require_feature(feature, self.features)
        return _CLUTTER.pictures(feature, count, SIDE, generator("digits", "pictures", feature, seed))

    def _chunk(self, part: Part, labels: Ints, names: tuple[object, ...]) -> LabelledImages:
        count, rng = len(labels), generator(*names, "digits")
        grounds = _lower_contrast(blocks_of(part).crops(count, SIDE, rng))
        poses = random_poses(count, SIDE, rng)
        ink = strokes(chosen_from(scans_of(part), labels, rng), poses, SIDE)
        colours = contrasting(_lightness_under(ink, grounds), rng)[:, :, None, None]
        without = as_bytes(blend_over(grounds, ink, colours))
        objects = _CLUTTER.scatter(self.clutter, SIDE, poses.centres, _APART * poses.sizes, generator(*names, "clutter"))
        objects.paste(grounds)
        images, held = without.copy(), objects.kinds >= 0
        images[held] = as_bytes(blend_over(grounds[held], ink[held], colours[held]))
        return LabelledImages(images, labels, objects.kinds, changed(images, without))


def _lower_contrast(grounds: Floats) -> Floats:
    means = grounds.mean((2, 3), keepdims=True)
    lowered: Floats = means + np.float32(_CALM) * (grounds - means)
    return lowered


def _lightness_under(ink: Floats, grounds: Floats) -> Floats:
    """float32 N: mean lightness of the ground under the strokes."""
    light = luminance(np.moveaxis(grounds, 1, 3))
    under: Floats = (light * ink).sum((1, 2)) / ink.sum((1, 2))
    return under
