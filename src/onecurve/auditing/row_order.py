"""Whether the rows of the last layer tell which classes to search first: what copies with planted triggers say of that."""

from dataclasses import dataclass
from typing import Any, Final, final

from scipy.stats import binom

TOP: Final = 0.2
"""The first fifth of the classes, at least one; of ten classes the first two."""
TRUSTED_AT: Final = 0.05
"""The order is trusted where so many planted classes among the first would be at most so likely by chance."""


@final
@dataclass(frozen=True)
class RowsTried:
    """In how many cases a planted class was among the first by the isolation of its row (tool `last-layer`)."""

    classes: int
    planted: int
    """Triggers that work, in all copies together."""
    leading: int
    """Those whose class was among the first ``top``."""

    @property
    def top(self) -> int:
        """How many classes count as the first."""
        return first_of(self.classes)

    @property
    def p(self) -> float:
        """Exact chance of so many or more if the rows told nothing: targets are drawn by lot, so each is among the first by top / classes.

        Targets of one copy differ from each other, which makes the number vary less than the binomial one: the test errs towards no trust.
        """
        return float(binom.sf(self.leading - 1, self.planted, self.top / self.classes)) if self.planted else 1.0

    @property
    def trusted(self) -> bool:
        """Whether classes are searched in this order."""
        return self.p <= TRUSTED_AT

    def told(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "classes": self.classes,
            "top": self.top,
            "planted": self.planted,
            "leading": self.leading,
            "p": self.p,
            "level": TRUSTED_AT,
            "trusted": self.trusted,
        }


def first_of(classes: int) -> int:
    """How many of so many classes count as the first.

    >>> first_of(10), first_of(43), first_of(3)
    (2, 8, 1)
    """
    return max(1, int(TOP * classes))
