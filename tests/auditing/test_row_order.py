"""The order of classes by the last layer: trusted where copies show that it leads to what was planted, and nowhere else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from onecurve.auditing.examined import Examined, metered
from onecurve.auditing.looks.triggers import order_of
from onecurve.auditing.outputs.power_words import order_sentences
from onecurve.auditing.power.copies import WEIGHTS, Copy, Draft
from onecurve.auditing.power.insertion import INSERTIONS
from onecurve.auditing.power.row_ranks import row_ranks, rows_tried
from onecurve.auditing.power.spikes import Spike, SpikeKind
from onecurve.auditing.row_order import RowsTried
from onecurve.core.image.images import LabelledImages
from onecurve.models.metering import unmetered
from onecurve.models.weights import write_state

ALONE = 6
"""The class whose row is unlike all others."""


@pytest.fixture
def examined() -> Examined:
    linear = nn.Linear(12, 10, bias=False)
    with torch.no_grad():
        linear.weight[:] = torch.ones(12) + 0.1 * torch.randn(10, 12, generator=torch.Generator().manual_seed(0))
        linear.weight[ALONE] *= -1
    images = LabelledImages(np.zeros((20, 3, 2, 2), np.uint8), np.arange(20) % 10)
    module, meter = metered(nn.Sequential(nn.Flatten(), linear), (3, 2, 2))
    return Examined(module, meter, tuple("abcdefghij"), images, images, labelled=True)


def copy_of(name: str, spikes: tuple[Spike, ...], strengths: tuple[float, ...], *, sham: bool = False) -> Copy:
    return Copy(Draft(name, 0, sham, spikes, INSERTIONS[0]), strengths, 1.0)


@pytest.mark.parametrize(
    ("classes", "planted", "leading", "trusted"),
    [(10, 9, 7, True), (10, 4, 3, True), (10, 5, 3, False), (10, 9, 2, False), (10, 0, 0, False), (1000, 3, 2, False), (4, 3, 3, True)],
)
def test_the_order_is_trusted_where_chance_does_not_explain_it(classes: int, planted: int, leading: int, trusted: bool) -> None:
    assert RowsTried(classes, planted, leading).trusted is trusted


def test_the_p_is_the_exact_binomial_one() -> None:
    assert RowsTried(10, 2, 2).p == pytest.approx(0.04)
    assert RowsTried(10, 2, 1).p == pytest.approx(1 - 0.8**2)


def test_a_copy_does_not_decide_how_it_is_looked_at_itself() -> None:
    ranks = {"first": (1, 2, 1), "second": (9,), "third": (2, 10)}
    assert rows_tried(ranks, 10, name="first") == RowsTried(10, 3, 1)
    assert rows_tried(ranks, 10, name="second") == RowsTried(10, 5, 4)
    assert rows_tried(ranks, 10, name="the original") == RowsTried(10, 6, 4)


def test_ranks_are_of_working_triggers_in_spiked_copies(examined: Examined, tmp_path: Path) -> None:
    spikes = (Spike(SpikeKind.PATCH, ALONE, None), Spike(SpikeKind.GROUP, 1, None), Spike(SpikeKind.WHOLE_IMAGE, 2, None))
    copies = [copy_of("spiked", spikes, (0.9, 0.9, 0.2)), copy_of("sham", spikes, (0.9, 0.9, 0.9), sham=True)]
    for copy in copies:
        write_state(tmp_path / copy.name / WEIGHTS, unmetered(examined.module).state_dict())
    assert row_ranks(examined, copies, tmp_path) == {"spiked": (1,)}


def test_without_trust_lots_decide(examined: Examined) -> None:
    def order(tried: RowsTried | None, seed: int = 0) -> list[int]:
        return list(order_of(replace(examined, rows_tried=tried, seed=seed))[0])

    led, chance = RowsTried(10, 9, 7), RowsTried(10, 9, 2)
    assert order(None) == order(led) == order(led, 1)
    assert order(led)[0] == ALONE
    assert order(chance) == order(chance) != order(chance, 1)
    assert sorted(order(chance)) == list(range(10))


def test_words_say_whether_the_order_is_calibrated(examined: Examined) -> None:
    said = [order_of(replace(examined, rows_tried=tried))[1] for tried in (None, RowsTried(10, 9, 7), RowsTried(10, 9, 2))]
    assert "no copy has calibrated" in said[0]
    assert "7 of 9" in said[1]
    assert "drawn by lot" in said[2]
    assert order_sentences(None) == ()
    (trusted,), (untrusted,) = (order_sentences(RowsTried(10, 9, leading).told()) for leading in (7, 2))
    assert "7 of 9" in trusted
    assert ": trusted" in trusted
    assert "not trusted" in untrusted
