"""Rows of many runs in one store: by content, whatever the order, and nothing where runs contradict each other."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from many_runs import another_run, contents, files, other_network
from small_run import small_run

import onecurve
from onecurve.core.errors import DataError, UsageError
from onecurve.core.grade import Status
from onecurve.core.row import Role, Row
from onecurve.report.rows.loading import load_results
from onecurve.runner.merged import merged_of
from onecurve.runner.merging import write
from onecurve.runner.merging.conflicts import ConflictError
from onecurve.runner.run import Place, run_suite
from onecurve.runner.suite import load_suite
from onecurve.store.store import Store

Changed = Callable[[Row], Row | None]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_run(tmp_path_factory.mktemp("base") / "run")


@pytest.fixture(scope="module")
def parts(base: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs of other networks, which nobody changes."""
    return [another_run(base, tmp_path_factory.mktemp(name) / name, networks=name) for name in ("a", "b")]


@pytest.fixture(scope="module")
def whole(parts: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both merged."""
    out = tmp_path_factory.mktemp("whole") / "whole"
    onecurve.merge(parts, out)
    return out


def rows_of(folder: Path) -> tuple[Row, ...]:
    with Store.read(folder) as store:
        return store.rows()


def only(*solvers: str) -> Changed:
    """Rows of these solvers, and the reference points."""
    return lambda row: row if row.solver in solvers or row.role is Role.REFERENCE_POINT else None


def test_one_suite_split_by_solver_is_the_whole_run_again(base: Path, tmp_path: Path) -> None:
    whole = another_run(base, tmp_path / "whole")
    one = another_run(base, tmp_path / "one", rows=only("test-set"))
    other = another_run(base, tmp_path / "other", rows=only("edges@verbatim", "oracle@matcher"), started="2026-02-02T00:00:00+00:00")
    before = files(one)
    found = onecurve.merge([one, other], tmp_path / "merged")
    assert (found.runs, found.rows, found.renamed, found.networks) == (2, len(rows_of(whole)), (), 3)
    assert found.twice == sum(row.role is Role.REFERENCE_POINT for row in rows_of(whole))
    assert rows_of(tmp_path / "merged") == rows_of(whole)
    assert onecurve.verify(tmp_path / "merged").sound
    assert files(one) == before


def test_one_suite_split_by_seed_keeps_networks_apart_that_bear_one_name(parts: list[Path], whole: Path) -> None:
    rows = rows_of(whole)
    assert len(rows) == 2 * len(rows_of(parts[0]))
    assert len({row.subject for row in rows}) == 4
    assert all(row.case.startswith(f"{row.subject}.") for row in rows)
    results = load_results(whole)
    assert results.displays.keys() == {row.case for row in rows}
    assert {display.subject for display in results.displays.values()} == {row.subject for row in rows}
    assert {record.case for record in results.plants} >= {row.case for row in rows}
    assert onecurve.verify(whole).sound
    assert onecurve.Run(whole).write_report(whole.parent / "report").exists()


def test_two_plans_about_one_network_are_cases_of_their_own_and_one_network(base: Path, tmp_path: Path) -> None:
    runs = [another_run(base, tmp_path / plan, plan=plan) for plan in ("p", "q")]
    onecurve.merge(runs, tmp_path / "merged")
    rows = rows_of(tmp_path / "merged")
    assert ({row.subject for row in rows}, len({row.case for row in rows})) == ({"net-1", "net-2"}, 4)
    assert len({(row.case, row.task, row.solver, row.budget) for row in rows}) == len(rows) == 2 * len(rows_of(runs[0]))


def test_a_network_of_a_zoo_is_one_network_whatever_each_run_calls_it(base: Path, tmp_path: Path) -> None:
    a, q = another_run(base, tmp_path / "a"), another_run(base, tmp_path / "q", plan="q", rename=("net-2", "net-9"))
    found = onecurve.merge([q, a], tmp_path / "merged")
    rows = rows_of(tmp_path / "merged")
    assert (found.networks, {row.subject for row in rows}, len({row.case for row in rows})) == (3, {"net-1", "net-2"}, 4)
    with Store.read(tmp_path / "merged") as store:
        inner = merged_of(store).first_names
        sealed = tmp_path / "merged" / "networks" / "net-2" / "sealed"
        assert all((sealed / f"{inner[row.case]}.json").is_file() for row in rows if row.subject == "net-2")
    assert onecurve.verify(tmp_path / "merged").sound
    assert load_results(tmp_path / "merged").displays.keys() == {row.case for row in rows}
    before = contents(tmp_path / "merged")
    onecurve.merge([a], tmp_path / "merged")
    assert contents(tmp_path / "merged") == before


def test_the_order_of_the_arguments_and_one_by_one_make_no_difference(base: Path, parts: list[Path], tmp_path: Path) -> None:
    def slower(row: Row) -> Row:
        return replace(row, seconds=row.seconds + 1.0, cpu_seconds=9.0, clean_images=7)

    slow = another_run(base, tmp_path / "slow", rows=slower, started="2026-03-03T00:00:00+00:00")
    runs = [parts[0], slow, parts[1]]
    expected = None
    for number, order in enumerate([runs, runs[::-1], [*runs[1:], runs[0]]]):
        if number % 2:
            onecurve.merge(order, tmp_path / f"m{number}")
        else:
            for run in order:
                onecurve.merge([run], tmp_path / f"m{number}")
        expected = expected or contents(tmp_path / f"m{number}")
        assert contents(tmp_path / f"m{number}") == expected
    assert {row.cpu_seconds for row in expected["rows"]}.isdisjoint({9.0})
    assert {row.clean_images for row in expected["rows"]} == {None}
    assert len(list((tmp_path / "m0" / "networks").iterdir())) == 6
    once = files(tmp_path / "m0")
    onecurve.merge([runs[1], runs[1]], tmp_path / "m0")
    assert contents(tmp_path / "m0") == expected
    assert files(tmp_path / "m0").keys() == once.keys()
    onecurve.merge([tmp_path / "m0"], tmp_path / "again")
    assert contents(tmp_path / "again") == expected


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"raw": 0.123}, "raw"),
        ({"answer": "f" * 32}, "answer"),
        ({"status": Status.FAILED, "raw": None, "skill": None, "floor": None, "ceiling": None}, "status"),
        ({"status": Status.PENDING, "answer": "e" * 32}, "answer"),
    ],
)
def test_another_answer_or_grade_of_one_cell_is_a_conflict_and_nothing_is_written(
    base: Path, parts: list[Path], tmp_path: Path, change: dict, words: str
) -> None:
    def changed(row: Row) -> Row:
        return replace(row, **change) if (row.solver, row.case) == ("edges@verbatim", "net-2.1") else row

    runs = [parts[0], another_run(base, tmp_path / "b", rows=changed)]
    with pytest.raises(ConflictError) as told:
        onecurve.merge(runs, tmp_path / "merged")
    assert "1 places" in told.value.message
    for part in ("edges@verbatim on localise of net-2.1", words, str(runs[0]), str(runs[1])):
        assert part in told.value.message
    assert not (tmp_path / "merged").exists()


def test_what_is_not_finished_gives_way(base: Path, tmp_path: Path) -> None:
    def lost(row: Row) -> Row:
        return replace(row, status=Status.LOST, raw=None, skill=None, floor=None, ceiling=None, figures={}, answer="", seconds=0.0)

    a, b = another_run(base, tmp_path / "a"), another_run(base, tmp_path / "b", rows=lost, notes={"finished": None})
    found = onecurve.merge([b], tmp_path / "merged")
    assert found.unfinished == (str(b),)
    assert {row.status for row in rows_of(tmp_path / "merged")} == {Status.LOST}
    onecurve.merge([a], tmp_path / "merged")
    assert rows_of(tmp_path / "merged") == rows_of(a)


def test_an_earlier_version_of_a_tool_goes_by_its_version(base: Path, tmp_path: Path) -> None:
    def later(key: str, value: object) -> object:
        return {**value, "version": 7, "key": "new"} if key.startswith("facts:edges:") else value

    def other_cells(row: Row) -> Row:
        return replace(row, key=f"{row.key[:-1]}x") if row.tool == "edges" else row

    runs = [another_run(base, tmp_path / "old"), another_run(base, tmp_path / "new", prepared=later, rows=other_cells)]
    onecurve.merge(runs, tmp_path / "merged")
    solvers = [row.solver for row in rows_of(tmp_path / "merged") if row.tool.startswith("edges")]
    assert sorted(solvers) == ["edges-v1@verbatim"] * 2 + ["edges@verbatim"] * 2
    assert {entry.version for name, entry in load_results(tmp_path / "merged").entries.items() if name == "edges"} == {7}

    same_version = another_run(base, tmp_path / "forged", prepared=lambda key, value: {**value, "key": "k"} if ":edges:" in key else value)
    with pytest.raises(ConflictError, match="two different solvers are called edges"):
        onecurve.merge([runs[0], same_version], tmp_path / "other")


def test_other_weights_and_other_planting_are_refused(base: Path, tmp_path: Path) -> None:
    one, other = another_run(base, tmp_path / "a"), another_run(base, tmp_path / "b")
    later = another_run(base, tmp_path / "c", prepared=lambda key, value: {**value, "planting": "9.9"} if key == "planting" else value)
    with pytest.raises(UsageError, match=r"planted in different ways.*9\.9"):
        onecurve.merge([one, later], tmp_path / "merged")
    place = other / "networks" / "net-1"
    weights = place / "subject" / "network.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    with pytest.raises(DataError, match="damaged"):
        onecurve.merge([one, other], tmp_path / "merged")
    shutil.rmtree(place)
    shutil.copytree(base / "networks" / "net-1", place)
    digest = other_network(place, "other processor")
    shutil.copy(one / "networks" / "net-1" / "key", place / "key")
    with Store.create(other) as store:
        store.note("digests:net-1", digest, anew=True)
    with pytest.raises(ConflictError, match="net-1 was planted by one recipe and seed"):
        onecurve.merge([one, other], tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


@pytest.mark.parametrize("place", ["_copy_network", "_write_seeds", "_write_rows", "_remove_other_networks"])
def test_killed_anywhere_a_rerun_gives_the_same(
    parts: list[Path], whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    a, b = parts
    merged, expected = tmp_path / "merged", contents(whole)
    onecurve.merge([a], merged)
    before = contents(merged)["rows"]

    def killed(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(write, place, killed)
        with pytest.raises(KeyboardInterrupt):
            onecurve.merge([b], merged)
    assert onecurve.verify(merged).sound
    if place != "_remove_other_networks":  # the last step, after the rows
        assert contents(merged)["rows"] == before
    onecurve.merge([b], merged)
    assert contents(merged) == expected
    assert files(merged).keys() == files(whole).keys()


def test_merged_results_are_not_gone_on_with_nor_published_as_one_run(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="merged results and not a run"):
        run_suite(load_suite("quick"), Place(whole, tmp_path / "cache", 1))
    with pytest.raises(UsageError, match="publish the runs"):
        onecurve.Run(whole).publish(tmp_path / "published")


def test_blobs_that_lie_elsewhere_are_fetched(base: Path, tmp_path: Path) -> None:
    run = another_run(base, tmp_path / "a")
    Store.create(run, blobs=f"file://{tmp_path}/shared").close()
    shutil.rmtree(run / "blobs")
    onecurve.merge([run], tmp_path / "merged")
    assert onecurve.verify(tmp_path / "merged").sound
    assert onecurve.verify(onecurve.bundle(run, tmp_path / "bundle")).sound


def test_only_a_new_folder_or_merged_results_are_merged_into(parts: list[Path], tmp_path: Path) -> None:
    run, other = parts[0], tmp_path / "other"
    with pytest.raises(UsageError, match="not merged results but a run"):
        onecurve.merge([run], run)
    other.mkdir()
    (other / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="not an empty folder"):
        onecurve.merge([run], other)
    with pytest.raises(DataError, match="no results in"):
        onecurve.merge([run, tmp_path / "nowhere"], tmp_path / "merged")
    assert not (tmp_path / "merged").exists()
