"""The looks of an audit, in the order in which they are made: those that cost nothing first."""

import importlib
from typing import Final

from onecurve.audit.look import Look

LOOKS: Final[tuple[str, ...]] = (
    "onecurve.audit.looks.accuracy:AccuracyByClass",
    "onecurve.audit.looks.confusions:Confusions",
    "onecurve.audit.looks.mistakes:MistakenGroups",
    "onecurve.audit.looks.duplicates:Duplicates",
    "onecurve.audit.looks.poses:Poses",
    "onecurve.audit.looks.label_noise:NoisyLabels",
    "onecurve.audit.looks.shortcuts:Shortcuts",
    "onecurve.audit.looks.triggers:PatchTriggers",
    "onecurve.audit.looks.triggers:StyleTriggers",
)


def looks() -> tuple[Look, ...]:
    """One of each."""
    found = []
    for address in LOOKS:
        module, _, name = address.partition(":")
        found.append(getattr(importlib.import_module(module), name)())
    return tuple(found)
