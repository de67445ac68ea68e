"""From question, answer and truth to the kinds a task works with.

These are checks of the grading side's own calls: a solver's answer has been through ``core.answer.checked`` before.
"""

from onecurve.core.answer import Answer, Rebuilt, Weights
from onecurve.core.case import Triggered, Truth
from onecurve.core.errors import UngradeableError
from onecurve.core.network import Network
from onecurve.core.question import Question, Weigh


def weigh(question: Question) -> Weigh:
    """The question as a Weigh question; ``TypeError`` for another."""
    if not isinstance(question, Weigh):
        raise TypeError(f"this task asks a Weigh question, got: {type(question).__name__}")
    return question


def weights(answer: Answer) -> Weights:
    """The answer as Weights; ``TypeError`` for another."""
    if not isinstance(answer, Weights):
        raise TypeError(f"this task measures Weights, got: {type(answer).__name__}")
    return answer


def rebuilt(answer: Answer) -> Network:
    """The network of a Rebuilt answer; ``TypeError`` for another."""
    if not isinstance(answer, Rebuilt):
        raise TypeError(f"this task measures Rebuilt, got: {type(answer).__name__}")
    return answer.network


def triggered_of(truth: Truth) -> Triggered:
    """The triggered inputs; ``UngradeableError`` where there are none."""
    if truth.triggered is None or len(truth.triggered) == 0:
        raise UngradeableError("the truth holds no triggered inputs")
    return truth.triggered
