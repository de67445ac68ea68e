"""How many images go through a network at once: many small ones or few large ones, so that memory stays bounded."""

PIXELS = 512 * 32 * 32
"""Pixels per pass; 512 images of 32 x 32."""


def images_per_pass(height: int, width: int) -> int:
    """At least 1.

    >>> images_per_pass(32, 32), images_per_pass(224, 224)
    (512, 10)
    """
    return max(1, PIXELS // (height * width))
