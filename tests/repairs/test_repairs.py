"""Repairs on a network whose flaw is known; nobody is shown a triggered image unless it is in the evidence."""

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from onecurve.core.answer import Abstain, Rebuilt
from onecurve.core.errors import AnswerError, DataError, ModelError, SpecError
from onecurve.core.evidence import Evidence, Hypothesis, Picture
from onecurve.core.image.trigger import Paste
from onecurve.core.question import Brief, Rebuild, Weigh
from onecurve.core.workbench import Workbench
from onecurve.models.finetuning import FinetuningRecipe, finetune, held_back
from onecurve.models.metering import Metered
from onecurve.models.network import TorchNetwork, torch_module
from onecurve.models.storage import load_network, save_network
from onecurve.readers.triggers.unlearn import Unlearn
from onecurve.repairs.fine_pruning import FinePruning
from onecurve.repairs.finetune import Finetune

QUESTION = Rebuild(Brief(target=0))
BUDGET = 6000.0
Repair = Callable[[Workbench], object]


def truth(world) -> Evidence:
    return Evidence((Hypothesis(world.trigger, 0, 1.0),))


def noise(world) -> Evidence:
    rng = np.random.default_rng(9)
    pattern = rng.random(world.trigger.patterns.shape, np.float32)
    return Evidence((Hypothesis(Paste(pattern, rng.random(world.trigger.alphas.shape, np.float32)), 0, 1.0),))


def unlearned(world, evidence: Evidence, budget: float = BUDGET, seed: int = 0) -> TorchNetwork:
    answer = Unlearn().read(QUESTION, evidence, world.workbench(budget, seed))
    assert isinstance(answer, Rebuilt)
    assert isinstance(answer.network, TorchNetwork)
    return answer.network


def finetuned(world, budget: float = BUDGET, seed: int = 0) -> TorchNetwork:
    answer = Finetune().answer(QUESTION, world.workbench(budget, seed))
    assert isinstance(answer, Rebuilt)
    assert isinstance(answer.network, TorchNetwork)
    return answer.network


def state(network: TorchNetwork) -> dict[str, torch.Tensor]:
    return network.module.state_dict()


def same(one: TorchNetwork, other: TorchNetwork) -> bool:
    return all(torch.equal(values, state(other)[name]) for name, values in state(one).items())


def test_the_toy_network_is_flawed(world, flawed) -> None:
    assert world.accuracy(flawed()) > 0.95
    assert world.success(flawed()) > 0.9


def test_unlearning_the_true_trigger_removes_it_and_noise_does_not(world, flawed) -> None:
    repaired, decorated = unlearned(world, truth(world)), unlearned(world, noise(world))
    assert world.success(repaired) < 0.2
    assert world.accuracy(repaired) > world.accuracy(flawed()) - 0.04
    assert world.success(decorated) > world.success(repaired) + 0.3
    images, labels = world.triggered()
    assert (repaired.logits(images).argmax(1) == labels).mean() > 0.75


def test_unlearning_that_stamps_nothing_is_fine_tuning_to_the_last_bit(world) -> None:
    invisible = Paste(np.zeros((1, 3, 4, 4), np.float32), np.zeros((1, 4, 4), np.float32))
    assert same(unlearned(world, Evidence((Hypothesis(invisible, 0, 1.0),))), finetuned(world))


def test_hypotheses_take_turns(world) -> None:
    both = Evidence((*noise(world).pieces, *truth(world).pieces))
    assert world.success(unlearned(world, both)) < 0.5


@pytest.mark.parametrize(
    "repair",
    [
        lambda world, bench: Unlearn().read(QUESTION, truth(world), bench),
        lambda world, bench: Finetune().answer(QUESTION, bench),
        lambda world, bench: FinePruning().answer(QUESTION, bench),
    ],
    ids=["unlearn", "finetune", "fine-pruning"],
)
class TestEveryRepair:
    def test_the_budget_is_spent_and_not_overspent(self, world, repair) -> None:
        for budget in (1500.0, BUDGET):
            bench = world.workbench(budget)
            assert isinstance(repair(world, bench), Rebuilt)
            assert 0.85 * budget <= bench.meter.equivalents <= budget

    def test_the_same_seed_gives_the_same_network(self, world, repair) -> None:
        one, other = (repair(world, world.workbench(BUDGET, 3)).network for _ in range(2))
        assert same(one, other)

    def test_the_subject_is_left_alone_and_the_answer_counts_nowhere(self, world, repair) -> None:
        bench = world.workbench(BUDGET)
        before = deepcopy(torch_module(bench.subject).state_dict())
        network = repair(world, bench).network
        assert all(torch.equal(values, before[name]) for name, values in torch_module(bench.subject).state_dict().items())
        spent = bench.meter.equivalents
        network.logits(world.heldout.floats()[:8])
        assert bench.meter.equivalents == spent
        assert not any(isinstance(part, Metered) for part in network.module.modules())

    def test_clean_accuracy_is_kept_and_the_answer_can_be_stored(self, world, repair, flawed, tmp_path) -> None:
        network = repair(world, world.workbench(BUDGET)).network
        assert world.accuracy(network) > world.accuracy(flawed()) - 0.05
        save_network(tmp_path / "net.safetensors", network, flawed().module, shape=(3, 16, 16))
        assert same(load_network(tmp_path / "net.safetensors", flawed().module), network)

    def test_no_budget_is_an_abstention(self, world, repair) -> None:
        assert isinstance(repair(world, world.workbench(10)), Abstain)


