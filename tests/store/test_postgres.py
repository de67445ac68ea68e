"""Rows in PostgreSQL are those that SQLite would hold, have one writer, and survive a server that stops."""

import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Timer
from typing import Any

import psycopg
import pytest
from postgres_server import PostgresServer
from small_run import A_ROW
from sqlalchemy import text

from onecurve.core.display import PlantRecord
from onecurve.core.errors import DataError, MissingExtraError, OneCurveError, SchemaError, UsageError
from onecurve.core.grade import Cost, Grade, Status
from onecurve.store.databases import postgres as storing
from onecurve.store.databases.address import address_of, without_password
from onecurve.store.pointer import FILE as POINTER
from onecurve.store.store import Look, Store
from onecurve.store.tables import SCHEMA

GRADED = Grade(Status.GRADED, raw=0.3, floor=0.1, ceiling=1.0, skill=0.1 + 0.2, figures={"top1": math.inf})


@pytest.fixture
def address(postgres: PostgresServer, request: pytest.FixtureRequest) -> str:
    return f"{postgres.address}#t{abs(hash(request.node.name))}"


def fill(store: Store) -> None:
    """Some of everything, and of what one of two databases might keep in another way."""
    store.note("suite", '{"name": "quick"}')
    store.note("calibrations", ["a", "b"], anew=True)
    store.prepare("case:" + "long" * 100, {"tasks": {}, "x": math.nan})
    store.add_plants("net", [PlantRecord("s", "c", "patch", "", admitted=True, reason="", strength={"success": 0.97})])
    store.add_look(Look("l", "e", Cost(1.0, 2.0, 3.0, 4.0, cpu_seconds=0.1)))
    for number, name in enumerate(("b", "B", "a", "ä", "a_b", "a b")):
        store.add_cell(replace(A_ROW, key=f"k{number}", case=name, seconds=number / 3, solver="x" * 300))
    store.add_grade("k1", Grade(Status.LOST, "why"))
    store.add_grade("k1", GRADED)
    store.add_cell(replace(A_ROW, key="failed", status=Status.FAILED, reason="ü" * 50, traceback="…\n"))
    store.forget_cells(["k2"])


def same(one: Store, other: Store) -> bool:
    asked: list[Callable[[Store], object]] = [
        Store.rows, Store.looks, Store.plants, Store.cell_keys, Store.counts, Store.scales, lambda store: store.rows_with(Status.GRADED),
        lambda store: repr(store.prepared()), lambda store: store.facts() | {"digests": 0}, lambda store: store.checked.rows,
    ]  # fmt: skip
    return all(ask(one) == ask(other) for ask in asked)


def count(store: Store, table: str = "grades") -> int:
    return store.database.read(lambda connection: int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()))


def ask(address: str, statement: str) -> Any:
    """Say something to the server over a connection of its own, as a person might."""
    bare, _, schema = address.partition("#")
    with psycopg.connect(bare, autocommit=True, options=f"-c search_path={schema}") as connection:
        return connection.execute(statement)  # type: ignore[call-overload]


def test_it_holds_what_sqlite_holds(tmp_path: Path, address: str) -> None:
    with Store.create(tmp_path / "here") as here, Store.create(tmp_path / "there", address) as there:
        fill(here)
        fill(there)
        assert same(here, there)
    with Store.read(tmp_path / "here") as here, Store.read(tmp_path / "there") as there:
        assert same(here, there)
        assert there.checked.faults == ()
    with Store.create(tmp_path / "there") as there:
        there.add_cell(replace(A_ROW, key="nul", reason="a\0b"))
        assert [row.reason for row in there.rows() if row.key == "nul"] == ["a\N{REPLACEMENT CHARACTER}b"]


def test_a_second_driver_is_refused_and_changes_nothing(tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "HELD", 0.1)
    with Store.create(tmp_path / "one", address) as store:
        with pytest.raises(UsageError, match="another run is writing to"):
            Store.create(tmp_path / "two", address)
        assert not (tmp_path / "two" / POINTER).exists()
        with pytest.raises(UsageError, match="another run is writing to"):
            Store.create(tmp_path / "one", address)
        store.note("n", 1)
        with Store.read(tmp_path / "one") as reader:
            assert reader.noted("n") == 1
        with Store.create(tmp_path / "two", f"{address}_2") as other:
            assert other.noted("n") is None


def test_rows_survive_a_server_that_crashes_and_come_once(tmp_path: Path, postgres: PostgresServer, address: str) -> None:
    with Store.create(tmp_path / "here") as here, Store.create(tmp_path / "there", address) as there:
        reading = there.stream()
        fill(here)
        fill(there)
        next(reading)
        postgres.stop()
        postgres.start()
        with pytest.raises(OneCurveError, match=r"the connection to .* was lost"):
            list(reading)
        for store in (here, there):
            store.add_grade("k3", GRADED)
            store.add_cell(replace(A_ROW, key="after"))
        assert same(here, there)
        assert there.checked.faults == ()


