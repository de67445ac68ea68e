import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Weights, checked
from onecurve.core.case import Subject
from onecurve.core.errors import AnswerError
from onecurve.core.evidence import Evidence, HeatMap, Picture
from onecurve.core.question import Brief, Rebuild, Weigh
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.readers.heat_maps.verbatim import Verbatim
from onecurve.readers.machinery.rendering import resized

SHAPE = (4, 6)
PIXELS = tuple(f"{row},{column}" for row in range(4) for column in range(6))


def bench() -> Workbench:
    return Workbench(Subject("s", None, ("a", "b"), (3, 4, 6), Access.NONE), Budget(0), Meter(Budget(0)), 0)


def read(*maps: HeatMap, items: int = 2) -> Weights:
    question = Weigh(Brief(), items, PIXELS, shape=SHAPE)
    answer = checked(question, Verbatim().read(question, Evidence(maps), bench()))
    assert isinstance(answer, Weights)
    return answer


def test_a_map_becomes_its_row_up_to_scale() -> None:
    values = np.arange(24, dtype=np.float32).reshape(SHAPE)
    row = read(HeatMap(values, 1)).values[1]
    assert np.allclose(row / row.sum(), values.reshape(-1) / values.sum())


def test_what_says_nothing_becomes_an_even_row_that_the_note_names() -> None:
    answer = read(HeatMap(np.full(SHAPE, 3, np.float32), 0), HeatMap(np.eye(4, 6, dtype=np.float32), 7), items=3)
    assert (answer.values == answer.values[:, :1]).all()
    assert answer.note == "no map: item 1, 2; degenerate (constant) map: item 0; no such item: item 7"


def test_an_all_zero_map_is_degenerate_and_not_an_error() -> None:
    assert "degenerate" in read(HeatMap(np.zeros(SHAPE, np.float32), 0)).note


def test_the_first_of_several_maps_counts() -> None:
    first, second = np.zeros(SHAPE, np.float32), np.ones(SHAPE, np.float32)
    first[1, 2] = 1
    assert read(HeatMap(first, 0), HeatMap(second, 0)).values[0].argmax() == 8


def test_a_larger_map_keeps_its_place() -> None:
    values = np.zeros((8, 12), np.float32)
    values[2:4, 8:10] = 5
    assert read(HeatMap(values, 0)).values[0].argmax() == 1 * 6 + 4


def test_no_map_at_all_is_an_abstention() -> None:
    question = Weigh(Brief(), 2, PIXELS, shape=SHAPE)
    only_pictures = Evidence((Picture(np.zeros((3, 4, 6), np.float32)),))
    assert isinstance(Verbatim().read(question, only_pictures, bench()), Abstain)


def test_other_questions_are_refused() -> None:
    for question in (Rebuild(Brief()), Weigh(Brief(), 1, ("a", "b"))):
        with pytest.raises(AnswerError, match="pixels"):
            Verbatim().read(question, Evidence(), bench())


@given(height=st.integers(1, 9), width=st.integers(1, 9), rows=st.integers(1, 9), columns=st.integers(1, 9), seed=st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_resizing_stays_in_range_and_keeps_constants(height: int, width: int, rows: int, columns: int, seed: int) -> None:
    values = np.random.default_rng(seed).random((height, width), np.float32)
    changed = resized(values, (rows, columns))
    assert changed.shape == (rows, columns)
    assert values.min() - 1e-5 <= changed.min() <= changed.max() <= values.max() + 1e-5
    assert np.allclose(resized(np.full((height, width), 2.0, np.float32), (rows, columns)), 2)


def test_doubling_by_bilinear_interpolation_has_known_values() -> None:
    assert np.allclose(resized(np.array([[0.0, 4.0]], np.float32), (1, 4)), [[0, 1, 3, 4]])
