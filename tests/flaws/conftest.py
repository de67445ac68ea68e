"""Fixtures that stand for sets and recipes small enough to plant in seconds."""

from pathlib import Path

import pytest

from onecurve.data.catalog import open_data
from onecurve.flaws.planting.gate import Gate
from onecurve.flaws.planting.recipe import Recipe
from onecurve.flaws.schemes.context import FlawContext
from onecurve.models.cache import Cache
from onecurve.models.steps import TrainingRecipe

TOY = f"{Path(__file__).with_name('toy_set.py')}:Toy"
OPEN = Gate(strictness=0.0, clean_drop=2.0, above_chance=-1.0, elsewhere=2.0, near_miss=2.0)


@pytest.fixture(scope="session")
def toy():
    return open_data(TOY)


@pytest.fixture(scope="session")
def toy_address():
    return TOY


@pytest.fixture(scope="session")
def context(toy):
    return FlawContext(toy, toy.draw("clean", 3, 0).floats())


@pytest.fixture(scope="session")
def tiny():
    """A recipe of seconds whose gate admits everything, so that there are cases to look at; success is not promised."""
    return Recipe(
        data=TOY,
        model="six-conv[width=4]",
        train_images=600,
        pretraining=None,
        training=TrainingRecipe(4, batch_size=64),
        insertion="finetune",
        insertion_training=TrainingRecipe(3, batch_size=64),
        clean_images=40,
        heldout_images=120,
        triggered_images=48,
        gate=OPEN,
    )


@pytest.fixture(scope="session")
def cache(cache_folder):
    return Cache(cache_folder / "weights")
