"""The ladder of a reader: evidence of a trigger, worse from rung to rung.

It tells a tool that shows little from a reader that reads little.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter

from onecurve.core.case import Truth
from onecurve.core.display import LADDER
from onecurve.core.evidence import Evidence, Picture
from onecurve.core.image.images import Floats
from onecurve.core.question import Brief
from onecurve.core.seeds import generator
from onecurve.tasks.machinery.controls import GREY, SHOWN, oracle_evidence

INPUTS: Final = 8
"""Triggered inputs on the last rung."""
Damage = Callable[[Floats, np.random.Generator], Floats]
"""From float32 N x C x H x W in [0, 1] to the same."""


def blurred(images: Floats, rng: np.random.Generator) -> Floats:
    """Blurred by a sixteenth of the side: 2 pixels of 32."""
    found: Floats = gaussian_filter(images, (0, 0, images.shape[2] / 16, images.shape[3] / 16))
    return found


def noisy(images: Floats, rng: np.random.Generator) -> Floats:
    """With noise of a standard deviation of 0.1."""
    found: Floats = np.clip(images + rng.normal(0, 0.1, images.shape), 0, 1).astype(np.float32)
    return found


def halved(images: Floats, rng: np.random.Generator) -> Floats:
    """The right half is grey."""
    left = images.copy()
    left[..., images.shape[3] // 2 :] = GREY
    return left


def recoloured(images: Floats, rng: np.random.Generator) -> Floats:
    """Red, green and blue exchanged; grey images are inverted."""
    return images[:, [2, 0, 1]] if images.shape[1] == 3 else (1 - images).astype(np.float32)


def shifted(images: Floats, rng: np.random.Generator) -> Floats:
    """Moved by a quarter of the side, each its own way; what leaves comes in on the other side."""
    steps = rng.choice([-1, 1], (len(images), 2)) * np.array(images.shape[2:]) // 4
    return np.stack([np.roll(image, step, (1, 2)) for image, step in zip(images, steps, strict=True)])


def half_noise(images: Floats, rng: np.random.Generator) -> Floats:
    """Mixed half and half with uniform noise."""
    return (0.5 * images + 0.5 * rng.random(images.shape)).astype(np.float32)


RUNGS: Final[Mapping[str, Damage]] = {
    "blurred": blurred,
    "noisy": noisy,
    "half missing": halved,
    "recoloured": recoloured,
    "shifted": shifted,
    "half noise": half_noise,
}
"""Names of the rungs that damage what a perfect tool would show."""


def ladder_of(truth: Truth, brief: Brief, seed: int) -> dict[str, Evidence]:
    """The evidence of every rung, as pictures alone: the trigger as it is, damaged, and inputs that hold it.

    A flaw without a trigger to show has inputs on which it is present on every rung.
    """
    shown = [picture.image[None] for picture in oracle_evidence(truth, brief).pictures()[:SHOWN]]
    found = {"pictures of the trigger": _pictures(shown)}
    for name, damage in RUNGS.items():
        found[name] = _pictures([damage(image, generator("ladder", seed, name, number)) for number, image in enumerate(shown)])
    if truth.triggered is not None:
        found["in eight inputs"] = _pictures([truth.triggered.images[:INPUTS]])
    return {f"{LADDER}{name}": evidence for name, evidence in found.items()}


def _pictures(images: Sequence[Floats]) -> Evidence:
    return Evidence(tuple(Picture(image) for some in images for image in some))
