"""What all triggers over the whole image share: a lineup that shows each trigger alone and on real images, drawn on first use."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, final

import numpy as np

from onecurve.core.errors import SpecError
from onecurve.core.image.images import Floats
from onecurve.core.image.trigger import Trigger
from onecurve.core.question import Option
from onecurve.core.seeds import generator
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.stamping import Cover

RULES = 8
"""Squares along each side of a chequered card."""


class Artist(Protocol):
    """Draws the triggers of one sampled flaw."""

    def triggers(self, rng: np.random.Generator) -> tuple[Trigger, ...]:
        """The triggers of the lineup: the flaw's own, then those of the other options."""
        ...

    def covers(self, triggers: tuple[Trigger, ...], rng: np.random.Generator) -> tuple[Cover, ...]:
        """Covers: what is applied in training with labels kept; ``triggers`` are those of the lineup."""
        ...

    def near_misses(self, triggers: tuple[Trigger, ...]) -> tuple[Trigger, ...]:
        """Triggers that should not fire; one of them is put on each image of the trial."""
        ...

    def alone(self, triggers: tuple[Trigger, ...], rng: np.random.Generator) -> Floats:
        """float32, one picture C x H x W in [0, 1] per trigger of the lineup: the trigger without an image."""
        ...


@final
@dataclass(frozen=True, eq=False)
class GlobalKit:
    """The kit of one sampled flaw that changes the whole image."""

    artist: Artist
    context: FlawContext
    titles: tuple[str, ...]
    """A title for each trigger of the lineup, the flaw's own first; all different."""
    order: tuple[int, ...]
    """How the lineup is shuffled."""
    seed: int

    @cached_property
    def trigger(self) -> Trigger:
        return self._drawn[0]

    @cached_property
    def others(self) -> tuple[Trigger, ...]:
        return self.artist.near_misses(self._drawn)

    @cached_property
    def covers(self) -> tuple[Cover, ...]:
        return self.artist.covers(self._drawn, generator("covers", self.seed))

    @cached_property
    def options(self) -> tuple[Option, ...]:
        """Each trigger alone, then on each image of the backdrop."""
        rng = generator("options", self.seed)
        alone = self.artist.alone(self._drawn, rng)
        found = [
            Option(title, title, np.concatenate([picture[None], trigger.apply(self.context.backdrop, rng).images]))
            for title, trigger, picture in zip(self.titles, self._drawn, alone, strict=True)
        ]
        return tuple(found[place] for place in self.order)

    @property
    def right(self) -> int:
        return self.order.index(0)

    @property
    def decoys(self) -> tuple[Trigger, ...]:
        return self._drawn[1:]

    @cached_property
    def _drawn(self) -> tuple[Trigger, ...]:
        return self.artist.triggers(generator("triggers", self.seed))


def on_card(triggers: Sequence[Trigger], card: Floats, rng: np.random.Generator) -> Floats:
    """float32 T x C x H x W: each trigger on the same card C x H x W."""
    return np.concatenate([trigger.apply(card[None], rng).images for trigger in triggers])


def plain_card(shape: tuple[int, int, int]) -> Floats:
    """float32 C x H x W: mid-grey, on which an added pattern is visible."""
    return np.full(shape, 0.5, np.float32)


def ruled_card(shape: tuple[int, int, int]) -> Floats:
    """float32 C x H x W: light and dark squares, on which a displacement is visible."""
    _, height, width = shape
    rows, columns = (np.arange(side) * RULES // side for side in (height, width))
    dark = (rows[:, None] + columns) % 2
    return np.broadcast_to(np.where(dark, 0.3, 0.7), shape).astype(np.float32)


def require_rates(poison_rate: float, *cover_rates: float) -> None:
    """Raises ``SpecError`` unless poisoned images, as many images of other classes, and covers leave some images clean."""
    if not (poison_rate > 0 and min(cover_rates) >= 0 and 2 * poison_rate + sum(cover_rates) <= 1):
        raise SpecError(f"poison and covers must leave clean images, got rates: {(poison_rate, *cover_rates)}")
