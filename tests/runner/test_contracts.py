"""Every entry of every catalog keeps the contract that authors are asked to keep."""

import pytest

from onecurve.core.errors import MissingExtraError
from onecurve.readers.catalog import READERS
from onecurve.repairs.catalog import SOLVERS
from onecurve.runner.commands.check import check_address
from onecurve.tasks.catalog import TASKS
from onecurve.tools.catalog import TOOLS

ENTRIES = [*TOOLS.names(), *SOLVERS.names(), *READERS.names(), *TASKS.names()]


@pytest.mark.parametrize("name", ENTRIES)
def test_it_keeps_the_contract(name: str) -> None:
    try:
        findings = check_address(name)
    except MissingExtraError as error:
        pytest.skip(error.message)
    assert len(findings) > 7
    assert [f"{finding.check}: {finding.detail}" for finding in findings if not finding.passed] == []
