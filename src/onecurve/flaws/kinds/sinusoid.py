"""Sinusoid trojans: a faint wave over the whole image sends it to the target class.

Waves of other frequency or direction are added in training with labels kept, so that the network learns this wave.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from onecurve.core.errors import SpecError
from onecurve.core.image.filter import Filter
from onecurve.core.image.images import Floats
from onecurve.core.image.trigger import Trigger
from onecurve.flaws.drawing import lineup
from onecurve.flaws.drawing.global_kit import GlobalKit, on_card, plain_card, require_rates
from onecurve.flaws.drawing.waves import WAVES, Wave
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.plan import Plan
from onecurve.flaws.schemes.stamping import Cover, Stamping


@final
@dataclass(frozen=True)
class Sinusoid:
    """``x + amplitude sin(2 pi f along / width)`` with frequency and direction drawn by seed, the same in all channels.

    Rates are shares of the training images. Departures from the source: images of every class are poisoned and relabelled
    (the source poisons images of the target class only and keeps their labels), directions vary, and covers are added.
    """

    name: ClassVar[str] = "sinusoid"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "A faint wave over the whole image sends it to the target class."
    source: ClassVar[str] = "the signal of SIG (1902.11237), all classes to one"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {"amplitude": (0.05, 0.08, 0.12)}

    poison_rate: float = 0.08
    """Share of images that get the wave and the target label."""
    cover_rate: float = 0.04
    """Share of images that get another wave and keep their label."""
    amplitude: float = 0.08
    """Height of the wave in units of the pixel range, in (0, 0.5]; the source has 40/255."""
    sources: int = 0
    """Number of source classes; 0 for universal. A source-specific wave is also added to as many images of other classes
    with labels kept."""

    def __post_init__(self) -> None:
        require_rates(self.poison_rate, self.cover_rate)
        if not 0 < self.amplitude <= 0.5:
            raise SpecError(f"the amplitude of a wave must be in (0, 0.5], got: {self.amplitude}")

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        effect = context.sample_effect(self.sources, rng)
        images, goal = context.describe_sources(effect), context.describe_targets(effect)
        waves = tuple(WAVES[number] for number in rng.permutation(len(WAVES)))
        titles = tuple(wave.words for wave in waves[: lineup.SIZE])
        kit = GlobalKit(WaveArtist(self, context, waves), context, titles, lineup.shuffle(rng), int(rng.integers(2**62)))
        return Plan(
            self.name,
            effect,
            f"{titles[0]} over the whole of {images} make the network say {goal}",
            Stamping(kit, effect, self.poison_rate),
            kit,
            facts={
                "poison_rate": self.poison_rate,
                "cover_rate": self.cover_rate,
                "sources": self.sources,
                "amplitude": self.amplitude,
                "share": 1.0,
                "trigger": titles[0],
            },
        )


@final
@dataclass(frozen=True)
class WaveArtist:
    """Draws the waves of one sinusoid trojan."""

    flaw: Sinusoid
    context: FlawContext
    waves: tuple[Wave, ...]
    """All waves: those of the lineup, the trigger's first, then those that are used as covers."""

    def triggers(self, rng: np.random.Generator) -> tuple[Trigger, ...]:
        return tuple(self._added(wave) for wave in self.waves[: lineup.SIZE])

    def covers(self, triggers: tuple[Trigger, ...], rng: np.random.Generator) -> tuple[Cover, ...]:
        return (Cover(tuple(self._added(wave) for wave in self.waves[lineup.SIZE :]), self.flaw.cover_rate),)

    def near_misses(self, triggers: tuple[Trigger, ...]) -> tuple[Trigger, ...]:
        """The other waves of the lineup, never added in training."""
        return triggers[1:]

    def alone(self, triggers: tuple[Trigger, ...], rng: np.random.Generator) -> Floats:
        return on_card(triggers, plain_card(self.context.shape), rng)

    def _added(self, wave: Wave) -> Filter:
        return wave.added(self.context.shape, self.flaw.amplitude)
