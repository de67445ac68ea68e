"""A dry run opens all that a suite names and counts what a run of it does."""

from pathlib import Path

import pytest
from small_run import old_run

from onecurve.core.errors import UsageError
from onecurve.core.row import Role
from onecurve.runner.commands.preview import preview
from onecurve.runner.suite import load_suite, parse_suite
from onecurve.store.store import Store


def test_the_counts_are_those_of_the_run(tmp_path: Path) -> None:
    with Store.read(old_run(tmp_path / "run")) as store:
        suite = parse_suite(store.noted("suite"), "the suite of this run")
        rows = [row for row in store.rows() if row.role is not Role.REFERENCE_POINT]
    found = preview(suite, "cpu")
    assert found.cells == len(rows)
    assert found.networks == 3
    assert 0 < found.looks <= found.cells * 2
    assert f"{found.cells} cells with {found.looks} looks" in found.in_words()


def test_looks_for_a_reader_that_cannot_tell_the_flaw_are_not_counted_whatever_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    change = {"networks": ({"flaws": ("warp[strength=0.2]",)},), "solvers": ("cppn@matcher",), "controls": (), "tasks": ("discover",)}
    suite = load_suite("quick").changed(change)
    counts = []
    for unread in ("", "warp"):
        monkeypatch.setattr("onecurve.runner.plan.why_not_asked", lambda _, kind, unread=unread: "no" * (kind == unread))
        counts.append(preview(suite, "cpu"))
    assert counts[0].cells == counts[1].cells
    assert counts[0].looks == counts[1].looks + 1


@pytest.mark.parametrize(
    "change",
    [
        {"data": "npz:nowhere.npz"},
        {"model": "nowhere.py:net"},
        {"solvers": ("nobody",)},
        {"solvers": ("nowhere.py:Mine",)},
        {"tasks": ("nothing",)},
        {"networks": ({"flaws": ("nothing",)},)},
        {"recipe": {"nothing": 1}},
    ],
)
def test_whatever_cannot_be_opened_is_told_before_anything_is_run(change: dict[str, object]) -> None:
    with pytest.raises(UsageError) as caught:
        preview(load_suite("quick").changed(change), "cpu")
    assert caught.value.message
