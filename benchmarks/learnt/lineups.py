"""Lineups that the reader `embedder` learns from: options, and pictures that show each of them, drawn by the flaws without any network."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from onecurve.core.errors import DataError
from onecurve.core.evidence import Evidence, Hypothesis
from onecurve.core.image.images import Floats
from onecurve.core.image.paste import Paste
from onecurve.core.image.trigger import Trigger, sprites
from onecurve.core.seeds import generator, seed_for
from onecurve.data.catalog import open_data
from onecurve.data.dataset import DataSet, Part
from onecurve.flaws.catalog import FLAWS
from onecurve.flaws.schemes.context import FlawContext
from onecurve.readers.machinery.rendering import SIDE, framed, pictures_of

SETS = ("digits", "shapes")
OPTIONS, PICTURES = 8, 4
"""Of a lineup, and of an option."""
CUT = 2
"""Pictures cut out of images."""
BLOCK = 100
"""Lineups drawn on the same images."""
IMAGES, NULL = 160, 100
"""Images of a block, and how many of them are kept as pictures that show nothing in particular."""


@dataclass(frozen=True)
class Sampling:
    """What is drawn."""

    split: str
    """Part of every seed."""
    kinds: Mapping[str, int]
    """Kinds of flaw with their weights. One whose decoys are not the options of its lineup is left out when it is drawn."""
    pasted: int
    """Images that hold a trigger, of each option; after them come the trigger alone, as a reader renders it, and ``CUT`` cuts."""

    @property
    def shown(self) -> int:
        """Pictures that show an option."""
        return self.pasted + 2 + CUT


@dataclass(frozen=True)
class Lineups:
    """L lineups of 8 options as uint8, framed."""

    options: np.ndarray
    """L x 8 x 4 x 3 x 32 x 32."""
    shown: np.ndarray
    """L x 8 x ``Sampling.shown`` x 3 x 32 x 32."""
    sets: np.ndarray
    """L, which of ``SETS``."""
    null: np.ndarray
    """Blocks x NULL x 3 x 32 x 32: clean images."""
    null_sets: np.ndarray
    """Blocks, which of ``SETS``."""


def lineups_of(sampling: Sampling, count: int) -> Lineups:
    """At most ``count`` lineups of each set, by seeds that follow from the name of the split, as in no run."""
    options, shown, sets, null, null_sets = [], [], [], [], []
    for which, data in enumerate(SETS):
        dataset = open_data(data)
        for block in range(-(-count // BLOCK)):
            images = dataset.draw(Part.CLEAN, IMAGES, seed_for(sampling.split, data, block)).floats()
            null.append(_stored(images[:NULL]))
            null_sets.append(which)
            for number in range(block * BLOCK, min(count, (block + 1) * BLOCK)):
                for own, seen in _drawn(dataset, images, sampling, (data, number)):
                    options.append(own)
                    shown.append(seen)
                    sets.append(which)
    return Lineups(*map(np.stack, (options, shown)), *map(np.array, (sets, null, null_sets)))


def _drawn(dataset: DataSet, images: Floats, sampling: Sampling, name: tuple[str, int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The options of one lineup and what shows them; nothing where the kind that is drawn has no such lineup."""
    kinds = [kind for kind, weight in sampling.kinds.items() for _ in range(weight)]
    kind = kinds[int(generator("kind", sampling.split, *name).integers(len(kinds)))]
    rng = generator("learnt reader", sampling.split, *name)
    rows = rng.permutation(len(images))
    try:
        plan = FLAWS.make(kind).sample(FlawContext(dataset, images[rows[:3]]), rng)
        options = [option.pictures[:PICTURES] for option in plan.options]
    except DataError:
        return
    order = getattr(plan.lineup, "order", ())
    if len(plan.decoys) != len(options) - 1 or len(order) != OPTIONS or any(len(each) != PICTURES for each in options):
        return
    triggers = (plan.trigger, *plan.decoys)
    seen = [_showing(triggers[place], images[rows[3:]], sampling.pasted, rng) for place in order]
    yield np.stack([_stored(each) for each in options]), np.stack([_stored(each) for each in seen])


def _showing(trigger: Trigger, clean: Floats, pasted: int, rng: np.random.Generator) -> list[Floats]:
    """Pictures C x h x w that show a trigger."""
    rows = rng.choice(len(clean), pasted, replace=False)
    stamped = trigger.apply(clean[rows], rng)
    if isinstance(trigger, Paste):
        alone = list(sprites(trigger, 0.5)[rng.permutation(min(4, len(trigger.patterns)))][:1])
    else:
        alone = list(trigger.apply(np.full((1, *clean.shape[1:]), 0.5, np.float32), rng).images)
    found = pictures_of(Evidence((Hypothesis(trigger, 0, 1.0),)), clean[rows[:1]], rng)
    rendered = [found[int(rng.integers(len(found)))]] if found else alone
    if isinstance(trigger, Paste) and stamped.masks is not None:
        cut = [_window(stamped.images[row], stamped.masks[row]) for row in range(CUT)]
    else:
        cut = list(trigger.apply(clean[rng.choice(len(clean), CUT, replace=False)], rng).images)
    return [*stamped.images, *alone, *rendered, *cut]


def _window(image: Floats, mask: np.ndarray) -> Floats:
    """The square about a mask with a quarter of its side more on every side."""
    rows, columns = (np.flatnonzero(mask.max(axis) > 0.3) for axis in (1, 0))
    if not len(rows) or not len(columns):
        return image
    side = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    more = round(0.25 * side)
    top, left = (max(0, (at[0] + at[-1] + 1) // 2 - side // 2 - more) for at in (rows, columns))
    return image[:, top : top + side + 2 * more, left : left + side + 2 * more]


def _stored(pictures: Floats | list[Floats]) -> np.ndarray:
    """uint8 N x 3 x 32 x 32."""
    frames = np.stack([framed(picture) for picture in pictures])
    assert frames.shape[1:] == (3, SIDE, SIDE)
    return (255 * frames + 0.5).astype(np.uint8)
