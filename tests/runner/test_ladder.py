"""The ladder of a reader: every rung is damaged as its name says, and a calibration reads all of them."""

import numpy as np
import pytest

from onecurve.core.seeds import generator
from onecurve.flaws.planting.recipe import Recipe
from onecurve.runner.handlers.ladder import RUNGS
from onecurve.runner.handlers.lineups import Conditions, trials_of


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", RUNGS)
def test_a_rung_damages_every_picture_by_its_seed_and_keeps_the_range(name: str, channels: int) -> None:
    images = np.random.default_rng(0).random((3, channels, 16, 16), np.float32)
    kept = images.copy()
    damaged = RUNGS[name](images, generator("test", 1))
    assert (damaged.shape, damaged.dtype) == (images.shape, np.float32)
    assert damaged.min() >= 0
    assert damaged.max() <= 1
    assert all(not np.allclose(one, other) for one, other in zip(damaged, images, strict=True))
    assert np.array_equal(damaged, RUNGS[name](images, generator("test", 1)))
    assert np.array_equal(images, kept)


def test_a_shift_and_new_colours_lose_nothing() -> None:
    images = np.random.default_rng(0).random((2, 3, 8, 8), np.float32)
    for name in ("shifted", "recoloured"):
        assert np.allclose(np.sort(RUNGS[name](images, generator("test", 1)), axis=None), np.sort(images, axis=None))


def test_a_calibration_reads_every_rung_of_the_same_lineups() -> None:
    tried = trials_of("patch", Recipe(), 0, Conditions(2, (), maps=False, ladder=True))
    rungs = {trial.condition for trial in tried if trial.condition.startswith("ladder: ")}
    assert rungs == {f"ladder: {name}" for name in ("pictures of the trigger", *RUNGS, "in eight inputs")}
    plain = [trial for trial in tried if trial.condition == "true trigger"]
    for name in rungs:
        assert [trial.right for trial in tried if trial.condition == name] == [trial.right for trial in plain]
    assert {trial.condition for trial in trials_of("patch", Recipe(), 0, Conditions(2, (), maps=False))} == {"true trigger", "noise"}
