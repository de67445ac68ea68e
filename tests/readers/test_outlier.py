import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Weights, checked, normalised
from onecurve.core.case import Subject
from onecurve.core.errors import AnswerError
from onecurve.core.evidence import ClassScores, Evidence, Text
from onecurve.core.question import Brief, Rebuild, Weigh
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.readers.class_scores.outlier import Outlier, anomaly_index, bayes_factor, tail_probability
from onecurve.readers.machinery.clean_scores import clean_scores

K = 10
NAMES = tuple("0123456789")


def evidence(scores: np.ndarray) -> Evidence:
    return Evidence((ClassScores(np.asarray(scores, np.float32)),))


def read(scores: np.ndarray, references: np.ndarray | tuple[()] = (), prior: tuple[float, ...] | None = None) -> Weights:
    question = Weigh(Brief(), 1, (*map(str, range(len(scores))), "none"), prior=prior)
    subject = Subject("s", None, tuple(map(str, range(len(scores)))), (3, 4, 4), Access.NONE)
    workbench = Workbench(subject, Budget(0), Meter(Budget(0)), 0, references=tuple(evidence(each) for each in references))
    answer = checked(question, Outlier().read(question, evidence(scores), workbench))
    assert isinstance(answer, Weights)
    return answer


def mass(scores: np.ndarray, references: np.ndarray | tuple[()] = ()) -> np.ndarray:
    return normalised(read(scores, references))[0]


DRAWS: dict[str, Callable[[np.random.Generator, tuple[int, int]], np.ndarray]] = {
    "normal": lambda rng, size: rng.normal(size=size),
    "exponential": lambda rng, size: rng.exponential(size=size),
    "heavy": lambda rng, size: rng.standard_t(3, size),
}


@pytest.mark.parametrize(("networks", "name"), [(0, "normal"), *((networks, name) for networks in (1, 3, 10) for name in DRAWS)])
def test_clean_networks_keep_the_prior_and_raise_few_alarms(networks: int, name: str) -> None:
    draw = DRAWS[name]
    rng = np.random.default_rng(networks)
    trials = [draw(rng, (networks + 1, K)) for _ in range(250)]
    masses = np.array([mass(trial[0], trial[1:]) for trial in trials])
    alarms = (masses[:, :-1].max(axis=1) > masses[:, -1]).mean()
    assert 0.5 <= masses[:, -1].mean() <= 0.6
    assert alarms <= 0.08


@pytest.mark.parametrize("clean", [0.1, 0.45, 0.9])
@pytest.mark.parametrize("networks", [1, 3, 10])
def test_scores_that_say_nothing_leave_about_the_prior(networks: int, clean: float) -> None:
    prior = (*[(1 - clean) / K] * K, clean)
    rng = np.random.default_rng(8)
    drawn = rng.normal(size=(200, networks + 1, K))
    shares = np.array([normalised(read(each[0], each[1:], prior))[0] for each in drawn])
    assert shares[:, -1].mean() == pytest.approx(clean, abs=0.08)
    truth = np.eye(K + 1)[rng.choice(K + 1, 200, p=prior)]
    worth = 1 - ((shares - truth) ** 2).sum(axis=1).mean() / 2
    known = 1 - ((np.array(prior) - truth) ** 2).sum(axis=1).mean() / 2
    assert worth >= known - 0.05
    drawn[:, 0, 3] = 30
    assert normalised(read(drawn[0, 0], drawn[0, 1:], prior))[0, 3] > 3 * prior[3]


@pytest.mark.parametrize("networks", [0, 3])
@pytest.mark.parametrize("clean", [0.0, 0.01, 0.05])
def test_where_hardly_a_network_is_clean_an_outlier_still_stands_out(networks: int, clean: float) -> None:
    rng = np.random.default_rng(2)
    references, scores = rng.normal(size=(networks, K)), rng.normal(size=K)
    scores[3] = 30
    shares = normalised(read(scores, references, (*[(1 - clean) / K] * K, clean)))[0]
    assert shares[3] > 0.8
    assert shares[-1] < 0.05


def test_a_class_or_none_without_a_prior_gets_no_weight() -> None:
    scores = np.random.default_rng(3).normal(size=K)
    scores[3] = 30
    shares = normalised(read(scores, (), (0.5, *[0.0] * (K - 1), 0.5)))[0]
    assert not shares[1:-1].any()
    assert normalised(read(scores, (), (*[0.0] * K, 1.0)))[0, -1] == 1


def test_the_bayes_factor_is_one_on_average_without_a_flaw_and_falls_with_the_p_value() -> None:
    even = (np.arange(10**6) + 0.5) / 10**6
    assert bayes_factor(even).mean() == pytest.approx(1.0, abs=0.1)
    assert (np.diff(bayes_factor(even)) < 0).all()
    assert bayes_factor(np.array([1.0, 0.1, 0.001])) == pytest.approx([0.5, 1.263, 20.79], rel=1e-3)


@pytest.mark.parametrize(("networks", "least"), [(0, 0.75), (1, 0.6), (2, 0.8), (3, 0.85), (10, 0.9)])
def test_a_clear_outlier_gets_the_mass(networks: int, least: float) -> None:
    rng = np.random.default_rng(1)
    found = []
    for _ in range(100):
        scores = rng.normal(size=(networks + 1, K))
        scores[0, 3] = 20
        found.append(mass(scores[0], scores[1:])[3])
    assert np.mean(found) >= least


def test_two_targets_share_the_mass() -> None:
    rng = np.random.default_rng(2)
    scores = rng.normal(size=(6, K))
    scores[0, [2, 5]] = 60, 90
    shares = mass(scores[0], scores[1:])
    assert shares[[2, 5]].sum() > 0.9
    assert shares[[2, 5]].min() > 0.35


