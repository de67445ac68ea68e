"""What the looks of an audit are handed: the admitted network, images to search on, fresh images to test on, and shared passes."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import final

import numpy as np
from scipy.special import softmax
from torch import nn

from onecurve.auditing.row_order import RowsTried
from onecurve.core.image.images import Floats, Ints, LabelledImages
from onecurve.core.seeds import generator, seed_for
from onecurve.core.workbench import Budget, Meter
from onecurve.models.metering import Metered
from onecurve.models.network import TorchNetwork

Tell = Callable[[float, str], None]
"""Called with the share of a look that is done, in [0, 1], and with what it does now."""


def say_nothing(share: float, words: str) -> None:
    """Progress that nobody reads."""


@final
@dataclass(frozen=True)
class Allowance:
    """The time that a look may take. A look asks before each piece of work and stops by itself."""

    seconds: float
    tell: Tell = say_nothing
    started: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self.seconds - (time.monotonic() - self.started))

    @property
    def spent(self) -> float:
        """Seconds since the look began."""
        return time.monotonic() - self.started


@final
@dataclass(frozen=True)
class Seen:
    """Some images and what the network says of them."""

    images: LabelledImages
    """Labels are outputs of the network; without labels from a person they are the network's own answers."""
    logits: Floats
    """float32 N x K."""

    @cached_property
    def said(self) -> Ints:
        """int64 N: the predicted classes."""
        said: Ints = self.logits.argmax(axis=1).astype(np.int64)
        return said

    @cached_property
    def wrong(self) -> np.ndarray:
        """bool N."""
        wrong: np.ndarray = self.said != self.images.labels
        return wrong

    @cached_property
    def shares(self) -> np.ndarray:
        """float64 N x K: probabilities."""
        found: np.ndarray = softmax(self.logits.astype(np.float64), axis=1)
        return found


def metered(module: nn.Module, shape: tuple[int, int, int]) -> tuple[nn.Module, Meter]:
    """The network in eval mode with its passes counted, and the meter, which limits nothing: an audit is limited by time."""
    meter = Meter(Budget(float("inf")))
    return Metered(module.eval(), meter, shape).eval(), meter


@dataclass(frozen=True)
class Examined:
    """The network under audit with its images. Search and fresh images share no picture, near copies included."""

    module: nn.Module
    """Metered; in eval mode, logits N x K of float images N x C x H x W in [0, 1]. No look changes it."""
    meter: Meter
    class_names: tuple[str, ...]
    """One name per output of the network."""
    search: LabelledImages
    fresh: LabelledImages
    labelled: bool
    """Whether labels are a person's."""
    seed: int = 0
    device: str = "cpu"
    files: tuple[str, ...] = ()
    """Names of the search images and then of the fresh ones, for people; empty where they have none."""
    splits: tuple[str, ...] = ()
    """The split of the data that each of ``files`` came in; empty strings where there are none."""
    rows_tried: RowsTried | None = None
    """What copies of the network say of the order of classes by the last layer; None where there are none."""

    def with_module(self, module: nn.Module) -> "Examined":
        """The same images with another network, whose passes are counted anew."""
        counted, meter = metered(module, self.shape)
        return replace(self, module=counted, meter=meter)

    @property
    def classes(self) -> int:
        return len(self.class_names)

    @property
    def shape(self) -> tuple[int, int, int]:
        channels, height, width = self.search.images.shape[1:]
        return channels, height, width

    @cached_property
    def network(self) -> TorchNetwork:
        return TorchNetwork(self.module, self.device)

    @cached_property
    def seen(self) -> Seen:
        """The search images; one pass, shared by all looks."""
        return Seen(self.search, self.network.logits(self.search.floats()))

    @cached_property
    def seen_fresh(self) -> Seen:
        """The fresh images; one pass, shared by all tests."""
        return Seen(self.fresh, self.network.logits(self.fresh.floats()))

    def rng(self, *names: object) -> np.random.Generator:
        """Random numbers for that purpose, determined by the seed of the audit."""
        return generator("audit", self.seed, *names)

    def seed_of(self, *names: object) -> int:
        """A seed for that purpose."""
        return seed_for("audit", self.seed, *names)
