"""A set that is learnt in seconds: a bright bar whose place is the class, and squares of eight colours by themselves."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from onecurve.core.errors import DataError
from onecurve.core.image.images import Floats, LabelledImages
from onecurve.core.image.trigger import Paste
from onecurve.core.seeds import generator
from onecurve.core.spec import content_key
from onecurve.data.dataset import Part

COLOURS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1], [1, 1, 1], [0, 0, 0]], np.float32)
SQUARE = 4


@dataclass(frozen=True)
class Toy:
    name: ClassVar[str] = "toy"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "bars"
    source: ClassVar[str] = "baseline"

    side: int = 16
    classes: int = 6
    feature_rate: float = 0.4
    kinds: int = 8
    channels: int = 3

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(f"bar {number}" for number in range(self.classes))

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.channels, self.side, self.side

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(f"square {number}" for number in range(self.kinds))

    @property
    def key(self) -> str:
        return content_key("toy", self)

    def held(self, part: Part) -> int | None:
        return 20_000

    def draw(self, part: Part, count: int, seed: int) -> LabelledImages:
        if count > 20_000:
            raise DataError(f"too many: {count}")
        rng = generator("toy", str(part), seed)
        labels = rng.permutation(np.arange(count) % self.classes)
        images = rng.uniform(0.3, 0.5, (count, self.channels, self.side, self.side)).astype(np.float32)
        columns = 1 + labels * (self.side - 2) // self.classes
        images[np.arange(count), :, :, columns] += 0.45
        features = np.where(rng.random(count) < self.feature_rate, rng.integers(max(self.kinds, 1), size=count), -1)
        masks = np.zeros((count, self.side, self.side), np.bool_)
        for row in np.flatnonzero(features >= 0) if self.kinds else ():
            top, left = rng.integers(self.side - SQUARE + 1, size=2)
            masks[row, top : top + SQUARE, left : left + SQUARE] = True
            images[row][:, masks[row]] = COLOURS[features[row], : self.channels, None]
        pixels = np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
        return LabelledImages(pixels, labels, features, masks) if self.kinds else LabelledImages(pixels, labels)

    def cutouts(self, feature: int, count: int, seed: int) -> Paste:
        patterns = np.tile(COLOURS[feature, : self.channels, None, None], (count, 1, SQUARE, SQUARE))
        return Paste(patterns, np.ones((count, SQUARE, SQUARE), np.float32))

    def feature_pictures(self, feature: int, count: int, seed: int) -> Floats:
        return np.tile(COLOURS[feature, : self.channels, None, None], (count, 1, self.side, self.side))
