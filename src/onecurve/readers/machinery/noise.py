"""Pictures of nothing: coloured noise, from fine to smooth, as a null for anything that compares pictures."""

from collections.abc import Sequence

import numpy as np

from onecurve.core.image.images import Floats


def noise_pictures(shapes: Sequence[tuple[int, ...]], count: int, rng: np.random.Generator) -> list[Floats]:
    """``count`` pictures 3 x h x w in [0, 1], their heights and widths those of ``shapes`` in turn.

    Spectra fall with frequency to the power of 0 (fine grain) to 1.5 (clouds, as in photographs); contrast and mean colour vary.
    """
    return [_noise(int(shape[0]), int(shape[1]), rng) for shape in (shapes[turn % len(shapes)] for turn in range(count))]


def _noise(height: int, width: int, rng: np.random.Generator) -> Floats:
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :])
    frequency[0, 0] = 1 / max(height, width, 2)
    drawn = np.fft.ifft2(np.fft.fft2(rng.normal(size=(3, height, width))) * frequency ** -rng.uniform(0, 1.5)).real
    # Colours of neighbouring channels go together more or less, as they do in pictures.
    mixed = np.einsum("oc,chw->ohw", np.eye(3) + rng.uniform(0, 1.5), drawn)
    scaled = (mixed - mixed.mean()) / max(float(mixed.std()), 1e-9) * rng.uniform(0.05, 0.25)
    picture: Floats = np.clip(0.5 + rng.normal(0, 0.12, (3, 1, 1)) + scaled, 0, 1).astype(np.float32)
    return picture
