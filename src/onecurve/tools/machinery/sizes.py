"""Sizes: sides of patches and windows in pixels, and images per pass, so that parameters and memory fit images of any size."""

PIXELS = 512 * 32 * 32
"""Pixels per pass; 512 images of 32 x 32."""
CACHED_PIXELS = 64 * 32 * 32
"""Pixels per forward pass on a CPU: of 16 to 256 images of 32 x 32, about 64 were fastest, as larger batches spill the cache."""
CACHED_GRADIENT_PIXELS = 48 * 32 * 32
"""Pixels per forward and backward pass on a CPU; 48 images of 32 x 32 cost a seventh to a fifth less each than 16 do."""


def images_per_pass(height: int, width: int) -> int:
    """At least 1.

    >>> images_per_pass(32, 32), images_per_pass(224, 224)
    (512, 10)
    """
    return max(1, PIXELS // (height * width))


def images_per_forward(height: int, width: int, device: str) -> int:
    """The quickest number for forward passes on that device, at least 1.

    >>> images_per_forward(32, 32, "cpu"), images_per_forward(32, 32, "cuda"), images_per_forward(224, 224, "cpu")
    (64, 512, 1)
    """
    return max(1, CACHED_PIXELS // (height * width)) if device == "cpu" else images_per_pass(height, width)


def images_per_gradient(height: int, width: int, device: str) -> int:
    """The quickest number for forward and backward passes on that device, at least 1.

    >>> images_per_gradient(32, 32, "cpu"), images_per_gradient(32, 32, "cuda"), images_per_gradient(224, 224, "cpu")
    (48, 512, 1)
    """
    return max(1, CACHED_GRADIENT_PIXELS // (height * width)) if device == "cpu" else images_per_pass(height, width)


def chunks(count: int, size: int) -> list[slice]:
    """Slices of at most ``size`` that cover ``count``.

    >>> chunks(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def side_in_pixels(share: float, shape: tuple[int, int]) -> int:
    """A share of the shorter side of ``shape`` (height, width), rounded half up, from 1 to that side.

    >>> side_in_pixels(0.2, (32, 48)), side_in_pixels(0.001, (32, 48))
    (6, 1)
    """
    shortest = min(shape)
    return max(1, min(shortest, int(share * shortest + 0.5)))
