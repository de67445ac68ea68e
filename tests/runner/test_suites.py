"""Suite files: what is wrong in one is told at once and in full, and what changes a run changes its key."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from onecurve.core.errors import SpecError, UnknownNameError, UsageError
from onecurve.flaws.planting.gate import Gate
from onecurve.models.steps import TrainingRecipe
from onecurve.runner.networks import population, wanted_networks
from onecurve.runner.recipes import recipe_of
from onecurve.runner.suite import Suite, load_suite, parse_suite, suite_names

PLAIN: dict[str, Any] = {"name": "plain", "seed": 0, "networks": [{"flaws": ["patch"]}, {"count": 2}], "solvers": ["edges"]}


def suite(**changes: Any) -> Suite:
    return parse_suite(yaml.safe_dump({**PLAIN, **changes}), "the test's suite")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "mine.yaml is not YAML"),
        ("- a\n- b", "mine.yaml must hold a mapping of fields"),
        ("", "mine.yaml must hold a mapping of fields"),
        ("{}", "name: this field must be given"),
    ],
    ids=["not YAML", "a list", "empty", "no fields"],
)
def test_a_file_that_is_no_suite_is_named(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_suite(text, "mine.yaml")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "Not A Name"}, "name: String should match"),
        ({"solver": ["edges"]}, "solver: there is no such field\nhint: fields: name, summary"),
        ({"solvers": []}, "solvers: must have at least 1 entry"),
        ({"solvers": "edges"}, "solvers: must be a list, write [edges]"),
        ({"networks": [{"flaws": "patch"}]}, "networks.0.flaws: must be a list, write [patch]"),
        ({"networks": [{"counts": 2}]}, "networks.0.counts: there is no such field\nhint: fields of `networks`: flaws, count"),
        ({"limits": {"minutes": 2}}, "limits.minutes: there is no such field\nhint: fields of `limits`: seconds, memory_mb"),
        ({"networks": []}, "name at least one entry under `networks`, name a `zoo`, or declare what is `sampled`"),
        ({"networks": [{"count": 0}]}, "networks.0.count: Input should be greater than 0"),
        ({"networks": [{"flaws": [], "seed": 3, "count": 2}]}, "their count must be 1"),
        ({"networks": [{"flaws": ["patch"], "secret": -1}]}, "networks.0.secret: Input should be greater than or equal to 0"),
        ({"tasks": ["detect", "detect[]"]}, "a task may be named once, got: detect, detect[]"),
        ({"look_budgets": [0]}, "look_budgets.0: Input should be greater than 0"),
        ({"repeats": 0}, "repeats: Input should be greater than 0"),
        ({"references": -1}, "references: Input should be greater than or equal to 0"),
        ({"limits": {"seconds": 0}}, "limits.seconds: Input should be greater than 0"),
        ({"sampled": {"networks": 3, "controls": 1.5}}, "sampled.controls: Input should be less than or equal to 1"),
        ({"sampled": {"networks": 3, "controls": 0.3, "clean_share": 0.5}}, "clean_share 0.5 is a part of controls, which is 0.3"),
        ({"sampled": {"networks": 3, "clean_share": 0.1, "control_kinds": {"clean": 1}}}, "`clean` cannot stand among control_kinds"),
        ({"sampled": {"networks": 3, "insertions": []}}, "sampled.insertions: must have at least 1 entry"),
        ({"sampled": {"networks": 3, "kinds": {"patch": 0}}}, "sampled.kinds.patch: Input should be greater than 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_field_is_named_with_what_is_wrong(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        suite(**changes)
    assert "the test's suite is not a suite: " in str(caught.value)
    assert message in str(caught.value)


def test_everything_that_is_wrong_is_told_together() -> None:
    with pytest.raises(SpecError) as caught:
        suite(name="Not A Name", repeats=0, colour="red")
    for field in ("name: ", "repeats: ", "colour: "):
        assert field in str(caught.value)


def test_a_suite_is_found_by_name_or_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(PLAIN))
    assert load_suite(str(file)) == suite()
    assert load_suite("quick").name == "quick"
    with pytest.raises(UnknownNameError, match="did you mean `quick`"):
        load_suite("quik")
    with pytest.raises(SpecError, match="no such suite file"):
        load_suite(str(tmp_path / "none.yaml"))


@pytest.mark.parametrize("name", suite_names())
def test_every_suite_that_comes_along_is_valid_and_says_what_it_is(name: str) -> None:
    found = load_suite(name)
    assert found.name == name
    assert found.summary
    assert found.count > 0
    # What a zoo is chosen from has a published seed, so that anybody can plant it again.
    published = name.startswith("zoo-")
    seed = "seed 0" if published else "with a seed drawn for the run"
    assert all(words in found.plan_in_words() for words in (f"suite: {name}, {seed}", "networks: "))
    assert (found.seed is None) != published
    for network in wanted_networks(found.changed({"seed": 0}), (), "cpu"):
        assert recipe_of(network.recipe).data == network.data


def test_changes_are_checked_like_a_file_and_none_leaves_a_field_as_it_is() -> None:
    changed = suite().changed({"seed": 4, "repeats": None}, ("occlusion",))
    assert (changed.seed, changed.repeats, changed.solvers) == (4, 1, ("edges", "occlusion"))
    with pytest.raises(SpecError, match="the changed suite `plain` is not a suite: repeats"):
        suite().changed({"repeats": 0})


@pytest.mark.parametrize(
    "changes",
    [{"seed": 1}, {"data": "shapes"}, {"model": "vit"}, {"recipe": {"train_images": 9}}, {"networks": [{"count": 3}]}, {"references": 1}],
    ids=str,
)
def test_what_is_planted_has_another_key_whenever_that_changes_it(changes: dict[str, Any]) -> None:
    assert suite(**changes).planting_key != suite().planting_key


@pytest.mark.parametrize(
    "changes",
    [
        {"solvers": ["cppn"]},
        {"look_budgets": [7]},
        {"limits": {"seconds": 1}},
        {"tasks": ["detect"]},
        {"networks": [{"flaws": ["patch"], "secret": 1}, {"count": 2}]},
    ],
    ids=str,
)
def test_who_looks_and_what_is_told_does_not_change_what_is_planted(changes: dict[str, Any]) -> None:
    assert suite(**changes).planting_key == suite().planting_key


def test_the_most_cells_are_those_of_every_solver_on_every_task_of_every_case() -> None:
    networks = [{"flaws": ["patch", "style"], "count": 2}, {"count": 3}]
    counted = suite(networks=networks, tasks=["detect", "predict"], controls=["oracle@matcher"], look_budgets=[1, 2], repeats=3)
    assert counted.most_cells == (2 * 2 + 3) * 2 * 2 * 2 * 3
    sampled = suite(networks=[], sampled={"networks": 5, "flaws_per_network": {1: 1, 3: 1}}, tasks=["detect"], look_budgets=[1])
    assert sampled.most_cells == 5 * 3
    assert "5 sampled, 30% of them clean or controls" in sampled.plan_in_words()


def test_a_network_keeps_its_seed_when_others_are_added() -> None:
    few = [{"flaws": ["patch"]}, {}]
    seeds = [
        {net.flaws: net.seed for net in wanted_networks(suite(networks=networks), (), "cpu")}
        for networks in (few, [*few, {"flaws": ["style"]}])
    ]
    assert seeds[0].items() <= seeds[1].items()
    assert (len(seeds[0]), len(seeds[1])) == (2, 3)


def test_each_set_and_architecture_has_references_of_its_own_by_the_suites_recipe() -> None:
    networks = [{"flaws": ["patch"]}, {"flaws": ["patch"], "data": "shapes", "recipe": {"train_images": 7}}]
    wanted = wanted_networks(suite(networks=networks, references=2, recipe={"train_images": 9}), (), "cpu")
    references = [net for net in wanted if net.reference]
    assert [net.name for net in references] == ["reference-1", "reference-2", "reference-3", "reference-4"]
    assert [net.data for net in references] == ["digits", "digits", "shapes", "shapes"]
    assert len({net.seed for net in references}) == 4
    assert {net.recipe["train_images"] for net in references} == {9}
    assert {net.recipe["train_images"] for net in wanted if not net.reference} == {7, 9}
    assert not any(net.flaws for net in references)


def test_the_population_counts_flaws_that_have_an_effect_and_no_references() -> None:
    networks = [{"flaws": ["patch", "style", "benign"]}, {"flaws": ["benign"]}, {"count": 2}]
    wanted = wanted_networks(suite(networks=networks), (), "cpu")
    assert population(wanted, frozenset({"benign"})) == {"clean_share": 0.75, "flaws_per_network": 2}
    clean = wanted_networks(suite(networks=[{}]), (), "cpu")
    assert population(clean, frozenset()) == {"clean_share": 1.0, "flaws_per_network": 1}


def test_a_recipe_is_read_from_plain_values() -> None:
    found = recipe_of({"train_images": 70, "pretraining": None, "training": {"epochs": 2}, "gate": {"strictness": 0.5}})
    assert (found.train_images, found.pretraining, found.training, found.gate) == (70, None, TrainingRecipe(2), Gate(strictness=0.5))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 2}, "`recipe` has no field: epochs"),
        ({"training": {"epoks": 2, "batch": 3}}, "`training` has no field: batch, epoks"),
        ({"gate": {"strict": 1}}, "`gate` has no field: strict"),
        ({"training": {}}, "`training` lacks a field: epochs"),
        ({"train_images": 0}, "train_images must be at least 1"),
        ({"insertion": "later"}, "no insertion is called: later"),
    ],
)
def test_a_recipe_that_does_not_fit_is_one_clear_message(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        recipe_of(values)


@pytest.mark.parametrize("name", ["first-look", "standard", "photographs"])
def test_a_suite_goes_onto_another_set_and_architecture_wherever_it_names_one(name: str) -> None:
    suite = load_suite(name).on("npz:mine.npz", "mine.py:net").changed({"seed": 1})
    assert set(suite.addresses) == {"npz:mine.npz", "mine.py:net"}
    assert load_suite(name).on(None, None) == load_suite(name)
    assert set(load_suite(name).on("shapes", None).addresses) & {"npz:mine.npz", "digits", "folder:photographs"} == set()


def test_networks_that_come_trained_go_onto_no_other_set() -> None:
    with pytest.raises(UsageError, match="have their own images") as told:
        load_suite("quick").on("shapes", None)
    assert "first-look" in told.value.hint


@pytest.mark.parametrize("field", ["look_budgets", "class_budgets", "retrain_budgets"])
def test_a_budget_is_named_once(field: str) -> None:
    with pytest.raises(SpecError, match=f"once in {field}, got: 50, 50"):
        suite().changed({field: (50.0, 50.0)})
