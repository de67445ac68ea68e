"""A solver that misbehaves costs its own cell, with the reason in its row, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_world import named, suite_of

from onecurve.core.errors import OneCurveError, UsageError
from onecurve.core.grade import Status
from onecurve.core.row import Row
from onecurve.runner.suite import Suite

Run = Callable[[Suite], dict[str, Row]]

REASONS = {
    "Raises": ("raises", "raised ZeroDivisionError: on purpose"),
    "Hangs": ("hangs", "timed out after 8 s"),
    "Exits": ("exits", "called exit with: 3"),
    "HardExits": ("hard-exits", "the worker exited with code 4"),
    "KillsItself": ("kills-itself", "the worker was killed by signal 9"),
    "HugeAllocation": ("huge-allocation", "memory"),
    "Grows": ("grows", "memory"),
    "NotANumber": ("not-a-number", "row 0 holds: nan"),
    "Negative": ("negative", "row 0 holds: -1.0"),
    "WrongShape": ("wrong-shape", "weights must have shape"),
    "WrongType": ("wrong-type", "wants Weights or Abstain, got: str"),
    "Overspends": ("overspends", "of a budget of 500, and 256 examples forward would overdraw it"),
    "ShowsNonsense": ("shows-nonsense@outlier", "the look failed: ClassScores must be finite"),
}


def test_a_tool_cannot_switch_off_the_limits_of_its_evidence(run: Run) -> None:
    row = run(suite_of(*named("JudgesItself")))["judges-itself"]
    assert (row.status, row.evidence) == (Status.FAILED, "")
    assert "cannot be kept" in row.reason


@pytest.mark.slow
def test_each_costs_its_own_cell_with_the_reason(run: Run) -> None:
    rows = run(suite_of(*named(*REASONS, "Uniform", "Prints"), seconds=8.0))
    for solver, reason in REASONS.values():
        assert rows[solver].status is Status.FAILED, solver
        assert reason in rows[solver].reason, solver
        assert (rows[solver].raw, rows[solver].skill) == (None, None)
    for solver in ("uniform", "prints"):
        assert rows[solver].status is Status.GRADED
    assert "ZeroDivisionError" in rows["raises"].traceback


def test_what_a_tool_prints_goes_to_a_log(run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(suite_of(*named("Prints")))
    assert "chatter" not in "".join(capfd.readouterr())
    logs = "".join(log.read_text() for log in (tmp_path / "out" / "logs").glob("*.log"))
    assert "chatter" in logs
    assert "straight to the descriptor" in logs


def test_abstaining_is_graded_as_the_floor_and_missing_grants_are_skipped(run: Run) -> None:
    rows = run(suite_of(*named("Abstains", "NeedsMore")))
    assert (rows["abstains"].status, rows["abstains"].skill, rows["abstains"].reason) == (Status.ABSTAINED, 0.0, "saw nothing")
    assert rows["needs-more"].status is Status.SKIPPED
    assert rows["needs-more"].reason == "needs-more@needs-more needs suspects, which is not granted"
    assert rows["needs-more"].skill is None


def test_a_reader_of_a_weigh_question_gets_no_network(run: Run) -> None:
    (tool,) = named("ShowsScores")
    (reader,) = named("ReadsWithNetwork")
    rows = run(suite_of(f"{tool}@{reader}"))
    assert "is not granted here" in rows["shows-scores@reads-with-network"].reason


def test_the_meter_counts_what_the_tool_spent(run: Run) -> None:
    row = run(suite_of(*named("ShowsScores")))["shows-scores@outlier"]
    assert (row.forward, row.backward, row.status) == (16.0, 0.0, Status.GRADED)
    assert row.peak_mb >= 0
    assert row.seconds > 0


def test_a_network_that_is_built_anew_runs_beyond_the_meter_and_is_marked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onecurve.core.row.BEYOND_SECONDS", 0.9)
    rows = run(suite_of(*named("FreePasses", "ShowsScores")))
    honest, free = rows["shows-scores@outlier"], rows["free-passes@outlier"]
    assert (free.forward, free.backward) == (0.0, 0.0)
    assert free.cpu_seconds is not None
    assert free.passes is not None
    assert 1.0 < free.cpu_seconds < 10.0
    assert free.passes > 500
    assert (free.beyond_meter, honest.beyond_meter) == (True, False)


@pytest.mark.parametrize(
    ("solver", "message"),
    [
        ("no-such-tool", "no tool is called: no-such-tool"),
        ("cppnn", "did you mean `cppn`?"),
        ("edges[size=3]", "has no parameter: size"),
        ("edges[size", "the bracket is not closed"),
        ("missing.py:Tool", "no such file: missing.py"),
        ("matcher", "is a reader and cannot enter alone"),
        ("edges@no-such-reader", "no-such-reader"),
        ("edges@cppn", "`cppn` is a tool, wanted: a reader"),
        ("oracle", "a control needs a reader"),
        ("edges", "no usual reader of this suite's tasks can use what `edges` shows: HeatMap"),
        *((named(name)[0], words) for name, words in (("NotADataclass", "is not a frozen dataclass"), ("NoVerb", "has none of"))),
        (named("Missing")[0], "no object in"),
    ],
)
def test_a_solver_that_cannot_be_built_is_one_clear_message(run: Run, solver: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        run(suite_of(solver))
    assert message in str(caught.value)
    assert isinstance(caught.value, OneCurveError)
