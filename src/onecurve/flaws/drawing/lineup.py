"""Lineups: the options of `discover`, shuffled by seed so that the position of the right one carries no information."""

import numpy as np

from onecurve.core.image.images import Floats

SIZE = 8
"""Options in a lineup, as in the benchmark's multiple choice (2302.10894)."""


def shuffle(rng: np.random.Generator, size: int = SIZE) -> tuple[int, ...]:
    """A random order of the options; option 0 is the right one."""
    return tuple(int(place) for place in rng.permutation(size))


def in_channels(picture: Floats, channels: int) -> Floats:
    """A picture or pattern 3 x H x W as one with 1 or 3 channels; grey is the mean of the colours."""
    if picture.shape[0] == channels:
        return picture
    grey = picture.mean(axis=0, keepdims=True, dtype=np.float32)
    return np.repeat(grey, channels, axis=0)