@pytest.mark.parametrize("took_place", [True, False])
def test_a_commit_whose_reply_is_lost_takes_place_once(
    tmp_path: Path, address: str, took_place: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.create(tmp_path, address) as store:
        store.add_cell(A_ROW)
        dialect = store.database._engine.dialect  # type: ignore[attr-defined]
        commit, lost = dialect.do_commit, list[bool]()

        def losing(connection: Any) -> None:
            if not lost:
                lost.append(True)
                if took_place:
                    commit(connection)
                connection.dbapi_connection.close()
                raise psycopg.OperationalError("the reply was lost")
            commit(connection)

        monkeypatch.setattr(dialect, "do_commit", losing)
        store.add_grade("k", GRADED)
        assert lost
        assert count(store) == 1
        store.add_grade("k", GRADED)
        assert count(store) == 2
        assert store.checked.faults == ()


def test_whoever_was_overtaken_while_the_connection_was_lost_writes_no_more(tmp_path: Path, address: str) -> None:
    with Store.create(tmp_path / "one", address) as store:
        store.add_cell(A_ROW)
        ask(address, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        with Store.create(tmp_path / "two", address) as other:
            with pytest.raises(UsageError, match="another run wrote to"):
                store.add_grade("k", GRADED)
            other.add_grade("k", Grade(Status.FAILED))
        with pytest.raises(UsageError, match="another run wrote to"):
            store.add_grade("k", GRADED)
        assert [row.status for row in store.rows()] == [Status.FAILED]


def test_patience_ends_with_one_sentence_and_the_same_command_goes_on(
    tmp_path: Path, postgres: PostgresServer, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "PATIENCE", 0.2)
    monkeypatch.setattr(storing, "OPENING", 0.0)
    with Store.create(tmp_path, address) as store:
        store.add_cell(A_ROW)
        postgres.stop("fast")
        try:
            with pytest.raises(OneCurveError, match=r"did not come back within 0.2 s") as told:
                store.add_grade("k", GRADED)
            assert "the same command goes on" in told.value.hint
            with pytest.raises(UsageError, match="cannot connect to"):
                Store.read(tmp_path)
        finally:
            starting = Timer(0.3, postgres.start)
            starting.start()
        monkeypatch.setattr(storing, "OPENING", 15.0)
        monkeypatch.setattr(storing, "PAUSES", (0.1, 0.1))
        with Store.read(tmp_path) as reader:
            assert reader.rows() == (A_ROW,)
        starting.join()
        store.add_grade("k", GRADED)
        assert count(store) == 1


def test_a_row_that_was_changed_by_hand_is_named(tmp_path: Path, address: str) -> None:
    with Store.create(tmp_path, address) as store:
        store.add_cell(A_ROW)
        ask(address, "UPDATE cells SET facts = '{}'")
        assert store.checked.faults == ("cells: the row k is not as it was written",)
    with pytest.raises(DataError, match="cells: the row k is not as it was written"):
        Store.read(tmp_path)
    ask(address, "DELETE FROM cells")
    with pytest.raises(DataError, match="cells: the row k is gone"):
        Store.create(tmp_path)


def test_other_schemas_of_the_tables(tmp_path: Path, address: str) -> None:
    with Store.create(tmp_path, address) as store:
        store.add_cell(replace(A_ROW, cpu_seconds=None))
    ask(address, "ALTER TABLE cells DROP COLUMN task_version")
    ask(address, "UPDATE meta SET value = '2' WHERE name = 'schema'")
    ask(address, "DELETE FROM digests")  # an earlier version noted others
    with pytest.raises(SchemaError, match="was written by an older OneCurve") as told:
        Store.read(tmp_path)
    assert "onecurve run" in told.value.hint
    with Store.create(tmp_path) as store:
        assert (store.noted("schema"), len(store.rows())) == (SCHEMA, 1)
        store.note("schema", SCHEMA + 1, anew=True)
    for opened in (Store.read, Store.create):
        with pytest.raises(SchemaError, match="newer OneCurve"):
            opened(tmp_path)


def test_a_folder_belongs_to_one_store(tmp_path: Path, address: str) -> None:
    with pytest.raises(DataError, match="no results in"):
        Store.read(tmp_path)
    Store.create(tmp_path / "file").close()
    with pytest.raises(UsageError, match=r"are in its own results\.sqlite"):
        Store.create(tmp_path / "file", address)
    Store.create(tmp_path / "server", address).close()
    with pytest.raises(UsageError, match=r"the rows of .* are in postgresql://"):
        Store.create(tmp_path / "server", f"{address}_2")
    Store.create(tmp_path / "server", address.replace("tester@", "tester:secret@")).close()
    assert "secret" not in (tmp_path / "server" / POINTER).read_text()


def test_what_is_written_down_of_an_address_holds_no_password() -> None:
    text = "postgresql://me:p%40ss@db.example:6543/lab?sslmode=require&password=p%40ss#run_7"
    shown = address_of(text).shown
    assert shown == "postgresql://me@db.example:6543/lab?sslmode=require#run_7"
    assert address_of(shown).names_the_same(address_of(text))
    assert without_password(text, f"onecurve run quick --store {text}") == f"onecurve run quick --store {shown}"
    assert not address_of(shown).names_the_same(address_of(shown.replace("run_7", "run_8")))
    assert address_of(shown).sockets == ()
    assert address_of("postgresql:///lab?host=/a,/b").sockets == (Path("/a"), Path("/b"))
    assert Path("/run/postgresql") in address_of("postgresql:///lab").sockets
    for wrong in ("mysql://me@here/db", "no address", "postgresql://h/db#Up", "postgresql://h/db#pg_own", "postgresql://h/db#a;b"):
        with pytest.raises(UsageError) as told:
            address_of(wrong.replace("me@", "me:secret@"))
        assert "secret" not in str(told.value)


def test_without_the_extra_it_is_named_and_nothing_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg.types.string", None)
    with pytest.raises(MissingExtraError, match="postgres"):
        Store.create(tmp_path, "postgresql://nobody@nowhere.invalid/db")
    program = "import sys, onecurve.runner.run; sys.exit(bool({'psycopg', 's3fs'} & sys.modules.keys()))"
    subprocess.run([sys.executable, "-c", program], check=True)
