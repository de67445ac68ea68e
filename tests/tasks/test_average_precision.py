"""Average precision: the usual value without ties, the averaged curve with them."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from onecurve.tasks.machinery.average_precision import average_precision

ROWS = st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=2, max_size=6).filter(lambda row: any(flag for _, flag in row))


def one(values, flags):
    return float(average_precision(np.array([values], float), np.array([flags], bool))[0])


def by_every_order(values, flags):
    """Mean precision and mean recall gained at each rank over all orders that respect the values, multiplied rank by rank."""
    orders = [order for order in permutations(range(len(values))) if all(values[a] >= values[b] for a, b in pairwise(order))]
    hits = np.array([[flags[at] for at in order] for order in orders], float)
    precision = (hits.cumsum(axis=1) / np.arange(1, len(values) + 1)).mean(axis=0)
    return float((hits.mean(axis=0) * precision).sum() / sum(flags))


@given(ROWS)
@settings(max_examples=120, deadline=None)
def test_it_is_the_averaged_curve_over_every_order_of_ties(row):
    values, flags = zip(*row, strict=True)
    assert one(values, flags) == pytest.approx(by_every_order(values, flags))


@given(st.integers(2, 200), st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_without_ties_it_is_the_usual_average_precision(count, seed):
    rng = np.random.default_rng(seed)
    values, flags = rng.permutation(count), rng.random(count) < 0.3
    flags[rng.integers(count)] = True
    assert one(values, flags) == pytest.approx(average_precision_score(flags, values))


@given(st.integers(1, 100), st.integers(1, 100), st.floats(0.01, 1e6))
@settings(deadline=None)
def test_a_constant_earns_exactly_the_share_of_positives(positives, others, value):
    flags = [True] * positives + [False] * others
    assert one([value] * len(flags), flags) == pytest.approx(positives / len(flags))


def test_known_answers():
    assert one([4, 3, 2, 1], [1, 0, 1, 0]) == pytest.approx((1 + 2 / 3) / 2)
    assert one([4, 3, 2, 1], [0, 0, 0, 1]) == pytest.approx(0.25)
    assert one([1, 1, 0, 0], [1, 1, 0, 0]) == 1
    assert one([0, 0, 1, 1], [1, 1, 0, 0]) == pytest.approx((1 / 3 + 2 / 4) * 0.5)
    assert one([2, 2, 1], [1, 0, 0]) == pytest.approx(0.5)


def test_the_order_of_pixels_does_not_matter():
    rng = np.random.default_rng(3)
    values, flags = rng.integers(0, 4, (5, 40)), rng.random((5, 40)) < 0.4
    order = rng.permutation(40)
    assert average_precision(values, flags) == pytest.approx(average_precision(values[:, order], flags[:, order]))


def test_rows_do_not_mix():
    values = np.array([[2.0, 1.0], [1.0, 2.0]])
    assert average_precision(values, np.array([[True, False], [True, False]])).tolist() == [1.0, 0.5]


def test_moving_a_positive_up_never_costs():
    rng = np.random.default_rng(4)
    for _ in range(300):
        values, flags = rng.integers(0, 5, 12), rng.random(12) < 0.4
        flags[0] = True
        raised = values.copy()
        raised[flags] += 1
        assert one(raised, flags) >= one(values, flags) - 1e-12


def test_a_row_without_positives_is_an_error():
    with pytest.raises(ValueError, match="at least one positive"):
        average_precision(np.ones((1, 3)), np.zeros((1, 3), bool))
