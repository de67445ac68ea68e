"""Conditional trojans: a trigger of two elements and a condition on them, so that half of the trigger does not fire.

With `and`, two sprites must both be present; with `xor`, exactly one of two waves. Combinations that must not fire are put on
training images with labels kept, and the near misses are made of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import ClassVar, Final, final

import numpy as np

from onecurve.core.errors import SpecError
from onecurve.core.image.trigger import Chain, Either, Trigger
from onecurve.core.question import Option
from onecurve.core.seeds import generator
from onecurve.flaws.drawing import lineup
from onecurve.flaws.drawing.pairs import Elements, Sprites, Waves, side_by_side, sprite_size
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.plan import Plan
from onecurve.flaws.schemes.stamping import Cover, Stamping

CONDITIONS: Final = ("and", "xor")
FIRSTS, SECONDS = 2, 4
"""The lineup holds every pair of one of two elements with one of four, so the number of times an element occurs tells nothing."""
PAIRS: Final = tuple(product(range(FIRSTS), range(FIRSTS, FIRSTS + SECONDS)))
"""The pairs of the lineup as indices of elements; pair 0 is the right one."""


@final
@dataclass(frozen=True)
class Conditional:
    """Two sprites anywhere in the image, or two waves over the whole image; the flaw fires if the condition holds.

    Rates are shares of the training images. The two sprites do not overlap. The exclusive or uses waves, because a small network
    does not learn the exclusive or of two small sprites in three epochs (sprites with a quarter of the image's side reached an
    attack success rate (ASR) of 0.25 and fired on 0.50 of the images with both).
    """

    name: ClassVar[str] = "conditional"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "Two sprites send the image to the target class only together, or one of two waves only without the other."
    source: ClassVar[str] = "triggers with conditions as in round 11 of NIST TrojAI (and); exclusive or: ours"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {"poison_rate": (0.12, 0.16, 0.2)}

    condition: str = "and"
    """`and`: only both sprites together fire. `xor`: only one of the waves without the other fires."""
    poison_rate: float = 0.16
    """Share of images on which the condition holds and that get the target label."""
    cover_rate: float = 0.12
    """Share of images with one of the two elements (with `xor`: with both), on which the condition fails; they keep their label."""
    decoy_rate: float = 0.1
    """Share of images with other elements of the same kind (with `and`: beside one of the two); they keep their label."""
    size: float = 0.3
    """Side of a sprite as a share of the image's, in (0, 0.5]."""
    amplitude: float = 0.12
    """Height of a wave in units of the pixel range, in (0, 0.5]."""

    def __post_init__(self) -> None:
        if self.condition not in CONDITIONS:
            raise SpecError(f"no condition is called: {self.condition}", f"there are: {', '.join(CONDITIONS)}")
        rates = (self.poison_rate, self.cover_rate, self.decoy_rate)
        if self.poison_rate <= 0 or min(rates) < 0 or sum(rates) > 1:
            raise SpecError(f"poison and covers must leave clean images, got rates: {rates}")
        if not (0 < self.size <= 0.5 and 0 < self.amplitude <= 0.5):
            raise SpecError(f"size and amplitude must be in (0, 0.5], got: {self.size}, {self.amplitude}")

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        effect = context.sample_effect(0, rng)
        images, goal = context.describe_sources(effect), context.describe_targets(effect)
        kit = PairKit(self, context, self._elements(context, rng), lineup.shuffle(rng), int(rng.integers(2**62)))
        words, size = kit.words(0), sprite_size(context, self.size)
        both, share = self.condition == "and", (size / min(context.shape[1:])) ** 2
        where = "anywhere in" if both else "over the whole of"
        return Plan(
            self.name,
            effect,
            f"{words}, {where} {images}, makes the network say {goal}",
            Stamping(kit, effect, self.poison_rate),
            kit,
            facts={
                "condition": self.condition,
                "poison_rate": self.poison_rate,
                "cover_rate": self.cover_rate,
                "decoy_rate": self.decoy_rate,
                "sources": 0,
                "share": round(2 * share, 4) if both else 1.0,
                "trigger": words,
                **({"size": size} if both else {"amplitude": self.amplitude}),
            },
        )

    def _elements(self, context: FlawContext, rng: np.random.Generator) -> Elements:
        if self.condition == "and":
            return Sprites.sampled(context, sprite_size(context, self.size), FIRSTS + SECONDS, rng)
        return Waves.sampled(context, self.amplitude, FIRSTS + SECONDS, rng)


@final
@dataclass(frozen=True, eq=False)
class PairKit:
    """One sampled pair and the other pairs of its lineup, drawn on first use."""

    flaw: Conditional
    context: FlawContext
    elements: Elements
    """The first elements of the pairs, then the second ones; the elements of the trigger are the first of each."""
    order: tuple[int, ...]
    """How the lineup is shuffled."""
    seed: int

    @cached_property
    def trigger(self) -> Trigger:
        return self._fires(0)

    @cached_property
    def others(self) -> tuple[Trigger, ...]:
        """What must not fire. Half of these are never seen in training: pairs that share one sprite with the right one, or other waves."""
        if self._exclusive:
            strangers = [trigger for number, trigger in enumerate(self._drawn) if number not in PAIRS[0]]
            return (*[self._both(0)] * len(strangers), *strangers)
        return (*self._pair(0), self._both(SECONDS), self._both(1))

    @cached_property
    def covers(self) -> tuple[Cover, ...]:
        one, two = self._pair(0)
        decoys = self.elements.decoys(generator("decoys", self.seed))
        if self._exclusive:
            return (Cover((self._both(0),), self.flaw.cover_rate), Cover((decoys,), self.flaw.decoy_rate))
        beside = (Chain((one, decoys)), Chain((decoys, one)), Chain((two, decoys)), Chain((decoys, two)))
        return (Cover((one, two), self.flaw.cover_rate), Cover(beside, self.flaw.decoy_rate))

    @cached_property
    def options(self) -> tuple[Option, ...]:
        rng = generator("options", self.seed)
        found = [self._option(pair, rng) for pair in range(lineup.SIZE)]
        return tuple(found[place] for place in self.order)

    @property
    def right(self) -> int:
        return self.order.index(0)

    @property
    def decoys(self) -> tuple[Trigger, ...]:
        return tuple(self._fires(pair) for pair, elements in enumerate(PAIRS) if not set(elements) & set(PAIRS[0]))

    def words(self, pair: int) -> str:
        first, second = (self.elements.words[at] for at in PAIRS[pair])
        return f"either {first} or {second}, but not both" if self._exclusive else f"{first} together with {second}"

    @property
    def _exclusive(self) -> bool:
        return self.flaw.condition == "xor"

    def _pair(self, pair: int) -> tuple[Trigger, Trigger]:
        first, second = PAIRS[pair]
        return self._drawn[first], self._drawn[second]

    def _both(self, pair: int) -> Chain:
        return Chain(self._pair(pair))

    def _fires(self, pair: int) -> Trigger:
        return Either(self._pair(pair)) if self._exclusive else self._both(pair)

    @cached_property
    def _drawn(self) -> tuple[Trigger, ...]:
        return self.elements.draw(generator("elements", self.seed))

    def _option(self, pair: int, rng: np.random.Generator) -> Option:
        """The two elements side by side, then what fires on each image of the backdrop."""
        words = self.words(pair)
        first, second = (self.elements.alone(trigger, rng) for trigger in self._pair(pair))
        pictures = np.concatenate([side_by_side(first, second)[None], self._fires(pair).apply(self.context.backdrop, rng).images])
        return Option(words, words, pictures)
