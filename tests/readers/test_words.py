import numpy as np
import pytest

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Weights, checked
from onecurve.core.case import Subject
from onecurve.core.errors import AnswerError, SpecError
from onecurve.core.evidence import Evidence, Picture, Text
from onecurve.core.question import Brief, Option, Rebuild, Weigh
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.readers.text.words import Words

THINGS = ("a yellow smiley face", "a red star", "blue stripes all over", "a red heart", "a grey wool texture")
CLASSES = ("0", "bear", "polar bear", "truck", "none")
BENCH = Workbench(Subject("s", None, CLASSES[:-1], (3, 8, 8), Access.NONE), Budget(0), Meter(Budget(0)), 0)


def lineup(words: tuple[str, ...] = THINGS) -> Weigh:
    options = tuple(Option(f"option {at}", each, np.zeros((1, 3, 4, 4), np.float32)) for at, each in enumerate(words))
    return Weigh(Brief(target=0), 1, tuple(option.name for option in options), options)


def read(question: Weigh, *texts: str, reader: Words | None = None) -> np.ndarray | Abstain:
    answer = checked(question, (reader or Words()).read(question, Evidence(tuple(Text(text) for text in texts)), BENCH))
    return answer.values[0] / answer.values[0].sum() if isinstance(answer, Weights) else answer


@pytest.mark.parametrize("at", range(len(THINGS)))
def test_the_option_that_is_described_gets_most_of_the_mass(at: int) -> None:
    shares = read(lineup(), f"The network responds to {THINGS[at].upper()} in the corner of the image.")
    assert shares.argmax() == at
    assert shares[at] > 0.8


def test_a_word_that_options_share_counts_for_both_and_less() -> None:
    shares = read(lineup(), "something red")
    assert shares[1] == pytest.approx(shares[3], rel=1e-4)
    assert shares[1] > 2 * shares[0]
    assert shares[1] < read(lineup(), "a red star")[1]


def test_words_that_fit_no_option_give_an_even_row() -> None:
    assert np.allclose(read(lineup(), "noise without a meaning"), 1 / len(THINGS))
    assert np.allclose(read(lineup(("the", "of", "and")), "the star"), 1 / 3), "options of stop words alone"


def test_several_texts_are_read_together_and_sharpness_sharpens() -> None:
    assert np.allclose(read(lineup(), "a star", "it is red"), read(lineup(), "a star\nit is red"))
    assert read(lineup(), "a star", reader=Words(sharpness=10))[1] > read(lineup(), "a star")[1]
    assert np.allclose(read(lineup(), "a star", reader=Words(sharpness=0)), 1 / len(THINGS))


def test_options_of_single_characters_are_words_too() -> None:
    assert read(lineup(("7", "8", "9")), "a handwritten 8").argmax() == 1


def classes(*texts: str, reader: Words | None = None) -> np.ndarray | Abstain:
    return read(Weigh(Brief(), 1, CLASSES), *texts, reader=reader)


def test_classes_that_are_named_weigh_more_than_any_other() -> None:
    shares = classes("Inputs with a patch go to TRUCK.")
    assert shares.argmax() == 3
    assert shares[3] == pytest.approx(9 / 13)
    assert shares[3] == pytest.approx(9 * shares[-1])
    both = classes("truck or bear?")
    assert both[3] == both[1] == pytest.approx(9 / 21)


def test_a_name_counts_as_a_whole_word_only() -> None:
    assert classes("a polar bear").argmax() == 2
    assert classes("a polar bear")[1] == classes("a polar bear")[0]
    assert isinstance(classes("success 0.5 on bearings and 10 trucks"), Abstain)


def test_words_that_name_no_class_are_no_evidence_for_none() -> None:
    for text in ("nothing is suspicious", "none", "this network is clean"):
        answer = classes(text)
        assert isinstance(answer, Abstain)
        assert "no class" in answer.reason


def test_without_words_it_abstains_and_other_questions_are_refused() -> None:
    picture = Evidence((Picture(np.zeros((3, 4, 4), np.float32)),))
    assert isinstance(Words().read(lineup(), picture, BENCH), Abstain)
    assert isinstance(Words().read(lineup(), Evidence((Text("  "),)), BENCH), Abstain)
    with pytest.raises(AnswerError, match="lineup or classes"):
        Words().read(Rebuild(Brief()), picture, BENCH)
    with pytest.raises(SpecError, match="emphasis"):
        Words(emphasis=0.5)
