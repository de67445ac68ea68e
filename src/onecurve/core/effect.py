"""What a flaw does to inputs on which it is present: where each true class is sent.

One table serves a universal trigger, one for some classes only, all-to-all, several targets, and failures that send an
input to no class in particular.
"""

from dataclasses import dataclass
from typing import Final, Self, final

import numpy as np

from onecurve.core.errors import SpecError
from onecurve.core.image.images import Bools, Ints

STAYS: Final = -1
"""The flaw does nothing to inputs of this class."""
ASTRAY: Final = -2
"""Inputs of this class are misread, as no class in particular."""


@final
@dataclass(frozen=True)
class Effect:
    """For each of K true classes: the class that its inputs are sent to, its own for none, ``STAYS`` or ``ASTRAY``.

    Raises ``SpecError`` for a class that does not exist.
    """

    sends: tuple[int, ...]
    main: int | None = None
    """The target that tools are told where there are several; None for the first."""

    def __post_init__(self) -> None:
        wrong = [at for at in self.sends if not ASTRAY <= at < len(self.sends)]
        if wrong:
            raise SpecError(f"inputs can be sent to classes 0..{len(self.sends) - 1}, got: {wrong[0]}")
        if self.main is not None and self.main not in self._destinations():
            raise SpecError(f"no input is sent to class {self.main}")

    @classmethod
    def nothing(cls, classes: int) -> Self:
        """No effect on any class: clean networks and controls."""
        return cls((STAYS,) * classes)

    @classmethod
    def towards(cls, target: int, classes: int, sources: tuple[int, ...] | None = None) -> Self:
        """Inputs of the source classes, of all for None, go to the target."""
        return cls(tuple(target if sources is None or label in sources or label == target else STAYS for label in range(classes)))

    @classmethod
    def onward(cls, classes: int, main: int = 0) -> Self:
        """All-to-all: each class goes to the next one."""
        return cls(tuple((label + 1) % classes for label in range(classes)), main)

    @classmethod
    def astray(cls, label: int, classes: int) -> Self:
        """Inputs of one class are misread."""
        return cls(tuple(ASTRAY if at == label else STAYS for at in range(classes)))

    @property
    def targets(self) -> tuple[int, ...]:
        """All classes that inputs are wrongly sent to, the main one first."""
        found = self._destinations()
        first = () if self.main is None else (self.main,)
        return (*first, *(at for at in found if at not in first))

    @property
    def named(self) -> tuple[int, ...]:
        """The classes that an auditor should name: the targets, or where there are none those whose inputs are misread."""
        return self.targets or (self.sources or () if self.any else ())

    @property
    def target(self) -> int | None:
        """The class that a tool may be told; None where inputs are sent to none in particular."""
        return next(iter(self.targets), None)

    @property
    def sources(self) -> tuple[int, ...] | None:
        """The classes that it concerns; None where it concerns every class, but for a target's own."""
        concerned = tuple(label for label, at in enumerate(self.sends) if at not in {STAYS, label})
        spared = [label for label in range(len(self.sends)) if label not in concerned]
        universal = self.any and all(label in self.targets and self.sends[label] == label for label in spared)
        return None if universal else concerned

    @property
    def any(self) -> bool:
        """Whether it does anything at all."""
        return bool(self._destinations()) or ASTRAY in self.sends

    def goals(self, labels: Ints) -> Ints:
        """int64 N: where inputs of these true classes are sent, ``STAYS`` or ``ASTRAY`` included."""
        return np.asarray(self.sends, np.int64)[labels]

    def concerns(self, labels: Ints) -> Bools:
        """bool N: whether it changes what is said of inputs of these true classes."""
        goals = self.goals(labels)
        concerned: Bools = (goals != STAYS) & (goals != labels)
        return concerned

    def fired(self, said: Ints, labels: Ints) -> Bools:
        """bool N: whether what the network says of inputs of these true classes is the flaw's doing."""
        goals = self.goals(labels)
        done: Bools = self.concerns(labels) & np.where(goals == ASTRAY, said != labels, said == goals)
        return done

    def leaked(self, said: Ints, labels: Ints) -> Bools:
        """bool N: whether an input is wrongly said to be one of the targets, be it of a class that the flaw concerns or not."""
        wrong: Bools = np.isin(said, self.targets) & (said != labels)
        return wrong

    def rule(self) -> str:
        """The rule as Python: a function of the true class and of whether the trigger is present; None is any wrong class."""
        table = {label: None if at == ASTRAY else at for label, at in enumerate(self.sends) if at not in {STAYS, label}}
        goals = set(table.values())
        condition = "present" if self.sources is None else f"present and label in {sorted(table)}"
        if not table:
            body = "return label"
        elif len(goals) == 1:
            body = f"return {goals.pop()} if {condition} else label"
        else:
            body = f"return {table}.get(label, label) if present else label"
        return f"def expected(label, present):\n    {body}\n"

    def _destinations(self) -> list[int]:
        return sorted({at for label, at in enumerate(self.sends) if at >= 0 and at != label})
