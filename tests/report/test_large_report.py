"""The report of a large run: its pages, and that their numbers are those of its rows."""

import csv
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from page_reader import Page, pages
from report_checks import check_access, check_links
from small_run import A_ROW, small_run
from synthetic_run import synthetic, synthetic_run

from onecurve import Run
from onecurve.core.errors import MissingExtraError, UnknownNameError, UsageError
from onecurve.core.grade import Status
from onecurve.core.row import Role
from onecurve.report.large.counts import judged_networks
from onecurve.report.large.run import LARGE, large_run
from onecurve.report.words import numbers
from onecurve.statistics.compare import flip_shares
from onecurve.statistics.detection import detections
from onecurve.statistics.network_ranking import LIMIT, network_ranking, sign_flip_ps
from onecurve.statistics.ranking import ranking
from onecurve.statistics.summary import summarise
from onecurve.store.store import Store

pytest.importorskip("duckdb", reason="the extra `large` is not installed")
pytest.importorskip("pyarrow", reason="the extra `large` is not installed")
FEW = ("blank", "edges", "occlusion", "saliency", "lrp", "rise", "lime", "cppn", "mm-bd", "neural-cleanse", "last-layer")
"""More than one chart has room for on the first task."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            synthetic, "TOOLS", {("localise", "verbatim"): FEW, ("detect", "outlier"): FEW[-3:], ("discover", "matcher"): FEW[:2]}
        )
        run = Run(synthetic_run(tmp_path_factory.mktemp("large") / "run", networks=8, repeats=1))
        patch.setattr("onecurve.report.large.run.LARGE", 500)
        run.write_report()
        yield run


@pytest.fixture(scope="module")
def read(run: Run) -> dict[str, Page]:
    return {str(page.path.relative_to(run.folder)): page for page in pages(run.folder)}


def test_there_is_a_page_for_every_tool_reader_task_and_kind(run: Run, read: dict[str, Page]) -> None:
    halves = {half for row in run.rows() for half in (row.tool, row.reader)}
    kinds = {row.flaw for row in run.rows()}
    expected = {f"solvers/{half}.html" for half in halves} | {f"kinds/{kind}.html" for kind in kinds}
    assert set(read) == {"index.html", *expected, *(f"tasks/{task}.html" for task, _ in synthetic.TOOLS)}


def test_links_lead_somewhere_and_pages_can_be_read_without_seeing(run: Run, read: dict[str, Page]) -> None:
    check_links(run.folder, read.values())
    for page in read.values():
        check_access(page)


def test_pages_open_with_a_picture_and_hold_no_rows(run: Run, read: dict[str, Page]) -> None:
    for name, page in read.items():
        first = next(one for one in page.elements if one.tag in {"svg", "table"} and "main" in one.inside)
        assert first.tag == "svg", name
        assert "columns/rows.parquet" in {link.attributes["href"].removeprefix("../") for link in page.all("a")}
        assert "onecurve results run --by" in page.all("main")[0].text
    assert "640 rows" in read["index.html"].all("main")[0].text
    assert not {row.key for row in run.rows()} & set("".join(page.all("main")[0].text for page in read.values()).split())


def test_skills_on_the_pages_are_the_means_of_the_rows(run: Run, read: dict[str, Page]) -> None:
    known = {(one.task, one.solver): one for one in summarise(run.rows())}
    with (run.folder / "data" / "ranking.csv").open() as file:
        ranks = list(csv.DictReader(file))
    assert len(ranks) == len(known)
    for line in ranks:
        one = known[line["task"], line["solver"]]
        assert float(line["skill"]) == pytest.approx(one.mean, abs=1e-9)
        assert float(line["skill_low"]) < one.mean < float(line["skill_high"])
        assert (int(line["networks"]), int(line["failed"])) == (one.n, one.counts["failed"])
    best = known["localise", "saliency@verbatim"]
    assert numbers.skill(best.mean) in read["tasks/localise.html"].all("main")[0].text


def test_the_ranking_of_network_means_is_that_of_the_rows(run: Run) -> None:
    rows = [row for row in run.rows() if row.task == "detect"]
    expected = ranking(rows, "detect")
    networks = sorted({row.subject for row in rows})
    chosen = [row for row in rows if row.budget == max(synthetic.BUDGETS)]
    means = {
        solver: np.array([np.mean([row.skill or 0.0 for row in chosen if (row.solver, row.subject) == (solver, one)]) for one in networks])
        for solver in {row.solver for row in rows}
    }
    attempted = {solver: {row.subject for row in chosen if row.solver == solver and row.status != "lost"} for solver in means}
    for solver, values in means.items():
        values[[at for at, one in enumerate(networks) if one not in attempted[solver]]] = np.nan
    found = network_ranking("detect", list(summarise(rows)), means, {row.solver: row.reader for row in rows})
    assert [one.summary.solver for one in found.solvers] == [one.summary.solver for one in expected.solvers]
    assert [(one.best, one.worst, one.group) for one in found.solvers] == [(one.best, one.worst, one.group) for one in expected.solvers]
    for pair, test in found.pairs.items():
        assert test.difference == pytest.approx(expected.pairs[pair].difference)
        assert test.p_adjusted == pytest.approx(expected.pairs[pair].p_adjusted)


def test_the_normal_limit_of_the_sign_flips_is_near_them() -> None:
    drawn = np.random.default_rng(0).standard_normal((LIMIT + 1, 20)) + np.linspace(0, 0.15, 20)
    assert np.abs(sign_flip_ps(drawn) - flip_shares(drawn)).max() < 0.02
    assert sign_flip_ps(np.zeros((LIMIT + 1, 1)))[0] == 1.0


def test_what_compares_case_by_case_is_refused_and_an_unknown_solver_is_named(run: Run) -> None:
    for asked in ({"compare": ("cppn", "edges")}, {"against": run.folder}):
        with pytest.raises(UsageError, match="rows, case by case"):
            run.write_report(**asked)
    with pytest.raises(UnknownNameError) as told:
        run.write_report(solver="cpnn")
    assert "`cppn`" in told.value.hint


def test_a_large_report_without_the_extra_names_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(MissingExtraError) as told:
        run.write_report()
    assert "onecurve[large]" in told.value.hint


def test_the_guide_and_the_settings_say_from_how_many_rows() -> None:
    root = Path(__file__).parents[2]
    assert f"{LARGE:,} rows" in (root / "pyproject.toml").read_text()
    assert f"{LARGE:,} rows" in (root / "docs" / "guides" / "many-machines.md").read_text()


@pytest.mark.parametrize("secret", [False, True])
def test_the_first_case_of_each_kind_has_a_page_unless_it_is_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: bool) -> None:
    monkeypatch.setattr("onecurve.report.large.run.LARGE", 5)
    run = Run(small_run(tmp_path / "run"))
    (case,) = {row.case for row in run.rows() if row.flaw == "patch"}
    with Store.create(run.folder) as store:
        store.note("secret", [case] if secret else [], anew=True)
    run.write_report()
    check_links(run.folder)
    words = [page.all("main")[0].text for page in pages(run.folder)]
    assert len(list((run.folder / "cases").glob("*.html"))) == 2
    assert any("small red square" in text for text in words) is not secret
    assert (b"red square" in (run.folder / "columns" / "rows.parquet").read_bytes()) is not secret


def test_a_run_of_failures_of_own_readers_and_of_odd_names_has_whole_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onecurve.report.large.run.LARGE", 5)
    graded = replace(A_ROW, status=Status.GRADED, raw=0.5, floor=0.0, ceiling=1.0, skill=0.5)
    own = replace(graded, role=Role.OWN_READER, solver="x@mine", tool='a"<b>/x y', reader="mine", flaw="patch+style")
    failed = replace(A_ROW, status=Status.FAILED, reason="<b>broke</b> `x`", solver="bad", tool="bad", reader="")
    skipped = replace(A_ROW, status=Status.SKIPPED, reason="no target", solver="shy", tool="shy", reader="", task="repair")
    detector = replace(graded, task="detect", solver="d", tool="d", reader="", figures={"suspicion": 0.4}, flaw="clean")
    with Store.create(tmp_path) as store:
        for at in range(2):
            for row in (own, failed, skipped, detector):
                store.add_cell(replace(row, key=f"{row.solver}{at}", case=f"c{at}", subject=f"s{at}", skill=row.skill and at / 2))
    Run(tmp_path).write_report()
    check_links(tmp_path)
    read = pages(tmp_path)
    for page in read:
        check_access(page)
        assert not page.all("b") or all("broke" not in one.text for one in page.all("b"))
    assert {page.path.name for page in read} >= {"patch.html", "style.html", "clean.html", "mine.html", "bad.html", "shy.html", "d.html"}
    index = next(page for page in read if page.path.name == "index.html")
    assert "bad failed in the 2 cells" in index.all("main")[0].text


@pytest.mark.parametrize("old", [(), ("f0",), ("f0", "f1", "c0")])
def test_alarms_of_a_large_run_are_those_of_its_rows_whatever_version_made_them(tmp_path: Path, old: tuple[str, ...]) -> None:
    graded = replace(A_ROW, status=Status.GRADED, raw=0.5, floor=0.0, ceiling=1.0, skill=0.5, task="detect")
    rows = []
    for network, suspicion, alarms in (("f0", 0.9, (0.0, 0.0, 0.0)), ("f1", 0.7, (1.0, 1.0, 0.0)), ("c0", 0.45, (1.0, 0.0, 1.0))):
        own = replace(graded, case=network, subject=network, flaw="clean" if network == "c0" else "patch")
        for at, alarm in enumerate(alarms):
            told = {} if network in old else {"alarm": alarm}
            rows.append(replace(own, key=f"{network}-{at}", repeat=at, figures={"suspicion": suspicion} | told))
        rows.append(replace(own, key=f"{network}-3", repeat=3, status=Status.ABSTAINED, skill=0.0))
    with Store.create(tmp_path) as store:
        for row in rows:
            store.add_cell(row)
    with large_run(tmp_path, tmp_path) as run:
        (found,), (expected,) = detections(judged_networks(run.database)), detections(rows)
    assert (found.found, found.false_alarms) == (expected.found, expected.false_alarms) == ((2, 0) if old else (0, 0))


def test_several_readers_and_a_solver_without_one_have_whole_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graded = replace(A_ROW, status=Status.GRADED, raw=0.5, floor=0.0, ceiling=1.0)
    levels = {"cppn@matcher": 0.7, "edges@matcher": 0.3, "cppn@embedder": 0.6, "finetune": 0.5, "lime@slices": 0.2}
    rows = [
        replace(
            graded, key=f"{solver}-{at}", case=f"c{at}", subject=f"s{at}", solver=solver, tool=tool, reader=reader, skill=level + at / 50
        )
        for solver, level in levels.items()
        for tool, _, reader in [solver.partition("@")]
        for at in range(8)
    ]
    with Store.create(tmp_path) as store:
        for row in rows:
            store.add_cell(row)
    for largest in (5, 10**6):
        monkeypatch.setattr("onecurve.report.large.run.LARGE", largest)
        Run(tmp_path).write_report()
        with (tmp_path / "data" / "ranking.csv").open() as file:
            lines = {line["solver"]: line["of"] for line in csv.DictReader(file)}
        assert lines == {"cppn@matcher": "3", "edges@matcher": "3", "cppn@embedder": "2", "lime@slices": "2", "finetune": "5"}
        with (tmp_path / "data" / "pairs.csv").open() as file:
            assert len(list(csv.DictReader(file))) == 5
        index = next(page for page in pages(tmp_path) if page.path.name == "index.html").all("main")[0].text
        assert "of 5 pairs of solvers that share a reader, or of which one has none," in index
