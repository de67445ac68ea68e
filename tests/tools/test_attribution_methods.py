"""Each method gives captum's numbers where it is deterministic, and the truth of a small game where it is sampled."""

import warnings
from dataclasses import replace
from itertools import combinations
from math import comb

import numpy as np
import pytest
import torch
from attribution_networks import CLASSES, SHAPE, Functional, Modules, images, written
from captum.attr import (
    Deconvolution,
    DeepLift,
    DeepLiftShap,
    FeatureAblation,
    GuidedBackprop,
    GuidedGradCam,
    IntegratedGradients,
    LayerAttribution,
    LayerGradCam,
)
from torch import nn

from onecurve.core.access import Access
from onecurve.core.case import Subject
from onecurve.core.codec import decode, encode
from onecurve.core.errors import AnswerError, ModelError
from onecurve.core.evidence import Check, Evidence, HeatMap, Text
from onecurve.core.question import Brief
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.models.building import build
from onecurve.models.metering import Metered
from onecurve.models.network import TorchNetwork
from onecurve.tools.attribution.cams import grad_cam, hires_cam
from onecurve.tools.attribution.machinery.backward_rules import RuledNetwork
from onecurve.tools.attribution.machinery.baseline_image import baseline_image
from onecurve.tools.attribution.machinery.coalitions import (
    Played,
    kernel_coalitions,
    kernel_shap,
    orders,
    prefixes,
    shapley_by_orders,
    shapley_by_surrogate,
)
from onecurve.tools.attribution.machinery.gradients import gradients
from onecurve.tools.attribution.machinery.masking import Grid
from onecurve.tools.attribution.machinery.rule_modules import Rule
from onecurve.tools.attribution.machinery.shared_maps import ONE_PASS, one_pass_maps, pooled_values
from onecurve.tools.attribution.shapley_sampling import left_out_and_kernel
from onecurve.tools.catalog import TOOLS

TARGETS = torch.tensor([0, 1, 2, 3])
BASELINES = torch.rand((5, *SHAPE), generator=torch.Generator().manual_seed(9))
NEVER_ASKING = ("edges", "blank", "attention-rollout", "reference-difference")
"""Baselines, what does not apply to the network here, and what needs a reference."""
ASKING = tuple(name for name in TOOLS.entries if HeatMap in TOOLS.load(name).shows and name not in NEVER_ASKING)
CLOSE = {"rtol": 1e-3, "atol": 1e-5}


