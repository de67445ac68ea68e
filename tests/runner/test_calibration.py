"""Readers are calibrated where no truth is, and what they read right is counted where the truth is."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from tiny_world import suite_of

from onecurve.core.access import Access
from onecurve.core.answer import Answer, Weights
from onecurve.core.case import Truth
from onecurve.core.errors import AnswerError
from onecurve.core.evidence import Evidence, Hypothesis, Picture, Pieces
from onecurve.core.question import Form, Forms, Question, Weigh
from onecurve.core.row import Row
from onecurve.core.workbench import Workbench
from onecurve.runner.phases.calibrate import calibrations
from onecurve.runner.run import Place, run_suite
from onecurve.runner.suite import Suite
from onecurve.store.store import Store

Run = Callable[[Suite], dict[str, Row]]
NAMES_OF_FLAWS = {"onecurve.flaws.catalog", "onecurve.flaws.planting", "onecurve.flaws.zoo", "onecurve.flaws.zoo.manifest"}
"""What this file itself imports of the grading side: strings alone."""


@dataclass(frozen=True)
class Spy:
    """Answers evenly, and writes down what of the truth's side lives in its process."""

    name: ClassVar[str] = "spy"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "for tests"
    source: ClassVar[str] = "tests"
    needs: ClassVar[Access] = Access.NONE
    reads: ClassVar[Pieces] = (Picture, Hypothesis)
    answers: ClassVar[Forms] = (Form.LINEUP,)

    out: str = ""

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        import gc  # noqa: PLC0415

        assert isinstance(question, Weigh)
        truths = sum(isinstance(thing, Truth) for thing in gc.get_objects())
        rooms = [name for name in sys.modules if name.startswith(("onecurve.flaws.", "onecurve.runner.handlers.trusted"))]
        with Path(self.out).open("a", encoding="utf-8") as file:
            file.write(
                json.dumps(
                    {
                        "truths": truths,
                        "rooms": [name for name in rooms if name not in NAMES_OF_FLAWS],
                        "network": workbench.subject.network is not None,
                    }
                )
                + "\n"
            )
        return Weights(np.ones((1, len(question.options)), np.float32))


def test_a_reader_is_calibrated_where_no_truth_is(open_run: Run, tmp_path: Path) -> None:
    out = tmp_path / "seen.jsonl"
    suite = suite_of(f"top-images@{__file__}:Spy[out={out}]", tasks=("discover",))
    open_run(suite.changed({"lineups": 3}))
    seen = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert len(seen) >= 2 * 3
    assert all(each == {"truths": 0, "rooms": [], "network": False} for each in seen)
    with Store.read(tmp_path / "out") as store:
        (key,) = store.noted("calibrations")
        records = store.prepared()[key]
    assert [record["condition"] for record in records][:2] == ["true trigger", "noise"]
    assert records[0]["mean_mass"] == pytest.approx(1 / 8)
    assert list((tmp_path / "out").glob("lineups-*")) == []


def test_a_run_that_goes_on_calibrates_readers_that_see_the_subject_alone(cache: Path, tmp_path: Path) -> None:
    suite, place = suite_of("top-images", tasks=("discover",)), Place(tmp_path / "out", cache, 1)
    for lineups in (2, 3):  # the second time nothing has been looked at before, in this process
        run_suite(suite.changed({"lineups": lineups}), place)
        with Store.read(place.out) as store:
            (key,) = store.noted("calibrations")
            assert store.prepared()[key], lineups


def trial(condition: str, right: int) -> dict[str, object]:
    return {"condition": condition, "number": 0, "question": "q", "evidence": "e", "options": 4, "right": right}


def test_tops_are_counted_ties_are_shared_and_an_abstention_counts_as_even() -> None:
    trials = [trial("true trigger", 1), trial("true trigger", 2), trial("noise", 0), trial("noise", 3)]
    shares = [[0.1, 0.7, 0.1, 0.1], [0.4, 0.1, 0.4, 0.1], [0.25] * 4, None]
    found = calibrations("spy", "patch", trials, shares)
    assert [(each.condition, each.n) for each in found] == [("true trigger", 2), ("noise", 2)]
    assert found[0].correct == round(1 + 0.5)
    assert found[0].mean_mass == pytest.approx((0.7 + 0.4) / 2)
    assert (found[1].correct, found[1].mean_mass, found[1].chance) == (round(0.5), pytest.approx(0.25), 0.25)


@pytest.mark.parametrize("shares", [[], [[0.5, 0.5]], [[0.1, 0.2, float("nan"), 0.1]]])
def test_shares_that_do_not_fit_are_refused(shares: list[list[float]]) -> None:
    with pytest.raises(AnswerError):
        calibrations("spy", "patch", [trial("noise", 0)], shares)
