"""Turns and mirrors of images, each with the one that undoes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from onecurve.core.image.images import Floats


@final
@dataclass(frozen=True)
class Pose:
    """A turn by quarters to the left after a mirror, left to right or not."""

    quarters: int
    mirrored: bool = False

    def put(self, images: Floats) -> Floats:
        """float32 N x C x H x W in that pose; for odd quarters the images must be square."""
        first = images[:, :, :, ::-1] if self.mirrored else images
        return np.ascontiguousarray(np.rot90(first, self.quarters, (2, 3)))

    def taken_back(self, images: Floats) -> Floats:
        """What ``put`` gives ``images`` for."""
        turned = np.rot90(images, -self.quarters, (2, 3))
        return np.ascontiguousarray(turned[:, :, :, ::-1] if self.mirrored else turned)


POSES: Final[Mapping[str, Pose]] = {
    "turned a quarter to the left": Pose(1),
    "turned a quarter to the right": Pose(3),
    "turned upside down": Pose(2),
    "mirrored left to right": Pose(0, mirrored=True),
    "mirrored top to bottom": Pose(2, mirrored=True),
}


def poses_for(shape: tuple[int, int, int]) -> list[str]:
    """Those that images of that shape (C, H, W) can take: oblongs have no quarter turns."""
    return [name for name, pose in POSES.items() if shape[1] == shape[2] or pose.quarters % 2 == 0]