def captums(method, /, *given, **how):
    """Captum's answer, without what it warns of (hooks, zero gradients)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return method.attribute(*given, **how).detach()


def bench(module, budget, shape=SHAPE, seed=0):
    meter = Meter(Budget(budget))
    subject = Subject("s", TorchNetwork(Metered(module, meter)), tuple("abcd"), shape, Access.QUERIES | Access.WEIGHTS)
    return Workbench(subject, Budget(budget), meter, seed)


def maps(evidence):
    return np.stack([piece.values for piece in evidence.heat_maps()])


def figures(evidence):
    return {check.name: check for check in evidence.checks}


def summed(values):
    return values.abs().sum(1).numpy()


@pytest.fixture(scope="module")
def network():
    """Functional ReLUs, so that every equality below holds through the normaliser too."""
    return RuledNetwork(written(Functional), SHAPE, Meter(Budget(1e9)))


@pytest.mark.parametrize(("method", "rule"), [(GuidedBackprop, Rule.GUIDED), (Deconvolution, Rule.DECONVOLUTION)])
def test_ways_back_through_relus_equal_captums(network, method, rule):
    expected = captums(method(written(Modules)), images(4), target=TARGETS)
    torch.testing.assert_close(network.run(images(4)).back(rule, TARGETS), expected, **CLOSE)


def test_the_plain_way_back_is_the_gradient(network):
    torch.testing.assert_close(
        network.run(images(4)).back(Rule.GRADIENT, TARGETS), gradients(written(Modules), images(4), TARGETS), **CLOSE
    )


def test_cams_equal_captums(network):
    module = written(Modules)
    given = network.run(images(4))
    gradient = given.maps_gradient(TARGETS)
    expected = captums(LayerGradCam(module, module.relus[2]), images(4), target=TARGETS, relu_attributions=True)
    enlarged = LayerAttribution.interpolate(expected, SHAPE[1:], "bilinear")
    torch.testing.assert_close(grad_cam(given.maps, gradient, SHAPE[1:]), enlarged, **CLOSE)
    place_by_place = (given.maps[0] * gradient[0]).sum(1, keepdim=True).clamp(min=0)
    torch.testing.assert_close(hires_cam(given.maps, gradient, SHAPE[1:]), place_by_place.detach(), **CLOSE)
    evidence = TOOLS.make("guided-grad-cam").look(Brief(1, images(4).numpy()), bench(written(Functional), 100))
    guided = captums(GuidedGradCam(module, module.relus[2]), images(4), target=1, interpolate_mode="bilinear")
    np.testing.assert_allclose(maps(evidence), summed(guided), rtol=1e-3, atol=1e-5)


def test_deep_lift_and_its_mean_over_baselines_equal_captums(network):
    given = network.run(images(4))
    found = []
    for baseline in BASELINES:
        network.set_baseline(baseline)
        found.append(given.back(Rule.DIFFERENCE, TARGETS) * (images(4) - baseline))
    one = captums(DeepLift(written(Modules)), images(4), BASELINES[:1].expand(4, -1, -1, -1), target=TARGETS)
    torch.testing.assert_close(found[0], one, **CLOSE)
    mean = captums(DeepLiftShap(written(Modules)), images(4), BASELINES, target=TARGETS)
    torch.testing.assert_close(torch.stack(found).mean(0), mean, **CLOSE)


def test_integrated_gradients_equal_captums():
    workbench = bench(written(Functional), 4 * 3 * 20)
    evidence = TOOLS.make("integrated-gradients[baseline='black']").look(Brief(2, images(4).numpy()), workbench)
    expected = captums(IntegratedGradients(written(Modules)), images(4), target=2, n_steps=20, method="riemann_middle")
    np.testing.assert_allclose(maps(evidence), summed(expected), rtol=1e-3, atol=1e-5)


def test_feature_ablation_equals_captums_and_occlusion_on_a_grid():
    grid = Grid(12, 12, 4, 4)
    cells, budget = torch.from_numpy(grid.labels)[None, None], 4 * 17
    evidence = TOOLS.make("feature-ablation[cells=16,baseline='black']").look(
        Brief(2, images(4).numpy()), bench(written(Functional), budget)
    )
    expected = captums(FeatureAblation(written(Modules)), images(4), target=2, feature_mask=cells)
    np.testing.assert_allclose(maps(evidence), expected[:, 0].clamp(min=0).numpy(), rtol=1e-3, atol=1e-5)
    occluded = TOOLS.make("occlusion[window=0.25,baseline='black']").look(Brief(2, images(4).numpy()), bench(written(Functional), budget))
    np.testing.assert_allclose(maps(evidence), maps(occluded), rtol=1e-3, atol=1e-5)


def test_one_forward_pass_serves_every_way_back():
    meter = Meter(Budget(1e9))
    network = RuledNetwork(written(Functional), SHAPE, meter)
    given = network.run(images(4))
    for rule in (Rule.GRADIENT, Rule.GUIDED, Rule.DECONVOLUTION):
        given.back(rule, TARGETS)
    assert (meter.forward, meter.backward) == (4, 12)


class Games:
    """Random games of six players, with their exact Shapley values."""

    cells = 6

    def __init__(self, count=3):
        rng = np.random.default_rng(0)
        self.linear, pairs = rng.normal(size=(count, 6)), rng.normal(size=(count, 6, 6)) / 3
        self.pairs = np.triu(pairs, 1)

    def __call__(self, sets):
        shown = sets.astype(float)
        return (self.linear @ shown.T + np.einsum("nij,si,sj->ns", self.pairs, shown, shown)).astype(np.float32)

    def played(self, sets):
        ends = self(np.array([[False] * 6, [True] * 6]))
        return Played(sets, self(sets), ends[:, 0], ends[:, 1])

    def shapley(self):
        values = np.zeros_like(self.linear)
        for cell in range(6):
            others = [each for each in range(6) if each != cell]
            for size in range(6):
                for chosen in combinations(others, size):
                    without = np.isin(np.arange(6), chosen)
                    gain = self(np.array([without | (np.arange(6) == cell)])) - self(np.array([without]))
                    values[:, cell] += gain[:, 0] / (6 * comb(5, size))
        return values


def test_sampled_shapley_values_reach_the_exact_ones():
    games, rng = Games(), np.random.default_rng(1)
    exact = games.shapley()
    order = orders(6, 1, rng)
    # A pair of opposite orders is exact for games of pairs.
    np.testing.assert_allclose(shapley_by_orders(order, games.played(prefixes(order))), exact, atol=1e-5)
    every = np.array([[number >> bit & 1 for bit in range(6)] for number in range(1, 63)], bool)
    np.testing.assert_allclose(shapley_by_surrogate(games.played(every)), exact, atol=0.02)
    drawn = games.played(kernel_coalitions(6, 4000, rng))
    np.testing.assert_allclose(kernel_shap(drawn), exact, atol=0.05)
    for values in (kernel_shap(drawn), shapley_by_surrogate(games.played(every[::5]))):
        np.testing.assert_allclose(values.sum(1), drawn.full - drawn.empty, atol=1e-4)


def test_kernel_shap_of_an_additive_game_is_the_game():
    rng, cells = np.random.default_rng(2), 20
    values, sets = rng.normal(size=(3, cells)), kernel_coalitions(cells, 200, rng)
    game = Played(sets, (values @ sets.T).astype(np.float32), np.zeros(3, np.float32), values.sum(1).astype(np.float32))
    np.testing.assert_allclose(kernel_shap(game), values, atol=1e-3)


def test_what_a_set_and_its_complement_have_in_common_says_nothing_of_single_cells():
    rng, games = np.random.default_rng(3), Games()
    game = games.played(kernel_coalitions(6, 40, rng))
    common = np.repeat(rng.normal(size=(3, 20)), 2, axis=1).astype(np.float32)
    np.testing.assert_allclose(kernel_shap(replace(game, values=game.values + common)), kernel_shap(game), atol=1e-4)


def test_kernel_shap_stands_as_many_pairs_as_cells():
    # Least squares does not: with as many rows as unknowns it explains every error.
    rng, cells = np.random.default_rng(4), 32
    values, sets = rng.normal(size=(8, cells)), kernel_coalitions(cells, 2 * cells, rng)
    noisy = (values @ sets.T + rng.normal(size=(8, 2 * cells))).astype(np.float32)
    game = Played(sets, noisy, np.zeros(8, np.float32), values.sum(1).astype(np.float32))
    rows = sets - sets.mean(1, keepdims=True)
    gain = values.sum(1, keepdims=True)
    least = gain / cells + np.linalg.lstsq(rows, (noisy - gain * sets.mean(1)).T, rcond=1e-8)[0].T
    errors = [float(np.square(found - values).mean()) for found in (kernel_shap(game), least)]
    assert errors[0] < 0.5 < errors[1]


@pytest.mark.parametrize(
    "name", ["integrated-gradients", "deep-lift", "deep-lift-shap", "kernel-shap", "shapley-sampling", "shapley-surrogate", "lrp"]
)
def test_complete_methods_add_up_and_say_so(name):
    evidence = TOOLS.make(name).look(Brief(1, images(2).numpy()), bench(written(Functional), 900))
    assert figures(evidence)["complete"].holds
    assert figures(evidence)["complete"].value < 0.05


@pytest.mark.parametrize(
    "name", ["smooth-grad", "gradient-shap", "rise", "lime", "kernel-shap", "shapley-sampling", "feature-permutation[cells=16]"]
)
def test_sampled_methods_say_how_well_they_repeat_and_more_budget_repeats_better(name):
    few, many = (
        figures(TOOLS.make(name).look(Brief(1, images(3).numpy()), bench(written(Functional), budget))).get("repeatable")
        for budget in (60, 3000)
    )
    assert many.holds
    assert few is None or few.value < many.value or few.value > 0.95


@pytest.mark.parametrize("name", ASKING)
def test_every_method_is_asked_whether_it_depends_on_the_weights(name):
    evidence = TOOLS.make(name).look(Brief(1, images(2).numpy()), bench(written(Functional), 800))
    checks = figures(evidence)
    assert -1 <= checks["weights"].value <= 1
    assert checks["sound"].holds
    assert len(checks) == len(evidence.checks)


class Edgy(nn.Module):
    """Its gradient is an edge detector whatever its one learned number is."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor([1.0]))

    def forward(self, given):
        steps = (given[:, :, :, 1:] - given[:, :, :, :-1]).square().mean((1, 2, 3))
        return self.gain * torch.stack([steps, -steps], 1)


