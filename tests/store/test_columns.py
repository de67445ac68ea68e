"""The snapshot of the rows as columns, and questions to it."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from postgres_server import PostgresServer
from small_run import A_ROW, small_run
from synthetic_run import synthetic, synthetic_run

from onecurve import Run
from onecurve.core.errors import MissingExtraError, UnknownNameError, UsageError
from onecurve.core.grade import Grade, Status
from onecurve.report.rows.secrecy import Redacted
from onecurve.store.columns import place_of, snapshot
from onecurve.store.export import Columns, as_json, columns_of
from onecurve.store.querying import rows_database
from onecurve.store.store import Store

pytest.importorskip("duckdb", reason="the extra `large` is not installed")
pq = pytest.importorskip("pyarrow.parquet", reason="the extra `large` is not installed")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(synthetic_run(tmp_path_factory.mktemp("rows") / "run", networks=2, repeats=1))


def made(store: Store) -> Path:
    return snapshot(store, Redacted(store, ()), (), place_of(store.folder))


def identity(path: Path) -> tuple[int, int, int]:
    """What changes when a file is written again, and does not when it is only read."""
    stat = path.stat()
    return (stat.st_ino, stat.st_mtime_ns, stat.st_size)


def test_the_columns_of_a_snapshot_are_those_of_the_rows(tmp_path: Path) -> None:
    run = Run(small_run(tmp_path / "run"))
    table = pq.read_table(run.snapshot())
    assert table.column_names == columns_of(Columns(run.rows()))
    assert table.column("skill").to_pylist() == [row.skill for row in run.rows()]
    with run.asking("SELECT count(*), count(skill), sum(equivalents) FROM rows") as found:
        ((count, scored, spent),) = found.lines
    rows = run.rows()
    assert (count, scored) == (len(rows), sum(row.skill is not None for row in rows))
    assert spent == pytest.approx(sum(row.cost.equivalents for row in rows))


def test_a_snapshot_is_made_anew_only_when_the_rows_have_changed(tmp_path: Path) -> None:
    with Store.create(tmp_path) as store:
        store.add_cell(replace(A_ROW, status=Status.LOST, reason="killed"))
        first = identity(made(store))
        assert identity(made(store)) == first
        store.forget_cells(["k"])
        store.add_cell(replace(A_ROW, status=Status.FAILED, reason="timed out"))
        second = identity(made(store))
        assert second != first
        store.add_grade("k", Grade(Status.GRADED, raw=0.5, floor=0.0, ceiling=1.0, skill=0.5))
        assert pq.read_table(made(store)).column("skill").to_pylist() == [0.5]
        third = identity(made(store))
        place_of(tmp_path).write_bytes(b"cut off")
        assert pq.read_table(made(store)).num_rows == 1
        store.note("secret", ["another"], anew=True)
        assert identity(snapshot(store, Redacted(store, ["c"]), ["c"], place_of(tmp_path))) != third
    assert [path.name for path in place_of(tmp_path).parent.iterdir()] == ["rows.parquet"]


def test_a_secret_flaw_is_in_no_open_snapshot_and_in_no_answer(tmp_path: Path) -> None:
    with Store.create(tmp_path) as store:
        store.add_cell(replace(A_ROW, facts={"trigger": "a red square", "size": 3}, status=Status.FAILED))
        store.note("secret", ["c"])
    run = Run(tmp_path)
    run.aggregates("solver")
    with run.asking("SELECT * FROM rows") as found:
        assert "red square" not in str(list(found.records()))
    assert b"red square" not in run.snapshot().read_bytes()
    with run.asking('SELECT "facts.trigger" FROM rows', reveal=True) as found:
        assert list(found.lines) == [("a red square",)]
    assert {path.name for path in tmp_path.rglob("*.parquet") if b"red square" in path.read_bytes()} == {"rows.parquet"}
    assert run.snapshot(reveal=True) == tmp_path / "sealed" / "columns" / "rows.parquet"
    assert b"red square" not in place_of(tmp_path).read_bytes()


@pytest.mark.parametrize(
    "query",
    [
        "DROP VIEW rows",
        "CREATE TABLE other AS SELECT 1",
        "INSERT INTO rows SELECT * FROM rows",
        "SET enable_external_access = true",
        "SELECT 1; SELECT 2",
        "COPY (SELECT 1) TO '{place}'",
        "COPY (SELECT 1) TO '{folder}/other.csv'",
        "SELECT * FROM read_csv('{folder}/secret.csv')",
        "SELECT * FROM '{folder}/secret.csv'",
        "SELECT * FROM read_text('{folder}/*')",
        "SELECT * FROM glob('{folder}/*')",
        "ATTACH '{folder}/other.db'",
        "INSTALL httpfs",
        "PRAGMA database_list",
        "SELECT * FROM synthetic",
        "SELECT no_such_column FROM rows",
        "SELECT CAST(solver AS INTEGER) FROM rows",
        "not SQL",
        "",
    ],
)
def test_a_question_reads_the_rows_and_nothing_else(run: Run, query: str) -> None:
    place = run.snapshot()
    secret = run.folder / "secret.csv"
    secret.write_text("a,b\n1,2\n")
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    asked = run.asking(query.format(place=place, folder=run.folder))
    with pytest.raises(UsageError), asked as found:
        list(found.lines)
    assert {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()} == before


def test_a_variable_of_the_program_is_no_table(run: Run) -> None:
    pa = pytest.importorskip("pyarrow")
    hidden = pa.table({"a": [1]})
    with rows_database(run.snapshot()) as database, pytest.raises(UsageError, match="hidden"):
        list(database.ask("SELECT * FROM hidden").lines)
    assert hidden.num_rows == 1


def test_rows_and_columns_from_a_server_are_those_from_a_file(tmp_path: Path, run: Run, postgres: PostgresServer) -> None:
    with Store.create(tmp_path, f"{postgres.address}#columns") as store:
        synthetic.fill(store, 2, 1)
    there = Run(tmp_path)
    with run.streaming() as here, there.streaming() as rows:
        assert "".join(as_json(rows)) == "".join(as_json(here))
    assert pq.read_table(there.snapshot()).equals(pq.read_table(run.snapshot()))
    before = identity(there.snapshot())
    with Store.create(tmp_path) as store:
        store.add_cell(A_ROW)
    assert identity(there.snapshot()) != before


@pytest.mark.parametrize("name", ["run[1]", "a*b", "it's {x}", "ümlaut ?"])
def test_a_snapshot_may_lie_at_any_path(tmp_path: Path, name: str) -> None:
    with Store.create(tmp_path / name) as store:
        store.add_cell(A_ROW)
    with Run(tmp_path / name).asking("SELECT key FROM rows") as found:
        assert list(found.records()) == [{"key": "k"}]


@pytest.mark.parametrize("missing", ["duckdb", "pyarrow"])
def test_without_the_extra_the_message_names_it(run: Run, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError) as told:
        run.aggregates("solver")
    assert "onecurve[large]" in told.value.hint


def test_rows_cannot_be_grouped_by_what_is_no_column(run: Run) -> None:
    with pytest.raises(UnknownNameError) as told:
        run.aggregates("solvr")
    assert "`solver`" in told.value.hint
    with pytest.raises(UsageError):
        run.aggregates()
