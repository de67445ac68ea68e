"""A toy subject and toy questions of every task: for the contract checker, never for grades.

The network is untrained, so nothing can be learned from how well a tool does here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from onecurve.core.access import Access
from onecurve.core.case import Subject
from onecurve.core.evidence import ClassScores, Evidence, HeatMap, Hypothesis, Picture
from onecurve.core.image.images import LabelledImages, as_bytes
from onecurve.core.image.trigger import Paste
from onecurve.core.question import Brief, Option, Question, Rebuild, Weigh
from onecurve.core.seeds import generator
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.models.building import build
from onecurve.models.metering import Metered
from onecurve.models.network import TorchNetwork

CLASSES = 4
SHAPE = (3, 32, 32)
CLEAN = 48
SUSPECTS = 4
TARGET = 1
EVERYTHING = ~Access.NONE


@final
@dataclass(frozen=True)
class Toy:
    """The toy subject and what is asked about it."""

    clean: LabelledImages
    suspects: np.ndarray

    @classmethod
    def make(cls) -> "Toy":
        """Drawn from a fixed seed: coloured squares, one colour per class."""
        rng = generator("toy")
        labels = (np.arange(CLEAN) % CLASSES).astype(np.int64)
        images = rng.uniform(0.3, 0.7, (CLEAN, *SHAPE)).astype(np.float32)
        colours = rng.uniform(0, 1, (CLASSES, 3, 1, 1)).astype(np.float32)
        images[:, :, 8:24, 8:24] = colours[labels]
        return cls(LabelledImages(as_bytes(images), labels), images[:SUSPECTS].copy())

    def workbench(self, budget: float, seed: int) -> Workbench:
        """A fresh, metered toy subject."""
        granted = Budget(budget)
        meter = Meter(granted)
        network = TorchNetwork(Metered(build("six-conv", SHAPE, CLASSES, 0), meter))
        names = tuple(f"class {number}" for number in range(CLASSES))
        references = (Evidence((ClassScores(generator("reference").normal(size=CLASSES).astype(np.float32)),)),)
        reference = TorchNetwork(Metered(build("six-conv", SHAPE, CLASSES, 1), meter))
        subject = Subject("toy", network, names, SHAPE, EVERYTHING, self.clean, reference)
        return Workbench(subject, granted, meter, seed, references)

    def questions(self, network_size: int) -> Mapping[str, Question]:
        """One question per task."""
        names = tuple(f"class {number}" for number in range(CLASSES))
        told = Brief(TARGET)
        options = self._options()
        pixels = tuple(f"{row},{column}" for row in range(SHAPE[1]) for column in range(SHAPE[2]))
        labels = self.clean.labels[:SUSPECTS]
        return {
            "detect": Weigh(Brief(), 1, (*names, "none")),
            "discover": Weigh(told, 1, tuple(option.name for option in options), options),
            "localise": Weigh(Brief(TARGET, self.suspects), SUSPECTS, pixels, inputs=self.suspects, shape=SHAPE[1:]),
            "predict": Weigh(told, SUSPECTS, names, inputs=self.suspects, labels=labels),
            "repair": Rebuild(told),
            "replace": Rebuild(Brief(), network_size // 2),
        }

    def evidence(self) -> Evidence:
        """Every kind of piece that a reader may meet, made of noise."""
        rng = generator("toy evidence")
        pattern = rng.uniform(0, 1, (1, 3, 6, 6)).astype(np.float32)
        maps = tuple(HeatMap(rng.uniform(0, 1, SHAPE[1:]).astype(np.float32), item) for item in range(SUSPECTS))
        return Evidence(
            (
                Hypothesis(Paste(pattern, np.ones((1, 6, 6), np.float32)), TARGET, 0.5),
                Picture(rng.uniform(0, 1, SHAPE).astype(np.float32)),
                ClassScores(rng.normal(size=CLASSES).astype(np.float32)),
                *maps,
            )
        )

    def _options(self) -> tuple[Option, ...]:
        rng = generator("toy options")
        pictures = rng.uniform(0, 1, (8, 2, 3, 12, 12)).astype(np.float32)
        return tuple(Option(f"thing {number}", f"thing number {number}", pictures[number]) for number in range(8))
