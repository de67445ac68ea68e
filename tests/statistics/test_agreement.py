"""Two halves of a run: orders that are sure agree, orders of noise do not, and the number of networks needed follows from a known model."""

from math import asin, pi

import numpy as np
import pytest
from row_making import row
from scipy.stats import kendalltau

from onecurve.statistics.agreement import _tau, agreement, needed_networks
from onecurve.statistics.intervals import TooFewError


def run(skills, flaw=lambda network: "patch"):
    """Rows from skills, solvers x networks."""
    return [
        row(f"c{network:03d}", float(skill), solver=f"s{solver:02d}", flaw=flaw(network))
        for solver, line in enumerate(skills)
        for network, skill in enumerate(line)
    ]


def test_an_order_that_is_the_same_on_every_network_agrees_with_itself_and_is_not_certain():
    found = agreement(run(np.tile([[0.1], [0.5], [0.9]], 8)), "discover")
    assert (found.tau, found.solvers, found.networks, found.needed) == (1.0, 3, 8, 8)
    assert found.interval.high == 1
    assert 0 < found.interval.low < 1


def test_the_order_of_noise_does_not_agree():
    found = agreement(run(np.random.default_rng(0).normal(size=(8, 40))), "discover")
    assert abs(found.tau) < 0.3
    assert found.interval.holds(0)
    assert found.interval.width > 0.2


def test_what_one_kind_turns_round_agrees_because_both_halves_hold_every_kind():
    order = np.array([[0.0], [0.4], [0.8]])
    skills = np.hstack([np.tile(order, 8), np.tile(0.5 - order / 4, 8)])
    assert agreement(run(skills, lambda network: "patch" if network < 8 else "style"), "discover").tau == 1


def test_the_agreement_and_the_networks_needed_are_those_of_a_known_model():
    networks, spread, rng = 30, 4.0, np.random.default_rng(1)
    skills = rng.normal(size=(40, 1)) + spread * rng.normal(size=(40, networks))
    correlation = 1 / (1 + 2 * spread**2 / networks)
    true = 2 / pi * asin(correlation)
    assert agreement(run(skills), "discover").tau == pytest.approx(true, abs=0.12)
    wanted = np.sin(0.8 * pi / 2)
    assert needed_networks(true, networks) == pytest.approx(2 * spread**2 * wanted / (1 - wanted), abs=1)


@pytest.mark.parametrize(("tau", "needed"), [(0.8, 20), (0.95, 20), (0.0, None), (-0.4, None), (1e-6, None)])
def test_what_agrees_needs_no_more_and_what_does_not_agree_at_all_has_no_number(tau, needed):
    assert needed_networks(tau, 20) == needed


def test_only_networks_that_all_solvers_attempted_count_and_few_are_refused():
    made = run(np.tile([[0.1], [0.5]], 6))
    assert agreement(made[:-1], "discover").networks == 5
    for few in (run(np.tile([[0.1], [0.5]], 3)), run(np.tile([[0.1]], 9)), []):
        with pytest.raises(TooFewError):
            agreement(few, "discover")


def test_tau_is_that_of_scipy_ties_included():
    rng = np.random.default_rng(2)
    for _ in range(20):
        values = rng.integers(0, 4, (6, 2)).astype(float)
        found = _tau(values, np.ones(2), np.array([0]), np.array([1]))
        assert found == pytest.approx(np.nan_to_num(kendalltau(*values.T).statistic))
