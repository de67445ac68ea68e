"""Aggregates of many rows are those of the statistics of few: same means, same rules."""

import json
import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from small_run import A_ROW
from synthetic_run import synthetic, synthetic_run

from onecurve import Run
from onecurve.cli.main import cli
from onecurve.core.grade import Status
from onecurve.core.row import Role, Row
from onecurve.statistics.intervals import LEAST_SPREAD, interval_of_network_means, mean_interval
from onecurve.statistics.summary import summarise
from onecurve.store.store import Store

pytest.importorskip("duckdb", reason="the extra `large` is not installed")
pytest.importorskip("pyarrow", reason="the extra `large` is not installed")
GRADED = replace(A_ROW, status=Status.GRADED, raw=0.5, floor=0.0, ceiling=1.0, skill=0.5)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(synthetic_run(tmp_path_factory.mktemp("rows") / "run"))


def run_of(folder: Path, rows: Iterable[Row]) -> Run:
    with Store.create(folder) as store:
        for row in rows:
            store.add_cell(row)
    return Run(folder)


def test_means_counts_and_costs_are_those_of_the_summaries(run: Run) -> None:
    found = {(one["task"], one["solver"]): one for one in run.aggregates("solver")}
    expected = {(one.task, one.solver): one for one in summarise(run.rows())}
    assert found.keys() == expected.keys()
    assert any(one["failed"] for one in found.values())
    for key, one in expected.items():
        assert found[key]["skill"] == pytest.approx(one.mean, abs=1e-9)
        assert found[key]["median_cost"] == pytest.approx(one.cost)
        assert found[key]["mean_clean_images"] == one.clean_images == (0 if one.role is Role.BASELINE else 300)
        assert (found[key]["networks"], found[key]["cases"]) == (one.n, one.cases)
        assert {status: found[key][str(status)] for status in Status} == one.counts
        assert found[key]["skill_low"] < one.mean < found[key]["skill_high"]


def test_every_budget_and_kind_has_its_line(run: Run) -> None:
    assert len(run.aggregates("solver", "budget")) == 40 * len(synthetic.BUDGETS)
    kinds = run.aggregates("solver", "kind")
    assert len(kinds) == 40 * 6
    assert {one["networks"] for one in kinds} == {1}
    assert {one["skill_low"] for one in kinds} == {None}
    assert sum(one["cells"] for one in run.aggregates("solver", "budget")) == len(run.rows())


def test_each_network_counts_the_same_and_a_failure_counts_as_the_floor(tmp_path: Path) -> None:
    rows = [replace(GRADED, key=f"{at}", case=f"c{at}", subject="large", skill=0.0) for at in range(3)]
    rows += [replace(GRADED, key="r", case="c9", subject="small", skill=1.0)]
    rows += [replace(GRADED, key="f", case="c9", subject="small", repeat=1, status=Status.FAILED, raw=None, skill=None)]
    rows += [replace(GRADED, key="s", case="c8", subject="skipped", status=Status.SKIPPED, raw=None, skill=None)]
    (found,) = run_of(tmp_path, rows).aggregates("solver")
    assert (found["skill"], found["networks"], found["cases"]) == (0.25, 2, 4)
    assert (found["cells"], found["graded"], found["failed"], found["skipped"]) == (6, 4, 1, 1)


def test_clean_images_are_of_the_cells_in_which_they_were_counted(tmp_path: Path) -> None:
    failed = replace(GRADED, key="f", case="c3", status=Status.FAILED, raw=None, skill=None)
    rows = [*(replace(GRADED, key=f"{at}", case=f"c{at}", clean_images=read) for at, read in enumerate((0, 90))), failed]
    old = [replace(row, key=f"old-{row.key}", tool="old", solver="old", clean_images=None) for row in rows]
    found = {one["solver"]: one["mean_clean_images"] for one in run_of(tmp_path, [*rows, *old]).aggregates("solver")}
    assert found == {GRADED.solver: 45, "old": None}
    assert {one.solver: one.clean_images for one in summarise([*rows, *old])} == found


