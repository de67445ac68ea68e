"""Reads words: which option of a lineup do they describe, or which classes do they name?"""

import re
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Answer, Weights
from onecurve.core.errors import AnswerError
from onecurve.core.evidence import Evidence, Pieces, Text
from onecurve.core.question import Form, Forms, Option, Question, Weigh
from onecurve.core.validate import require_within
from onecurve.core.workbench import Workbench

Doubles = NDArray[np.float64]
WORD = r"(?u)\b\w+\b"
"""Single characters and digits are words too."""


@final
@dataclass(frozen=True)
class Words:
    """All texts of the evidence to weights over a lineup, or over classes.

    Lineup: the cosine similarity of the TF-IDF vectors of the texts and of each option's words goes through a softmax. The
    vocabulary and the document frequencies are those of the lineup's words, so a word that several options share counts little. Texts
    that use none of these words give an even row.

    Classes: a class that the texts name weighs ``emphasis``, any other option 1. Words that name no class may mean anything, so the
    reader abstains rather than put weight on `none`.
    """

    name: ClassVar[str] = "words"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "which option the words describe, or which classes they name"
    source: ClassVar[str] = "baseline; TF-IDF: Salton and Buckley 1988"
    needs: ClassVar[Access] = Access.NONE
    reads: ClassVar[Pieces] = (Text,)
    answers: ClassVar[Forms] = (Form.LINEUP, Form.CLASSES)

    sharpness: float = 5.0
    """Factor of the cosine similarity inside the softmax: an option that the words fit fully weighs e^5 = 148 times one that they
    do not fit."""
    emphasis: float = 9.0
    """Weight of a named class beside an option that is not named."""

    def __post_init__(self) -> None:
        require_within("sharpness", self.sharpness, 0, 100)
        require_within("emphasis", self.emphasis, 1, 1e6)

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        """One row; Abstain without words, and about classes where the words name none."""
        if not isinstance(question, Weigh) or question.form not in self.answers:
            raise AnswerError("words weighs a lineup or classes; this question is of another form")
        text = "\n".join(piece.words for piece in evidence.texts())
        if not text.strip():
            return Abstain("the evidence holds no words")
        if question.form is Form.LINEUP:
            alike = similarity(text, question.shown)
            weights = np.exp(self.sharpness * (alike - alike.max()))
            return Weights(weights[None].astype(np.float32), "" if alike.any() else "the words fit no option")
        classes = question.options[:-1] if question.options[-1:] == ("none",) else question.options
        named = names_in(text, classes)
        if not named:
            return Abstain("the words name no class")
        row = np.array([self.emphasis if option in named else 1.0 for option in question.options], np.float32)
        return Weights(row[None], f"the words name: {', '.join(named)}")


def similarity(text: str, options: tuple[Option, ...]) -> Doubles:
    """O, in [0, 1]: the cosine similarity of the TF-IDF vectors of a text and of each option's words; 0 where they share no word."""
    vectors = TfidfVectorizer(token_pattern=WORD, stop_words="english")
    try:
        known = vectors.fit_transform([option.words for option in options])
    except ValueError:
        # None of the options' words is more than a stop word.
        return np.zeros(len(options))
    alike: Doubles = (known @ vectors.transform([text]).T).toarray()[:, 0]
    return alike


def names_in(text: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names that stand in a text as whole words, in any case; `bear` does not count inside `polar bear`, nor `0` inside `0.5`.

    >>> names_in("A Polar bear scores 0.5", ("0", "bear", "polar bear"))
    ('polar bear',)
    """
    left, found = text, set()
    for name in sorted(names, key=len, reverse=True):
        whole = re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w|\.\d)", re.IGNORECASE)
        if name and whole.search(left):
            found.add(name)
            left = whole.sub("\n", left)
    return tuple(name for name in names if name in found)
