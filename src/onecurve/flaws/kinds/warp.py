"""Warp trojans: one smooth displacement field bends the image and sends it to the target class; no colour is added.

The same field with random jitter, and other fields, are applied in training with labels kept, so that the network learns the
field and not the artefacts of resampling.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from torch.nn import functional

from onecurve.core.errors import SpecError
from onecurve.core.image.images import Floats
from onecurve.core.image.trigger import Trigger
from onecurve.core.image.trigger import Warp as Field
from onecurve.flaws.drawing import lineup
from onecurve.flaws.drawing.global_kit import GlobalKit, on_card, require_rates, ruled_card
from onecurve.flaws.schemes.context import FlawContext
from onecurve.flaws.schemes.plan import Plan
from onecurve.flaws.schemes.stamping import Cover, Stamping

DECOYS = 64
"""Other fields that are applied in training with labels kept."""
CANDIDATES = 64
"""Fields drawn for a lineup; eight with different descriptions are chosen."""


@final
@dataclass(frozen=True)
class Warp:
    """One field of ``control_points`` squared random vectors, up-sampled bicubically, for all images.

    Rates are shares of the training images. Departures from the source: displacements are several times larger (the source
    has 0.008 of the side), because small networks learn nothing from smaller ones in three epochs; the covers are mostly other
    fields, because with jitter alone the network fires on any strong bend (on 0.38 of near misses).
    """

    name: ClassVar[str] = "warp"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "A smooth bend of the whole image sends it to the target class."
    source: ClassVar[str] = "WaNet (2102.10369)"
    dial: ClassVar[Mapping[str, tuple[float, ...]]] = {"strength": (0.08, 0.1, 0.12)}

    poison_rate: float = 0.15
    """Share of images that are warped and get the target label."""
    noise_rate: float = 0.05
    """Share of images that are warped with jitter and keep their label; the source has twice the poison rate."""
    decoy_rate: float = 0.2
    """Share of images that are warped by another field and keep their label."""
    strength: float = 0.1
    """Mean displacement of a control point along each axis, as a share of the image's shorter side, in (0, 0.25]."""
    jitter: float = 1.0
    """Largest random displacement of each pixel in noise mode, in pixels of an image of 32; it grows with the image."""
    control_points: int = 4
    """Vectors along each side of the field, 2 to 16."""
    sources: int = 0
    """Number of source classes; 0 for universal. A source-specific warp is also applied to as many images of other classes
    with labels kept."""

    def __post_init__(self) -> None:
        require_rates(self.poison_rate, self.noise_rate, self.decoy_rate)
        if not (0 < self.strength <= 0.25 and 0 < self.jitter <= 4):
            raise SpecError(f"strength must be in (0, 0.25] and jitter in (0, 4], got: {self.strength}, {self.jitter}")
        if not (isinstance(self.control_points, int) and 2 <= self.control_points <= 16):
            raise SpecError(f"`control_points` must be an integer within 2..16, got: {self.control_points}")

    def sample(self, context: FlawContext, rng: np.random.Generator) -> Plan:
        effect = context.sample_effect(self.sources, rng)
        images, goal = context.describe_sources(effect), context.describe_targets(effect)
        points, titles = _different(_points(CANDIDATES, self.control_points, rng))
        kit = GlobalKit(WarpArtist(self, context, points), context, titles, lineup.shuffle(rng), int(rng.integers(2**62)))
        return Plan(
            self.name,
            effect,
            f"{titles[0]}, in {images}, makes the network say {goal}",
            Stamping(kit, effect, self.poison_rate),
            kit,
            facts={
                "poison_rate": self.poison_rate,
                "noise_rate": self.noise_rate,
                "decoy_rate": self.decoy_rate,
                "sources": self.sources,
                "strength": self.strength,
                "share": 1.0,
                "trigger": titles[0],
            },
        )


@final
@dataclass(frozen=True, eq=False)
class WarpArtist:
    """Draws the fields of one warp trojan."""

    flaw: Warp
    context: FlawContext
    points: Floats
    """float32 8 x 2 x k x k: control points of the lineup, the trigger's first."""

    def triggers(self, rng: np.random.Generator) -> tuple[Trigger, ...]:
        return tuple(Field(field) for field in self._fields(self.points))

    def covers(self, triggers: tuple[Trigger, ...], rng: np.random.Generator) -> tuple[Cover, ...]:
        own, *_ = self._fields(self.points[:1])
        noise = Field(own, jitter=self.flaw.jitter * self._side / 32)
        decoys = tuple(Field(field) for field in self._fields(_points(DECOYS, self.flaw.control_points, rng)))
        return (Cover((noise,), self.flaw.noise_rate), Cover(decoys, self.flaw.decoy_rate))

    def near_misses(self, triggers: tuple[Trigger, ...]) -> tuple[Trigger, ...]:
        """The other fields of the lineup, never applied in training."""
        return triggers[1:]

    def alone(self, triggers: tuple[Trigger, ...], rng: np.random.Generator) -> Floats:
        return on_card(triggers, ruled_card(self.context.shape), rng)

    @property
    def _side(self) -> int:
        return min(self.context.shape[1:])

    def _fields(self, points: Floats) -> Floats:
        """float32 N x 2 x H x W, in pixels."""
        smooth = functional.interpolate(torch.from_numpy(points), self.context.shape[1:], mode="bicubic", align_corners=True)
        fields: Floats = smooth.numpy() * np.float32(self.flaw.strength * self._side)
        return fields


def _points(count: int, side: int, rng: np.random.Generator) -> Floats:
    """float32 count x 2 x side x side: uniform vectors, divided by the mean absolute value of each field."""
    drawn = rng.uniform(-1, 1, (count, 2, side, side))
    points: Floats = (drawn / np.abs(drawn).mean(axis=(1, 2, 3), keepdims=True)).astype(np.float32)
    return points


def _different(points: Floats) -> tuple[Floats, tuple[str, ...]]:
    """Eight fields with different descriptions, and the descriptions; 64 random fields have far more than eight of 256."""
    titles = _described(points)
    first = list(dict(reversed([(title, number) for number, title in enumerate(titles)])).values())[::-1][: lineup.SIZE]
    return points[first], tuple(titles[number] for number in first)


def _described(points: Floats) -> list[str]:
    """Descriptions of the direction in which each quarter of the image moves."""
    middle = -(-points.shape[2] // 2)
    halves = (slice(None, middle), slice(-middle, None))
    quarters = np.stack([points[:, :, rows, columns].mean(axis=(2, 3)) for rows in halves for columns in halves], 1)
    # A field tells where each pixel is taken from, so the picture moves the opposite way.
    down, right = -quarters[..., 0], -quarters[..., 1]
    ways = np.where(np.abs(down) > np.abs(right), np.where(down > 0, "down", "up"), np.where(right > 0, "right", "left"))
    return [f"a bend that draws the top left {a}, the top right {b}, the bottom left {c}, the bottom right {d}" for a, b, c, d in ways]
