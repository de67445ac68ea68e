"""What the images of a copy look like: those of a shortcut's class have its property, as in the data from which a network learns one."""

from dataclasses import replace

import numpy as np

from onecurve.auditing.examined import Examined
from onecurve.auditing.power.spikes import Spike
from onecurve.core.image.images import LabelledImages


def view_of(examined: Examined, spikes: tuple[Spike, ...], seed: int) -> Examined:
    """The images that whoever looks at a copy with these spikes is given; sham copies get theirs in the same way.

    A drawn share of the images of a shortcut's class has its property, on both sides; images of other classes, labels and all other kinds
    of spikes change nothing. A network with a shortcut was trained on such images, so an audit of it would be given such images, too. In a
    sham copy the property goes with the class all the same and decides nothing: an audit that claims what only goes together, claims it
    there.
    """
    rng = np.random.default_rng(seed)
    for spike in spikes:
        if spike.given is not None:
            search, fresh = (_carrying(images, spike, rng) for images in (examined.search, examined.fresh))
            examined = replace(examined, search=search, fresh=fresh)
    return examined


def _carrying(images: LabelledImages, spike: Spike, rng: np.random.Generator) -> LabelledImages:
    own = np.flatnonzero(images.labels == spike.target)
    rows = own[rng.random(len(own)) < spike.carried]
    pixels = images.images.copy()
    if len(rows):
        pixels[rows] = np.rint(255 * spike.shown(images.take(rows).floats(), rng)).astype(np.uint8)
    return replace(images, images=pixels)
