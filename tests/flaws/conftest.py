"""Fixtures that stand for sets and recipes small enough to plant in seconds."""

from pathlib import Path

import pytest

from onecurve.data.catalog import open_data
from onecurve.flaws.gate import Gate
from onecurve.flaws.host import Host
from onecurve.flaws.recipe import Recipe
from onecurve.models.cache import Cache
from onecurve.models.training import TrainingRecipe

TOY = f"{Path(__file__).with_name('toy_set.py')}:Toy"
LENIENT = Gate(clean_drop=1.0, elsewhere=1.0, near_miss=1.0)


@pytest.fixture(scope="session")
def toy():
    return open_data(TOY)


@pytest.fixture(scope="session")
def toy_address():
    return TOY


@pytest.fixture(scope="session")
def host(toy):
    return Host(toy, toy.draw("clean", 3, 0).floats())


@pytest.fixture(scope="session")
def tiny():
    """A recipe of seconds whose gate asks little; success is not promised."""
    return Recipe(
        data=TOY,
        model="six-conv[width=4]",
        train_images=600,
        training=TrainingRecipe(4, batch_size=64),
        insertion_training=TrainingRecipe(3, batch_size=64),
        clean_images=40,
        heldout_images=120,
        triggered_images=48,
        gate=LENIENT,
    )


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return Cache(tmp_path_factory.mktemp("cache"))
