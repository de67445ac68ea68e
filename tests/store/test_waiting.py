"""A row that waits for a person is kept as such: nothing grades it, and it counts in no mean."""

from dataclasses import replace
from pathlib import Path

from small_run import A_ROW

from onecurve.core.grade import Status
from onecurve.report.pages.sections import lost_cells, status_counts
from onecurve.report.pages.table import LOST, lost_words
from onecurve.statistics.cases import case_scores
from onecurve.statistics.detection import detection
from onecurve.statistics.summary import summarise
from onecurve.store.export import as_csv
from onecurve.store.store import Store

WAITING = replace(A_ROW, status=Status.WAITING, answer="")
GRADED = replace(A_ROW, key="g", case="d", subject="t", status=Status.GRADED, raw=0.5, floor=0.0, ceiling=1.0, skill=0.5)


def test_it_is_kept_as_waiting_until_it_is_answered(tmp_path: Path) -> None:
    with Store.create(tmp_path) as store:
        store.add_cell(WAITING)
    with Store.create(tmp_path) as store:
        assert store.rows() == (WAITING,)
        assert "waiting" in "".join(as_csv(store.rows()))
        store.forget_cells([WAITING.key])
        store.add_cell(A_ROW)
        assert store.rows() == (A_ROW,)
        assert store.checked.faults == ()


def test_it_is_counted_and_not_attempted() -> None:
    (summary,) = summarise([WAITING, GRADED])
    assert (summary.mean, summary.counts[Status.WAITING], summary.counts[Status.PENDING], summary.scored) == (0.5, 1, 0, 1)
    assert [score.case for score in case_scores([WAITING, GRADED])] == ["d"]
    asked = [replace(row, task="detect", figures={"suspicion": 1.0}) for row in (WAITING, GRADED)]
    assert detection(asked, A_ROW.solver) == detection(asked[1:], A_ROW.solver)


def test_the_report_says_what_it_waits_for() -> None:
    (told,) = lost_cells([WAITING, GRADED], frozenset())
    assert (told.status, told.reason) == ("waiting", "a person has yet to answer")
    assert lost_words([(status, 2) for status in LOST if status is Status.WAITING]) == "2 waiting"
    assert ("waiting", 1) in status_counts([WAITING, GRADED])
