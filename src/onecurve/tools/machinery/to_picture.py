"""What tools show to a person: arrays of any channel count and range made into Pictures.

Sprites are shown on mid-grey: transparency is explicit, so a black patch stays visible as black.
"""

import numpy as np

from onecurve.core.evidence import Picture
from onecurve.core.image.images import Floats
from onecurve.core.image.trigger import Trigger

GREY = 0.5
"""The background behind a transparent sprite."""
VISIBLE = 0.1
"""Alpha from which a pixel counts as part of a sprite when it is cropped."""


def picture_of(image: Floats, caption: str) -> Picture:
    """A Picture of an image C x h x w in [0, 1] (clipped); other channel counts than 1 and 3 become their mean, in grey."""
    shown = image if image.shape[0] in (1, 3) else image.mean(axis=0, keepdims=True)
    return Picture(np.clip(shown, 0, 1).astype(np.float32), caption)


def trigger_picture(trigger: Trigger, shape: tuple[int, int, int], caption: str, rng: np.random.Generator) -> Picture:
    """A Picture of what a trigger makes of a grey image of that shape (C, H, W)."""
    return picture_of(trigger.apply(np.full((1, *shape), GREY, np.float32), rng).images[0], caption)


def sprite_picture(pattern: Floats, alpha: Floats, caption: str) -> Picture:
    """A Picture of a sprite (C x h x w, alpha h x w) laid on grey."""
    return picture_of(pattern * alpha + GREY * (1 - alpha), caption)


def cropped_sprite(pattern: Floats, alpha: Floats) -> tuple[Floats, Floats]:
    """The smallest rectangle of the sprite that holds all its visible pixels; the whole sprite if none is visible.

    A pixel is visible from ``VISIBLE`` of the largest alpha on.
    """
    shown = alpha >= VISIBLE * max(float(alpha.max()), 1e-6)
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    if len(rows) == 0:
        return pattern, alpha
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return pattern[:, window[0], window[1]], alpha[window]
