"""Who failed everywhere, and where."""

from row_making import row, rows

from onecurve.core.grade import Status
from onecurve.statistics.failures import failed_everywhere, place_in

TRACE = """Traceback (most recent call last):
  File "/site/worker.py", line 40, in run
  File "/home/me/mine.py", line 7, in look
  File "/site/torch/nn.py", line 99, in forward
ValueError: no"""


def test_only_who_has_no_score_at_all_failed_everywhere():
    made = [row("a", solver="broken", reason="ValueError: no"), row("b", solver="broken", reason="ValueError: no")]
    made += [row("c", solver="broken", reason="killed"), row("d", solver="broken", status=Status.SKIPPED)]
    made += [*rows([0.5], solver="mixed"), row("x", solver="mixed"), row("a", 0.0, solver="quiet", status=Status.ABSTAINED)]
    made += [row("a", solver="never", status=Status.SKIPPED)]
    (found,) = failed_everywhere(made)
    assert (found.solver, found.cells, found.reason, found.reasons) == ("broken", 3, "ValueError: no", 2)


def test_a_failure_on_every_task_counts_and_on_one_task_does_not():
    made = [
        row("a", solver="half"),
        row("a", 0.3, solver="half", task="detect"),
        row("a", solver="none"),
        row("a", solver="none", task="detect"),
    ]
    assert [one.solver for one in failed_everywhere(made)] == ["none"]


def test_the_place_is_in_the_authors_file():
    assert place_in(TRACE, "mine.py") == "/home/me/mine.py, line 7"
    assert place_in(TRACE) == "/site/torch/nn.py, line 99"
    assert place_in(TRACE, "other.py") == "/site/torch/nn.py, line 99"
    assert place_in("killed after 60 s") == ""
