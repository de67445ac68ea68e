"""Pictures of findings as PNG files in their own size, 8 bits per channel, and back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from onecurve.auditing.finding import Finding
from onecurve.core.image.images import Floats, as_bytes

FOLDER: Final = "pictures"
_MODES: Final = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def picture_names(finding: Finding) -> tuple[str, ...]:
    """File names of the exhibits, relative to the folder of the outputs."""
    return tuple(f"{FOLDER}/{finding.id}-{at}.png" for at in range(len(finding.exhibits)))


def write_pictures(findings: Sequence[Finding], out: Path) -> None:
    """Write the exhibits of 1 to 4 channels into ``out``; others have no file."""
    for finding in findings:
        for name, shown in zip(picture_names(finding), finding.exhibits, strict=True):
            if shown.image.shape[0] in _MODES:
                (out / FOLDER).mkdir(parents=True, exist_ok=True)
                _picture(shown.image).save(out / name)


def read_picture(path: Path) -> Floats | None:
    """The image C x H x W in [0, 1]; None where there is no such file."""
    if not path.is_file():
        return None
    with Image.open(path) as picture:
        pixels = (np.asarray(picture) / 255).astype(np.float32)
    return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)


def _picture(image: Floats) -> Image.Image:
    pixels = as_bytes(np.moveaxis(image, 0, -1))
    return Image.fromarray(pixels[..., 0] if image.shape[0] == 1 else pixels)
