"""A lock that another program holds on the results is told in a sentence, and everything finished is kept."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from small_run import A_ROW

from onecurve.core.errors import UsageError
from onecurve.core.grade import Grade, Status
from onecurve.store.databases import sqlite
from onecurve.store.store import FILE, Look, Store


@pytest.fixture(autouse=True)
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "WAIT", 0.05)


@contextmanager
def held(folder: Path, how: str = "IMMEDIATE") -> Iterator[None]:
    connection = sqlite3.connect(folder / FILE, isolation_level=None)
    if how == "EXCLUSIVE":
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    connection.execute(f"BEGIN {how}")
    if how == "EXCLUSIVE":
        connection.execute("CREATE TABLE theirs (a)")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


def test_whatever_is_written_meets_the_lock_with_a_sentence_and_goes_on_after_it(tmp_path: Path) -> None:
    with Store.create(tmp_path) as store:
        writes = [
            lambda: store.note("n", 1),
            lambda: store.prepare("p", {"a": 1}),
            lambda: store.add_look(Look("l", "e", A_ROW.cost)),
            lambda: store.add_cell(A_ROW),
            lambda: store.add_grade(A_ROW.key, Grade(Status.FAILED, "why")),
            lambda: store.forget_cells(["none", A_ROW.key]),
        ]
        for write in writes:
            with held(tmp_path), pytest.raises(UsageError, match="another program holds the results") as told:
                write()
            assert "the same command goes on" in (told.value.hint or "")
            write()
        assert store.noted("n") == 1
        assert store.prepared() == {"p": {"a": 1}}
        assert store.rows() == ()
        assert store.checked.faults == ()


def test_a_database_that_is_held_is_not_called_damaged(tmp_path: Path) -> None:
    with Store.create(tmp_path) as store:
        store.add_cell(A_ROW)
    with held(tmp_path, "EXCLUSIVE"), pytest.raises(UsageError, match="another program holds the results"):
        Store.create(tmp_path)
    with Store.create(tmp_path) as store:
        assert [row.key for row in store.rows()] == [A_ROW.key]
