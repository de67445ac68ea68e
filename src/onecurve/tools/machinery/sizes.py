"""Sides of patches and windows: shares of an image's side in whole pixels, so that parameters fit images of any size."""


def side_in_pixels(share: float, shape: tuple[int, int]) -> int:
    """A share of the shorter side of ``shape`` (height, width), rounded half up, from 1 to that side.

    >>> side_in_pixels(0.2, (32, 48)), side_in_pixels(0.001, (32, 48))
    (6, 1)
    """
    shortest = min(shape)
    return max(1, min(shortest, int(share * shortest + 0.5)))
