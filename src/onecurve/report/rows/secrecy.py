"""Redacts secret flaws. Rows and pages say that there is a secret flaw and how solvers did, not what it is.

The ground truth is sealed in the run's folder. Anyone who has that folder can open it with ``--reveal``.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import final

from onecurve.core.display import CaseDisplay, PlantRecord
from onecurve.core.row import Role, Row
from onecurve.store.store import Store

WORDS = "a secret flaw; report the run with --reveal to see it"
FROM_THE_TRUTH = (Role.CONTROL, Role.REFERENCE_POINT)
"""Roles whose evidence and answers are made from the ground truth."""
SAFE_FACTS = ("insertion", "optimiser")
"""Text facts that say how a flaw was planted and not what it is."""


def secret_cases(store: Store, *, reveal: bool) -> frozenset[str]:
    """Ids of the cases of a run that are kept secret; none with ``reveal``."""
    return frozenset(() if reveal else store.noted("secret") or ())


def redacted_row(row: Row, secret: Collection[str]) -> Row:
    """The row without the facts that reveal a secret flaw; other rows are unchanged."""
    if row.case not in secret:
        return row
    row = replace(row, facts=_safe_facts(row.facts))
    return replace(row, evidence="", answer="") if row.role in FROM_THE_TRUTH else row


@final
@dataclass(frozen=True)
class Redacted:
    """The rows of a store without what reveals a secret flaw, read anew each time that they are gone through."""

    store: Store
    secret: Collection[str]

    def __iter__(self) -> Iterator[Row]:
        return (redacted_row(row, self.secret) for row in self.store.stream())


def redacted_record(record: PlantRecord, secret: Collection[str]) -> PlantRecord:
    """The planting record without the words and facts that reveal a secret flaw; its figures stay."""
    return replace(record, words=WORDS, facts=_safe_facts(record.facts)) if record.case in secret else record


def redacted_display(display: CaseDisplay, secret: Collection[str]) -> CaseDisplay:
    """The display without trigger, lineup and masks of a secret flaw; clean examples and suspect inputs stay."""
    if display.case not in secret:
        return display
    return replace(
        display,
        words=WORDS,
        sources=(),
        trigger=None,
        options=(),
        right=None,
        triggered=display.triggered[:0],
        triggered_labels=(),
        triggered_said=(),
        masks=display.masks[:0],
        suspect_masks=display.suspect_masks[:0],
    )


def _safe_facts(facts: Mapping[str, str | int | float]) -> dict[str, str | int | float]:
    return {name: value for name, value in facts.items() if name in SAFE_FACTS or not isinstance(value, str)}
