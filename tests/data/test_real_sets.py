"""Sets that were not made by the authors of this code, where they are at hand."""

import os
from pathlib import Path

import numpy as np
import pytest

from onecurve.data.catalog import open_data
from onecurve.data.dataset import Part

HERE = Path(os.environ.get("ONECURVE_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data")) / "images"
pytestmark = pytest.mark.skipif(not HERE.is_dir(), reason="no real sets: set ONECURVE_DATA to their folder")


@pytest.mark.parametrize(
    ("name", "shape", "classes", "features"),
    [
        ("cifar10_lossless_train4000", (3, 32, 32), 10, 8),
        ("cifar10_jpeg_test", (3, 32, 32), 10, 8),
        ("gtsrb32_every3rd", (3, 32, 32), 43, 6),
        ("mnist", (1, 28, 28), 10, 0),
        ("dtd10_192", (3, 192, 192), 10, 8),
    ],
)
def test_real_sets_open_and_split(name: str, shape: tuple[int, int, int], classes: int, features: int) -> None:
    data = open_data(f"npz:{HERE / name}.npz")
    assert data.shape == shape
    assert len(data.class_names) == classes
    assert len(data.features) >= features
    drawn = [data.draw(part, 100, 0) for part in Part]
    seen = [{image.tobytes() for image in images.images} for images in drawn]
    assert not seen[0] & seen[1]
    assert not seen[1] & seen[2]
    assert not seen[0] & seen[2]
    for images in drawn:
        if features:
            assert images.features is not None
            assert images.feature_masks is not None
            held = images.features >= 0
            assert 0.02 < held.mean() < 0.95
            assert (images.feature_masks.any((1, 2)) == held).all()


def test_one_image_per_class_opens_too() -> None:
    data = open_data(f"npz:{HERE / 'imagenet1k_sample256.npz'}[size=64]")
    assert len(data.class_names) == 1000
    assert data.class_names[0] == "n01440764_tench"
    assert len(np.unique(data.draw(Part.TRAIN, 500, 0).labels)) == 500
