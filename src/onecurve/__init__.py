"""A benchmark of interpretability methods on flaws (backdoors, spurious features, label noise) planted in neural networks.

This is the one public door. Names are resolved when they are asked for, so importing OneCurve is cheap;
everything else may move without notice.
"""

import importlib
from typing import TYPE_CHECKING, Any

from onecurve.version import __version__

if TYPE_CHECKING:
    from onecurve.auditing.finding import Finding as Finding
    from onecurve.auditing.outputs.writing import write_audit as write_audit
    from onecurve.auditing.result import Audit as Audit
    from onecurve.auditing.run import AuditSettings as AuditSettings
    from onecurve.auditing.run import audit as audit
    from onecurve.bench.bundling import bundle as bundle
    from onecurve.bench.merging import merge as merge
    from onecurve.bench.planting import Setting as Setting
    from onecurve.bench.planting import open_case as open_case
    from onecurve.bench.planting import open_zoo as open_zoo
    from onecurve.bench.planting import plant as plant
    from onecurve.bench.planting import plant_together as plant_together
    from onecurve.bench.running import Run as Run
    from onecurve.bench.running import run as run
    from onecurve.bench.verbs import Look as Look
    from onecurve.bench.verbs import Solved as Solved
    from onecurve.bench.verbs import ask as ask
    from onecurve.bench.verbs import grade as grade
    from onecurve.bench.verbs import look as look
    from onecurve.bench.verbs import solve as solve
    from onecurve.bench.verifying import verify as verify
    from onecurve.bench.waiting import PrintedProgress as PrintedProgress
    from onecurve.core.access import Access as Access
    from onecurve.core.answer import Abstain as Abstain
    from onecurve.core.answer import Answer as Answer
    from onecurve.core.answer import Rebuilt as Rebuilt
    from onecurve.core.answer import Weights as Weights
    from onecurve.core.answer import normalised as normalised
    from onecurve.core.case import Case as Case
    from onecurve.core.case import Population as Population
    from onecurve.core.case import Strength as Strength
    from onecurve.core.case import Subject as Subject
    from onecurve.core.case import Triggered as Triggered
    from onecurve.core.case import Truth as Truth
    from onecurve.core.effect import Effect as Effect
    from onecurve.core.errors import AnswerError as AnswerError
    from onecurve.core.errors import BudgetError as BudgetError
    from onecurve.core.errors import ContractError as ContractError
    from onecurve.core.errors import OneCurveError as OneCurveError
    from onecurve.core.errors import SpecError as SpecError
    from onecurve.core.errors import UngradeableError as UngradeableError
    from onecurve.core.errors import UsageError as UsageError
    from onecurve.core.evidence import Check as Check
    from onecurve.core.evidence import ClassScores as ClassScores
    from onecurve.core.evidence import Confusion as Confusion
    from onecurve.core.evidence import DataRows as DataRows
    from onecurve.core.evidence import Evidence as Evidence
    from onecurve.core.evidence import HeatMap as HeatMap
    from onecurve.core.evidence import Hypothesis as Hypothesis
    from onecurve.core.evidence import Picture as Picture
    from onecurve.core.evidence import Piece as Piece
    from onecurve.core.evidence import Pieces as Pieces
    from onecurve.core.evidence import SliceHypothesis as SliceHypothesis
    from onecurve.core.evidence import Text as Text
    from onecurve.core.evidence import Units as Units
    from onecurve.core.grade import Cost as Cost
    from onecurve.core.grade import Grade as Grade
    from onecurve.core.grade import Measured as Measured
    from onecurve.core.grade import Status as Status
    from onecurve.core.image.images import LabelledImages as LabelledImages
    from onecurve.core.image.predicate import AllOf as AllOf
    from onecurve.core.image.predicate import ColourRule as ColourRule
    from onecurve.core.image.predicate import NoneOf as NoneOf
    from onecurve.core.image.predicate import Predicate as Predicate
    from onecurve.core.image.predicate import Resembles as Resembles
    from onecurve.core.image.trigger import Chain as Chain
    from onecurve.core.image.trigger import Echo as Echo
    from onecurve.core.image.trigger import Either as Either
    from onecurve.core.image.trigger import Filter as Filter
    from onecurve.core.image.trigger import Paste as Paste
    from onecurve.core.image.trigger import Transfer as Transfer
    from onecurve.core.image.trigger import Trigger as Trigger
    from onecurve.core.image.trigger import Warp as Warp
    from onecurve.core.network import Network as Network
    from onecurve.core.question import Brief as Brief
    from onecurve.core.question import Form as Form
    from onecurve.core.question import Forms as Forms
    from onecurve.core.question import Given as Given
    from onecurve.core.question import Option as Option
    from onecurve.core.question import Question as Question
    from onecurve.core.question import Rebuild as Rebuild
    from onecurve.core.question import Weigh as Weigh
    from onecurve.core.roles import Reader as Reader
    from onecurve.core.roles import Solver as Solver
    from onecurve.core.roles import Task as Task
    from onecurve.core.roles import Tool as Tool
    from onecurve.core.row import Role as Role
    from onecurve.core.row import Row as Row
    from onecurve.core.seeds import generator as generator
    from onecurve.core.workbench import Budget as Budget
    from onecurve.core.workbench import Meter as Meter
    from onecurve.core.workbench import Workbench as Workbench
    from onecurve.models.granting import metered_workbench as metered_workbench
    from onecurve.models.metering import unmetered as unmetered
    from onecurve.models.network import TorchNetwork as TorchNetwork
    from onecurve.models.network import torch_module as torch_module
    from onecurve.models.steps import no_progress as no_progress
    from onecurve.runner.engine.choosing import EngineChoice as EngineChoice
    from onecurve.runner.suite import Suite as Suite
    from onecurve.runner.suite import load_suite as load_suite

