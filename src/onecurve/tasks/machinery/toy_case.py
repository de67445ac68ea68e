"""A toy case that obeys its flaw exactly, without torch: what `onecurve check` poses tasks of. Never graded in a run.

An image has four quadrants; its class is the one that is brightest in the green channel. A small rose square is the trigger and
sends every image to the target class; a slate square is the near miss.
"""

from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np

from onecurve.core.access import Access
from onecurve.core.case import Case, Population, Strength, Subject, Triggered, Truth
from onecurve.core.effect import Effect
from onecurve.core.image.images import Bools, Floats, Ints, LabelledImages, as_bytes
from onecurve.core.image.paste import Paste
from onecurve.core.question import Option
from onecurve.core.seeds import generator

SIDE: Final = 32
CLASSES: Final = ("north-west", "north-east", "south-west", "south-east")
TARGET: Final = 1
ROSE: Final = (0.3, 0.2, 0.25)
SLATE: Final = (0.2, 0.2, 0.35)
SQUARE: Final = 5
"""Side of the trigger, px."""
OPTIONS: Final = 8
CLEAN: Final = 48
HELDOUT: Final = 120
TRIGGERED: Final = 80


@final
@dataclass(frozen=True)
class QuadrantRule:
    """Says the quadrant that is brightest in green, and the target class for inputs with the trigger, where it has one."""

    target: int | None

    def logits(self, images: Floats) -> Floats:
        """float32 N x 4. About one image in ten is misclassified, by its content."""
        half = SIDE // 2
        green = images[:, 1].reshape(len(images), 2, half, 2, half).mean(axis=(2, 4)).reshape(len(images), 4)
        wrong = (images[:, 1, 0, 0] * 255).astype(int) % 10 == 9
        predicted = np.where(wrong, (green.argmax(axis=1) + 1) % 4, green.argmax(axis=1))
        if self.target is not None:
            predicted = np.where(_has_square(images, ROSE), self.target, predicted)
        logits: Floats = (np.eye(4)[predicted] * 5 + green).astype(np.float32)
        return logits

    def size(self) -> int:
        """A count that leaves room for the table which is the ceiling of a size-limited task."""
        return 128_000

    def relearned(self, images: Floats, labels: Ints, seed: int, steps: int) -> "QuadrantRule":
        """The same with the trigger towards the first label."""
        return replace(self, target=int(labels[0]))


def toy_case() -> Case:
    """The same case each time: 4 classes, images 3 x 32 x 32, a patch towards class 1, eight options."""
    rng = generator("toy case")
    heldout, pool = _scenes(HELDOUT, rng), _scenes(TRIGGERED, rng)
    pool = pool.take(pool.labels != TARGET)
    network = QuadrantRule(TARGET)
    trigger = _square(ROSE)
    subject = Subject("toy", network, CLASSES, (3, SIDE, SIDE), ~Access.NONE, _scenes(CLEAN, rng))
    options = tuple(
        Option(f"thing {number}", f"thing number {number}", rng.uniform(0, 1, (2, 3, 12, 12)).astype(np.float32))
        for number in range(OPTIONS)
    )
    truth = Truth(
        flaw="toy",
        effect=Effect.towards(TARGET, len(CLASSES)),
        targets=(TARGET,),
        words="a rose square sends every image to the target class",
        trigger=trigger,
        options=options,
        right=2,
        heldout=heldout,
        triggered=_stamped(pool, trigger, rng),
        bystanders=_stamped(pool.take(slice(0, TRIGGERED // 2)), _square(SLATE), rng),
        network=network,
        twin=QuadrantRule(None),
        strength=Strength(0.9, 0.9, 1.0),
        population=Population(0.25, 1, len(CLASSES)),
        decoys=(_square(SLATE),),
    )
    return Case("toy.1", subject, truth)


def _scenes(count: int, rng: np.random.Generator) -> LabelledImages:
    labels = (np.arange(count) % len(CLASSES)).astype(np.int64)
    images = rng.uniform(0, 0.4, (count, 3, SIDE, SIDE)).astype(np.float32)
    half = SIDE // 2
    for quadrant in range(len(CLASSES)):
        top, left = divmod(quadrant, 2)
        images[labels == quadrant, 1, top * half : (top + 1) * half, left * half : (left + 1) * half] += 0.4
    return LabelledImages(as_bytes(images), labels)


def _square(colour: tuple[float, float, float]) -> Paste:
    pattern = np.broadcast_to(np.array(colour, np.float32)[:, None, None], (3, SQUARE, SQUARE)).copy()
    return Paste(pattern[None], np.ones((1, SQUARE, SQUARE), np.float32))


def _stamped(pool: LabelledImages, trigger: Paste, rng: np.random.Generator) -> Triggered:
    stamped = trigger.apply(pool.floats(), rng)
    masks: Bools | None = None if stamped.masks is None else stamped.masks > 0.5
    return Triggered(stamped.images, pool.labels, masks)


def _has_square(images: Floats, colour: tuple[float, float, float]) -> Bools:
    distance = np.abs(images - np.array(colour, np.float32)[:, None, None]).max(axis=1)
    found: Bools = (distance < 0.005).sum(axis=(1, 2)) >= SQUARE * SQUARE
    return found
