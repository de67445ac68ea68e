"""Copies of pictures are found however they were saved, and different pictures are not taken for copies."""

import io

import numpy as np
import pytest
from PIL import Image

from onecurve.data.near_copies import copy_groups


def pictures(count: int) -> np.ndarray:
    """uint8 N x 3 x 32 x 32: smooth random pictures."""
    rng, found = np.random.default_rng(0), []
    for _ in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        found.append(np.asarray(coarse.resize((32, 32), Image.Resampling.BICUBIC)))
    return np.stack(found).transpose(0, 3, 1, 2)


def as_jpeg(image: np.ndarray) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image.transpose(1, 2, 0)).save(buffer, "JPEG", quality=60)
    return np.asarray(Image.open(buffer).convert("RGB")).transpose(2, 0, 1)


def darker(image: np.ndarray) -> np.ndarray:
    return np.rint(0.8 * image).astype(np.uint8)


@pytest.mark.parametrize("changed", [np.array, as_jpeg, darker])
def test_a_copy_is_in_the_group_of_its_original_and_no_other(changed) -> None:
    originals = pictures(40)
    groups = copy_groups(np.concatenate([originals, np.stack([changed(image) for image in originals])]))
    assert np.array_equal(groups[:40], groups[40:])
    assert len(np.unique(groups)) == 40


def test_one_form_in_other_colours_is_another_picture() -> None:
    forms = np.full((6, 3, 32, 32), 230, np.uint8)
    for image, colour in zip(forms, [(200, 0, 0), (0, 160, 0), (0, 0, 200), (160, 160, 0), (160, 0, 160), (0, 150, 150)], strict=True):
        image[:, 6:18, 8:20] = np.array(colour, np.uint8)[:, None, None]
    assert len(np.unique(copy_groups(forms))) == 6
    assert len(np.unique(copy_groups(np.repeat(forms[:1], 3, axis=0)))) == 1
