"""The plan: which cells there are, what each lacks, and what their keys depend on."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from onecurve.core.access import Access
from onecurve.core.grade import Status
from onecurve.core.row import Role
from onecurve.runner.handlers.untrusted import describe
from onecurve.runner.plan import AskedCase, Facts, Grid, PlannedCell, PlannedSolver, Reference, plan_cells
from onecurve.tasks.catalog import TASKS

GROUP = ("digits", "six-conv")
GRANTED = Access.QUERIES | Access.WEIGHTS | Access.CLEAN_IMAGES | Access.CLEAN_LABELS | Access.TARGET | Access.SUSPECTS
CASE = AskedCase("net-1.1", "net-1", GROUP, "subject", "patch", "patch+style", {}, {"poison_rate": 0.1})
GRID = Grid({}, (), (500.0, 2000.0), (400.0, 800.0), 1, (Reference("reference-1", "clean", GROUP),), 0, "empty")


def asked(**changes: Any) -> Mapping[str, Any]:
    """What the grading side says of a question, with changes."""
    told = {"blind": False, "rebuilds": False, "brief": "brief", "brief_digest": "told", "question": "question", "granted": GRANTED.value}
    return {**told, **changes}


def facts(address: str) -> Facts:
    return Facts(**describe(address))


def solver(tool: str, reader: str = "") -> PlannedSolver:
    return PlannedSolver(facts(tool), facts(reader) if reader else None)


def cells(task: str, *solvers: PlannedSolver, asks: Mapping[str, Any] | None = None, **changes: Any) -> list[PlannedCell]:
    case = replace(CASE, tasks={task: asked() if asks is None else asks})
    return list(plan_cells([case], replace(GRID, tasks={task: TASKS.make(task)}, solvers=solvers, **changes)))


def test_a_cell_for_each_budget_and_each_repeat_with_a_key_of_its_own() -> None:
    found = cells("discover", solver("cppn", "matcher"), repeats=3)
    assert [(cell.row.budget, cell.row.repeat) for cell in found] == [(budget, n) for budget in (500.0, 2000.0) for n in range(3)]
    assert len({cell.row.key for cell in found}) == len({cell.look.key for cell in found}) == 6
    assert {(cell.row.solver, cell.row.status, cell.row.retrain_budget) for cell in found} == {("cppn@matcher", Status.PENDING, 0.0)}


def test_who_spends_nothing_is_asked_at_one_budget() -> None:
    edges = PlannedSolver(replace(facts("edges"), budgeted=False), facts("verbatim"))
    assert [cell.row.budget for cell in cells("localise", edges)] == [500.0]
    assert [cell.row.budget for cell in cells("localise", solver("edges", "verbatim"))] == [500.0, 2000.0]


def test_a_repair_is_made_from_the_dearest_look_at_each_budget_for_retraining() -> None:
    rebuilds = asked(rebuilds=True)
    read = cells("repair", solver("neural-cleanse", "unlearn"), asks=rebuilds)
    assert [(cell.row.budget, cell.row.retrain_budget) for cell in read] == [(2000.0, 400.0), (2000.0, 800.0)]
    assert len({cell.look.key for cell in read}) == 1
    assert len({cell.row.key for cell in read}) == 2
    direct = cells("repair", solver("finetune"), asks=rebuilds)
    assert [(cell.row.budget, cell.row.retrain_budget) for cell in direct] == [(0.0, 400.0), (0.0, 800.0)]
    assert [cell.look for cell in direct] == [None, None]


def test_a_look_that_is_told_no_target_has_its_budget_per_class_where_the_suite_says_so() -> None:
    per_class = {"class_budgets": (100.0, 300.0), "classes": {GROUP: 43}}
    blind, told = solver("neural-cleanse", "outlier"), solver("cppn", "matcher")
    found = cells("detect", blind, asks=asked(blind=True, brief="empty"), **per_class)
    assert [cell.row.budget for cell in found] == [4300.0, 12900.0]
    assert [[look.budget for look in (cell.look, *cell.references)] for cell in found] == [[4300.0] * 2, [12900.0] * 2]
    assert [cell.row.budget for cell in cells("discover", told, **per_class)] == [500.0, 2000.0]
    plain = [cell.row.key for cell in cells("detect", blind, asks=asked(blind=True, brief="empty"))]
    assert plain == [cell.row.key for cell in cells("detect", blind, asks=asked(blind=True, brief="empty"), classes={GROUP: 43})]


def test_who_serves_another_task_has_no_cell() -> None:
    assert cells("detect", solver("edges", "verbatim")) == []
    assert cells("localise", solver("finetune")) == []


@pytest.mark.parametrize(
    "change",
    [{"subject_key": "other"}, {"case": "net-1.2"}],
    ids=str,
)
def test_a_key_changes_with_the_case(change: dict[str, Any]) -> None:
    case = replace(CASE, tasks={"discover": asked()})
    grid = replace(GRID, tasks={"discover": TASKS.make("discover")}, solvers=(solver("cppn", "matcher"),))
    keys = [{cell.row.key for cell in plan_cells([one], grid)} for one in (case, replace(case, **change))]
    assert keys[0].isdisjoint(keys[1])


@pytest.mark.parametrize("change", [{"seed": 1}, {"references": (Reference("reference-1", "other", GROUP),)}], ids=["seed", "reference"])
def test_a_key_changes_with_the_seed_and_with_the_references(change: dict[str, Any]) -> None:
    keys = [{cell.row.key for cell in cells("detect", solver("neural-cleanse", "outlier"), **each)} for each in ({}, change)]
    assert keys[0].isdisjoint(keys[1])


def test_a_key_does_not_change_with_the_references_of_another_architecture() -> None:
    other = Reference("reference-2", "vit", ("digits", "vit"))
    keys = [
        [cell.row.key for cell in cells("detect", solver("neural-cleanse", "outlier"), references=(*GRID.references, *more))]
        for more in ((), (other,))
    ]
    assert keys[0] == keys[1]


def test_only_blind_questions_hide_which_flaw_of_the_network_they_are_about() -> None:
    (hidden, *_), (named, *_) = (cells("discover", solver("cppn", "matcher"), asks=asked(blind=blind)) for blind in (True, False))
    assert (hidden.row.flaw, named.row.flaw) == ("patch+style", "patch")


def test_a_detector_looks_at_the_clean_references_with_an_empty_brief() -> None:
    (cell, _) = cells("detect", solver("neural-cleanse", "outlier"))
    assert [(look.network, look.brief, look.budget) for look in cell.references] == [("reference-1", "empty", 500.0)]
    (cell, _) = cells("discover", solver("cppn", "matcher"))
    assert cell.references == ()


def test_what_is_not_granted_is_named() -> None:
    (cell, *_) = cells("discover", solver("cppn", "matcher"), asks=asked(granted=Access.QUERIES.value))
    assert cell.missing == "cppn@matcher needs weights, clean-images, which is not granted"
    (cell, *_) = cells("discover", solver("cppn", "matcher"))
    assert cell.missing == ""


def test_a_refused_question_is_told_and_nobody_looks() -> None:
    for cell in cells("discover", solver("cppn", "matcher"), asks=asked(refusal="nothing was planted")):
        assert (cell.missing, cell.look) == ("nothing was planted", None)


def test_controls_are_handed_evidence_that_is_there_or_are_skipped() -> None:
    oracle = PlannedSolver(None, facts("matcher"), fed="oracle")
    (cell,) = cells("discover", oracle, asks=asked(oracle="evidence"))
    assert (cell.row.solver, cell.row.role, cell.evidence, cell.look, cell.missing) == (
        "oracle@matcher",
        Role.CONTROL,
        "evidence",
        None,
        "",
    )
    (cell,) = cells("discover", oracle, asks=asked(oracle=""))
    assert cell.missing == "nothing is planted, so there is no truth to feed"


def test_cells_with_one_brief_share_one_look() -> None:
    looks = {
        task: {cell.look.key for cell in cells(task, solver("neural-cleanse", reader))}
        for task, reader in (("discover", "matcher"), ("predict", "effect"))
    }
    assert looks["discover"] == looks["predict"]
    assert len(looks["discover"]) == 2
    (other, *_) = cells("discover", solver("neural-cleanse", "matcher"), asks=asked(brief_digest="other"))
    assert other.look.key not in looks["discover"]


def test_a_lineup_of_a_kind_that_a_reader_does_not_read_is_not_put_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onecurve.runner.plan.why_not_asked", lambda reader, kind: f"{reader} does not read {kind}" * (reader == "matcher"))
    for task, reader, missing in (
        ("discover", "matcher", "matcher does not read patch"),
        ("discover", "embedder", ""),
    ):
        assert {cell.missing for cell in cells(task, solver("cppn", reader))} == {missing}
    others = cells("discover", PlannedSolver(facts("cppn"), replace(facts("matcher"), ours=False)))
    assert {cell.missing for cell in others} == {""}
