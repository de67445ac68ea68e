import numpy as np
import pytest

from onecurve.core.errors import DataError
from onecurve.core.image.images import LabelledImages


def test_attributes_follow_their_images_and_must_fit():
    images = LabelledImages(np.zeros((3, 3, 2, 2), np.uint8), np.arange(3), attributes={"tint": np.array([0, -1, 2])})
    assert images.take(np.array([2, 0])).attributes["tint"].tolist() == [2, 0]
    with pytest.raises(DataError, match="tint"):
        LabelledImages(np.zeros((3, 3, 2, 2), np.uint8), np.arange(3), attributes={"tint": np.zeros(2, np.int64)})
