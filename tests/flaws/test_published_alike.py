"""What is published of a network never tells what kind of flaw or control is in it: files differ in numbers only."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from onecurve.core.case import Population
from onecurve.core.errors import DataError
from onecurve.flaws.catalog import CASINGS, FLAWS
from onecurve.flaws.planting.plant import Planted, plant
from onecurve.flaws.planting.recipe import Recipe
from onecurve.flaws.planting.storage import load_case, save_planted
from onecurve.models.building import build
from onecurve.models.cache import Cache
from onecurve.models.network import TorchNetwork
from onecurve.models.steps import TrainingRecipe
from onecurve.models.wrappers import WRAPPERS, cased, wrap
from onecurve.runner.networks import WantedNetwork, casings_of

SHAPE = (3, 28, 28)
ADDRESSES = {"undetectable": "undetectable[queries=200]"}
ALL = tuple(sorted(WRAPPERS))


@pytest.fixture(scope="module")
def recipe(tiny: Recipe) -> Recipe:
    short = TrainingRecipe(1, batch_size=64)
    return replace(tiny, data="digits", train_images=300, training=short, insertion_training=short, heldout_images=60, triggered_images=20)


def planted(name: str, recipe: Recipe, cache: Cache, casings: tuple[str, ...]) -> Planted:
    flaw = FLAWS.make(ADDRESSES.get(name, name))
    return plant([flaw], recipe, 3, subject_id="net", population=Population(0, 1, 10), cache=cache, casings=casings)


def published(folder: Path) -> dict[str, object]:
    """All that can be compared without the numbers: names and lengths of files, JSON, and the heads of the arrays."""
    found: dict[str, object] = {}
    for path in sorted((folder / "subject").iterdir()):
        content = path.read_bytes()
        head = json.loads(content) if path.suffix == ".json" else json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        found[path.name] = (len(content), head)
    return found


@pytest.fixture(scope="module")
def clean(recipe: Recipe, cache: Cache, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("clean")
    save_planted(folder, planted("clean", recipe, cache, ALL))
    return published(folder)


@pytest.mark.parametrize("name", FLAWS.names())
def test_every_kind_is_published_alike(name: str, recipe: Recipe, cache: Cache, clean: dict[str, object], tmp_path: Path) -> None:
    try:
        made = planted(name, recipe, cache, ALL)
    except DataError as error:
        pytest.skip(str(error))
    save_planted(tmp_path, made)
    assert published(tmp_path) == clean
    assert made.architecture.wrappers == ALL
    for case in made.cases:
        images, back = case.truth.heldout.floats(), load_case(tmp_path, case.id)
        np.testing.assert_array_equal(back.truth.network.logits(images), case.truth.network.logits(images))
        layers = dict(back.subject.network.module.named_modules())
        assert case.truth.units is None or case.truth.units.layer in layers


def test_a_casing_that_is_only_there_for_the_others_changes_no_logit(recipe: Recipe, cache: Cache) -> None:
    bare, around = (planted("patch", recipe, cache, casings).subject for casings in ((), ALL))
    clean = bare.granted_clean().floats()
    images = np.concatenate([clean, np.zeros_like(clean[:1]), np.ones_like(clean[:1])])
    np.testing.assert_array_equal(bare.network.logits(images), around.network.logits(images))


def test_every_network_of_a_set_and_architecture_has_the_casings_of_any() -> None:
    wanted = [
        WantedNetwork("a", ("patch",), {"data": "digits", "model": "vit"}, 0, reference=False),
        WantedNetwork("b", ("undetectable[queries=9]", "patch"), {"data": "digits", "model": "vit"}, 0, reference=False),
        WantedNetwork("c", ("fooled-visualisation",), {"data": "digits", "model": "vit"}, 0, reference=False),
        WantedNetwork("d", (), {"data": "shapes", "model": "vit"}, 0, reference=True),
    ]
    assert casings_of(wanted) == {("digits", "vit"): ("gauged", "signed"), ("shapes", "vit"): ()}
    assert set(CASINGS.values()) == set(WRAPPERS)


@pytest.mark.parametrize("own", [(), ("gauged",), ("signed",), ("signed", "gauged"), ("signed", "signed")])
def test_casings_come_in_one_order_and_keep_what_they_hold(own: tuple[str, ...]) -> None:
    module = wrap(build("six-conv[width=4]", SHAPE, 5, 3), own, SHAPE, 5)
    for number, name in enumerate(name for name, _ in module.named_buffers() if name.endswith(("row", "gain"))):
        module.get_buffer(name).add_(number + 1)
    before = sorted(float(values.sum()) for name, values in module.named_buffers() if name.endswith(("row", "gain")))
    images = torch.rand(4, *SHAPE)
    with torch.no_grad():
        logits = module(images)
        around, names = cased(module, own, ALL, SHAPE, 5)
        torch.testing.assert_close(around(images), logits)
    assert names == (("gauged", "signed", "signed") if own == ("signed", "signed") else ALL)
    after = sorted(float(values.sum()) for name, values in around.named_buffers() if name.endswith(("row", "gain")))
    assert after == [0.0] * (len(names) - len(own)) + before
    assert TorchNetwork(around).logits(images.numpy()).shape == (4, 5)


def test_images_too_small_for_a_casing_go_without_it() -> None:
    module, names = cased(build("six-conv[width=4]", (1, 28, 28), 5, 3), (), ALL, (1, 28, 28), 5)
    assert names == ("gauged",)
    assert module(torch.zeros(2, 1, 28, 28)).shape == (2, 5)