def test_a_class_that_always_scores_high_is_no_outlier() -> None:
    rng = np.random.default_rng(3)
    habit = np.zeros(K)
    habit[4] = 12
    scores = rng.normal(size=(9, K)) + habit
    assert mass(scores[0], scores[1:])[4] < 0.1
    assert mass(scores[0])[4] > 0.4


def test_equal_scores_point_at_nobody() -> None:
    for references in ((), np.zeros((3, K))):
        shares = mass(np.zeros(K), references)
        assert shares[-1] > 0.5
        assert np.ptp(shares[:-1]) < 1e-6


@given(
    scores=st.lists(st.floats(-50, 50, width=32), min_size=K, max_size=K),
    raised=st.integers(0, K - 1),
    by=st.floats(0.001, 100),
    networks=st.sampled_from([0, 1, 4]),
)
@settings(max_examples=80, deadline=None)
def test_raising_a_score_never_lowers_the_weight(scores: list[float], raised: int, by: float, networks: int) -> None:
    references = np.random.default_rng(4).normal(size=(networks, K)) * 5
    before, after = np.array(scores, np.float32), np.array(scores, np.float32)
    after[raised] += np.float32(by)
    first, second = (read(each, references).values[0] for each in (before, after))
    assert second[raised] >= first[raised] * (1 - 1e-5)
    if before[raised] >= np.median(before):
        shares = [row[raised] / row.sum() for row in (first, second)]
        assert shares[1] >= shares[0] * (1 - 1e-4) - 1e-6


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_the_order_of_classes_and_the_scale_of_scores_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(4, K))
    order = rng.permutation(K)
    plain, moved, scaled = (mass(each[0], each[1:]) for each in (scores, scores[:, order], 7 * scores + 3))
    assert np.allclose(plain[:-1][order], moved[:-1], atol=1e-5)
    assert np.allclose(plain, scaled, atol=1e-3)


def test_the_note_says_what_the_null_was_made_of() -> None:
    scores = np.random.default_rng(5).normal(size=(3, K))
    assert "2 clean networks" in read(scores[0], scores[1:]).note
    assert "looks at clean networks" in read(scores[0]).note


def alarm(scores: np.ndarray) -> bool:
    shares = mass(scores)
    return bool(shares[:-1].max() > shares[-1])


def test_without_references_clean_networks_of_the_table_raise_few_alarms_and_a_trojan_one() -> None:
    """No look at a clean network is compared with itself alone: each is one of 252."""
    looks = clean_scores(K)
    assert np.mean([alarm(look) for look in looks]) <= 0.1
    clean = np.random.default_rng(6).normal(size=K)
    spread = np.median(np.abs(clean - np.median(clean))) * 1.4826
    for index, wanted in ((4.5, False), (8.0, True)):
        clean[3] = np.median(np.delete(clean, 3)) + index * spread
        clean[3] += (index - anomaly_index(clean)[3]) * spread
        assert alarm(clean) is wanted


def test_a_thousand_classes_need_little_memory() -> None:
    scores = np.random.default_rng(7).normal(size=(3, 1000))
    scores[0, 17] = 60
    tracemalloc.start()
    alone, compared = mass(scores[0]), mass(scores[0], scores[1:])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert alone.argmax() == compared.argmax() == 17
    assert peak < 20e6


@pytest.mark.parametrize("classes", [4, 5, 6, 7, 43])
def test_the_index_leaves_each_class_out_itself(classes: int) -> None:
    rng = np.random.default_rng(classes)
    for scores in (rng.normal(size=classes), rng.integers(0, 3, classes).astype(float)):
        for label, found in enumerate(anomaly_index(scores)):
            rest = np.delete(scores, label)
            spread = np.median(np.abs(rest - np.median(rest))) * 1.4826
            assert found == pytest.approx((scores[label] - np.median(rest)) / max(spread, 1e-9 * (1 + abs(np.median(rest)))))


def test_known_index_and_tail() -> None:
    # The others of the last class are 0..3: median 1.5, MAD 1.
    assert anomaly_index(np.array([0.0, 1, 2, 3, 10]))[4] == pytest.approx(8.5 / 1.4826)
    null = np.arange(100.0)
    assert tail_probability(np.array([50.0, -1.0]), null) == pytest.approx([51 / 101, 1.0])
    falling = tail_probability(np.array([80.0, 99.0, 150.0, 1e6]), null)
    assert (np.diff(falling) < 0).all()
    assert falling[-1] > 0


def test_bad_evidence() -> None:
    question = Weigh(Brief(), 1, (*NAMES, "none"))
    workbench = Workbench(Subject("s", None, NAMES, (3, 4, 4), Access.NONE), Budget(0), Meter(Budget(0)), 0)
    assert isinstance(Outlier().read(question, Evidence((Text("class 3!"),)), workbench), Abstain)
    with pytest.raises(AnswerError, match="one per class"):
        Outlier().read(question, evidence(np.zeros(4)), workbench)
    with pytest.raises(AnswerError, match="none"):
        Outlier().read(Rebuild(Brief()), evidence(np.zeros(K)), workbench)
    few = Weigh(Brief(), 1, ("a", "b", "none"))
    assert isinstance(Outlier().read(few, evidence(np.zeros(2)), workbench), Abstain)


def test_references_without_scores_are_passed_over() -> None:
    question = Weigh(Brief(), 1, (*NAMES, "none"))
    subject = Subject("s", None, NAMES, (3, 4, 4), Access.NONE)
    workbench = Workbench(subject, Budget(0), Meter(Budget(0)), 0, references=(Evidence(),))
    answer = Outlier().read(question, evidence(np.arange(K)), workbench)
    assert isinstance(answer, Weights)
    assert "no references" in answer.note
