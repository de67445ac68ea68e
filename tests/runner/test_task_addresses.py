"""Tasks by address: settings in brackets, each task once, and maps of suspects for whoever is shown some."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_world import suite_of

from onecurve.core.errors import SpecError
from onecurve.core.row import Row
from onecurve.report.rows.loading import load_results
from onecurve.runner.run import Place, run_suite
from onecurve.runner.suite import Suite, load_suite, suite_names
from onecurve.tasks.catalog import TASKS


def test_settings_are_no_part_of_a_tasks_name() -> None:
    suite = suite_of("edges", tasks=("localise[suspects=100]", "detect"))
    assert suite.task_names == ("localise", "detect")


def test_a_task_is_named_once() -> None:
    with pytest.raises(ValueError, match="named once"):
        suite_of("edges", tasks=("localise", "localise[suspects=3]"))


@pytest.mark.parametrize(("task", "said"), [("localise[suspects=0]", "at least 1"), ("discover[suspect=3]", "no parameter: suspect")])
def test_wrong_settings_are_one_message_before_anything_is_planted(task: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=said):
        run_suite(suite_of("edges", tasks=(task,)), Place(tmp_path / "out", tmp_path / "cache", 1))
    assert not (tmp_path / "out").exists()


def test_who_makes_maps_serves_every_task_that_shows_suspects(run: Callable[[Suite], dict[str, Row]]) -> None:
    rows = run(suite_of("edges", tasks=("detect", "discover[suspects=4]", "predict")))
    assert {name: row.task for name, row in rows.items()} == {"edges@matcher": "discover"}
    assert rows["edges@matcher"].status == "graded"


def test_readers_of_maps_are_tried_on_right_maps_and_on_noise(cache: Path, tmp_path: Path) -> None:
    suite = suite_of("edges", "top-images", tasks=("discover[suspects=4]",)).changed({"lineups": 2})
    run_suite(suite, Place(tmp_path / "out", cache, 2))
    found = {(one.reader, one.condition): one.n for one in load_results(tmp_path / "out").calibrations if one.flaw == "patch"}
    assert found["matcher", "right maps"] == found["matcher", "noise maps of clean images"] == 2
    assert ("matcher", "clean network: top-images") in found
    assert ("matcher", "clean network: edges") not in found


def test_without_suspects_maps_serve_no_other_task(tmp_path: Path) -> None:
    place = Place(tmp_path / "out", tmp_path / "cache", 1)
    with pytest.raises(SpecError, match="no usual reader of this suite"):
        run_suite(suite_of("edges", tasks=("detect", "discover", "predict")), place)


@pytest.mark.parametrize("name", [name for name in suite_names() if name.startswith("attribution")])
def test_the_suites_on_heat_maps_can_be_planned(name: str) -> None:
    suite = load_suite(name)
    for address in suite.tasks:
        assert type(TASKS.make(address)).name in suite.task_names
    assert {"blank", "edges"} <= set(suite.solvers)
    assert min(suite.look_budgets) * 4 <= max(suite.look_budgets)