def test_versions_budgets_and_controls_are_kept_apart(tmp_path: Path) -> None:
    old = replace(GRADED, key="old", skill=0.1, task_version=1)
    new = replace(GRADED, key="new", skill=0.9, task_version=2)
    small = replace(new, key="small", budget=1.0, skill=0.2)
    control = replace(new, key="control", solver="oracle@matcher", tool="oracle", role=Role.CONTROL, skill=1.0)
    run = run_of(tmp_path, [old, new, small, control])
    assert [(one["task_version"], one["skill"]) for one in run.aggregates("data")] == [(2, 0.9)]
    assert [(one["task_version"], one["solver"], one["skill"]) for one in run.aggregates("solver", "task_version")] == [
        (1, "cppn@matcher", 0.1),
        (2, "cppn@matcher", 0.9),
        (2, "oracle@matcher", 1.0),
    ]
    assert [(one["budget"], one["skill"]) for one in run.aggregates("budget")] == [(1.0, 0.2), (100.0, 0.9)]


def test_a_flaw_of_several_kinds_counts_for_each(tmp_path: Path) -> None:
    run = run_of(tmp_path, [replace(GRADED, flaw="patch+style", subject=f"{at}", case=f"{at}", key=f"{at}") for at in range(2)])
    assert [(one["kind"], one["networks"]) for one in run.aggregates("kind")] == [("patch", 2), ("style", 2)]
    assert [one["flaw"] for one in run.aggregates("flaw")] == ["patch+style"]


def test_what_failed_everywhere_has_no_skill(tmp_path: Path) -> None:
    failed = [replace(A_ROW, key=f"{at}", subject=f"{at}", case=f"{at}", status=Status.FAILED) for at in range(3)]
    (found,) = run_of(tmp_path, failed).aggregates("solver")
    assert (found["failed"], found["skill"], found["skill_low"]) == (3, None, None)


def test_the_interval_of_network_means_is_that_of_student_and_near_the_bootstrap() -> None:
    skills = [0.1, 0.4, 0.5, 0.9, 0.3, 0.7, 0.2, 0.6] * 8
    mean, deviation = sum(skills) / 64, math.sqrt(sum((one - sum(skills) / 64) ** 2 for one in skills) / 63)
    found, drawn = interval_of_network_means(mean, deviation, 64), mean_interval(skills)
    assert (found.high - mean) == pytest.approx(1.99834 * deviation / 8, rel=1e-4)
    assert found.width == pytest.approx(drawn.width, rel=0.1)
    assert interval_of_network_means(0.5, 1e-6, 4).width == pytest.approx(2 * 3.18245 * LEAST_SPREAD / 2, rel=1e-4)
    assert interval_of_network_means(0.5, 0.0, 4) == mean_interval([0.5] * 4)


def test_groups_and_answers_are_printed_as_table_json_and_csv(run: Run) -> None:
    def printed(*words: str) -> str:
        shown = CliRunner().invoke(cli, ["results", str(run.folder), *words])
        assert shown.exit_code == 0, shown.output
        return shown.stdout

    table = printed("--by", "kind").splitlines()
    assert table[0].split()[:6] == ["task", "task_version", "kind", "networks", "cases", "cells"]
    assert "waiting" not in table[0]
    assert len(table) == 1 + 3 * 6
    groups = json.loads(printed("--by", "kind", "--json"))
    assert groups == json.loads(json.dumps(run.aggregates("kind")))
    assert printed("--by", "kind", "--csv").splitlines()[0] == ",".join(groups[0])
    assert json.loads(printed("--sql", "SELECT 0 AS n, DATE '2026-01-01' AS day", "--json")) == [{"n": 0, "day": "2026-01-01"}]
    assert printed("--sql", "SELECT 0 AS n, NULL AS m") == "n  m\n0\n"
    assert printed("--sql", "SELECT task FROM rows WHERE false", "--json") == "[]\n"


@pytest.mark.parametrize(
    "words", [["--by", "task", "--sql", "SELECT 1"], ["--by", "task", "--parquet"], ["--sql", "SELECT 1", "--publish", "x"]]
)
def test_what_does_not_go_together_is_said(run: Run, words: list[str]) -> None:
    shown = CliRunner().invoke(cli, ["results", str(run.folder), *words])
    assert shown.exit_code != 0
    assert "together" in str(shown.exception) or "go without it" in str(shown.exception)
