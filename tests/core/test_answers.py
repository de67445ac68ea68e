"""The door through which every answer passes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from onecurve.core.answer import Abstain, Rebuilt, Weights, checked, normalised
from onecurve.core.errors import AnswerError
from onecurve.core.network import ConstantNetwork
from onecurve.core.question import Brief, Rebuild, Weigh

QUESTION = Weigh(Brief(), 2, ("a", "b", "c"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((2, 2)), r"weights must have shape \(2, 3\)"),
        (np.ones((3, 2)), r"got: \(3, 2\)"),
        (np.array([[1, 1, 1], [1, np.nan, 1]]), "row 1 holds: nan"),
        (np.array([[1, 1, 1], [1, np.inf, 1]]), "row 1 holds: inf"),
        (np.array([[1, -0.5, 1], [1, 1, 1]]), "row 0 holds: -0.5"),
        (np.array([[1, 1, 1], [0, 0, 0]]), "row 1 is"),
        (np.array([["a", "b", "c"]] * 2), "weights must be real numbers"),
        (np.ones((2, 3), complex), "weights must be real numbers"),
        (np.full((2, 3), 1e-60), "all zero in a row"),
    ],
)
def test_bad_weights_are_named(values: np.ndarray, message: str) -> None:
    with pytest.raises(AnswerError, match=message):
        checked(QUESTION, Weights(values))


@pytest.mark.parametrize("answer", [None, "text", np.ones((2, 3)), Rebuilt(ConstantNetwork(np.ones(3, np.float32)))])
def test_the_wrong_kind_of_answer(answer: object) -> None:
    with pytest.raises(AnswerError, match="wants Weights or Abstain"):
        checked(QUESTION, answer)


def test_weights_for_a_network_and_networks_over_the_size() -> None:
    network = ConstantNetwork(np.ones(3, np.float32))
    with pytest.raises(AnswerError, match="wants Rebuilt or Abstain"):
        checked(Rebuild(Brief()), Weights(np.ones((2, 3))))
    with pytest.raises(AnswerError, match="at most 95 bits, got: 96"):
        checked(Rebuild(Brief(), 95), Rebuilt(network))
    with pytest.raises(AnswerError, match="must hold a network"):
        checked(Rebuild(Brief()), Rebuilt("weights"))  # type: ignore[arg-type]
    assert checked(Rebuild(Brief(), 96), Rebuilt(network)) == Rebuilt(network)


def test_abstaining_always_passes() -> None:
    assert checked(QUESTION, Abstain("why")) == Abstain("why")
    assert checked(Rebuild(Brief()), Abstain("why")) == Abstain("why")


@given(arrays(np.float64, (2, 3), elements=st.just(0.0) | st.floats(1e-30, 1e300)).filter(lambda rows: bool(rows.any(axis=1).all())))
def test_any_finite_non_negative_rows_pass_and_sum_to_one(values: np.ndarray) -> None:
    answer = checked(QUESTION, Weights(values))
    assert isinstance(answer, Weights)
    shares = normalised(answer)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    assert np.isfinite(shares).all()


def test_integers_and_lists_are_numbers() -> None:
    answer = checked(QUESTION, Weights([[1, 2, 3], [0, 1, 0]]))  # type: ignore[arg-type]
    assert isinstance(answer, Weights)
    assert answer.values.dtype == np.float32