_PLACES = {
    "onecurve.auditing.finding": ("Finding",),
    "onecurve.auditing.outputs.writing": ("write_audit",),
    "onecurve.auditing.result": ("Audit",),
    "onecurve.auditing.run": ("AuditSettings", "audit"),
    "onecurve.bench.bundling": ("bundle",),
    "onecurve.bench.merging": ("merge",),
    "onecurve.bench.planting": ("Setting", "open_case", "open_zoo", "plant", "plant_together"),
    "onecurve.bench.running": ("Run", "run"),
    "onecurve.bench.verbs": ("Look", "Solved", "ask", "grade", "look", "solve"),
    "onecurve.bench.verifying": ("verify",),
    "onecurve.bench.waiting": ("PrintedProgress",),
    "onecurve.core.access": ("Access",),
    "onecurve.core.answer": ("Abstain", "Answer", "Rebuilt", "Weights", "normalised"),
    "onecurve.core.case": ("Case", "Population", "Strength", "Subject", "Triggered", "Truth"),
    "onecurve.core.effect": ("Effect",),
    "onecurve.core.errors": ("AnswerError", "BudgetError", "ContractError", "OneCurveError", "SpecError", "UngradeableError", "UsageError"),
    "onecurve.core.evidence": (
        "Check",
        "ClassScores",
        "Confusion",
        "DataRows",
        "Evidence",
        "HeatMap",
        "Hypothesis",
        "Picture",
        "Piece",
        "Pieces",
        "SliceHypothesis",
        "Text",
        "Units",
    ),
    "onecurve.core.grade": ("Cost", "Grade", "Measured", "Status"),
    "onecurve.core.image.images": ("LabelledImages",),
    "onecurve.core.image.predicate": ("AllOf", "ColourRule", "NoneOf", "Predicate", "Resembles"),
    "onecurve.core.image.trigger": ("Chain", "Echo", "Either", "Filter", "Paste", "Transfer", "Trigger", "Warp"),
    "onecurve.core.network": ("Network",),
    "onecurve.core.question": ("Brief", "Form", "Forms", "Given", "Option", "Question", "Rebuild", "Weigh"),
    "onecurve.core.roles": ("Reader", "Solver", "Task", "Tool"),
    "onecurve.core.row": ("Role", "Row"),
    "onecurve.core.seeds": ("generator",),
    "onecurve.core.workbench": ("Budget", "Meter", "Workbench"),
    "onecurve.models.granting": ("metered_workbench",),
    "onecurve.models.metering": ("unmetered",),
    "onecurve.models.steps": ("no_progress",),
    "onecurve.models.network": ("TorchNetwork", "torch_module"),
    "onecurve.runner.engine.choosing": ("EngineChoice",),
    "onecurve.runner.suite": ("Suite", "load_suite"),
}
_HOMES = {name: module for module, names in _PLACES.items() for name in names}

__all__ = ["__version__", *sorted(_HOMES)]  # noqa: PLE0604 - names are strings, gathered from one table


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'onecurve' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
