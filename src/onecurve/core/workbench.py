"""The workbench: the one mutable thing a tool is handed, with the budget it may spend and the meter that counts."""

from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import final

import numpy as np

from onecurve.core.case import Subject
from onecurve.core.errors import BudgetError, ContractError
from onecurve.core.evidence import Evidence
from onecurve.core.grade import Cost
from onecurve.core.image.counted import CountedImages, ReadRows
from onecurve.core.image.images import LabelledImages
from onecurve.core.question import Question, Weigh
from onecurve.core.seeds import generator

OVERDRAFT = 1.1
"""A pass may run as long as the budget is spent at most this many times over after it: room for the batch that crosses the line."""


@final
@dataclass(frozen=True)
class Budget:
    """What may be spent."""

    equivalents: float
    """Forward-equivalents: an example forward counts 1, backward 2."""

    def __post_init__(self) -> None:
        if not self.equivalents >= 0:
            raise BudgetError(f"a budget must not be negative, got: {self.equivalents}")


@final
class Meter:
    """Counts what is spent. The network and the clean set that it is attached to call it; nobody else does."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.forward = 0.0
        self.backward = 0.0
        self._reads: ReadRows | None = None

    def __deepcopy__(self, memo: dict[int, object]) -> "Meter":
        """A copied network goes on counting here: copying must not make passes free."""
        return self

    @property
    def equivalents(self) -> float:
        """Forward-equivalents spent so far."""
        return self.forward + 2 * self.backward

    @property
    def clean_images(self) -> int | None:
        """How many different images of the clean set were read so far; None where nobody counts that."""
        return None if self._reads is None else len(self._reads)

    def counting(self, clean: LabelledImages | None) -> LabelledImages | None:
        """The clean set with its images counted here as they are read; where there is no set, none can be read.

        Raises ``ContractError`` for a second set: the count of the first would be lost.
        """
        if self._reads is not None:
            raise ContractError("the meter counts a clean set already")
        self._reads = ReadRows(0 if clean is None else len(clean))
        return None if clean is None else CountedImages.of(clean, self._reads)

    def count_forward(self, examples: float) -> None:
        """Called before ``examples`` go forward; raises ``BudgetError``, and counts nothing, if that would overdraw the budget."""
        self._require(examples, "forward", examples)
        self.forward += examples

    def count_backward(self, examples: float) -> None:
        """Called before a gradient goes back through ``examples``; raises ``BudgetError``, and counts nothing, if that would overdraw."""
        self._require(2 * examples, "backward", examples)
        self.backward += examples

    def _require(self, equivalents: float, direction: str, examples: float) -> None:
        if self.equivalents + equivalents > self._budget.equivalents * OVERDRAFT:
            raise BudgetError(
                f"spent {self.equivalents:.0f} forward-equivalents of a budget of {self._budget.equivalents:.0f}, "
                f"and {examples:.0f} examples {direction} would overdraw it",
                "ask `workbench.remaining` before each batch",
            )


@final
@dataclass
class Workbench:
    """All that a tool, reader or solver has for one cell."""

    subject: Subject
    budget: Budget
    meter: Meter
    seed: int
    references: tuple[Evidence, ...] = ()
    """The same tool's evidence on clean networks of the same recipe, for readers that calibrate."""
    device: str = "cpu"
    started: float = field(default_factory=perf_counter)
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.rng = generator("workbench", self.seed)

    @property
    def remaining(self) -> float:
        """Forward-equivalents left in the budget, never below 0."""
        return max(0.0, self.budget.equivalents - self.meter.equivalents)

    def affordable(self, cost_each: float, at_most: int) -> int:
        """How many steps of ``cost_each`` forward-equivalents the rest of the budget pays for, at most ``at_most``."""
        if cost_each <= 0:
            return at_most
        return max(0, min(at_most, int(self.remaining / cost_each)))

    def for_reading(self, question: Question) -> "Workbench":
        """The same workbench for a reader of ``question``: no network if it is a Weigh question."""
        subject = self.subject.without_network() if isinstance(question, Weigh) else self.subject
        return replace(self, subject=subject)

    def cost(self) -> Cost:
        """What has been spent so far; memory is measured by the runner, not here."""
        seconds = perf_counter() - self.started
        return Cost(self.meter.forward, self.meter.backward, seconds, clean_images=self.meter.clean_images)