def test_a_map_that_does_not_depend_on_the_weights_is_found_out():
    evidence = TOOLS.make("saliency").look(Brief(0, images(2).numpy()), bench(Edgy(), 100))
    assert figures(evidence)["weights"].value == pytest.approx(1)
    assert not figures(evidence)["weights"].holds


def test_attention_rollout_shows_where_a_transformer_looks_and_other_networks_have_none():
    module = build("vit[width=16,depth=2]", (3, 16, 16), CLASSES, 0)
    suspects = torch.rand(2, 3, 16, 16).numpy()
    attention = module.block1.attention
    with torch.no_grad():
        # All tokens look at the patch whose key is largest: the first, whose position is made to stand out.
        module.patches.positions[0, 1] *= 100
        for part in (attention.query, attention.key):
            part.weight.copy_(torch.eye(16) * 4)
    evidence = TOOLS.make("attention-rollout").look(Brief(1, suspects), bench(module, 10, (3, 16, 16)))
    assert maps(evidence).shape == (2, 16, 16)
    assert np.ptp(maps(evidence)) > 0
    none = TOOLS.make("attention-rollout").look(Brief(1, images(2).numpy()), bench(written(Modules), 10))
    assert [piece.words for piece in none.pieces] == ["not applicable: the network has no attention over patches of the image"]


