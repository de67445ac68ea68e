"""The simulation of the intervals, with few draws: coverage, and one tool under two names."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DRAWS = 400


@pytest.fixture(scope="module")
def simulated():
    spec = importlib.util.spec_from_file_location("coverage_simulation", ROOT / "benchmarks" / "coverage.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.parametrize("networks", [4, 8, 16, 32])
@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_intervals_of_normal_skills_hold_the_mean_as_often_as_they_say(simulated, networks, correlation):
    # Three standard errors of 400 draws are 0.033.
    assert 0.91 <= simulated.coverage(networks, correlation, "normal", DRAWS) <= 0.985


@pytest.mark.parametrize("networks", [4, 16])
def test_cases_that_are_counted_as_independent_pretend_to_certainty(simulated, networks):
    assert simulated.coverage(networks, 0.9, "normal", DRAWS, by_network=False) < 0.85


@pytest.mark.parametrize(("networks", "most"), [(4, 0.0), (8, 0.085)])
def test_one_tool_under_two_names_is_hardly_ever_told_apart(simulated, networks, most):
    assert simulated.told_apart(networks, 0.6, DRAWS) <= most


def test_the_documentation_has_every_number_of_networks_and_correlation(simulated):
    text = (ROOT / "docs" / "reference" / "statistics.md").read_text(encoding="utf-8")
    for networks in simulated.NETWORKS:
        assert text.count(f"| n = {networks} networks |") == 4
    for correlation in simulated.CORRELATIONS:
        assert text.count(f"correlation {correlation:g} |") == 4
