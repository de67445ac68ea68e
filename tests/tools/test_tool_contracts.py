"""What every looking tool promises, whatever it looks for: one test per promise, over the whole catalog."""

import sys
from subprocess import run

import numpy as np
import pytest
import torch

from onecurve.core.access import Access
from onecurve.core.codec import decode, digest, encode
from onecurve.core.errors import SpecError
from onecurve.core.evidence import PIECES, ClassScores, Confusion, DataRows, HeatMap, Hypothesis, Picture, Text
from onecurve.core.question import Brief
from onecurve.core.roles import Tool
from onecurve.core.row import Role
from onecurve.core.spec import spec_of
from onecurve.repairs.catalog import SOLVERS
from onecurve.tools.attribution.catalog import TOOLS as ATTRIBUTION
from onecurve.tools.catalog import TOOLS
from onecurve.tools.data.catalog import TOOLS as DATA
from onecurve.tools.inversion.catalog import TOOLS as INVERSION
from onecurve.tools.synthesis.catalog import TOOLS as SYNTHESIS
from onecurve.tools.weights.catalog import TOOLS as WEIGHTS

NAMES = tuple(TOOLS.entries)
LOCALISING = tuple(name for name in NAMES if HeatMap in TOOLS.load(name).shows)
DETECTING = tuple(name for name in NAMES if ClassScores in TOOLS.load(name).shows)
REFINING = (
    *("random-patches", "adversarial-patch", "cppn", "neural-cleanse", "occlusion", "integrated-gradients", "reference-difference"),
    *("gradient-shap", "smooth-grad", "feature-ablation", "feature-permutation", "lime", "kernel-shap"),
    *("shapley-sampling", "shapley-surrogate", "rise", "consensus"),
)
"""Tools that have a use for a few hundred forward-equivalents; the others are done sooner."""


def brief_for(name, world, target):
    return Brief(target, world.suspects(3)[0]) if name in LOCALISING else Brief(target)


def checked(evidence, world, brief):
    """Every piece is of a known kind, fits the subject, and survives storage."""
    shape = world.shape
    for piece in evidence.pieces:
        match piece:
            case HeatMap():
                assert piece.values.shape == shape[1:]
                assert piece.values.dtype == np.float32
                assert 0 <= piece.item < len(brief.suspects)
            case Picture():
                assert piece.image.dtype == np.float32
                assert piece.image.min() >= 0
                assert piece.image.max() <= 1
            case Hypothesis():
                stamped = piece.trigger.apply(world.clean.take(slice(2)).floats(), np.random.default_rng(0))
                assert stamped.images.shape[1:] == shape
                assert brief.target in (None, piece.target)
            case ClassScores():
                assert brief.target is None
                assert piece.values.shape == (4,)
                assert piece.values.dtype == np.float32
            case Confusion():
                assert piece.counts.shape == (4, 4)
                assert piece.counts.dtype == np.int64
                assert piece.counts.sum() <= len(world.clean)
            case DataRows():
                assert piece.rows.max() < len(world.clean)
            case Text():
                assert piece.words
            case _:
                pytest.fail(f"an unexpected piece: {type(piece).__name__}")
    assert digest(decode(*encode(evidence))) == digest(evidence)
    return evidence


def test_the_catalog_imports_nothing_heavy():
    code = "import sys, onecurve.tools.catalog; sys.exit('torch' in sys.modules)"
    assert run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_two_families_list_the_same_name():
    families = (ATTRIBUTION, INVERSION, SYNTHESIS, DATA, WEIGHTS)
    assert len(TOOLS.entries) == sum(len(family) for family in families)
    assert not set(SOLVERS.entries) & set(TOOLS.entries)


def test_each_entry_lies_in_the_family_that_lists_it():
    listed = {"tools.attribution": ATTRIBUTION, "tools.inversion": INVERSION, "tools.synthesis": SYNTHESIS, "tools.weights": WEIGHTS}
    listed |= {"tools.data": DATA, "repairs": SOLVERS.entries}
    for family, entries in listed.items():
        assert all(place.startswith(f"onecurve.{family}.") for place in entries.values())


@pytest.mark.parametrize("name", NAMES)
def test_states_its_facts(name):
    tool = TOOLS.make(name)
    assert isinstance(tool, Tool)
    assert type(tool).name == name
    assert spec_of(tool).version >= 1
    assert tool.shows
    assert set(tool.shows) <= set(PIECES)
    assert tool.summary
    assert tool.source
    assert getattr(tool, "role", Role.METHOD) in (Role.METHOD, Role.BASELINE)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 17, 23)])
@pytest.mark.parametrize("blind", [False, True])
def test_gives_valid_evidence_for_colour_grey_and_odd_sizes(name, shape, blind, world, target):
    world = world(shape, images=48)
    brief = brief_for(name, world, None if blind else target)
    evidence = checked(TOOLS.make(name).look(brief, world.bench(1200)), world, brief)
    silent = name in {"domino", "error-images"} or (not blind and TOOLS.load(name).shows == (ClassScores,))  # this network makes no errors
    assert evidence.pieces or silent
    assert bool(evidence.class_scores()) == (blind and name in DETECTING)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("budget", [0, 1, 37, 400, 1500])
