"""The store keeps every row once, survives a kill, and says what is wrong with a file."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from onecurve.core.answer import Abstain, Weights
from onecurve.core.errors import DataError, SchemaError, UsageError
from onecurve.core.evidence import ClassScores, Evidence, HeatMap, Hypothesis, Picture, Text
from onecurve.core.grade import Cost, Grade, Status
from onecurve.core.image.trigger import Paste
from onecurve.core.question import Brief
from onecurve.core.row import Role, Row
from onecurve.store import row_digests
from onecurve.store.blobs import Blobs
from onecurve.store.store import FILE, Look, Store


def a_row(key: str = "k", **changes: object) -> Row:
    row = Row(
        key=key, case="c", subject="s", flaw="patch", data="digits", model="six-conv", task="discover", solver="cppn@matcher",
        tool="cppn", reader="matcher", role=Role.METHOD, budget=100.0, retrain_budget=0.0, repeat=0, status=Status.PENDING,
        forward=3.0, seconds=0.5, facts={"insertion": "finetune", "size": 8}, question="q", evidence="e", answer="a",
    )  # fmt: skip
    return replace(row, **changes)  # type: ignore[arg-type]


def test_a_row_comes_back_as_it_went_in(tmp_path: Path) -> None:
    with Store.create(tmp_path) as store:
        store.add_cell(a_row())
        assert store.rows() == (a_row(),)
    with Store.read(tmp_path) as store:
        assert store.rows() == (a_row(),)


def test_the_last_grade_counts_and_the_answer_stays(tmp_path: Path) -> None:
    with Store.create(tmp_path) as store:
        store.add_cell(a_row())
        store.add_grade("k", Grade(Status.GRADED, raw=0.2, floor=0.1, ceiling=1.0, skill=0.11, figures={"top1": 0.0}))
        store.add_grade("k", Grade(Status.GRADED, raw=0.3, floor=0.1, ceiling=1.0, skill=0.22, figures={"top1": 1.0}))
        (row,) = store.rows()
    assert (row.status, row.raw, row.skill, row.figures) == (Status.GRADED, 0.3, 0.22, {"top1": 1.0})
    assert row.answer == "a"


def test_nothing_is_counted_twice(tmp_path: Path) -> None:
    with Store.create(tmp_path) as store:
        for _ in range(2):
            store.add_cell(a_row())
            store.add_look(Look("l", "e", Cost(1.0, 2.0, 3.0, 4.0)))
            store.prepare("p", {"x": 1})
            store.note("seed", 7)
        assert len(store.rows()) == 1
        assert store.looks() == {"l": Look("l", "e", Cost(1.0, 2.0, 3.0, 4.0))}
        assert (store.prepared(), store.noted("seed"), store.noted("none")) == ({"p": {"x": 1}}, 7, None)


def test_a_failed_cell_keeps_its_reason_without_a_number(tmp_path: Path) -> None:
    with Store.create(tmp_path) as store:
        store.add_cell(a_row(status=Status.FAILED, reason="timed out after 5 s", traceback="…"))
        (row,) = store.rows()
    assert (row.status, row.reason, row.raw, row.skill) == (Status.FAILED, "timed out after 5 s", None, None)


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    with Store.create(tmp_path), pytest.raises(UsageError, match="another run is writing"):
        Store.create(tmp_path)
    Store.create(tmp_path).close()


def test_reading_what_is_not_there_or_not_ours(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no results in"):
        Store.read(tmp_path)
    (tmp_path / "results.sqlite").write_bytes(b"not a database at all, but long enough to look at" * 50)
    with pytest.raises(DataError, match="not a results file"):
        Store.read(tmp_path)
    assert (tmp_path / "results.sqlite").read_bytes().startswith(b"not a database")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match="cannot write to"):
        Store.create(tmp_path / "file" / "run")


def test_rows_survive_kill_minus_nine(tmp_path: Path) -> None:
    program = textwrap.dedent(f"""
        import os, signal, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from test_store import a_row
        from onecurve.store.store import Store
        store = Store.create(Path({str(tmp_path)!r}))
        for number in range(20):
            store.add_cell(a_row(f"k{{number}}"))
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    ended = subprocess.run([sys.executable, "-c", program], check=False, env={**os.environ})
    assert ended.returncode == -signal.SIGKILL
    with Store.create(tmp_path) as store:
        assert store.cell_keys() == {f"k{number}" for number in range(20)}


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    with Store.create(tmp_path) as store:
        store.note("schema", 99, anew=True)
    with pytest.raises(SchemaError, match="newer OneCurve"):
        Store.read(tmp_path)


pictures = arrays(np.float32, (3, 4, 4), elements=st.floats(0, 1, width=32))


