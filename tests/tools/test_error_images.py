"""The look at errors: which class, which images, in which order, and where there is nothing to show."""

import numpy as np
import pytest
import torch
from torch import nn

from onecurve.core.image.images import LabelledImages
from onecurve.core.question import Brief
from onecurve.tools.data.error_images import ErrorImages, most_in_excess


class CallsBright(nn.Module):
    """Says class 0, and class 1 the surer the brighter an image is."""

    def forward(self, images):
        bright = images.mean(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(bright), 10 * (bright - 0.5), *(torch.full_like(bright, -9.0) for _ in range(2))], dim=1)


def bench_of(world, labels, brightness, budget=1000.0):
    images = np.full((len(labels), 3, 16, 16), 0, np.uint8) + np.asarray(brightness, np.uint8)[:, None, None, None]
    made = world(images=8)
    made = type(made)(CallsBright(), LabelledImages(images, np.asarray(labels, np.int64)), made.trigger)
    made.module.filter = nn.Parameter(torch.zeros(1))
    return made.bench(budget)


def test_errors_that_name_the_target_are_shown_the_most_confident_first(world):
    bench = bench_of(world, [1, 0, 0, 2, 3], [250, 200, 240, 150, 20])
    evidence = ErrorImages().look(Brief(1), bench)
    (rows,) = evidence.data_rows()
    assert rows.rows.tolist() == [3, 2, 1] or sorted(rows.rows.tolist()) == [1, 2, 3]
    assert (np.diff(rows.scores) <= 0).all()
    assert len(evidence.pictures()) == 3
    assert "4 of 5 clean images are wrong" in evidence.texts()[0].words


def test_without_a_target_the_class_with_the_most_excess_is_shown(world):
    labels = [0] * 20 + [1] * 20 + [2] * 3
    bright = [10] * 20 + [250] * 12 + [10] * 8 + [10] * 3
    evidence = ErrorImages().look(Brief(), bench_of(world, labels, bright))
    assert {labels[row] for row in evidence.data_rows()[0].rows} == {1}


@pytest.mark.parametrize(("labels", "budget"), [([0, 0], 100.0), ([1, 1], 0.0)])
def test_no_errors_or_no_budget_give_nothing(world, labels, budget):
    assert ErrorImages().look(Brief(), bench_of(world, labels, [10, 10], budget)).pieces == ()


def test_excess_is_judged_by_the_number_of_images():
    labels = np.array([0] * 100 + [1] * 2 + [2] * 100)
    wrong = np.zeros(202, bool)
    wrong[:30] = wrong[100] = True
    assert most_in_excess(labels, wrong, 3) == 0, "30 of 100 says more than 1 of 2"
    assert most_in_excess(np.array([0, 1]), np.array([False, False]), 2) == 0
