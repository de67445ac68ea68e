"""The trigger looks, repair and power on networks of the zoo: known answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import onecurve
from onecurve.auditing.examined import Allowance, Examined, metered
from onecurve.auditing.finding import Finding, Kind, Standing, corrected
from onecurve.auditing.looks.machinery import class_rounds, screening
from onecurve.auditing.looks.machinery.class_rounds import search_rounds
from onecurve.auditing.looks.machinery.effort import FEWEST_COMPARED, Effort
from onecurve.auditing.looks.machinery.inverters import FAINT, SPARSE, Found, PatchInverter
from onecurve.auditing.looks.machinery.screening import ground_of, screened
from onecurve.auditing.looks.triggers import PatchTriggers, searched
from onecurve.auditing.repair import candidates, repairing
from onecurve.auditing.repair.candidates import CandidateRepair, chosen
from onecurve.auditing.repair.repairing import repair
from onecurve.auditing.result import Coverage
from onecurve.auditing.stages import Course, make_stages
from onecurve.auditing.storage import keep_stage, kept_stage
from onecurve.core.image.images import Ints, LabelledImages
from onecurve.core.workbench import Budget, Meter
from onecurve.models.metering import Metered, unmetered
from onecurve.models.network import torch_module
from onecurve.runner.session import Silent
from onecurve.tools.inversion.machinery.universal import Perturbation

QUICK = Effort(60, 8)


@dataclass(frozen=True)
class QuickInverter:
    """The search with a fixed small effort, so that the machine's speed does not matter."""

    unit: str = "of the image's area"
    screen: Perturbation = SPARSE

    def search(self, examined: Examined, classes: Ints, effort: Effort, seed: int) -> Found:
        return PatchInverter().search(examined, classes, QUICK, seed)


def examined_of(case: onecurve.Case) -> Examined:
    module = unmetered(torch_module(case.subject)).eval().requires_grad_(requires_grad=False)
    meter = Meter(Budget(float("inf")))
    metered = Metered(module, meter, case.subject.input_shape).eval()
    return Examined(metered, meter, case.subject.class_names, case.subject.granted_clean(), case.truth.heldout, labelled=True)


@pytest.fixture(scope="module")
def flawed() -> onecurve.Case:
    return onecurve.open_zoo("patch")


@pytest.fixture(scope="module")
def findings(flawed: onecurve.Case) -> tuple[Finding, ...]:
    report = searched("patch-triggers", "patch", QuickInverter(), examined_of(flawed), Allowance(1e6))
    assert report.coverage is Coverage.WHOLE
    return corrected(report.findings, 0.05)


def test_the_trigger_of_a_planted_network_is_found_named_and_works(flawed: onecurve.Case, findings: Sequence[Finding]) -> None:
    (finding,) = findings
    assert finding.kind is Kind.TROJAN_TRIGGER
    assert finding.standing is Standing.VERIFIED
    assert finding.target == flawed.truth.target
    assert finding.classes == (flawed.subject.class_names[finding.target],)
    assert finding.effect is not None
    assert finding.effect.value > 0.5 > finding.effect.against
    assert finding.effect.p_adjusted is not None
    assert finding.effect.p_adjusted < 0.05
    assert len(finding.exhibits) == 4


def test_a_clean_network_has_no_trojan() -> None:
    report = searched("patch-triggers", "patch", QuickInverter(), examined_of(onecurve.open_zoo("clean")), Allowance(1e6))
    assert not [one for one in corrected(report.findings, 0.05) if one.kind is Kind.TROJAN_TRIGGER and one.standing is Standing.VERIFIED]


def test_a_screening_finds_the_planted_target_easiest_to_reach(flawed: onecurve.Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_rounds, "MOST_ROUNDS", 1)
    monkeypatch.setattr(class_rounds, "pairs_per_second", lambda examined: 1.0)
    monkeypatch.setattr(screening, "seconds_of", lambda examined, images: float(len(images)))
    examined = examined_of(flawed)
    ground, every = ground_of(examined), np.arange(examined.classes)
    assert not ground.halved
    hardness = screened(examined, ground, every, SPARSE, lambda done: None)
    assert int(hardness.argmin()) == flawed.truth.target
    assert np.array_equal(hardness[3:5], screened(examined, ground, every[3:5], SPARSE, lambda done: None))
    done = search_rounds(examined, QuickInverter(), every[::-1], Allowance(6000.0))
    assert done is not None
    assert done.screened_on is not None
    assert len(done.classes) == FEWEST_COMPARED
    assert flawed.truth.target in done.classes


