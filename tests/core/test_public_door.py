"""The public door: a fixed list of names, each of which opens, and nothing heavy before it is asked for."""

import subprocess
import sys

import pytest

import onecurve

NAMES = (
    *("Abstain", "Access", "AllOf", "Answer", "AnswerError", "Brief", "Budget", "BudgetError", "Case", "Chain", "Check"),
    *("ClassScores", "ColourRule", "Confusion", "ContractError", "Cost", "DataRows", "Echo", "Effect", "Either", "Evidence", "Filter"),
    *("EngineChoice", "Form", "Forms", "Given", "Grade", "HeatMap", "Hypothesis", "LabelledImages", "Look", "Measured", "Meter", "Network"),
    *("NoneOf", "OneCurveError", "Option", "Paste", "Picture", "Piece", "Pieces", "Population", "Predicate", "PrintedProgress"),
    *("Question", "Reader", "Rebuild", "Rebuilt", "Resembles", "Role", "Row", "Run", "Setting", "SliceHypothesis", "Solved"),
    *("Solver", "SpecError", "Status", "Strength", "Subject", "Suite", "Task", "Text", "Tool", "TorchNetwork", "Transfer"),
    *("Trigger", "Triggered", "Truth", "UngradeableError", "Units", "UsageError", "Warp", "Weigh", "Weights", "Workbench"),
    *("Audit", "AuditSettings", "Finding", "audit", "write_audit"),
    *(
        "__version__",
        "ask",
        "bundle",
        "generator",
        "grade",
        "load_suite",
        "look",
        "merge",
        "metered_workbench",
        "no_progress",
        "normalised",
    ),
    *("open_case", "open_zoo", "plant", "plant_together", "run", "solve", "torch_module", "unmetered", "verify"),
)


def test_the_list_is_what_we_promise() -> None:
    assert sorted(onecurve.__all__) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_name_opens(name: str) -> None:
    assert getattr(onecurve, name) is not None
    assert name in dir(onecurve)


def test_no_other_name_opens() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = onecurve.nothing


@pytest.mark.parametrize("command", ["import onecurve", "import onecurve.cli.main", "import onecurve.core.roles, onecurve.tasks.catalog"])
def test_torch_is_not_loaded_before_it_is_needed(command: str) -> None:
    program = f"{command}; import sys; print(sorted({{'torch', 'captum', 'sklearn', 'pydantic', 'sqlalchemy'}} & set(sys.modules)))"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
