"""The clean set as a baseline: what it shows, and what its usual readers make of it."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Answer, Weights, checked
from onecurve.core.case import Subject
from onecurve.core.errors import AnswerError
from onecurve.core.evidence import ClassScores, Confusion, Evidence
from onecurve.core.evidence_limits import require_within_limits
from onecurve.core.image.images import Floats, Ints, LabelledImages
from onecurve.core.question import Brief, Weigh
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.readers.class_scores.outlier import Outlier
from onecurve.readers.triggers.effect import Effect
from onecurve.tools.data.confusions import TestSet

K = 8
NAMES = tuple("abcdefgh")
BLIND, EFFECT = Brief(), Effect()


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

    def relearned(self, images: Floats, labels: Ints, seed: int, steps: int) -> "Scripted":
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


def look(workbench: Workbench, brief: Brief = BLIND) -> Evidence:
    evidence = TestSet().look(brief, workbench)
    require_within_limits(evidence, workbench.subject, brief)
    return evidence


def detect(workbench: Workbench) -> np.ndarray:
    """The shares that the calibrated reader gives, with looks at three other networks in which nothing stands out."""
    question = Weigh(Brief(), 1, (*NAMES, "none"))
    known = tuple(look(bench(*scripted(seed))) for seed in (101, 102, 103))
    evidence = look(workbench)
    answer = checked(question, Outlier().read(question, evidence, replace(workbench.for_reading(question), references=known)))
    assert isinstance(answer, Weights)
    return answer.values[0] / answer.values[0].sum()


def test_a_class_that_draws_from_others_is_suspicious() -> None:
    assert detect(bench(*scripted(towards=5))).argmax() == 5
    assert detect(bench(*scripted(towards=5)))[5] > 0.9


def test_if_nothing_stands_out_it_says_none() -> None:
    shares = np.array([detect(bench(*scripted(seed))) for seed in range(20)])
    assert np.median(shares[:, -1]) > 0.5
    assert (shares.argmax(axis=1) == K).mean() >= 0.9


def test_a_network_that_says_the_same_everywhere_is_no_error() -> None:
    assert np.isfinite(detect(bench(np.zeros((200, K), np.float32), np.arange(200) % K))).all()


def foretold(workbench: Workbench, labels: np.ndarray, reader: Effect = EFFECT) -> Answer:
    inputs = np.zeros((len(labels), 1, 2, 2), np.float32)
    question = Weigh(Brief(target=6), len(labels), ("goes", "stays"), inputs=inputs, labels=labels, base_rate=0.5)
    return checked(question, reader.read(question, look(workbench, question.brief), workbench.for_reading(question)))


def predict(workbench: Workbench, labels: np.ndarray, reader: Effect = EFFECT) -> np.ndarray:
    answer = foretold(workbench, labels, reader)
    assert isinstance(answer, Weights)
    return answer.values[:, 0]


def test_a_class_that_is_often_taken_for_the_target_is_more_likely_to_go_there() -> None:
    labels = np.arange(200) % K
    said = np.where((labels == 2) & (np.arange(200) % 16 == 2), 6, labels)
    goes = predict(bench(8 * np.eye(K, dtype=np.float32)[said], labels), np.array([2, 0, 2, 0]))
    assert goes[0] == goes[2] > 0.6
    assert goes[1] == goes[3] < 0.4
    assert goes.mean() == pytest.approx(0.5, abs=0.01)


def test_without_confusions_the_base_rate_is_all_there_is() -> None:
    labels = np.arange(200) % (K - 1)
    assert np.allclose(predict(bench(8 * np.eye(K, dtype=np.float32)[labels], labels), np.arange(K)), 0.5, atol=0.01)


def test_only_the_clean_set_is_run() -> None:
    workbench = bench(*scripted())
    predict(workbench, np.zeros(50, np.int64))
    assert workbench.meter.forward == 200


def test_a_small_budget_runs_a_part_and_with_none_the_readers_abstain() -> None:
    workbench = bench(*scripted(), budget=30)
    predict(workbench, np.array([0]))
    assert workbench.meter.forward == 30
    assert look(bench(*scripted(), budget=0)) == Evidence()
    assert isinstance(foretold(bench(*scripted(), budget=0), np.array([0])), Abstain)


def test_scores_are_shown_where_no_target_is_given() -> None:
    assert [type(piece) for piece in look(bench(*scripted())).pieces] == [ClassScores, Confusion]
    assert [type(piece) for piece in look(bench(*scripted()), Brief(3)).pieces] == [Confusion]


def test_labels_are_read_not_the_network_output_for_inputs() -> None:
    # The same inputs with other labels give other chances: what is foretold hangs on the labels alone.
    labels = np.arange(200) % K
    said = np.where((labels == 2) & (np.arange(200) % 16 == 2), 6, labels)
    table = 8 * np.eye(K, dtype=np.float32)[said]
    rows = predict(bench(table, labels), np.arange(K))
    assert rows.argmax() == 2
    smooth = predict(bench(table, labels), np.arange(K), Effect(smoothing=50.0))
    assert smooth[2] < rows[2]


def test_a_confusion_says_its_most_frequent_errors_and_refuses_what_counts_nothing() -> None:
    counts = 5 * np.eye(3, dtype=np.int64)
    counts[2, 0], counts[0, 1] = 4, 2
    shown = Confusion(counts, "all")
    words = "15 of 21 clean images are sent to their own class; most often c as a 4 times, a as b 2 times"
    assert shown.words(("a", "b", "c")) == words
    assert "class 2 as class 0 4 times" in shown._repr_html_()
    assert Confusion(5 * np.eye(2, dtype=np.int64)).words() == "10 of 10 clean images are sent to their own class"
    for wrong in (np.ones((2, 3), np.int64), np.zeros((0, 0), np.int64), -np.eye(2, dtype=np.int64), np.eye(2)):
        with pytest.raises(AnswerError, match="a Confusion must"):
            Confusion(wrong)
    question = Weigh(Brief(0), 1, ("goes", "stays"), inputs=np.zeros((1, 1, 2, 2), np.float32), labels=np.array([0]))
    with pytest.raises(AnswerError, match="of the 8 classes"):
        Effect().read(question, Evidence((shown,)), bench(*scripted()))
