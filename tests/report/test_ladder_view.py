"""The ladder of a report: a line per reader and kind, a column per rung, and no rung among the usual calibrations."""

from onecurve.core.display import Calibration
from onecurve.report.pages.ladder_view import ladder_of


def one(condition: str, correct: int, reader: str = "matcher", flaw: str = "patch") -> Calibration:
    return Calibration(reader, condition, flaw, 4, correct, 0.4, 0.125, 0.1, 0.9)


def test_rungs_keep_their_order_and_a_missing_one_is_a_dash() -> None:
    ladder = ladder_of([one("noise", 1), one("ladder: whole", 4), one("ladder: blurred", 2), one("ladder: whole", 3, flaw="warp")])
    assert ladder.rungs == ("whole", "blurred")
    assert [(line.flaw, line.n, line.cells) for line in ladder.lines] == [
        ("patch", 4, ("100\u00a0% (40\u00a0%)", "50\u00a0% (40\u00a0%)")),
        ("warp", 4, ("75\u00a0% (40\u00a0%)", "–")),
    ]
    assert [line.asked for line in ladder.lines] == [True, False], "the matcher cannot tell warps with the true trigger before it"
    assert ladder.lines[0].link == "solvers/matcher.html"


def test_without_a_ladder_there_is_no_line() -> None:
    assert not one("true trigger", 4).rung
    assert ladder_of([one("true trigger", 4)]).lines == ()