@pytest.mark.parametrize(("takes", "halved"), [("any", True), ("full", False), ("brightness", False)])
def test_images_are_screened_at_half_their_size_only_where_the_network_answers_alike(takes: str, halved: bool) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            if takes == "full" and images.shape[-1] != 96:
                raise ValueError("96 pixels only")
            logits = (images - 0.5).mean(dim=(2, 3)) @ self.weight
            return logits if takes != "brightness" or images.shape[-1] == 96 else -logits

    rng = np.random.default_rng(0)
    images = LabelledImages((255 * rng.random((20, 3, 1, 1)) * np.ones((1, 1, 96, 96))).astype(np.uint8), rng.integers(0, 3, 20))
    module, meter = metered(Net(), (3, 96, 96))
    examined = Examined(module, meter, ("a", "b", "c"), images, images, labelled=True)
    ground = ground_of(examined)
    assert ground.halved is halved
    assert ground.images.images.shape[2:] == ((48, 48) if halved else (96, 96))
    assert np.isfinite(screened(examined, ground, np.arange(3), FAINT, lambda done: None)).all()


def test_without_time_nothing_is_looked_at_and_the_report_says_so(flawed: onecurve.Case) -> None:
    report = PatchTriggers().examine(examined_of(flawed), Allowance(0.0))
    assert report.coverage is Coverage.NOTHING
    assert report.findings == ()


def test_a_kept_stage_comes_back_and_another_key_does_not(findings: Sequence[Finding], tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Once:
        name = "once"
        version = 1
        title = "a look that may be made once"
        kinds = (Kind.TROJAN_TRIGGER,)
        needs_labels = False

        def pairs(self, examined: Examined) -> float:
            return 1.0

        def examine(self, examined: Examined, allowance: Allowance) -> object:
            raise AssertionError("made again")

    course = Course(tmp_path, "key", 10.0)
    examined = examined_of(onecurve.open_zoo("clean"))
    (stage,) = make_stages([Once()], examined, course, Silent())  # type: ignore[list-item]
    assert stage.coverage is Coverage.NOTHING
    assert "made again" in stage.words
    kept = replace(stage, findings=tuple(findings))
    keep_stage(tmp_path / "there", "key", kept)
    back = kept_stage(tmp_path / "there", "key")
    assert back is not None
    assert back.findings[0].id == findings[0].id
    assert back.findings[0].effect == findings[0].effect
    assert np.array_equal(back.findings[0].exhibits[1].image, findings[0].exhibits[1].image)
    assert type(back.findings[0].trigger) is type(findings[0].trigger)
    assert kept_stage(tmp_path / "there", "another key") is None
    facts = (tmp_path / "there" / "stage.json").read_bytes()
    keep_stage(tmp_path / "there", "another key", kept)
    (tmp_path / "there" / "stage.json").write_bytes(facts)  # the other audit was killed between its two files
    assert kept_stage(tmp_path / "there", "key") is None
    keep_stage(tmp_path / "there", "key", kept)
    (tmp_path / "there" / "stage.json").write_text("{")
    assert kept_stage(tmp_path / "there", "key") is None


def test_a_repair_unlearns_the_true_trigger_at_little_loss(
    flawed: onecurve.Case, findings: Sequence[Finding], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repairing, "AGAIN", 0)
    monkeypatch.setattr(repairing, "ROUNDS", 1)
    monkeypatch.setattr(candidates, "RATES", (0.003,))
    examined = examined_of(flawed)
    done = repair(examined, findings, Allowance(1.0), Silent())
    assert done.module is not None, done.told
    truth = flawed.truth
    assert truth.triggered is not None
    before, after = (
        (replace(examined, module=module).network.logits(truth.triggered.images).argmax(axis=1) == truth.target).mean()
        for module in (unmetered(examined.module), done.module)
    )
    assert before > 0.9
    assert after < 0.2
    assert done.told["accuracy_after"]["value"] > done.told["accuracy_before"]["value"] - 0.03


def test_a_repair_without_verified_triggers_or_labels_is_refused(flawed: onecurve.Case, findings: Sequence[Finding]) -> None:
    examined = examined_of(flawed)
    assert repair(examined, (), Allowance(1.0), Silent()).told == {"refused": "there is no verified trigger to unlearn"}
    assert "labels" in repair(replace(examined, labelled=False), findings, Allowance(1.0), Silent()).told["refused"]


def test_the_untouched_network_is_kept_where_every_repair_costs_too_much(flawed: onecurve.Case) -> None:
    module = torch_module(flawed.subject)
    tried = (CandidateRepair("untouched", module, 0.9, 1.0), CandidateRepair("learning rate 0.01", module, 0.8, 0.0))
    assert chosen(tried, 0.03).words == "untouched"
    assert chosen((*tried, CandidateRepair("learning rate 0.001", module, 0.88, 0.05)), 0.03).words == "learning rate 0.001"
