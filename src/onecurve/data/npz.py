"""A user's own images in one `.npz` file of plain arrays.

Images may be raw bytes or encoded pictures; nothing in the file is ever unpickled. If the file has a `test` split of its own,
training images never come from it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, final

from onecurve.core.errors import DataError
from onecurve.core.image.images import Bytes
from onecurve.data.arrays import read_content
from onecurve.data.collection import Collection, collected, parts_of
from onecurve.data.own_images import OwnImages
from onecurve.data.pictures import Slices
from onecurve.data.validation import ValidatedImages, validate_arrays, validate_pictures


@final
@dataclass(frozen=True)
class Npz(OwnImages):
    """The set `npz:PATH`. Raises ``DataError`` on first use if anything is wrong with it.

    Arrays: `images` (uint8, N x H x W x C, N x C x H x W or N x H x W) and `labels` (integers, N). Other usual names such as `x` and
    `y` or `data` and `label` are accepted, and splits as `x_train`, `x_val` and `x_test` or `train_x` and so on: networks are trained on
    `train` and on arrays without a split. Labels are numbered anew where a number has no image. Instead of images there may be
    `jpeg`, the bytes of all encoded pictures, with `offsets` (N + 1). Optional: `class_names` (strings, one per class) or `name`
    (strings, one per image), and `groups` or `track` (integers, N): images that belong together and stay in one part.
    Annotated objects are natural features and replace the colour of the border: `features` (integers, N, -1 for none),
    `feature_names` (strings), and `feature_masks` (bool, N x H x W) or `feature_boxes` (integers, N x 4: top, left, bottom, right,
    the last two outside). Without ``size`` raw images keep their size, and encoded ones are treated as in a folder.
    """

    name: ClassVar[str] = "npz"
    version: ClassVar[int] = 3
    summary: ClassVar[str] = "your own images: an .npz file with the arrays images and labels"
    source: ClassVar[str] = "your own"

    def opened(self) -> Collection:
        content = read_content(Path(self.path).expanduser())
        found = self._validated(content.images)
        parts = parts_of(content.labels, found.digests, content.groups, content.test)
        if content.annotated is not None and not isinstance(content.images, Slices) and content.images.shape[1:] != found.shape:
            raise DataError(
                f"images whose natural features are annotated cannot be brought to another size: {self.path}",
                "leave [size=…] away, or bring images and annotations to that size yourself",
            )
        return collected(self.path, found, content.labels, content.class_names, parts, content.annotated)

    def _validated(self, images: Bytes | Slices) -> ValidatedImages:
        return (
            validate_pictures(images, self.size, self.path) if isinstance(images, Slices) else validate_arrays(images, self.size, self.path)
        )
