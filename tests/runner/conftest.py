"""Fixtures of the runner's tests: the cache shared by all tests, and a run in a fresh folder."""

from collections.abc import Callable
from pathlib import Path

import pytest

from onecurve.core.row import Row
from onecurve.runner.run import Place, run_suite
from onecurve.runner.suite import Suite
from onecurve.store.store import Store


@pytest.fixture(scope="session")
def cache(cache_folder: Path) -> Path:
    return cache_folder


@pytest.fixture
def run(cache: Path, tmp_path: Path) -> Callable[[Suite], dict[str, Row]]:
    """Run a suite in a fresh folder and return its rows by solver, reference_points left out."""

    def run_here(suite: Suite) -> dict[str, Row]:
        run_suite(suite, Place(tmp_path / "out", cache, 2))
        with Store.read(tmp_path / "out") as store:
            return {row.solver: row for row in store.rows() if row.role != "yardstick"}

    return run_here
