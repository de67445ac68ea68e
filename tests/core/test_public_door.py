"""The public door: a fixed list of names, each of which opens, and nothing heavy before it is asked for."""

import subprocess
import sys

import pytest

import onecurve

NAMES = (
    *("Abstain", "Access", "Brief", "Budget", "Case", "ClassScores", "DataRows", "Evidence", "Filter", "HeatMap", "Hypothesis"),
    *("OneCurveError", "Paste", "Picture", "Rebuild", "Rebuilt", "Row", "Subject", "Suite", "Text", "TorchNetwork", "Truth"),
    *("Units", "UsageError", "Weigh", "Weights", "Workbench", "__version__", "torch_module"),
)


def test_the_list_is_what_we_promise() -> None:
    assert sorted(onecurve.__all__) == sorted(NAMES)
    assert len(NAMES) <= 30


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
