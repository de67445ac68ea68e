"""Heat-map figures on maps whose figures are known, and scoring bugs of public benchmarks that must not come back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from onecurve.tasks.machinery import map_figures
from onecurve.tasks.machinery.average_precision import average_precision

FIGURES = (
    map_figures.pearson,
    map_figures.l1,
    map_figures.pointing,
    map_figures.iou_at_area,
    map_figures.auroc,
    map_figures.relevance_mass,
)


def of(figure, values, mask):
    return float(figure(np.array([values], np.float32), np.array([mask], bool))[0])


@pytest.mark.parametrize("side", [3, 8, 20])
def test_the_perfect_map_is_perfect_whatever_the_size_of_the_mask(side):
    mask = np.zeros((24, 24), bool)
    mask[2 : 2 + side, 1 : 1 + side] = True
    found = [of(figure, mask.ravel() * 7.0, mask.ravel()) for figure in FIGURES]
    assert found == pytest.approx([1, 0, 1, 1, 1, 1])


def test_a_disjoint_map_overlaps_nothing():
    found = [of(figure, [0, 0, 1, 1], [1, 1, 0, 0]) for figure in FIGURES]
    assert found == pytest.approx([-1, 1, 0, 0, 0, 0])


def test_half_an_overlap_has_the_exact_value():
    values, mask = [1, 1, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0]
    assert of(map_figures.iou_at_area, values, mask) == pytest.approx(1 / 3)
    assert of(map_figures.relevance_mass, values, mask) == pytest.approx(0.5)
    assert of(map_figures.pointing, values, mask) == pytest.approx(0.5)
    assert of(map_figures.l1, values, mask) == pytest.approx(2 / 6)
    assert of(map_figures.auroc, values, mask) == pytest.approx((3 + 0.5 * 1 + 0.5 * 3) / 8)
    assert of(map_figures.pearson, values, mask) == pytest.approx(0.25)


def test_a_constant_map_is_at_chance_in_every_figure():
    mask = [1, 0, 0, 0]
    found = {figure.__name__: of(figure, [3, 3, 3, 3], mask) for figure in FIGURES}
    expected = {"pearson": 0, "l1": 0.25, "pointing": 0.25, "iou_at_area": 0.25 / 1.75, "auroc": 0.5, "relevance_mass": 0.25}
    assert found == pytest.approx(expected)


def test_a_map_is_compared_in_l1_after_it_is_brought_to_the_unit_range():
    assert of(map_figures.l1, [3, 2, 1, 1], [1, 0, 0, 0]) == pytest.approx(0.5 / 4)
    assert of(map_figures.l1, [0.5, 0.5, 0.5, 0.25], [1, 1, 0, 0]) == pytest.approx(1 / 4)


def test_marking_much_outside_a_small_mask_is_worse_in_l1_than_marking_nothing():
    mask = np.arange(100) < 4
    busy, blank = np.where(mask, 1.0, 0.3), np.ones(100)
    assert of(map_figures.l1, busy * (1 - 0.99 * (np.arange(100) == 99)), mask) > of(map_figures.l1, blank, mask) == pytest.approx(0.04)
    assert of(map_figures.iou_at_area, busy, mask) == 1


def test_the_lenses_are_the_single_figures():
    rng = np.random.default_rng(3)
    maps, masks = rng.integers(0, 5, (7, 40)).astype(np.float32), rng.random((7, 40)) < 0.3
    masks[:, :2] = True, False
    found = map_figures.metrics(maps, masks)
    assert tuple(found) == map_figures.METRICS
    alone = {"average_precision": average_precision, "pearson": map_figures.pearson, "l1": map_figures.l1}
    alone |= {"pointing": map_figures.pointing, "iou": map_figures.iou_at_area}
    for name, figure in alone.items():
        np.testing.assert_array_equal(found[name], figure(maps, masks))


@given(st.integers(0, 2**32), st.integers(2, 6))
@settings(max_examples=40, deadline=None)
def test_auroc_and_correlation_agree_with_the_references(seed, levels):
    rng = np.random.default_rng(seed)
    values, mask = rng.integers(0, levels, 30), rng.random(30) < 0.3
    values[0], values[1], mask[0], mask[1] = 0, 1, True, False
    assert of(map_figures.auroc, values, mask) == pytest.approx(roc_auc_score(mask, values))
    assert of(map_figures.pearson, values, mask) == pytest.approx(np.corrcoef(values, mask)[0, 1], abs=1e-6)


@given(st.integers(0, 2**32), st.floats(1e-3, 1e6))
@settings(max_examples=25, deadline=None)
def test_the_scale_of_a_map_does_not_matter(seed, scale):
    rng = np.random.default_rng(seed)
    values, mask = rng.random(20).astype(np.float32), rng.random(20) < 0.4
    mask[:2] = True, False
    for figure in FIGURES:
        assert of(figure, values * np.float32(scale), mask) == pytest.approx(of(figure, values, mask), abs=1e-4)


def test_huge_maps_do_not_overflow():
    huge = np.array([np.finfo(np.float32).max] * 2 + [0, 0])
    assert [of(figure, huge, [1, 1, 0, 0]) for figure in FIGURES] == pytest.approx([1, 0, 1, 1, 1, 1])