@settings(max_examples=30, deadline=None)
@given(pictures, st.text(max_size=20), st.integers(0, 9))
def test_any_record_comes_back_from_a_blob(tmp_path_factory: pytest.TempPathFactory, image: np.ndarray, words: str, target: int) -> None:
    blobs = Blobs(tmp_path_factory.mktemp("blobs"))
    trigger = Paste(image[None], image[:1], place=(1, 2))
    evidence = Evidence(
        (
            Picture(image, words),
            Hypothesis(trigger, target, 0.5),
            HeatMap(image[0], 1),
            ClassScores(image[0, 0]),
            Text(words),
        )
    )
    key = blobs.put(evidence)
    assert blobs.put(evidence) == key
    back = blobs.get(key)
    assert back.hypotheses()[0].trigger.place == (1, 2)
    assert back.pieces[0].caption == words
    np.testing.assert_array_equal(back.hypotheses()[0].trigger.patterns, trigger.patterns)


def test_records_without_arrays_and_empty_ones(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    for record in (Abstain("why"), Evidence(), Brief(3)):
        assert blobs.get(blobs.put(record)) == record
    weights = blobs.get(blobs.put(Weights(np.ones((2, 3), np.float32), "note")))
    assert weights.note == "note"
    assert weights.values.shape == (2, 3)


def test_a_run_that_has_just_started_is_not_an_error_of_the_database(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as half:
        half.execute("CREATE TABLE meta (name VARCHAR NOT NULL PRIMARY KEY, value JSON)")
    with pytest.raises(DataError, match="no results yet in") as caught:
        Store.read(tmp_path)
    assert "has just started" in caught.value.hint
    Store.create(tmp_path).close()
    with Store.read(tmp_path) as store:
        assert store.rows() == ()


def test_a_damaged_blob_and_a_missing_one(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    key = blobs.put(Abstain("why"))
    (path,) = tmp_path.rglob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DataError, match="damaged blob"):
        blobs.get(key)
    assert blobs.get(blobs.put(Abstain("why"))) == Abstain("why")
    with pytest.raises(DataError, match="a blob is missing"):
        blobs.get("0" * 32)


def test_adopting_a_file_moves_it(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    file = tmp_path / "network"
    file.write_bytes(b"weights")
    key = blobs.adopt(file)
    assert blobs.file(key).read_bytes() == b"weights"
    assert not file.exists()


def test_rows_are_asked_for_by_what_became_of_them(tmp_path: Path) -> None:
    graded = Grade(Status.GRADED, raw=0.5, floor=0.0, ceiling=1.0, skill=0.5)
    with Store.create(tmp_path) as store:
        for key, status in (("waits", Status.WAITING), ("asked", Status.PENDING), ("right", Status.PENDING), ("lost", Status.LOST)):
            store.add_cell(a_row(key, status=status))
        store.add_grade("right", Grade(Status.LOST))
        store.add_grade("right", graded)
        assert [row.key for row in store.rows_with(Status.PENDING)] == ["asked"]
        assert [row.key for row in store.rows_with(Status.LOST)] == ["lost"]
        assert [row.key for row in store.rows_with(Status.GRADED, Status.WAITING)] == ["right", "waits"]
        assert store.counts() == {Status.WAITING: 1, Status.PENDING: 1, Status.GRADED: 1, Status.LOST: 1}
        assert store.rows_with(*Status) == store.rows() == store.rows_of_solver("cppn@matcher")
        (scale,) = store.scales()
        assert [row.key for row in store.rows_on(scale)] == ["right"]
        store.add_grade("right", replace(graded, floor=0.25))
        assert store.rows_on(scale) == ()


def test_a_large_database_is_opened_without_reading_it_whole_and_checked_as_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.create(tmp_path) as store:
        for number in range(4):
            store.add_cell(a_row(f"k{number}", status=Status.FAILED))
    monkeypatch.setattr(row_digests, "AT_ONCE", 5)
    with sqlite3.connect(tmp_path / FILE) as other:
        other.execute("UPDATE cells SET forward = 4.0 WHERE key = 'k2'")
    other.close()
    with Store.create(tmp_path) as store:
        assert store.cell_keys() == {"k0", "k1", "k2", "k3"}
        assert store.checked.faults == ("cells: the row k2 is not as it was written",)
        with pytest.raises(DataError, match="cells: the row k2 is not as it was written"):
            store.rows()
        store.forget_cells(["k2"])
        assert len(store.rows()) == 3
    with sqlite3.connect(tmp_path / FILE) as other:
        other.execute("DELETE FROM cells WHERE key = 'k1'")
    other.close()
    with pytest.raises(DataError, match="cells: 1 rows are gone"):
        Store.read(tmp_path)