@pytest.mark.parametrize("blind", [False, True])
def test_never_spends_more_than_its_budget(name, budget, blind, world, target):
    world = world(images=48)
    brief = brief_for(name, world, None if blind else target)
    bench = world.bench(budget)
    checked(TOOLS.make(name).look(brief, bench), world, brief)
    assert bench.meter.equivalents <= budget


@pytest.mark.parametrize("name", REFINING)
@pytest.mark.parametrize("budget", [200, 400])
def test_uses_the_budget_that_it_is_given(name, budget, world, target):
    world = world(images=48)
    bench = world.bench(budget)
    TOOLS.make(name).look(brief_for(name, world, target), bench)
    assert bench.meter.equivalents >= 0.7 * budget


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_evidence(name, world, target):
    world = world(images=48)
    brief = brief_for(name, world, target)
    tool = TOOLS.make(name)
    digests = {digest(tool.look(brief, world.bench(600, seed=5))) for _ in range(2)}
    assert len(digests) == 1


@pytest.mark.parametrize("name", ["random-patches", "adversarial-patch", "cppn", "neural-cleanse"])
def test_another_seed_gives_other_evidence(name, world, target):
    world = world(images=48)
    looks = [TOOLS.make(name).look(Brief(target), world.bench(600, seed=seed)) for seed in (0, 1)]
    assert digest(looks[0]) != digest(looks[1])


@pytest.mark.parametrize("name", NAMES)
def test_leaves_the_network_and_the_global_random_state_alone(name, world, target):
    world = world(images=48)
    bench = world.bench(600)
    module = bench.subject.network.module
    before = {key: values.clone() for key, values in module.state_dict().items()}
    torch_state, numpy_state = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 - the global state is what is tested
    TOOLS.make(name).look(brief_for(name, world, target), bench)
    assert all(torch.equal(values, before[key]) for key, values in module.state_dict().items())
    assert not any(part.training for part in module.modules())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in module.parameters())
    assert torch.equal(torch.random.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002 - likewise


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("budget", [0, 37, 1500])
@pytest.mark.parametrize("blind", [False, True])
def test_reads_no_more_clean_images_than_there_are_and_none_that_it_does_not_ask_for(name, budget, blind, world, target):
    world = world(images=48)
    bench = world.bench(budget)
    TOOLS.make(name).look(brief_for(name, world, None if blind else target), bench)
    counted = bench.cost().clean_images
    assert 0 <= counted <= 48
    assert counted == 0 or Access.CLEAN_IMAGES in TOOLS.load(name).needs or name in LOCALISING


@pytest.mark.parametrize(
    ("name", "budget", "images"),
    [
        *((name, budget, 0) for name in ("mm-bd", "last-layer", "edges", "blank", "saliency", "grad-cam", "lrp") for budget in (37, 1500)),
        ("gradient-shap", 1500, 32),
        ("occlusion", 1500, 48),
        *(("cppn", budget, images) for budget, images in [(1, 0), (1500, 48)]),
        *(("neural-cleanse", budget, 48) for budget in (37, 1500)),
        *((name, budget, min(budget, 48)) for name in ("top-images", "error-images", "test-set") for budget in (0, 13, 37, 1500)),
    ],
)
def test_the_clean_images_that_it_reads_are_counted(name, budget, images, world, target):
    world = world(images=48)
    bench = world.bench(budget)
    TOOLS.make(name).look(brief_for(name, world, target), bench)
    assert bench.cost().clean_images == images


@pytest.mark.parametrize("name", LOCALISING)
def test_localising_tools_need_suspects(name, world, target):
    assert TOOLS.make(name).look(Brief(target), world(images=8).bench(100)).pieces == ()


@pytest.mark.parametrize("name", DETECTING)
def test_a_clean_set_of_one_image_per_class_is_enough(name, world):
    world = world(images=4)
    checked(TOOLS.make(name).look(Brief(), world.bench(800)), world, Brief())


@pytest.mark.parametrize(
    "address",
    [
        "occlusion[window=0]",
        "occlusion[baseline=purple]",
        "integrated-gradients[steps=0]",
        "top-images[shown=0]",
        "random-patches[largest=2]",
        "random-patches[smallest=0.5,largest=0.4]",
        "adversarial-patch[restarts=0]",
        "adversarial-patch[degrees=400]",
        "cppn[steps=many]",
        "neural-cleanse[threshold=1.5]",
        "neural-cleanse[multiplier=0.5]",
        "neural-cleanse[colour=1]",
    ],
)
def test_parameters_out_of_range_are_refused_in_words(address):
    with pytest.raises(SpecError):
        TOOLS.make(address)
