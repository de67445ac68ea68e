"""Lineups: the options of `discover`, shuffled by seed so that the place of the right one says nothing."""

from collections.abc import Sequence

import numpy as np

from onecurve.core.images import Floats
from onecurve.core.question import Option

SIZE = 8
"""Options in a lineup, as in the benchmark's multiple choice (2302.10894)."""


def shuffled(options: Sequence[Option], rng: np.random.Generator) -> tuple[tuple[Option, ...], int]:
    """The options in random order and the new place of the first of them, which is the right one."""
    order = rng.permutation(len(options))
    return tuple(options[place] for place in order), int(np.argmax(order == 0))


def in_channels(picture: Floats, channels: int) -> Floats:
    """A picture or pattern 3 x H x W with 1 or 3 channels; grey is the mean of the colours."""
    if picture.shape[0] == channels:
        return picture
    grey = picture.mean(axis=0, keepdims=True, dtype=np.float32)
    return np.repeat(grey, channels, axis=0)
