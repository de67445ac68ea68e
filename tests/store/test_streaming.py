"""Rows are read and written one after another, and are what they were when all of them were held."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from small_run import A_ROW, small_run

from onecurve.core.grade import Grade, Status
from onecurve.core.row import Row
from onecurve.store.export import Columns, as_csv, as_json, row_as_columns, row_as_dict, write_parquet
from onecurve.store.store import Store
from onecurve.store.streaming import BATCH

PLAIN = replace(A_ROW, status=Status.GRADED, raw=0.5, floor=0.0, ceiling=1.0, skill=0.5, facts={}, figures={})
ROWS = (
    PLAIN,
    replace(PLAIN, key="l", figures={"top1": 1.0, "rank": 2}, facts={"size": 3}, reason='“a”, "b"\nand\tc'),
    replace(PLAIN, key="m", figures={"top1": 0.5}, facts={"insertion": "=1+1", "size": 0.5}, skill=float("inf")),
    replace(PLAIN, key="n", status=Status.FAILED, raw=None, floor=None, ceiling=None, skill=None, cpu_seconds=100.0, passes=1e9),
)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> tuple[Row, ...]:
    with Store.read(small_run(tmp_path_factory.mktemp("run") / "run")) as store:
        return (*store.rows(), *ROWS)


def test_rows_come_in_the_order_of_python_with_their_last_grades(tmp_path: Path) -> None:
    names = ("b", "B", "a", "é", "a-1", "a 1", "ä", "Z", "_", "😀")
    cells = [replace(A_ROW, key=f"{name}{at}{task}", case=name, task=task, repeat=at) for name in names for at in (1, 0) for task in "dc"]
    with Store.create(tmp_path) as store:
        for cell in cells:
            store.add_cell(cell)
        for skill in (0.1, 0.9):
            store.add_grade("B1d", Grade(Status.GRADED, raw=skill, floor=0.0, ceiling=1.0, skill=skill, figures={"top1": skill}))
        store.add_grade("a0c", Grade(Status.FAILED, "timed out"))
        found = store.rows()
        assert store.count() == len(cells)
    assert [row.key for row in found] == [
        row.key for row in sorted(cells, key=lambda row: (row.case, row.task, row.solver, row.budget, row.repeat, row.key))
    ]
    by_key = {row.key: row for row in found}
    assert (by_key["B1d"].skill, by_key["B1d"].figures) == (0.9, {"top1": 0.9})
    assert (by_key["a0c"].status, by_key["a0c"].reason, by_key["a0c"].figures) == (Status.FAILED, "timed out", {})
    assert by_key["b1d"] == next(cell for cell in cells if cell.key == "b1d")


def test_the_next_batch_is_read_only_when_it_is_asked_for(tmp_path: Path) -> None:
    with Store.create(tmp_path) as store:
        store.add_cell(A_ROW)
        several, stream = store.rows() * (BATCH + 1), store.stream()
        assert isinstance(stream, Iterator)
        assert next(stream) == A_ROW
    seen: list[Row] = []
    pieces = as_json(row for row in several if not seen.append(row))
    next(pieces)
    assert len(seen) == 1


def test_json_is_as_the_library_writes_it(rows: tuple[Row, ...]) -> None:
    for some in (rows, ROWS[:1], ()):
        assert "".join(as_json(some)) == json.dumps([row_as_dict(row) for row in some], indent=1) + "\n"


def test_csv_has_the_columns_of_all_rows_in_the_order_in_which_they_occur(rows: tuple[Row, ...]) -> None:
    lines = [row_as_columns(row) for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for line in lines for name in line)), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    assert "".join(as_csv(rows)) == text.getvalue()
    assert "".join(as_csv(())).startswith("key,case,subject")


def test_parquet_is_as_the_library_writes_it_whole(tmp_path: Path, rows: tuple[Row, ...]) -> None:
    pa = pytest.importorskip("pyarrow", reason="the extra `export` is not installed")
    pq = pytest.importorskip("pyarrow.parquet")
    lines = [row_as_columns(row) for row in rows]
    columns = dict.fromkeys(name for line in lines for name in line)
    pq.write_table(pa.table({name: [line.get(name) for line in lines] for name in columns}), tmp_path / "whole.parquet")
    written = write_parquet(Columns(rows), tmp_path / "rows.parquet")
    assert written.read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert pq.read_table(written).column("facts.size").type == pa.float64()


def test_a_parquet_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq = pytest.importorskip("pyarrow.parquet", reason="the extra `export` is not installed")
    place = tmp_path / "rows.parquet"
    place.write_text("what was there")

    def breaking() -> Iterator[dict[str, int]]:
        yield {"a": 1}
        raise OSError("the rows broke off")

    with pytest.raises(OSError, match="broke off"):
        write_parquet(breaking(), place)
    monkeypatch.setattr(pq.ParquetWriter, "write_table", lambda *_: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError, match="no space"):
        write_parquet([{"a": 1}], place)
    assert place.read_text() == "what was there"
    assert [path.name for path in tmp_path.iterdir()] == ["rows.parquet"]


def test_types_of_columns_hold_the_values_of_all_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq = pytest.importorskip("pyarrow.parquet", reason="the extra `export` is not installed")
    monkeypatch.setattr("onecurve.store.export._BATCH", 2)
    lines = [{"a": 1, "b": None}, {"a": 2, "c": "x"}, {"a": 0.5, "c": 3}, {"c": 1.5, "b": True}, {"d": 1, "c": None}]
    table = pq.read_table(write_parquet(iter(lines), tmp_path / "rows.parquet"))
    assert table.to_pylist() == [
        {"a": 1.0, "b": None, "c": None, "d": None},
        {"a": 2.0, "b": None, "c": "x", "d": None},
        {"a": 0.5, "b": None, "c": "3", "d": None},
        {"a": None, "b": True, "c": "1.5", "d": None},
        {"a": None, "b": None, "c": None, "d": 1},
    ]