def test_without_a_hypothesis_there_is_nothing_to_unlearn(world) -> None:
    picture = Evidence((Picture(world.clean.floats()[0]),))
    large = Evidence((Hypothesis(Paste(np.zeros((1, 3, 40, 40), np.float32), np.ones((1, 40, 40), np.float32)), 0, 1.0),))
    for evidence, reason in ((Evidence(), "no hypothesis of"), (picture, "no hypothesis of"), (large, "fits")):
        bench = world.workbench(BUDGET)
        answer = Unlearn().read(QUESTION, evidence, bench)
        assert isinstance(answer, Abstain)
        assert reason in answer.reason
        assert bench.meter.equivalents == 0


def test_weigh_questions_and_bad_parameters_are_refused(world) -> None:
    question = Weigh(Brief(), 1, ("a", "b"))
    with pytest.raises(AnswerError):
        Unlearn().read(question, Evidence(), world.workbench(BUDGET))
    for solver in (Finetune(), FinePruning()):
        with pytest.raises(AnswerError):
            solver.answer(question, world.workbench(BUDGET))
    with pytest.raises(SpecError):
        Unlearn(share=0)
    with pytest.raises(SpecError):
        FinePruning(tolerance=-1)
    with pytest.raises(SpecError):
        FinetuningRecipe(learning_rate=-1)


def test_a_reading_workbench_has_no_network_to_repair(world) -> None:
    bench = world.workbench(BUDGET).for_reading(Weigh(Brief(), 1, ("a",)))
    with pytest.raises(ModelError, match="not granted"):
        Unlearn().read(QUESTION, truth(world), bench)


def test_normalisation_statistics_stay_as_they_are(world, flawed) -> None:
    repaired = state(unlearned(world, truth(world)))
    before = state(flawed())
    assert torch.equal(repaired["1.running_mean"], before["1.running_mean"])
    assert not torch.equal(repaired["1.weight"], before["1.weight"])


def test_the_checkpoint_is_the_latest_within_tolerance(world) -> None:
    bench = world.workbench(20_000)
    # So high a rate shakes the network; what is kept is the least bad, and its accuracy is told truly.
    module = deepcopy(torch_module(bench.subject))
    judging = held_back(world.clean, 0.2, bench.seed).judging
    done = finetune(module, world.clean, FinetuningRecipe(learning_rate=0.1, epochs=3), bench)
    said = TorchNetwork(module).logits(judging.floats()).argmax(1)
    assert done.accuracy == pytest.approx(float((said == judging.labels).mean()))
    calm = finetune(deepcopy(torch_module(bench.subject)), world.clean, FinetuningRecipe(epochs=3), bench)
    assert calm.kept == calm.steps


def test_divergence_is_said(world) -> None:
    bench = world.workbench(BUDGET)
    with pytest.raises(ModelError, match="diverged"):
        finetune(deepcopy(torch_module(bench.subject)), world.clean, FinetuningRecipe(learning_rate=10, momentum=0.999), bench)


def test_a_single_clean_image_is_too_few(world) -> None:
    with pytest.raises(DataError, match="at least 2"):
        held_back(world.clean.take(slice(0, 1)), 0.2, 0)


def dormant_backdoor(world) -> nn.Module:
    """The flawed network with three channels of its last convolution that no clean image drives."""
    module = deepcopy(world.module)
    with torch.no_grad():
        for channel in (2, 7, 11):
            module[3].weight[channel] = 0
            module[4].weight[channel] = 1
            module[4].bias[channel] = -3
            module[4].running_mean[channel] = 0
    return module


def test_pruning_silences_dormant_channels_first_and_for_good(world) -> None:
    bench = world.workbench(BUDGET)
    bench.subject.network.module.inner.load_state_dict(dormant_backdoor(world).state_dict())
    answer = FinePruning(tolerance=0.0).answer(QUESTION, bench)
    assert isinstance(answer, Rebuilt)
    weights = answer.network.module[4].weight
    silent = set(torch.nonzero((weights == 0) & (answer.network.module[4].bias == 0))[:, 0].tolist())
    assert {2, 7, 11} <= silent
    assert answer.note.startswith(f"{len(silent)} of 16 channels")


def test_pruning_stays_inside_the_tolerance(world) -> None:
    bench = world.workbench(1500)
    pruned = FinePruning(tolerance=0.02, learning_rate=1e-9).answer(QUESTION, bench)
    assert isinstance(pruned, Rebuilt)
    judging = held_back(world.clean, 0.2, bench.seed).judging

    def held(network) -> float:
        return float((network.logits(judging.floats()).argmax(1) == judging.labels).mean())

    assert held(pruned.network) >= held(TorchNetwork(deepcopy(world.module))) - 0.02 - 1e-9
