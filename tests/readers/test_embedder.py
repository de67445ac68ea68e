"""The learnt reader: what is stored is what its recipe made, it reads what lineups show, and where nothing is shown it says nothing."""

from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from safetensors import safe_open

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Weights, checked
from onecurve.core.case import Subject
from onecurve.core.errors import AnswerError, SpecError
from onecurve.core.evidence import Evidence, Picture, Text
from onecurve.core.question import Brief, Weigh
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.data.catalog import open_data
from onecurve.data.dataset import Part
from onecurve.flaws.planting.recipe import Recipe
from onecurve.readers.machinery.learnt import RECIPE, WEIGHTS
from onecurve.readers.pictures.embedder import LearntReader
from onecurve.runner.handlers.lineups import Conditions, trials_of

MADE = {2: "03d77752d9028369c81827393f05c3de245c41655fa526e796a55abc304212b1"}
"""Recipe to the SHA-256 of the weights that it made."""
KINDS = ("patch", "style", "natural-feature")
OPTIONS = 8


def workbench(clean=None, seed=0):
    access = Access.NONE if clean is None else Access.CLEAN_IMAGES
    return Workbench(Subject("s", None, tuple("0123456789"), (3, 32, 32), access, clean), Budget(0), Meter(Budget(0)), seed)


def read(trial, clean):
    answer = checked(trial.question, LearntReader().read(trial.question, trial.evidence, workbench(clean, trial.number)))
    assert isinstance(answer, Weights)
    return answer.values[0]


@pytest.fixture(scope="module")
def clean():
    return open_data("digits").draw(Part.CLEAN, 60, 0)


@pytest.fixture(scope="module")
def trials():
    """Lineups that no training has seen, with true evidence, damaged evidence and noise."""
    conditions = Conditions(3, (), maps=False, ladder=True)
    return [trial for kind in KINDS for trial in trials_of(kind, Recipe(data="digits"), 77, conditions)]


def right(trials, clean):
    """Per trial the weight of the right option, and whether it is the largest."""
    shares = [read(trial, clean) for trial in trials]
    masses = [each[trial.right] for each, trial in zip(shares, trials, strict=True)]
    return np.array(masses), np.array([each.argmax() == trial.right for each, trial in zip(shares, trials, strict=True)])


def test_the_stored_weights_are_those_of_the_recipe_and_small():
    assert sha256(WEIGHTS.read_bytes()).hexdigest() == MADE[RECIPE], "run benchmarks/embedder_weights.py, raise RECIPE and the version"
    with safe_open(WEIGHTS, "pt") as file:
        assert file.metadata() == {"recipe": str(RECIPE)}
    assert WEIGHTS.stat().st_size < 400_000


def test_what_is_shown_is_read_and_noise_is_not(trials, clean):
    masses, hits = right([trial for trial in trials if trial.condition in ("true trigger", "ladder: in eight inputs")], clean)
    assert hits.mean() >= 0.6
    assert masses.mean() >= 0.4
    masses, _ = right([trial for trial in trials if trial.condition == "noise"], clean)
    assert 0.03 <= masses.mean() <= 0.25


def test_more_pictures_of_the_same_thing_say_more(trials, clean):
    eight = [trial for trial in trials if trial.condition == "ladder: in eight inputs"]
    one = [replace(trial, evidence=Evidence(trial.evidence.pieces[:1])) for trial in eight]
    assert right(eight, clean)[0].mean() > right(one, clean)[0].mean() + 0.05


def test_the_order_of_options_does_not_matter(trials, clean):
    trial = trials[0]
    options = (*trial.question.shown[3:], *trial.question.shown[:3])
    turned = replace(trial, question=Weigh(trial.question.brief, 1, tuple(option.name for option in options), options))
    np.testing.assert_allclose(np.roll(read(trial, clean), -3), read(turned, clean), atol=1e-5)


def test_nothing_to_look_at_is_an_abstention_and_no_lineup_an_error(trials):
    question = trials[0].question
    assert isinstance(LearntReader().read(question, Evidence((Text("a star"),)), workbench()), Abstain)
    picture = Evidence((Picture(question.shown[0].pictures[0]),))
    assert LearntReader().read(question, picture, workbench()).values.shape == (1, OPTIONS)
    with pytest.raises(AnswerError, match="embedder compares"):
        LearntReader().read(Weigh(Brief(), 1, ("a", "b")), picture, workbench())
    with pytest.raises(SpecError, match="sharpness"):
        LearntReader(sharpness=0)
