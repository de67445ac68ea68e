"""A tiny world for the runner: a clean network and a hardly trained one on drawn shapes, planted once and cached."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from onecurve.runner import sealed
from onecurve.runner.suite import Suite

TOY = Path(__file__).parents[1] / "flaws" / "toy_set.py"
SOLVERS = Path(__file__).parent / "solvers_for_tests.py"
RECIPE: dict[str, Any] = {
    "train_images": 200,
    "pretraining": None,
    "clean_images": 40,
    "heldout_images": 60,
    "triggered_images": 20,
    "training": {"epochs": 1},
    "insertion_training": {"epochs": 1},
    "gate": {"strictness": 0.0, "clean_drop": 1.0, "above_chance": -1.0, "elsewhere": 1.0, "near_miss": 1.0},
}


def suite_of(*solvers: str, seconds: float = 60.0, memory_mb: float = 400.0, tasks: tuple[str, ...] = ("detect",)) -> Suite:
    """A suite over one network, hardly trained, whose patch every gate lets through."""
    return Suite(
        name="tiny",
        seed=0,
        data="digits",
        recipe=RECIPE,
        networks=({"flaws": ("patch",)},),
        references=1,
        solvers=solvers,
        tasks=tasks,
        look_budgets=(500.0,),
        retrain_budgets=(500.0,),
        limits={"seconds": seconds, "memory_mb": memory_mb},
        lineups=0,
    )


def seedless(suite: Suite) -> Suite:
    """The same with a seed that is drawn: its gate lets every patch through, even one that does less than nothing."""
    gate = {**RECIPE["gate"], "strictness": -10.0}
    return Suite(**{**suite.model_dump(), "seed": None, "recipe": {**suite.recipe, "gate": gate}})


def draw_always(seed: int, patch: pytest.MonkeyPatch) -> None:
    """Let the seed that a run draws be ``seed``, so that a test plants the same networks every time."""
    patch.setattr(sealed, "secrets", SimpleNamespace(randbelow=lambda below: seed))


def named(*classes: str) -> tuple[str, ...]:
    """Addresses of solvers in the test file."""
    return tuple(f"{SOLVERS}:{name}" for name in classes)


def learnt(suite: Suite) -> Suite:
    """The same over a set that is learnt in seconds, so that a patch takes and clean networks agree: `repair` can be asked."""
    gate = {"clean_drop": 2.0, "above_chance": -1.0, "strictness": 0.0, "near_miss": 2.0}
    recipe = {**RECIPE, "train_images": 1200, "training": {"epochs": 6}, "heldout_images": 120, "gate": gate}
    networks = ({"flaws": ("patch[poison_rate=0.25]",)},)
    changes = {"data": f"{TOY}:Toy", "model": "six-conv[width=4]", "recipe": recipe, "networks": networks}
    return suite.changed({**changes, "retrain_budgets": (1.0,)})
