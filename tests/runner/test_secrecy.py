"""What a worker of the open room is given holds no truth, and the truth does not print itself."""

import json
from collections.abc import Callable
from pathlib import Path

from tiny_world import named, suite_of

from onecurve.core.row import Row
from onecurve.flaws.storage import load_case
from onecurve.runner.networks import wanted_networks
from onecurve.runner.suite import Suite

Run = Callable[[Suite], dict[str, Row]]


def test_no_truth_lives_in_a_workers_process(run: Run, tmp_path: Path) -> None:
    seen = tmp_path / "seen.json"
    run(suite_of(f"{named('LooksAround')[0]}[out={seen}]"))
    found = json.loads(seen.read_text())
    assert found["truths"] == []
    assert found["rooms"] == []
    assert not any("sealed" in words for words in found["words"])


def test_the_subjects_folder_holds_the_subject_and_nothing_else(run: Run, tmp_path: Path) -> None:
    run(suite_of(*named("Uniform")))
    for network in (tmp_path / "out" / "networks").iterdir():
        files = sorted(path.name for path in (network / "subject").rglob("*"))
        assert files == ["clean.safetensors", "network.safetensors", "subject.json"]
        record = json.loads((network / "subject" / "subject.json").read_text())
        assert set(record) == {"schema", "id", "class_names", "shape", "access", "architecture"}


def test_a_truth_does_not_print_itself(run: Run, tmp_path: Path) -> None:
    (row,) = run(suite_of(*named("Uniform"))).values()
    case = load_case(tmp_path / "out" / "networks" / row.subject, row.case)
    assert repr(case.truth) == "<sealed Truth>"
    assert "targets" not in repr(case)


def test_what_a_network_is_called_says_nothing_of_what_is_in_it() -> None:
    places = set()
    for seed in range(12):
        suite = suite_of("edges").changed({"seed": seed})
        names = {network.name: network.flaws for network in wanted_networks(suite, (), "cpu") if not network.reference}
        assert sorted(names) == ["net-1", "net-2"]
        places.add(names["net-1"] == ())
    assert places == {True, False}
