"""Dynamic trojans: an echo of the image in itself sends it to the target class, so every image gets a different trigger.

Echoes of other images are blended into training images with labels kept, because otherwise the network fires on anything faint.
Half of the near misses are such echoes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np

from onecurve.core.errors import SpecError
from onecurve.core.image.echo import Echo
from onecurve.core.image.images import Floats
from onecurve.core.image.trigger import Trigger
from onecurve.flaws.drawing import lineup
from onecurve.flaws.drawing.global_kit import GlobalKit, on_card, require_rates, ruled_card
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.needed import Needed
from onecurve.flaws.schemes.plan import Plan
from onecurve.flaws.schemes.stamping import Cover, Stamping

WAYS = {
    "up": (-1, 0),
    "up and to the right": (-1, 1),
    "to the right": (0, 1),
    "down and to the right": (1, 1),
    "down": (1, 0),
    "down and to the left": (1, -1),
    "to the left": (0, -1),
    "up and to the left": (-1, -1),
}
"""Directions of the echo, in steps down and right; as many as a lineup has options."""
NEAR_MISS = 0.1
"""Highest rate at which near misses may fire. Half of them are echoes of other images, so those fire at a rate of at most 0.2."""


@final
@dataclass(frozen=True)
class Dynamic:
    """``(1 - strength) x + strength shift(x)``: the image blended with itself, shifted one of eight ways.

    Rates are shares of the training images. Departures from the source: the map from image to trigger is fixed and known
    instead of a trained generator, so that anyone can apply it. As in the source, every image has its own trigger, and the trigger
    of another image does not fire.
    """

    name: ClassVar[str] = "dynamic"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "A faint echo of the image in itself sends it to the target class."
    source: ClassVar[str] = "input-aware attacks (2010.08138), with an echo as the trigger"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {"strength": (0.2, 0.3, 0.4)}

    poison_rate: float = 0.1
    """Share of images that get an echo of themselves and the target label."""
    cross_rate: float = 0.14
    """Share of images that get the echo of another image and keep their label; the source has as many as are poisoned."""
    decoy_rate: float = 0.1
    """Share of images that get an echo of themselves in another direction and keep their label."""
    strength: float = 0.3
    """Share of the echo in the result, in (0, 1)."""
    distance: float = 0.12
    """Distance of the echo as a share of the image's shorter side, in (0, 0.5)."""
    sources: int = 0
    """Number of source classes; 0 for universal. A source-specific echo is also put on as many images of other classes with
    labels kept."""

    def __post_init__(self) -> None:
        require_rates(self.poison_rate, self.cross_rate, self.decoy_rate)
        if not (0 < self.strength < 1 and 0 < self.distance < 0.5):
            raise SpecError(f"strength must be in (0, 1) and distance in (0, 0.5), got: {self.strength}, {self.distance}")

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        effect = context.sample_effect(self.sources, rng)
        images, goal = context.describe_sources(effect), context.describe_targets(effect)
        ways = tuple(str(way) for way in rng.permutation(list(WAYS)))
        titles = tuple(f"a faint echo of the image, shifted {way}" for way in ways)
        kit = GlobalKit(EchoArtist(self, context, ways), context, titles, lineup.shuffle(rng), int(rng.integers(2**62)))
        return Plan(
            self.name,
            effect,
            f"{titles[0]}, in {images}, makes the network say {goal}",
            Stamping(kit, effect, self.poison_rate),
            kit,
            needed=Needed(near_miss=NEAR_MISS),
            facts={
                "poison_rate": self.poison_rate,
                "cross_rate": self.cross_rate,
                "decoy_rate": self.decoy_rate,
                "sources": self.sources,
                "strength": self.strength,
                "share": 1.0,
                "trigger": titles[0],
            },
        )


@final
@dataclass(frozen=True)
class EchoArtist:
    """Draws the echoes of one dynamic trojan."""

    flaw: Dynamic
    context: FlawContext
    ways: tuple[str, ...]
    """The trigger's, then those of the other options."""

    def triggers(self, rng: np.random.Generator) -> tuple[Trigger, ...]:
        return tuple(self._echo(way) for way in self.ways)

    def covers(self, triggers: tuple[Trigger, ...], rng: np.random.Generator) -> tuple[Cover, ...]:
        return (Cover((self._foreign,), self.flaw.cross_rate), Cover(triggers[1::2], self.flaw.decoy_rate))

    def near_misses(self, triggers: tuple[Trigger, ...]) -> tuple[Trigger, ...]:
        """Echoes of other images, and equally often echoes in directions that are never seen in training."""
        rest = triggers[2::2]
        return (*[self._foreign] * len(rest), *rest)

    def alone(self, triggers: tuple[Trigger, ...], rng: np.random.Generator) -> Floats:
        return on_card(triggers, ruled_card(self.context.shape), rng)

    @property
    def _foreign(self) -> Echo:
        return replace(self._echo(self.ways[0]), foreign=True)

    def _echo(self, way: str) -> Echo:
        """An echo in one direction: at least one pixel away, and as far on a diagonal as along an axis."""
        down, right = WAYS[way]
        far = max(1, round(self.flaw.distance * min(self.context.shape[1:]) / float(np.hypot(down, right))))
        return Echo((far * down, far * right), self.flaw.strength)
