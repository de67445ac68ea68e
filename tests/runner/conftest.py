"""Fixtures of the runner's tests: the cache shared by all tests, and a run in a fresh folder."""

from collections.abc import Callable
from pathlib import Path

import pytest

from onecurve.core.row import Row
from onecurve.runner.isolation.walls import Wanted
from onecurve.runner.run import Place, run_suite
from onecurve.runner.suite import Suite
from onecurve.store.store import Store


@pytest.fixture(scope="session")
def cache(cache_folder: Path) -> Path:
    return cache_folder


def rows_of(suite: Suite, place: Place) -> dict[str, Row]:
    run_suite(suite, place)
    with Store.read(place.out) as store:
        return {row.tool if row.tool == row.reader else row.solver: row for row in store.rows() if row.role != "yardstick"}


@pytest.fixture
def run(cache: Path, tmp_path: Path) -> Callable[[Suite], dict[str, Row]]:
    """Run a suite in a fresh folder and return its rows by solver, reference points left out; a class that reads itself by its one name."""
    return lambda suite: rows_of(suite, Place(tmp_path / "out", cache, 2))


@pytest.fixture
def open_run(cache: Path, tmp_path: Path) -> Callable[[Suite], dict[str, Row]]:
    """The same without isolation, for tools that write down what they see."""
    return lambda suite: rows_of(suite, Place(tmp_path / "out", cache, 2, isolation=Wanted.OFF))
