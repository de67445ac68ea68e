"""Results written by every schema there ever was must load for ever."""

import shutil
from pathlib import Path

import pytest

from onecurve.core.grade import Cost, Status
from onecurve.store.store import FILE, Store
from onecurve.store.tables import SCHEMA

HISTORIC = sorted((Path(__file__).parent / "historic").glob("schema-*.sqlite"))


def test_every_schema_left_a_file() -> None:
    assert [path.stem for path in HISTORIC] == [f"schema-{number}" for number in range(1, SCHEMA + 1)]


def test_an_old_file_is_read_as_it_is_and_brought_up_when_it_is_written_to(tmp_path: Path) -> None:
    path = tmp_path / FILE
    shutil.copy(HISTORIC[0], path)
    before = path.read_bytes()
    with Store.read(tmp_path) as store:
        read = store.rows()
    assert path.read_bytes() == before
    for _ in range(2):
        with Store.create(tmp_path) as store:
            assert store.rows() == read
            assert store.noted("schema") == SCHEMA
            assert not store.checked.faults


@pytest.mark.parametrize("path", HISTORIC, ids=lambda path: path.stem)
def test_it_loads_with_its_rows_looks_plants_and_facts(path: Path, tmp_path: Path) -> None:
    shutil.copy(path, tmp_path / FILE)
    with Store.create(tmp_path) as store:
        rows = {row.key: row for row in store.rows()}
        assert {key: row.status for key, row in rows.items()} == {
            "graded": Status.GRADED,
            "failed": Status.FAILED,
            "skipped": Status.SKIPPED,
        }
        assert (rows["graded"].raw, rows["graded"].figures) == (0.5, {"top1": 1.0, "rank": 1.0})
        assert (rows["failed"].reason, rows["failed"].skill) == ("timed out after 60 s", None)
        timed, counted = path.stem != "schema-1", 200 if path.stem == "schema-4" else None
        assert store.looks()["look"].cost == Cost(10, 20, 1.5, 30, cpu_seconds=2.5 if timed else None, clean_images=counted)
        assert (rows["graded"].clean_images, rows["failed"].clean_images) == (counted, None)
        assert (rows["graded"].cpu_seconds, rows["graded"].passes) == ((3.5, 700.0) if timed else (None, None))
        assert rows["graded"].task_version == (2 if path.stem in {"schema-3", "schema-4"} else 1)
        assert store.plants()[0].strength == {"success": 0.97}
        assert store.prepared() == {"facts:cppn": {"name": "cppn"}}
        assert store.noted("suite") == '{"name": "quick"}'
