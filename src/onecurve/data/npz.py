"""A person's own images in one `.npz` file of plain arrays.

Images may be raw bytes or encoded pictures; nothing in the file is ever unpickled. Where the file has a `test` split
of its own it is kept: training images never come from it.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, final

from onecurve.core.images import Bytes, Floats, LabelledImages
from onecurve.core.spec import content_key
from onecurve.core.trigger import Paste
from onecurve.data.arrays import read_content
from onecurve.data.collection import Collection, collected, parts_of
from onecurve.data.dataset import Part
from onecurve.data.pictures import Slices
from onecurve.data.surveys import Survey, require_size, survey, survey_of_arrays


@final
@dataclass(frozen=True)
class Npz:
    """The set `npz:PATH`. Raises ``DataError`` when first used if anything is wrong with it.

    Arrays: `images` (uint8, N x H x W x C, N x C x H x W or N x H x W) and `labels` (integers, N); `x` and `y`, `data` and `label` and
    the like will do, with `_train` and `_test` behind them for two splits. Instead of images there may be `jpeg`, the
    bytes of all encoded pictures, with `offsets` (N + 1). Optional: `class_names` (strings, one per class) or `name`
    (strings, one per image), and `groups` or `track` (integers, N): images that belong together and are never split.
    """

    name: ClassVar[str] = "npz"
    version: ClassVar[int] = 2
    summary: ClassVar[str] = "your own images: an .npz file with the arrays images and labels"
    source: ClassVar[str] = "your own"

    path: str
    size: int | None = None
    """Side in pixels that images are fitted to; None: as they are; for encoded pictures as for a folder."""

    def __post_init__(self) -> None:
        require_size(self.size)

    @property
    def class_names(self) -> tuple[str, ...]:
        return self._collection.class_names

    @property
    def shape(self) -> tuple[int, int, int]:
        return self._collection.shape

    @property
    def features(self) -> tuple[str, ...]:
        return self._collection.features

    @property
    def key(self) -> str:
        """Of the images and not of the path: the same file elsewhere has the same key."""
        return content_key(self.name, self.version, self._collection.content)

    def held(self, part: Part) -> int | None:
        return len(self._collection.rows(part))

    def draw(self, part: Part, count: int, seed: int) -> LabelledImages:
        return self._collection.draw(part, count, seed)

    def cutouts(self, feature: int, count: int, seed: int) -> Paste:
        return self._collection.cutouts(feature, count, seed)

    def feature_pictures(self, feature: int, count: int, seed: int) -> Floats:
        return self._collection.feature_pictures(feature, count, seed)

    @cached_property
    def _collection(self) -> Collection:
        content = read_content(Path(self.path).expanduser())
        found = self._survey(content.images)
        parts = parts_of(content.labels, found.digests, content.groups, content.test)
        return collected(self.path, found, content.labels, content.class_names, parts)

    def _survey(self, images: Bytes | Slices) -> Survey:
        return survey(images, self.size, self.path) if isinstance(images, Slices) else survey_of_arrays(images, self.size, self.path)
