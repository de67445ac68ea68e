"""Keeping secret flaws secret in what people read: rows and pages say that there is one and how solvers did, not what it is.

The truth itself lies sealed in the run's folder; whoever holds that folder may open it with ``--reveal``.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from onecurve.core.display import CaseDisplay, PlantRecord
from onecurve.core.row import Role, Row
from onecurve.store.store import Store

WORDS = "a secret flaw: what it is stays sealed until the run is reported with --reveal"
FROM_THE_TRUTH = (Role.CONTROL, Role.REFERENCE_POINT)
"""Roles whose evidence and answers are made from the truth."""
SAFE_FACTS = ("insertion", "optimiser")
"""Columns in words that say how a flaw was planted and not what it is."""


def secret_cases(store: Store, *, reveal: bool) -> frozenset[str]:
    """Ids of the cases of a run that are kept secret; none with ``reveal``."""
    return frozenset(() if reveal else store.noted("secret") or ())


def redacted_row(row: Row, secret: Collection[str]) -> Row:
    """The row without what tells the flaw of a secret case; other rows as they are."""
    if row.case not in secret:
        return row
    row = replace(row, facts=_safe_facts(row.facts))
    return replace(row, evidence="", answer="") if row.role in FROM_THE_TRUTH else row


def redacted_record(record: PlantRecord, secret: Collection[str]) -> PlantRecord:
    """The planting record likewise: its figures stay."""
    return replace(record, words=WORDS, facts=_safe_facts(record.facts)) if record.case in secret else record


def redacted_display(display: CaseDisplay, secret: Collection[str]) -> CaseDisplay:
    """The pictures likewise: clean examples and suspect inputs stay, trigger, lineup and masks do not."""
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
