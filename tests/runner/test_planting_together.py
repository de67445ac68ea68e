"""Several networks planted as one job: each is what it would be alone, up to rounding, and one that fails costs itself."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_world import RECIPE

from onecurve.core.errors import ModelError
from onecurve.data.catalog import open_data
from onecurve.data.dataset import Part
from onecurve.flaws.planting import trainers
from onecurve.flaws.planting.trainers import ALONE, Trainer, planted_together
from onecurve.models.building import build
from onecurve.models.network import torch_module
from onecurve.models.stacked import train_together
from onecurve.models.steps import TrainingRecipe, no_progress
from onecurve.models.storage import load_subject
from onecurve.runner.engine.jobs import Job, Outcome, Trust
from onecurve.runner.handlers.trusted import plant_network, plant_networks
from onecurve.runner.networks import WantedNetwork, wanted_networks
from onecurve.runner.phases.planting_jobs import TOGETHER, Order, built, planting_jobs
from onecurve.runner.suite import Suite

WHOLE = {**RECIPE, "data": "digits", "model": "six-conv[width=4]", "seed": 3, "device": "cpu"}
POPULATION = {"clean_share": 0.5, "flaws_per_network": 1, "classes": 10}


def network(name: str, flaw: str, seed: int, **changes: object) -> dict[str, Any]:
    recipe = {**WHOLE, **changes}
    return {"flaws": [flaw], "recipe": recipe, "seed": seed, "subject": name, "population": POPULATION, "casings": []}


def weights_in(folder: Path) -> dict[str, torch.Tensor]:
    return torch_module(load_subject(folder / "subject")).state_dict()


def test_networks_planted_together_are_those_planted_alone_up_to_rounding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stacks: list[int] = []

    def counted(modules: Any, *rest: Any, **more: Any) -> None:
        stacks.append(len(modules))
        train_together(modules, *rest, **more)

    monkeypatch.setattr(trainers, "train_together", counted)
    wanted = [network("one", "patch", 1), network("two", "clean", 2), network("bad", "patch[sources=99]", 3)]
    found = plant_networks(wanted, str(tmp_path), str(tmp_path / "cache"))["networks"]
    assert stacks[0] == 2, "their first trainings did not take place as one"
    assert "cases" not in found["bad"]
    assert found["bad"]["reason"]
    for one in wanted[:2]:
        alone = tmp_path / f"{one['subject']}-alone"
        alone.mkdir()
        value = plant_network(**one, folder=str(alone), cache=str(tmp_path / "other-cache"))
        assert found[one["subject"]]["cases"] == value["cases"]
        together, single = weights_in(tmp_path / one["subject"]), weights_in(alone)
        for name in single:
            torch.testing.assert_close(together[name], single[name], atol=2e-3, rtol=1e-2, msg=lambda words, name=name: f"{name}: {words}")


def trains(seed: int, images: int = 40, fails: bool = False) -> Any:
    """A planting that trains one network and returns its weights."""
    dataset = open_data("digits")

    def plant(trainer: Trainer) -> torch.Tensor:
        module = build("six-conv[width=4]", dataset.shape, 10, seed)
        drawn = dataset.draw(Part.TRAIN, images, seed)
        recipe = TrainingRecipe(epochs=1, batch_size=20)
        trainer.train(module, drawn, recipe, seed, "cpu", no_progress)
        if fails:
            raise ModelError("this one fails")
        return torch.cat([values.flatten() for values in module.parameters()]).detach()

    return plant


def test_plantings_of_unlike_trainings_and_of_faults_go_side_by_side() -> None:
    found = planted_together([trains(1), trains(2, images=60), trains(3, fails=True), trains(4)])
    assert isinstance(found[2], ModelError)
    for number, plant in ((0, trains(1)), (1, trains(2, images=60)), (3, trains(4))):
        torch.testing.assert_close(found[number], plant(ALONE), atol=2e-3, rtol=1e-2)


def test_where_networks_cannot_be_stacked_each_is_trained_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(trainers, "train_together", refuses)
    first, second = planted_together([trains(1), trains(2)])
    assert torch.equal(first, trains(1)(ALONE))
    assert torch.equal(second, trains(2)(ALONE))


def orders_of(count: int) -> list[Order]:
    suite = Suite(
        name="s",
        seed=0,
        data="digits",
        recipe={"training": {"epochs": 1}},
        networks=({"flaws": ("patch",), "count": count},),
        references=0,
        solvers=("edges",),
    )
    wanted: tuple[WantedNetwork, ...] = wanted_networks(suite, (), "cuda")
    return [Order(one, one.name, {}, 10, frozenset(), ()) for one in wanted]


def test_only_a_card_plants_several_at_a_time_and_each_has_its_own_outcome(tmp_path: Path) -> None:
    orders = orders_of(TOGETHER + 1)
    alone = planting_jobs(orders, tmp_path, "cpu")
    assert [job.do for job in alone] == ["plant_network"] * len(orders)
    jobs = planting_jobs(orders, tmp_path, "cuda:1")
    assert sorted(len(job.arguments.get("networks", [job])) for job in jobs) == [1, TOGETHER]
    by_name = {order.name: order for order in orders}
    group = next(job for job in jobs if job.do == "plant_networks")
    names = [one["subject"] for one in group.arguments["networks"]]
    value = {name: {"cases": [], "records": []} for name in names[1:]} | {names[0]: {"reason": "too few images"}}
    found = built(group, Outcome({"networks": value, "healed": []}), by_name)
    assert [(one.order.name, one.value is None, one.reason) for one in found][:2] == [
        (names[0], True, "too few images"),
        (names[1], False, ""),
    ]
    assert {one.folder for one in found} == {Path(group.arguments["folder"]) / name for name in names}
    assert all(one.reason == "timed out" for one in built(group, Outcome(None, "timed out"), by_name))
    single = Job(Trust.TRUSTED, "plant_network", {"subject": names[0], "folder": "f"}, "plants")
    assert built(single, Outcome(None, "why"), by_name)[0].reason == "why"
