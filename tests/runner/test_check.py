"""The contract checker fails whoever breaks one promise, on that promise, and says how."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from onecurve.core.access import Access
from onecurve.core.answer import Abstain, Answer, Rebuilt, Weights
from onecurve.core.errors import OneCurveError
from onecurve.core.evidence import ClassScores, Evidence, HeatMap, Pieces, Text
from onecurve.core.question import Brief, Form, Forms, Question, Weigh
from onecurve.core.workbench import Workbench
from onecurve.models.metering import unmetered
from onecurve.models.network import TorchNetwork, torch_module
from onecurve.runner.commands.check import check_address, check_thing
from onecurve.runner.commands.checks.findings import Finding
from onecurve.tasks.catalog import TASKS
from onecurve.tasks.detect import Detect


class Named:
    name: ClassVar[str] = "named"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "for tests"
    source: ClassVar[str] = "tests"
    needs: ClassVar[Access] = Access.WEIGHTS
    shows: ClassVar[Pieces] = (ClassScores,)
    reads: ClassVar[Pieces] = (ClassScores,)
    answers: ClassVar[Forms] = (Form.CLASSES,)


def scores(brief: Brief, workbench: Workbench, seed: int = 0) -> Evidence:
    return Evidence((ClassScores(np.random.default_rng(seed).random(workbench.subject.classes, np.float32)),))


@dataclass(frozen=True)
class Honest(Named):
    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        return scores(brief, workbench)


@dataclass(frozen=True)
class Moody(Named):
    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        return scores(brief, workbench, int(np.random.SeedSequence().generate_state(1)[0]))


@dataclass(frozen=True)
class Understated(Named):
    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        return Evidence((*scores(brief, workbench).pieces, Text("and this")))


@dataclass(frozen=True)
class Tampering(Named):
    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        with torch.no_grad():
            next(torch_module(workbench.subject).parameters()).add_(1)
        return scores(brief, workbench)


@dataclass(frozen=True)
class Spending(Named):
    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        images = workbench.subject.granted_clean().floats()
        for _ in range(10_000):
            workbench.subject.granted_network().logits(images[:10])
        return scores(brief, workbench)


@dataclass(frozen=True)
class Imagining(Named):
    shows: ClassVar[Pieces] = (HeatMap,)
    needs: ClassVar[Access] = Access.SUSPECTS

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        return Evidence((HeatMap(np.eye(workbench.subject.input_shape[1], dtype=np.float32), 99),))


@dataclass(frozen=True)
class Raising(Named):
    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        raise ZeroDivisionError("on purpose")


def failed(findings: tuple[Finding, ...]) -> list[Finding]:
    return [finding for finding in findings if not finding.passed]


def test_who_keeps_all_promises_passes_all_checks() -> None:
    findings = check_thing("tool", Honest())
    assert failed(findings) == []
    assert {"states `needs`", "states `shows`", "can be named, stored and built again"} <= {finding.check for finding in findings}


@pytest.mark.parametrize(
    ("tool", "promise", "fault"),
    [
        (Moody(), "shows the same again with the same seed", "the evidence differs"),
        (Understated(), "shows evidence", "`shows` does not state what it showed: Text"),
        (Tampering(), "leaves the network as it was", "these tensors changed: "),
        (Spending(), "keeps a budget of 200", "would overdraw it"),
        (Imagining(), "shows evidence", "heat maps name items that are not there: [99]"),
        (Raising(), "shows evidence", "raised ZeroDivisionError: on purpose"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Named) else "",
)
def test_a_broken_promise_is_found_where_it_was_broken(tool: Named, promise: str, fault: str) -> None:
    findings = failed(check_thing("tool", tool))
    assert any(finding.check.startswith(promise) and fault in finding.detail for finding in findings), findings
    assert isinstance(tool, Raising | Spending) or all(finding.check.startswith(promise) for finding in findings)
    assert all(("on purpose" in finding.traceback) == isinstance(tool, Raising) for finding in findings)


@pytest.mark.parametrize(
    ("facts", "check", "fault"),
    [
        ({"summary": None}, "states `summary`", "wanted str at class level, got: None"),
        ({"version": "1"}, "states `version`", "wanted int at class level, got: '1'"),
        ({"needs": ()}, "states `needs`", "wanted Access at class level"),
        ({"shows": ()}, "states `shows`", "no type of piece"),
        ({"shows": (int,)}, "states `shows`", "no type of piece: <class 'int'>"),
    ],
    ids=str,
)
def test_what_is_not_stated_is_told_before_anything_is_tried(facts: dict[str, Any], check: str, fault: str) -> None:
    broken = dataclass(frozen=True)(type("Broken", (Honest,), facts))
    findings = check_thing("tool", broken())
    assert {finding.check: finding.detail for finding in failed(findings)}[check].startswith(fault)
    assert not any(finding.check.startswith("shows evidence") for finding in findings)


@dataclass(frozen=True)
class Reads(Named):
    """A reader whose verdict can be broken."""

    verdict: str = "even"

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        assert isinstance(question, Weigh)
        if self.verdict == "silent":
            return Abstain("")
        if self.verdict == "greedy":
            workbench.subject.granted_network()
        weights = np.ones((question.items, len(question.options)), np.float32)
        if self.verdict == "peeking":
            weights[0, 0] += len(evidence.pieces)
        return Weights(weights[:, :-1] if self.verdict == "short" else weights)


@pytest.mark.parametrize(
    ("verdict", "fault"),
    [
        ("silent", "abstains without a reason"),
        ("greedy", "is not granted"),
        ("peeking", "the answers differ"),
        ("short", "weights must have shape"),
    ],
)
def test_a_reader_that_breaks_a_promise_is_failed(verdict: str, fault: str) -> None:
    assert failed(check_thing("reader", Reads())) == []
    details = [finding.detail for finding in failed(check_thing("reader", Reads(verdict)))]
    assert any(fault in detail for detail in details), details


@dataclass(frozen=True)
class Guesses(Named):
    """A solver that adds noise to the first parameter of a copy."""

    steady: bool = True
    answers: ClassVar[Forms] = (Form.REPAIR,)

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        copy = unmetered(torch_module(workbench.subject))
        noise = torch.Generator().manual_seed(0) if self.steady else None
        with torch.no_grad():
            first = next(copy.parameters())
            first.add_(torch.randn(first.shape, generator=noise))
        return Rebuilt(TorchNetwork(copy))


@dataclass(frozen=True)
class Weighs(Named):
    """A solver that would answer with the network at hand."""

    def answer(self, question: Question, workbench: Workbench) -> Answer:
        raise AssertionError("nobody asks it")


@dataclass(frozen=True)
class Both(Named):
    """Tool and reader in one, which may be unable to read what itself shows."""

    agreed: bool = True

    def look(self, brief: Brief, workbench: Workbench) -> Evidence:
        return scores(brief, workbench) if self.agreed else Evidence((ClassScores(np.full(workbench.subject.classes, 7, np.float32)),))

    def read(self, question: Question, evidence: Evidence, workbench: Workbench) -> Answer:
        found = evidence.class_scores()
        if not found or (found[0].values == 7).all():
            return Abstain("nothing shown" if not found else "")
        return Weights(np.append(np.exp(found[0].values), 1.0)[None])


def test_a_solver_answers_the_same_again_with_the_same_seed() -> None:
    assert failed(check_thing("solver", Guesses())) == []
    assert {finding.detail for finding in failed(check_thing("solver", Guesses(steady=False)))} == {"the networks differ"}


def test_a_solver_that_would_answer_a_weigh_question_is_told_what_to_write_instead() -> None:
    (fault,) = failed(check_thing("solver", Weighs()))
    assert fault.check == "answers Rebuild questions only"
    assert "may hand back networks only, but states the form: classes" in fault.detail
    assert "write `look`, which shows evidence, and `read`" in fault.detail


def test_a_class_with_look_and_read_is_tried_as_both_and_as_a_pair() -> None:
    ours = check_address(f"{__file__}:Both")
    assert failed(ours) == []
    names = [finding.check for finding in ours]
    assert len(set(names)) == len(names)
    assert {"states `shows`", "states `reads`", "answers detect from nothing", "answers detect from what it shows"} <= set(names)
    assert any(name.startswith("shows evidence for") for name in names)
    (broken,) = failed(check_address(f"{__file__}:Both[agreed=False]"))
    assert (broken.check, broken.detail) == ("answers detect from what it shows", "abstains without a reason")


@pytest.mark.parametrize(("kind", "thing"), [("reader", Reads), ("solver", Guesses)])
def test_nothing_passes_untried(kind: str, thing: type) -> None:
    of_no_task = dataclass(frozen=True)(type("OfNoTask", (thing,), {"answers": ("riddle",)}))
    (fault,) = [finding.detail for finding in failed(check_thing(kind, of_no_task()))]
    assert fault == "no form of question: riddle"


@pytest.mark.parametrize("name", TASKS.names())
def test_every_task_keeps_its_contract(name: str) -> None:
    findings = check_address(name)
    assert failed(findings) == []
    assert len(findings) > 15


def test_a_task_that_breaks_a_promise_is_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    measure = Detect.measure
    monkeypatch.setattr(Detect, "measure", lambda *given: replace(measure(*given), figures={"odd": float("nan")}))
    details = [finding.detail for finding in failed(check_address("detect"))]
    assert "these are not finite: odd" in details
    monkeypatch.setattr(Detect, "measure", lambda *given: replace(measure(*given), raw=0.5))
    assert failed(check_address("detect"))


def test_what_cannot_be_found_or_built_is_told(tmp_path: Any) -> None:
    (tmp_path / "empty.py").write_text("class Plain:\n    pass\n")
    for address, message in (
        ("no-such", "no tool is called: no-such"),
        (f"{tmp_path}/none.py:Tool", "no such file"),
        (f"{tmp_path}/empty.py:Plain", "has none of `look`, `read`, `answer`"),
        ("localise[suspects=0]", "at least 1"),
    ):
        with pytest.raises(OneCurveError) as caught:
            check_address(address)
        assert message in str(caught.value)
