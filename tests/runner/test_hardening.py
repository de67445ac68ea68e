"""Hard suites keep what the leading solvers miss, and plant the same networks again."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from tiny_world import suite_of

from onecurve.cli.main import cli
from onecurve.core.errors import DataError, UsageError
from onecurve.core.grade import Status
from onecurve.core.row import Role, Row
from onecurve.runner.commands.harden import Hardness, hardened, hardest, hardness
from onecurve.runner.networks import WantedNetwork, wanted_networks
from onecurve.runner.phases.plant import drawn_before
from onecurve.runner.run import Place, run_suite
from onecurve.runner.suite import Suite, load_suite
from onecurve.store.store import Store


def row(network: str, flaw: str, task: str, solver: str, skill: float) -> Row:
    key = f"{network}{flaw}{task}{solver}"
    scored = {"status": Status.GRADED, "raw": skill, "floor": 0.0, "ceiling": 1.0, "skill": skill}
    return Row(key, f"{network}.{flaw}", network, flaw, "d", "m", task, solver, solver, "", Role.METHOD, 100.0, 0.0, 0, **scored)


def test_a_network_is_as_hard_as_the_best_leader_finds_its_easiest_flaw() -> None:
    rows = [
        *(row("easy", "patch", "detect", solver, skill) for solver, skill in (("good", 0.9), ("poor", 0.2))),
        *(row("hard", "patch", "detect", solver, skill) for solver, skill in (("good", 0.1), ("poor", 0.3))),
        *(row("mixed", flaw, "detect", "good", skill) for flaw, skill in (("patch", 0.0), ("style", 0.7))),
        row("kind", "clean", "detect", "good", -0.5),
    ]
    found = {each.network: each for each in hardness(rows)}
    assert {name: each.best for name, each in found.items()} == {"kind": -0.5, "hard": 0.3, "mixed": 0.7, "easy": 0.9}
    assert [each.network for each in hardness(rows)] == ["kind", "hard", "mixed", "easy"]
    assert [name for name, each in found.items() if each.control] == ["kind"]
    assert found["mixed"].flaws == "patch+style"


def test_a_solver_that_is_no_leader_does_not_make_a_case_easy() -> None:
    leaders = [row(network, "patch", "detect", f"leader{n}", 0.5) for network in ("one", "two") for n in range(3)]
    lucky = [row("one", "patch", "detect", "lucky", 0.9), row("two", "patch", "detect", "lucky", -1.0)]
    assert {each.best for each in hardness([*leaders, *lucky])} == {0.5}


@given(st.lists(st.tuples(st.floats(-2, 1), st.booleans()), min_size=2, max_size=30), st.data())
def test_the_hardest_are_as_many_as_asked_for_a_third_of_them_controls(kinds: list[tuple[float, bool]], data: st.DataObject) -> None:
    found = sorted((Hardness(str(n), "", best, control) for n, (best, control) in enumerate(kinds)), key=lambda each: each.best)
    count = data.draw(st.integers(1, len(found)))
    chosen = hardest(found, count)
    assert len(set(chosen)) == count
    controls = [each for each in chosen if each.control]
    enough = min(sum(control for _, control in kinds), len(found) - sum(control for _, control in kinds)) >= count
    assert not enough or len(controls) == round(count / 3)
    for kind in (True, False):
        left = [each.best for each in found if each.control is kind and each not in chosen]
        assert not left or max((each.best for each in chosen if each.control is kind), default=-9) <= min(left)
    with pytest.raises(UsageError, match="wanted"):
        hardest(found, len(found) + 1)


def test_the_same_networks_are_planted_by_the_hard_suite(cache: Path, tmp_path: Path) -> None:
    sampled = {"networks": 3, "controls": 0.4, "kinds": {"patch": 1}, "control_kinds": {"clean": 1}}
    gate = {"strictness": 0.0, "clean_drop": 2.0, "above_chance": -1.0, "elsewhere": 2.0, "near_miss": 2.0}
    tiny = suite_of("test-set")
    suite = tiny.changed({"networks": (), "sampled": sampled, "recipe": {**tiny.recipe, "gate": gate}})
    run_suite(suite, Place(tmp_path / "out", cache, 2))
    shown = CliRunner().invoke(cli, ["harden", str(tmp_path / "out"), "--count", "2", "--out", str(tmp_path / "hard.yaml")])
    assert shown.exit_code == 0, shown.output
    hard = load_suite(str(tmp_path / "hard.yaml"))
    assert hard == hardened(tmp_path / "out", 2).suite
    assert hard.seed is None, "one is drawn for each run of it"
    assert hardened(tmp_path / "out", 2, 7).suite.seed == 7
    with pytest.raises(UsageError, match="another seed"):
        hardened(tmp_path / "out", 2, suite.seed)
    before = {(net.flaws, net.seed, str(sorted(net.recipe.items()))) for net in all_networks(suite, tmp_path / "out") if not net.reference}
    after = {
        (net.flaws, net.seed, str(sorted(net.recipe.items())))
        for net in wanted_networks(hard.changed({"seed": 7}), (), "cpu")
        if not net.reference
    }
    assert len(after) == 2
    assert after < before
    assert yaml.safe_load((tmp_path / "hard.yaml").read_text())["summary"].startswith("The 2 hardest of")
    again = CliRunner().invoke(cli, ["harden", str(tmp_path / "out"), "--out", str(tmp_path / "hard.yaml")])
    assert isinstance(again.exception, UsageError)


def all_networks(suite: Suite, out: Path) -> tuple[WantedNetwork, ...]:
    with Store.read(out) as store:
        return wanted_networks(suite, drawn_before(store), "cpu")


def test_nothing_to_harden_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no results in"):
        hardened(tmp_path, 2)
