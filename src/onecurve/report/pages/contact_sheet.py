"""All planted flaws at a glance: per case the trigger, examples, the target class and the attack success rate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from onecurve.core.display import CaseDisplay, PlantRecord
from onecurve.report.pages import pictures
from onecurve.report.pages.assets import Assets, PageImage
from onecurve.report.pages.evidence_view import trigger_pictures
from onecurve.report.words import numbers
from onecurve.report.words.naming import CLEAN, case_link

MOST = 120
"""Cases on the sheet."""
EXAMPLES = 2


@final
@dataclass(frozen=True)
class SheetEntry:
    """One case on the sheet."""

    case: str
    link: str
    flaw: str
    target: str
    success: str
    pictures: tuple[PageImage, ...]
    """The trigger alone where it can be drawn alone, then examples."""


def contact_sheet(displays: Mapping[str, CaseDisplay], plants: Sequence[PlantRecord], assets: Assets) -> tuple[SheetEntry, ...]:
    """One entry per case that has pictures, by kind. Controls without pictures and secret flaws are left out."""
    success = {record.case: numbers.percent(record.strength.get("success")) for record in plants}
    order = sorted((display for display in displays.values() if display.flaw != CLEAN), key=lambda one: (one.flaw, one.case))
    entries = [
        SheetEntry(one.case, case_link(one.case), one.flaw, one.target, success.get(one.case, ""), _pictures(one, assets)) for one in order
    ]
    return tuple(each for each in entries if each.pictures)[:MOST]


def _pictures(display: CaseDisplay, assets: Assets) -> tuple[PageImage, ...]:
    trigger = trigger_pictures(display.trigger, None, assets, "the trigger")[:1]
    examples = [
        assets.keep(pictures.png_of(image), f"{display.flaw} on an image of {label}; the network predicts {predicted}")
        for image, label, predicted in zip(display.triggered, display.triggered_labels, display.triggered_said, strict=True)
    ]
    return (*trigger, *examples[:EXAMPLES])
