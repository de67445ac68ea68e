"""Detectors by kind of flaw: a column per kind with its networks, the best detector first."""

from dataclasses import replace

from report_fixture import results

from onecurve.report.pages.detection_view import kind_table
from onecurve.report.words.naming import Names
from onecurve.report.words.rankings import halves_words


def detecting():
    return [row for row in results(4, 3, 1, side=8).rows if row.task == "detect"]


def test_a_column_per_kind_tells_its_networks_and_a_perfect_detector_comes_first() -> None:
    rows = detecting()
    best = min(row.solver for row in rows if row.role == "method")
    sure = [
        replace(row, figures={**row.figures, "suspicion": float(row.flaw != "clean")}) if row.solver == best and row.figures else row
        for row in rows
    ]
    table = kind_table(sure, Names.of(sure))
    assert table.lines[0][0] == best
    assert {cell.words for cell in table.lines[0][2]} == {"1.00"}
    assert dict(table.kinds) == {kind: len({row.subject for row in rows if kind in row.flaw.split("+")}) for kind, _ in table.kinds}
    assert "clean" not in dict(table.kinds)


def test_without_a_task_about_classes_there_is_no_table() -> None:
    rows = [row for row in results(2, 1, 1, side=8).rows if row.task == "discover"]
    assert kind_table(rows, Names.of(rows)).lines == ()


def test_halves_are_told_and_too_few_networks_say_nothing() -> None:
    rows = [row for row in results(8, 1, 1, side=8).rows if row.role in {"method", "baseline"}]
    assert "Two random halves of the" in halves_words(rows, "discover")
    assert "Kendall" in halves_words(rows, "discover")
    few = [row for row in rows if row.subject in sorted({row.subject for row in rows})[:2]]
    assert halves_words(few, "discover") == ""


def test_halves_are_told_for_each_reader_on_the_networks_that_it_was_asked_about() -> None:
    rows = [row for row in results(8, 1, 1, side=8).rows if row.role in {"method", "baseline"} and row.task == "discover" and row.reader]
    networks = sorted({row.subject for row in rows})
    keen = [replace(row, reader="keen", solver=f"{row.tool}@keen") for row in rows if row.subject in networks[:6]]
    said = halves_words([*rows, *keen], "discover")
    assert f"the {len(networks)} networks agree on the order by {rows[0].reader} with" in said
    assert "the 6 networks agree on the order by keen with" in said
