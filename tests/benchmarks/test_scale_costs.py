"""The page on large runs says what its measured figures say, and every figure has a command or says that it was not measured."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
from small_run import small_run

from onecurve.store.store import Store

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def scale():
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    spec = importlib.util.spec_from_file_location("scale_costs", ROOT / "benchmarks" / "scale_costs.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]
    monkeypatch.undo()


@pytest.fixture
def measured(scale):
    return json.loads(scale.MEASURED.read_text(encoding="utf-8"))


def test_the_page_is_calculated_from_the_measured_figures(scale, measured):
    assert scale.PAGE.read_text(encoding="utf-8") == scale.page(measured), "run: python benchmarks/scale_costs.py page"
    assert measured["machine"]
    assert all(one["command"] for one in measured["rates"].values())


def test_what_was_not_measured_says_so_and_is_no_bottleneck(scale, measured):
    measured["rates"]["blobs"] |= {"per_second": None, "per_cpu_second": None}
    changed = scale.page(measured)
    assert "| blobs on a local disk, by one process | not measured | – | – |" in changed
    measured["rates"]["local_cells"] |= {"per_cpu_second": 1e9}
    assert "The first is the driver with local workers" not in scale.page(measured)


def test_twice_the_cells_cost_twice_the_hours(scale, measured):
    cell = scale._per_cell(measured["run"])
    rows = [line.split("|")[3].strip() for line in scale._size_table(cell, measured["rates"]).splitlines()[2:]]
    hours = [float(text.replace(",", "")) for text in rows]
    assert hours[1] == pytest.approx(10 * hours[0], rel=0.02)
    assert hours[2] == pytest.approx(10 * hours[1], rel=0.02)


def test_costs_of_a_run_count_each_look_once(scale, tmp_path):
    found = scale.costs_of(small_run(tmp_path / "run"))
    with Store.read(tmp_path / "run") as store:
        spent = sum(look.cost.cpu_seconds or 0.0 for look in store.looks().values())
    counted = sum(one["look_cpu_seconds"] for one in found["tasks"].values()) + found["reference_looks"]["cpu_seconds"]
    assert counted == pytest.approx(spent)
    assert found["cells"] == sum(one["cells"] for one in found["tasks"].values()) == 4
