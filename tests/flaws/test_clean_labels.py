"""Attacks that keep every label right: which images they change, and that they only ever change pixels."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from onecurve.core.case import Population
from onecurve.core.errors import SpecError
from onecurve.core.image.images import as_floats
from onecurve.core.seeds import generator
from onecurve.data.catalog import open_data
from onecurve.flaws.kinds.label_consistent import LabelConsistent
from onecurve.flaws.kinds.sig import Sig
from onecurve.flaws.planting.insertion import TrainingSession
from onecurve.flaws.planting.plant import plant
from onecurve.flaws.schemes.clean_labels import CleanLabelPoisoning

FLAWS = (Sig(), LabelConsistent())


@pytest.fixture(scope="module")
def images(toy):
    return toy.draw("train", 300, 5)


@pytest.fixture(scope="module")
def base(tiny, cache):
    return TrainingSession.of(tiny, open_data(tiny.data), 0, cache).base().module


def prepared(flaw, context, base, images):
    plan = flaw.sample(context, generator("clean label", 1))
    scheme = plan.scheme if plan.preparation is None else plan.preparation.prepared(base, images, generator("preparation"))
    return plan, scheme


@pytest.mark.parametrize("flaw", FLAWS, ids=lambda flaw: flaw.name)
def test_labels_stay_and_only_the_targets_images_get_the_trigger(flaw, context, base, images):
    plan, scheme = prepared(flaw, context, base, images)
    poisoned = scheme.poison(images, generator("poison"))
    np.testing.assert_array_equal(poisoned.images.labels, images.labels[poisoned.rows])
    assert len(set(poisoned.rows.tolist())) == len(poisoned.rows)
    own = np.flatnonzero(images.labels == plan.target)
    triggered = poisoned.rows[: round(flaw.share * len(own))]
    assert set(triggered.tolist()) <= set(own.tolist())
    changed = (poisoned.images.images != images.images[poisoned.rows]).any(axis=(1, 2, 3))
    assert changed.all()
    assert plan.facts["class_share"] == flaw.share


@pytest.mark.parametrize("flaw", FLAWS, ids=lambda flaw: flaw.name)
def test_held_out_images_of_every_other_class_are_tried(flaw, context, base, images):
    plan, scheme = prepared(flaw, context, base, images)
    assert isinstance(scheme, CleanLabelPoisoning)
    tried = scheme.triggered(images, 60, generator("trial"))
    assert set(tried.labels.tolist()) == set(range(6)) - {plan.target}
    assert scheme.elsewhere(images, 60, generator("trial")) is None
    assert len(scheme.near_misses(images, 60, generator("trial"))) == 60


def test_hardened_images_are_misread_by_the_base_and_little_changed(context, base, images):
    flaw = LabelConsistent(perturbation=24 / 255)
    _, scheme = prepared(flaw, context, base, images)
    hard = scheme.hardening.hardened(images.images, images.labels)
    assert np.abs(hard.astype(int) - images.images).max() <= 25
    with torch.no_grad():
        right = [(base(torch.from_numpy(as_floats(some))).argmax(1).numpy() == images.labels).mean() for some in (images.images, hard)]
    assert right[1] < right[0] - 0.3
    np.testing.assert_array_equal(hard, scheme.hardening.hardened(images.images, images.labels))


@pytest.mark.parametrize("flaw", FLAWS, ids=lambda flaw: flaw.name)
def test_a_plant_relabels_nothing_and_names_its_rows(flaw, tiny, cache):
    planted = plant([flaw], replace(tiny, train_images=300), 2, subject_id="net", population=Population(0.0, 1, 6), cache=cache)
    (case,) = planted.cases
    assert case.truth.facts["poisoned_images"] == 0
    assert len(case.truth.poisoned) > 0
    assert case.truth.flaw == flaw.name


@pytest.mark.parametrize(
    "make",
    [
        lambda: Sig(share=1.0),
        lambda: Sig(share=0.0),
        lambda: Sig(amplitude=0.7),
        lambda: Sig(cover_rate=-0.1),
        lambda: LabelConsistent(share=1.2),
        lambda: LabelConsistent(perturbation=0.0),
        lambda: LabelConsistent(size=0.8),
    ],
)
def test_values_out_of_range_are_refused(make):
    with pytest.raises(SpecError):
        make()
