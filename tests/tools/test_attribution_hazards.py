"""What goes wrong without a word on ordinary code, shown on a network each, and that it does not go wrong here.

Captum is run as it is; the known right answer is captum's on the same network written with a module for everything.
"""

import warnings

import numpy as np
import pytest
import torch
from attribution_networks import CLASSES, SHAPE, Functional, IdentityShortcut, InPlace, Modules, Reused, images, written
from captum.attr import LRP, DeepLift, FeaturePermutation, GuidedBackprop, KernelShap, Lime
from captum.attr import Deconvolution as Deconvolved
from torch import nn

from onecurve.core.access import Access
from onecurve.core.case import Subject
from onecurve.core.image.images import LabelledImages
from onecurve.core.question import Brief
from onecurve.core.workbench import Budget, Meter, Workbench
from onecurve.models.metering import Metered
from onecurve.models.network import TorchNetwork
from onecurve.tools.attribution.machinery.backward_rules import RuledNetwork
from onecurve.tools.attribution.machinery.gradients import gradients
from onecurve.tools.attribution.machinery.masking import Grid
from onecurve.tools.attribution.machinery.rule_modules import Rule
from onecurve.tools.catalog import TOOLS

TARGETS = torch.tensor([0, 1, 2, 3])
BASELINE = torch.tensor([0.1, 0.5, 0.8])[:, None, None].expand(SHAPE)


