"""Grade every interpretability tool on one curve: what could an engineer do with its answer?

This is the one public door. Names are resolved when they are asked for, so importing OneCurve is cheap;
everything else may move without notice.
"""

import importlib
from typing import TYPE_CHECKING, Any

from onecurve.version import __version__

if TYPE_CHECKING:
    from onecurve.core.access import Access as Access
    from onecurve.core.answer import Abstain as Abstain
    from onecurve.core.answer import Rebuilt as Rebuilt
    from onecurve.core.answer import Weights as Weights
    from onecurve.core.case import Case as Case
    from onecurve.core.case import Subject as Subject
    from onecurve.core.case import Truth as Truth
    from onecurve.core.errors import OneCurveError as OneCurveError
    from onecurve.core.errors import UsageError as UsageError
    from onecurve.core.evidence import ClassScores as ClassScores
    from onecurve.core.evidence import DataRows as DataRows
    from onecurve.core.evidence import Evidence as Evidence
    from onecurve.core.evidence import HeatMap as HeatMap
    from onecurve.core.evidence import Hypothesis as Hypothesis
    from onecurve.core.evidence import Picture as Picture
    from onecurve.core.evidence import Text as Text
    from onecurve.core.evidence import Units as Units
    from onecurve.core.image.trigger import Filter as Filter
    from onecurve.core.image.trigger import Paste as Paste
    from onecurve.core.question import Brief as Brief
    from onecurve.core.question import Rebuild as Rebuild
    from onecurve.core.question import Weigh as Weigh
    from onecurve.core.row import Row as Row
    from onecurve.core.workbench import Budget as Budget
    from onecurve.core.workbench import Workbench as Workbench
    from onecurve.models.network import TorchNetwork as TorchNetwork
    from onecurve.models.network import torch_module as torch_module
    from onecurve.runner.suite import Suite as Suite

_PLACES = {
    "onecurve.core.access": ("Access",),
    "onecurve.core.answer": ("Abstain", "Rebuilt", "Weights"),
    "onecurve.core.case": ("Case", "Subject", "Truth"),
    "onecurve.core.errors": ("OneCurveError", "UsageError"),
    "onecurve.core.evidence": ("ClassScores", "DataRows", "Evidence", "HeatMap", "Hypothesis", "Picture", "Text", "Units"),
    "onecurve.core.question": ("Brief", "Rebuild", "Weigh"),
    "onecurve.core.row": ("Row",),
    "onecurve.core.image.trigger": ("Filter", "Paste"),
    "onecurve.core.workbench": ("Budget", "Workbench"),
    "onecurve.models.network": ("TorchNetwork", "torch_module"),
    "onecurve.runner.suite": ("Suite",),
}
_HOMES = {name: module for module, names in _PLACES.items() for name in names}

__all__ = ["__version__", *sorted(_HOMES)]  # noqa: PLE0604 - names are strings, gathered from one table


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'onecurve' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