@pytest.mark.parametrize("name", ["saliency", "guided-backprop", "deep-lift", "lrp", "integrated-gradients", "kernel-shap", "grad-cam"])
def test_transformers_are_explained_or_told_why_not(name):
    evidence = TOOLS.make(name).look(
        Brief(1, torch.rand(2, 3, 16, 16).numpy()), bench(build("vit[width=16,depth=1]", (3, 16, 16), 4, 0), 300, (3, 16, 16))
    )
    if name == "grad-cam":
        assert [piece.words for piece in evidence.pieces] == ["not applicable: the network has no feature maps"]
    else:
        assert len(evidence.heat_maps()) == 2
        assert all("no ReLU" in piece.caption for piece in evidence.heat_maps()) == (name == "guided-backprop")


def test_deep_lift_from_the_mean_uses_the_mean(network):
    suspects = images(4).numpy()
    evidence = TOOLS.make("deep-lift").look(Brief(1, suspects), bench(written(Functional), 100))
    mean = torch.from_numpy(baseline_image("mean", bench(written(Functional), 1).subject, suspects))
    expected = captums(DeepLift(written(Modules)), images(4), mean.expand(4, -1, -1, -1), target=1)
    np.testing.assert_allclose(maps(evidence), summed(expected), rtol=1e-3, atol=1e-5)


def test_the_difference_to_a_clean_reference_lies_on_the_trigger_and_nowhere_else(world, target):
    world = world()
    suspects, masks = world.suspects(4)
    evidence = TOOLS.make("reference-difference").look(Brief(target, suspects), world.bench(3000))
    share = np.mean([values[mask].sum() / values.sum() for values, mask in zip(maps(evidence), masks, strict=True)])
    assert share > 0.5
    assert figures(evidence)["complete"].holds


def test_without_a_reference_there_is_no_difference():
    with pytest.raises(ModelError, match="no clean reference network is granted"):
        TOOLS.make("reference-difference").look(Brief(1, images(2).numpy()), bench(written(Functional), 100))


def test_shared_maps_and_values_are_those_of_the_methods_by_themselves(network):
    meter = Meter(Budget(1e9))
    shared = RuledNetwork(written(Functional), SHAPE, meter)
    shared.set_baseline(BASELINES[0])
    found = one_pass_maps(shared, images(4), TARGETS, BASELINES[0])
    assert meter.equivalents == 4 * ONE_PASS + 1
    given = network.run(images(4))
    for name, rule in (("guided-backprop", Rule.GUIDED), ("deconvolution", Rule.DECONVOLUTION), ("saliency", Rule.GRADIENT)):
        torch.testing.assert_close(found[name], given.back(rule, TARGETS))
    torch.testing.assert_close(found["lrp"], given.relevance(TARGETS))
    games, rng = Games(), np.random.default_rng(0)
    played = games.played(left_out_and_kernel(6, 800, rng))
    values = pooled_values(played)
    np.testing.assert_allclose(values["kernel-shap"], games.shapley(), atol=0.2)
    np.testing.assert_allclose(values["shapley-surrogate"], games.shapley(), atol=0.02)
    whole = games.played(~np.eye(6, dtype=bool))
    np.testing.assert_allclose(values["feature-ablation"], whole.full[:, None] - whole.values, atol=1e-6)


def test_evidence_from_before_there_were_checks_can_still_be_read():
    old = '{"record": "Evidence", "fields": {"pieces": {"tuple": [{"record": "Text", "fields": {"caption": "", "words": "seen"}}]}}}'
    assert decode(old, {}) == Evidence((Text("seen"),))
    new = Evidence((), (Check("complete", 0.01, holds=True, words="how far off"),))
    assert decode(*encode(new)) == new
    with pytest.raises(AnswerError):
        Check("complete", float("nan"), holds=False)
