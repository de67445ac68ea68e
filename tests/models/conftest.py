"""A tiny network and tiny images, made anew for each test."""

import numpy as np
import pytest
from torch import nn

from onecurve.core.image.images import Floats, LabelledImages
from onecurve.models.building import build

SHAPE = (3, 16, 16)
CLASSES = 4


@pytest.fixture
def tiny() -> nn.Module:
    return build("six-conv[width=4]", SHAPE, CLASSES, 0)


@pytest.fixture
def floats() -> Floats:
    return np.random.default_rng(0).random((6, *SHAPE), dtype=np.float32)


@pytest.fixture
def labelled() -> LabelledImages:
    """40 images whose class is the brightest quarter: easy to learn."""
    rng = np.random.default_rng(1)
    labels = np.arange(40) % CLASSES
    images = rng.integers(0, 120, (40, *SHAPE), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(int(label), 2)
        image[:, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8] += 130
    return LabelledImages(images, labels.astype(np.int64))
