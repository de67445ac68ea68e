"""Reading results: from any path, from where nothing can be written, and without leaving anything behind."""

import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from small_run import A_ROW, small_run

from onecurve.core.errors import DataError, UsageError
from onecurve.report.pages.write import write_report
from onecurve.report.rows.loading import load_results
from onecurve.store.store import FILE, Store

ODD = ("100%", "what?mode=ro", "a#b", "two words", "%20", "file:x", "ümlaut", "semi;colon", "a&b=c", "'quotes\"")


def files_below(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*"))


@pytest.mark.parametrize("name", ODD)
def test_any_path_can_be_written_and_read(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name / "run"
    with Store.create(folder) as store:
        store.add_cell(A_ROW)
    assert sorted(path.name for path in folder.iterdir()) == [".lock", FILE]
    with Store.read(folder) as store:
        assert store.rows() == (A_ROW,)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_reading_leaves_nothing_behind_and_opens_nothing_for_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = small_run(tmp_path / "run")
    before, opened = files_below(tmp_path), list[str]()
    connect = sqlite3.connect

    def watched(place: str, **options: object) -> sqlite3.Connection:
        opened.append(place)
        return connect(place, **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(sqlite3, "connect", watched)
    with Store.read(run) as store:
        assert len(store.rows()) > 10
        during = files_below(tmp_path)
    assert opened
    assert all("mode=ro&immutable=1" in place for place in opened)
    assert before == during == files_below(tmp_path)


def test_a_finished_run_is_reported_from_where_nothing_can_be_written(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run")
    shown = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(f"""
            import sys
            def refuse(event, arguments):
                wanted = arguments[2] if event == "open" and isinstance(arguments[2], int) else 0
                if event == "open" and wanted & 3 and str(arguments[0]).startswith({str(run)!r}):
                    raise OSError(30, "Read-only file system", arguments[0])
            sys.addaudithook(refuse)
            from pathlib import Path
            from onecurve.bench.running import Run
            print(len(Run(Path({str(run)!r})).rows()))
        """)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(shown.stdout) > 10
    assert write_report(load_results(run), tmp_path / "elsewhere").is_file()


def test_a_run_whose_writer_was_killed_is_read_with_its_last_rows(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "live")
    store.add_cell(A_ROW)
    shutil.copytree(tmp_path / "live", tmp_path / "killed")
    assert (tmp_path / "killed" / f"{FILE}-wal").stat().st_size
    for place in ("live", "killed"):
        with Store.read(tmp_path / place) as reader:
            assert reader.rows() == (A_ROW,)
    store.close()


def test_a_folder_that_cannot_be_written_is_refused_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Path.open

    def refuse(path: Path, mode: str = "r", *rest: object) -> object:
        if path.name == ".lock":
            raise OSError(30, os.strerror(30), str(path))
        return plain(path, mode, *rest)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UsageError, match=r"cannot write to .*Read-only"):
        Store.create(tmp_path)


def test_a_row_that_was_changed_by_hand_is_named(tmp_path: Path) -> None:
    with Store.create(tmp_path) as store:
        store.add_cell(A_ROW)
    with sqlite3.connect(tmp_path / FILE) as other:
        other.execute("UPDATE cells SET forward = 4.0")
    other.close()
    with pytest.raises(DataError, match="cells: the row k is not as it was written"):
        Store.read(tmp_path)
    with pytest.raises(DataError, match="cells: the row k is not as it was written"):
        Store.create(tmp_path)
    with sqlite3.connect(tmp_path / FILE) as other:
        other.execute("DELETE FROM cells")
    other.close()
    with pytest.raises(DataError, match="cells: the row k is gone"):
        Store.read(tmp_path)
