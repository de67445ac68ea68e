from dataclasses import dataclass, replace

import numpy as np
import pytest

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Weights, checked
from onecurve.core.case import Subject
from onecurve.core.errors import AnswerError
from onecurve.core.image.images import Floats, Ints, LabelledImages
from onecurve.core.question import Brief, Rebuild, Weigh
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.tools.data.confusions import TestSet

K = 8
NAMES = tuple("abcdefgh")


@dataclass(frozen=True)
class Scripted:
    """Says for an image whose first pixel is n what row n of the table says; counts what it was shown."""

    table: Floats
    meter: Meter

    def logits(self, images: Floats) -> Floats:
        self.meter.count_forward(len(images))
        return self.table[np.rint(images[:, 0, 0, 0] * 255).astype(int)]

    def size(self) -> int:
        return self.table.size

    def relearned(self, images: Floats, labels: Ints, seed: int) -> "Scripted":
        return self


def bench(table: Floats, labels: np.ndarray, budget: float = 1000) -> Workbench:
    images = np.zeros((len(labels), 1, 2, 2), np.uint8)
    images[:, 0, 0, 0] = np.arange(len(labels))
    meter = Meter(Budget(budget))
    access = Access.QUERIES | Access.CLEAN_IMAGES | Access.CLEAN_LABELS
    subject = Subject("s", Scripted(table, meter), NAMES, (1, 2, 2), access, LabelledImages(images, labels))
    return Workbench(subject, Budget(budget), meter, 0)


def scripted(seed: int = 0, towards: int | None = None) -> tuple[Floats, np.ndarray]:
    """200 images with confident right answers and a little noise; with ``towards``, one class draws from all others."""
    rng = np.random.default_rng(seed)
    labels = np.arange(200) % K
    logits = rng.normal(0, 0.5, (200, K)) + 8 * np.eye(K)[labels]
    if towards is not None:
        logits[:, towards] += 4
    return logits.astype(np.float32), labels


def detect(workbench: Workbench) -> np.ndarray:
    question = Weigh(Brief(), 1, (*NAMES, "none"))
    answer = checked(question, TestSet().answer(question, workbench))
    assert isinstance(answer, Weights)
    return answer.values[0] / answer.values[0].sum()


def test_a_class_that_draws_from_others_is_suspicious() -> None:
    assert detect(bench(*scripted(towards=5))).argmax() == 5
    assert detect(bench(*scripted(towards=5)))[5] > 0.9


def test_if_nothing_stands_out_it_says_none() -> None:
    shares = np.array([detect(bench(*scripted(seed)))[-1] for seed in range(20)])
    assert np.median(shares) > 0.7


def test_a_network_that_says_the_same_everywhere_is_no_error() -> None:
    assert np.isfinite(detect(bench(np.zeros((200, K), np.float32), np.arange(200) % K))).all()


def predict(workbench: Workbench, labels: np.ndarray) -> np.ndarray:
    inputs = np.zeros((len(labels), 1, 2, 2), np.float32)
    question = Weigh(Brief(target=0), len(labels), NAMES, inputs=inputs, labels=labels)
    answer = checked(question, TestSet().answer(question, workbench))
    assert isinstance(answer, Weights)
    return answer.values


def test_predictions_are_the_rows_of_the_confusion_matrix() -> None:
    labels = np.arange(200) % K
    said = np.where((labels == 2) & (np.arange(200) % 16 == 2), 6, labels)
    rows = predict(bench(8 * np.eye(K, dtype=np.float32)[said], labels), np.array([2, 0, 2]))
    assert rows[0].sum() == pytest.approx(1)
    assert rows[0, 6] == pytest.approx(0.5, abs=0.03)
    assert rows[1, 0] > 0.95
    assert np.array_equal(rows[0], rows[2])


def test_a_class_never_seen_is_foretold_from_the_overall_accuracy() -> None:
    labels = np.arange(200) % (K - 1)
    rows = predict(bench(8 * np.eye(K, dtype=np.float32)[labels], labels), np.array([K - 1]))
    assert rows[0].argmax() == K - 1
    assert rows[0, K - 1] > 0.9


def test_only_the_clean_set_is_run() -> None:
    workbench = bench(*scripted())
    predict(workbench, np.zeros(50, np.int64))
    assert workbench.meter.forward == 200


def test_a_small_budget_runs_a_part_and_none_abstains() -> None:
    workbench = bench(*scripted(), budget=30)
    predict(workbench, np.array([0]))
    assert workbench.meter.forward == 30
    question = Weigh(Brief(), 1, (*NAMES, "none"))
    assert isinstance(TestSet().answer(question, bench(*scripted(), budget=0)), Abstain)


def test_other_questions_are_refused() -> None:
    with pytest.raises(AnswerError, match="network"):
        TestSet().answer(Rebuild(Brief()), bench(*scripted()))
    with pytest.raises(AnswerError, match="labels"):
        TestSet().answer(Weigh(Brief(), 1, ("x", "y")), bench(*scripted()))


def test_labels_are_read_not_the_network_output_for_inputs() -> None:
    # The same inputs with other labels give other rows: what is foretold hangs on the labels alone.
    rows = predict(bench(*scripted()), np.arange(K))
    assert (rows.argmax(1) == np.arange(K)).all()
    assert replace(TestSet(), smoothing=5.0).smoothing == 5.0