def captums(method, *given, **how):
    """Captum's answer, without what it warns of (hooks, zero gradients)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return method.attribute(*given, **how).detach()


def forward(kind):
    network = RuledNetwork(written(kind), SHAPE, Meter(Budget(1e9)))
    network.set_baseline(BASELINE)
    return network.run(images(4))


def look(address, module, suspects, budget, *, seed=0):
    meter = Meter(Budget(budget))
    subject = Subject("s", TorchNetwork(Metered(module, meter)), tuple("abcd"), SHAPE, Access.QUERIES | Access.WEIGHTS)
    return TOOLS.make(address).look(Brief(1, suspects.numpy()), Workbench(subject, Budget(budget), meter, seed))


def maps(evidence):
    return np.stack([piece.values for piece in evidence.heat_maps()])


def correlation(one, other):
    return float(np.corrcoef(np.ravel(one), np.ravel(other))[0, 1])


@pytest.mark.parametrize(("method", "rule"), [(GuidedBackprop, Rule.GUIDED), (Deconvolved, Rule.DECONVOLUTION)])
def test_functional_relu_makes_guided_backpropagation_and_deconvolution_the_plain_gradient(method, rule):
    plain = gradients(written(Functional), images(4), TARGETS)
    wrong = captums(method(written(Functional)), images(4), target=TARGETS)
    torch.testing.assert_close(wrong, plain)
    right = captums(method(written(Modules)), images(4), target=TARGETS)
    assert correlation(right, plain) < 0.9
    for kind in (Functional, Reused, InPlace):
        torch.testing.assert_close(forward(kind).back(rule, TARGETS), right, rtol=1e-4, atol=1e-6)


def test_functional_relu_makes_deep_lift_input_times_gradient():
    differences = images(4) - BASELINE
    wrong = captums(DeepLift(written(Functional)), images(4), BASELINE.expand(4, -1, -1, -1), target=TARGETS)
    torch.testing.assert_close(wrong, gradients(written(Functional), images(4), TARGETS) * differences)
    right = captums(DeepLift(written(Modules)), images(4), BASELINE.expand(4, -1, -1, -1), target=TARGETS)
    logits = written(Modules)(torch.cat([images(4), BASELINE[None]])).detach()
    rises = (logits[:-1] - logits[-1]).gather(1, TARGETS[:, None])[:, 0]
    assert (wrong.flatten(1).sum(1) - rises).abs().max() > 0.01
    torch.testing.assert_close(right.flatten(1).sum(1), rises, rtol=1e-3, atol=1e-4)
    for kind in (Functional, InPlace):
        torch.testing.assert_close(forward(kind).back(Rule.DIFFERENCE, TARGETS) * differences, right, rtol=1e-3, atol=1e-5)


def test_a_reused_relu_breaks_deep_lift():
    with pytest.raises(RuntimeError):
        captums(DeepLift(written(Reused)), images(4), BASELINE.expand(4, -1, -1, -1), target=TARGETS)
    right = captums(DeepLift(written(Modules)), images(4), BASELINE.expand(4, -1, -1, -1), target=TARGETS)
    torch.testing.assert_close(forward(Reused).back(Rule.DIFFERENCE, TARGETS) * (images(4) - BASELINE), right, rtol=1e-3, atol=1e-5)


def test_an_identity_shortcut_breaks_relevance_propagation_and_here_relevance_is_conserved():
    with pytest.raises(TypeError):
        captums(LRP(written(IdentityShortcut)), images(4), target=TARGETS)
    for kind in (IdentityShortcut, Functional):
        given = forward(kind)
        torch.testing.assert_close(given.relevance(TARGETS).flatten(1).sum(1), given.chosen(TARGETS).detach(), rtol=1e-3, atol=1e-5)


def test_a_functional_sum_and_functional_relus_break_the_books_of_relevance_propagation():
    sums = captums(LRP(written(Functional)), images(4), target=TARGETS).flatten(1).sum(1)
    logits = written(Functional)(images(4)).gather(1, TARGETS[:, None])[:, 0].detach()
    assert ((sums - logits).abs() > 0.1 * logits.abs()).any()


def test_feature_permutation_of_one_image_is_all_zero():
    cells = torch.from_numpy(Grid(12, 12, 3, 3).labels)
    one = images(1)
    assert captums(FeaturePermutation(written(Modules)), one, target=1, feature_mask=cells[None, None]).abs().max() == 0
    meter = Meter(Budget(100))
    clean = (images(8, seed=1).numpy() * 255).astype(np.uint8)
    network = TorchNetwork(Metered(written(Modules), meter))
    granted = LabelledImages(clean, np.zeros(8, np.int64))
    subject = Subject("s", network, tuple("abcd"), SHAPE, Access.QUERIES | Access.SUSPECTS | Access.CLEAN_IMAGES, granted)
    evidence = TOOLS.make("feature-permutation").look(Brief(1, one.numpy()), Workbench(subject, Budget(100), meter, 0))
    assert maps(evidence).max() > 0
    assert "clean images" in evidence.heat_maps()[0].caption


class Cells(nn.Module):
    """The logit of class 1 is a weighted sum of the means of the nine cells of a 3 x 3 grid."""

    weights = torch.tensor([3.0, -1.0, 0.5, 0.0, 2.0, -2.0, 1.0, 0.0, -0.5])

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(9, CLASSES, bias=False)
        with torch.no_grad():
            self.head.weight.zero_()
            self.head.weight[1] = self.weights / 20

    def forward(self, given):
        return self.head(nn.functional.adaptive_avg_pool2d(given.mean(1, keepdim=True), 3).flatten(1))


def test_lime_at_its_defaults_is_all_zero_on_logits_of_an_ordinary_scale():
    cells = torch.from_numpy(Grid(12, 12, 6, 6).labels)[None, None]
    torch.manual_seed(0)
    assert captums(Lime(written(Modules)), images(1), target=1, feature_mask=cells, n_samples=100).abs().max() == 0
    assert maps(look("lime[cells=36]", written(Modules), images(1), 202)).max() > 0
    evidence = look("lime[cells=9,baseline='black']", Cells().eval(), torch.ones(1, *SHAPE), 202)
    grid = Grid(12, 12, 3, 3)
    assert correlation(maps(evidence)[0], np.maximum(Cells.weights.numpy(), 0)[grid.labels]) > 0.95


def test_kernel_shap_with_few_samples_is_noise_and_says_so():
    cells = torch.from_numpy(Grid(12, 12, 12, 12).labels)[None, None]
    answers = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        answers.append(captums(KernelShap(written(Modules)), images(1), target=1, feature_mask=cells, n_samples=25))
    assert correlation(*answers) < 0.4
    few, many = (look("kernel-shap[cells=144,per_cell=1]", written(Modules), images(1), budget) for budget in (148, 6000))
    figures = [next(check for check in evidence.checks if check.name == "repeatable") for evidence in (few, many)]
    assert [figure.holds for figure in figures] == [False, True]


def test_guided_backpropagation_without_a_relu_is_named_degenerate():
    evidence = look("guided-backprop", Cells().eval(), images(2), 50)
    assert "degenerate: the network has no ReLU" in evidence.heat_maps()[0].caption


def test_a_constant_map_is_named_degenerate_and_handed_over():
    class Deaf(nn.Module):
        """Says the same of every image."""

        def forward(self, given):
            return given.mean((2, 3)) * 0 + torch.arange(3.0)

    evidence = look("saliency", Deaf().eval(), images(2), 50)
    assert [piece.caption.endswith("degenerate: constant") for piece in evidence.heat_maps()] == [True, True]
    sound = evidence.checks[0]
    assert (sound.name, sound.value, sound.holds) == ("sound", 0, False)
