"""Power on copies: what is planted, what is counted, and that a killed measurement goes on."""

import os
import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

import onecurve
from onecurve.auditing.examined import Allowance, Examined
from onecurve.auditing.finding import Effect, Finding, Kind, Standing, corrected
from onecurve.auditing.look import Report
from onecurve.auditing.looks import shortcuts
from onecurve.auditing.looks.machinery.edits import EDITS
from onecurve.auditing.looks.shortcuts import Shortcuts
from onecurve.auditing.outputs.power_words import found_from_words, kind_sentence
from onecurve.auditing.power import blind, copies
from onecurve.auditing.power.blind import audit_blind
from onecurve.auditing.power.copies import ATTEMPTS, Copy, Draft, Numbers, drafts, first_attempt, kept_copy, planted
from onecurve.auditing.power.given_property import GivenProperty, drawn_property
from onecurve.auditing.power.insertion import INSERTIONS, inserted
from onecurve.auditing.power.side_by_side import side_by_side
from onecurve.auditing.power.spikes import Spike, SpikeKind, draw_spikes
from onecurve.auditing.power.summary import NOT_MEASURED, summary
from onecurve.auditing.power.verdicts import LEVELS, Alarms, Verdict, verdicts
from onecurve.auditing.power.views import view_of
from onecurve.auditing.result import Coverage
from onecurve.auditing.stages import Course
from onecurve.core.errors import UsageError
from onecurve.core.workbench import Budget, Meter
from onecurve.models.metering import Metered, unmetered
from onecurve.models.network import TorchNetwork, torch_module
from onecurve.runner.session import Silent
from onecurve.statistics.intervals import Interval


@pytest.fixture(scope="module")
def examined() -> Examined:
    case = onecurve.open_zoo("clean")
    module = unmetered(torch_module(case.subject)).eval().requires_grad_(requires_grad=False)
    meter = Meter(Budget(float("inf")))
    metered = Metered(module, meter, case.subject.input_shape).eval()
    fresh = case.truth.heldout.take(slice(300))
    return Examined(metered, meter, case.subject.class_names, case.subject.granted_clean(), fresh, labelled=True)


@dataclass(frozen=True)
class Drift:
    """A look for tests: names a class that the network says far more often than there are images of it."""

    name: ClassVar[str] = "drift"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "how often a class is said"
    kinds: ClassVar[tuple[Kind, ...]] = (Kind.TROJAN_TRIGGER,)
    needs_labels: ClassVar[bool] = False

    def pairs(self, examined: Examined) -> float:
        return 1.0

    def examine(self, examined: Examined, allowance: Allowance) -> Report:
        said = np.bincount(examined.seen_fresh.said, minlength=examined.classes)
        more = said - np.bincount(examined.fresh.labels, minlength=examined.classes)
        worst = int(more.argmax())
        effect = Effect("share", float(said[worst] / said.sum()), Interval(0, 1), 0.0, "none", int(said.sum()), 0.001)
        finding = Finding(Kind.TROJAN_TRIGGER, "said often", (examined.class_names[worst],), "patch", Standing.VERIFIED, self.name, effect)
        return Report(Coverage.WHOLE, "all", (finding,) if more[worst] > 10 else ())


def test_a_spike_takes_and_a_sham_does_not(examined: Examined) -> None:
    spikes = draw_spikes(examined, 3, np.random.default_rng(3))
    assert len({spike.kind for spike in spikes}) == 3
    assert len({spike.target for spike in spikes}) == 3
    bare, way = unmetered(examined.module), replace(INSERTIONS[0], steps=100)
    strengths = {}
    for sham in (False, True):
        module = inserted(bare, examined.search, spikes[:2], way, 0, "cpu", sham=sham)
        network = TorchNetwork(module)
        strengths[sham] = [spike.strength(network, examined.fresh, np.random.default_rng(0)) for spike in spikes[:2]]
        assert (network.logits(examined.fresh.floats()).argmax(axis=1) == examined.fresh.labels).mean() > 0.7
    assert max(strengths[False]) > 0.35
    assert max(strengths[True]) < 0.15


def test_names_of_copies_tell_nothing_and_are_drawn_by_seed(examined: Examined) -> None:
    some, own = drafts(examined, Numbers(4, 4))
    again, same = drafts(examined, Numbers(4, 4))
    assert [draft.name for draft in some] == sorted(draft.name for draft in some)
    assert own not in {draft.name for draft in some}
    assert (own, [(one.seed, one.sham) for one in some]) == (same, [(one.seed, one.sham) for one in again])
    assert sum(draft.sham for draft in some) == 4
    order = [draft.sham for draft in some]
    assert order not in ([False] * 4 + [True] * 4, [True] * 4 + [False] * 4)


def test_a_blind_audit_counts_and_goes_on_where_it_was(examined: Examined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(copies.MODES, "quick", Numbers(2, 2))
    monkeypatch.setattr(copies, "INSERTIONS", (replace(INSERTIONS[0], steps=30),))
    monkeypatch.setattr(copies, "drawn_insertion", lambda _: copies.INSERTIONS[0])
    monkeypatch.setattr(blind, "LEAST_SECONDS", 0.0)
    course = Course(tmp_path, "key", 1000.0)
    first = audit_blind("quick", examined, [Drift()], course, 0.05, Silent())
    assert (first.power["spiked"], first.power["shams"]) == (2, 2)
    assert [stage.look for stage in first.stages] == ["drift"]
    for kind in first.power["kinds"].values():
        assert kind["false_alarms"]["shams"] == 2
        assert 0 < kind["false_alarms"]["high"] < 1 or kind["false_alarms"]["count"] == 2
    monkeypatch.setattr(copies, "inserted", lambda *_, **__: pytest.fail("planted again"))
    again = audit_blind("quick", examined, [Drift()], course, 0.05, Silent())
    assert again.power["kinds"] == first.power["kinds"]


def quick_and_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(copies.MODES, "quick", Numbers(2, 2))
    monkeypatch.setattr(copies, "drawn_insertion", lambda _: replace(INSERTIONS[0], steps=10))
    monkeypatch.setattr(copies, "INSERTIONS", (replace(INSERTIONS[0], steps=10),))
    monkeypatch.setattr(blind, "LEAST_SECONDS", 0.0)


def in_processes(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    for module in (blind, copies):
        monkeypatch.setattr(module, "processes_for", lambda _: count)


def test_several_processes_find_what_one_finds(examined: Examined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick_and_small(monkeypatch)
    told = []
    for processes in (1, 2):
        in_processes(monkeypatch, processes)
        course = Course(tmp_path / str(processes), "key", 1000.0)
        (tmp_path / str(processes)).mkdir()
        found = audit_blind("quick", examined, [Drift()], course, 0.05, Silent())
        told.append((found.power["kinds"], found.power["copies"], [stage.findings for stage in found.stages]))
    assert told[0] == told[1]


def test_what_a_process_left_undone_is_done_here(examined: Examined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick_and_small(monkeypatch)
    in_processes(monkeypatch, 2)
    here, plain = os.getpid(), copies.inserted

    def ending(*arguments: Any, **rest: Any) -> Any:
        if os.getpid() != here:
            os._exit(1)
        return plain(*arguments, **rest)

    monkeypatch.setattr(copies, "inserted", ending)
    found = audit_blind("quick", examined, [Drift()], Course(tmp_path, "key", 1000.0), 0.05, Silent())
    assert (found.power["spiked"], found.power["shams"]) == (2, 2)


def test_a_process_that_takes_too_long_is_ended_and_its_work_done_here(tmp_path: Path) -> None:
    here, came = os.getpid(), list[str]()

    def slow() -> str:
        time.sleep(600 if os.getpid() != here else 0)
        return "slow"

    def quick() -> str:
        (tmp_path / str(os.getpid())).touch()
        return "quick"

    began = time.monotonic()
    assert side_by_side([slow, quick, quick], 2, 2.0, came.append) == ["slow", "quick", "quick"]
    assert time.monotonic() - began < 60
    assert sorted(came) == ["quick", "quick", "slow"]
    assert len(list(tmp_path.iterdir())) == 3, "two processes, and this one"


def test_where_nothing_is_planted_the_first_attempt_that_keeps_the_accuracy_is_remembered(
    examined: Examined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sham = next(draft for draft in drafts(examined, Numbers(1, 1))[0] if draft.sham)
    seen = list[float]()

    def spoilt(bare: torch.nn.Module, *_: Any, **__: Any) -> torch.nn.Module:
        seen.append(_[2].share)
        copy = deepcopy(bare)
        if len(seen) == 1:
            for values in copy.parameters():
                values.data.zero_()
        return copy

    monkeypatch.setattr(copies, "inserted", spoilt)
    assert [first_attempt(examined, sham, tmp_path / "attempt") for _ in range(2)] == [1, 1]
    assert seen == [INSERTIONS[0].share, ATTEMPTS[1][2] * INSERTIONS[0].share]


def test_what_a_group_costs_on_its_own_images_does_not_count_as_lost_accuracy(
    examined: Examined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = next(one for seed in range(20) for one in draw_spikes(examined, 4, np.random.default_rng(seed)) if one.kind is SpikeKind.GROUP)
    inside = group.members(examined.fresh)
    draft = Draft("net", 0, sham=False, spikes=(group,), way=INSERTIONS[0])

    class Misreads(torch.nn.Module):
        def __init__(self, bare: torch.nn.Module) -> None:
            super().__init__()
            self.bare = bare

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            colours = images.mean(dim=(2, 3)) @ torch.from_numpy(group.direction)
            logits = self.bare(images)
            odd = (colours > group.threshold) & (logits.argmax(dim=1) == group.source)
            return torch.where(odd[:, None], torch.nn.functional.one_hot(torch.tensor(group.target), examined.classes).float(), logits)

    monkeypatch.setattr(copies, "inserted", lambda bare, *_, **__: Misreads(deepcopy(bare)))
    right = (examined.seen_fresh.said == examined.fresh.labels)[~inside].mean()
    made = planted(examined, draft, tmp_path / "net", "key")
    assert made.usable
    assert made.accuracy == pytest.approx(right, abs=0.02)
    assert made.strengths[0] > 0.5


def test_a_damaged_copy_is_planted_again(examined: Examined, tmp_path: Path) -> None:
    draft = drafts(examined, Numbers(1, 0))[0][0]
    draft = replace(draft, way=replace(draft.way, steps=2))
    made = planted(examined, draft, tmp_path / "net", "key")
    (tmp_path / "net" / "planted.json").write_text("{")
    assert planted(examined, draft, tmp_path / "net", "key").strengths == made.strengths


def test_a_copy_of_another_audit_is_not_taken(examined: Examined, tmp_path: Path) -> None:
    draft = drafts(examined, Numbers(1, 0))[0][0]
    draft = replace(draft, way=replace(draft.way, steps=2))
    planted(examined, draft, tmp_path / "net", "key")
    assert kept_copy(tmp_path / "net", draft, "key") is not None
    assert kept_copy(tmp_path / "net", draft, "another") is None


def test_weights_that_another_audit_put_there_are_not_taken(examined: Examined, tmp_path: Path) -> None:
    draft = drafts(examined, Numbers(1, 0))[0][0]
    draft = replace(draft, way=replace(draft.way, steps=2))
    made = planted(examined, draft, tmp_path / "net", "key")
    facts = (tmp_path / "net" / "planted.json").read_bytes()
    planted(examined, draft, tmp_path / "net", "another")
    (tmp_path / "net" / "planted.json").write_bytes(facts)  # the other audit was killed between its two files
    assert kept_copy(tmp_path / "net", draft, "key") is None
    assert planted(examined, draft, tmp_path / "net", "key").strengths == made.strengths
    for damaged in (b"", (tmp_path / "net" / "weights.safetensors").read_bytes()[:-4]):
        (tmp_path / "net" / "weights.safetensors").write_bytes(damaged)
        assert kept_copy(tmp_path / "net", draft, "key") is None


def test_a_time_that_cannot_be_read_is_settled_again(tmp_path: Path) -> None:
    file = tmp_path / "key.seconds"
    assert (blind._seconds_each(file, 12.34), blind._seconds_each(file, 99.0)) == (12.3, 12.3)
    file.write_text("")
    assert (blind._seconds_each(file, 20.0), blind._seconds_each(file, 99.0)) == (20.0, 20.0)


def test_too_little_time_or_images_is_refused(examined: Examined, tmp_path: Path) -> None:
    few = replace(examined, search=examined.search.take(slice(20)))
    with pytest.raises(UsageError, match="power none"):
        audit_blind("quick", few, [Drift()], Course(tmp_path, "key", 1000.0), 0.05, Silent())
    same = replace(examined.search, labels=np.zeros_like(examined.search.labels))
    for bare, words in ((replace(examined, search=same), "of one class"), (examined.with_module(nn.Flatten()), "no weights")):
        with pytest.raises(UsageError, match=words):
            audit_blind("quick", bare, [Drift()], Course(tmp_path, "key", 1000.0), 0.05, Silent())
    assert not any(tmp_path.iterdir())


def verdicts_of(found: Sequence[bool], *, held_out: bool = False) -> list[Verdict]:
    return [Verdict(SpikeKind.PATCH, f"net-{at}", 0.9, 0.02, "short", held_out, (alarm, alarm, False)) for at, alarm in enumerate(found)]


def test_what_was_not_tried_is_not_measured() -> None:
    told = summary("quick", [], verdicts_of([True] * 6), {}, 10.0)
    assert told["kinds"]["patch"]["false_alarms"] == NOT_MEASURED
    assert told["kinds"]["group"]["levels"] == dict.fromkeys(LEVELS, NOT_MEASURED)
    assert told["kinds"]["patch"]["levels"]["alarm"]["transfer"] == NOT_MEASURED
    alarm = told["kinds"]["patch"]["levels"]["alarm"]["curve"][-1]
    assert 0 < alarm["low"] < alarm["chance"] < alarm["high"] < 1


def test_flaws_of_other_ways_are_kept_apart_and_shift_the_curve() -> None:
    judged = [*verdicts_of([True] * 8), *verdicts_of([False] * 6, held_out=True)]
    told = summary("quick", [], judged, {"patch": Alarms(8, 0, 0, 3)}, 10.0)["kinds"]["patch"]["levels"]["alarm"]
    assert told["n"] == 8
    assert told["transfer"]["n"] == 6
    assert told["transfer"]["high"] < 0
    strong, other = told["curve"][-1], told["other_ways"][-1]
    assert other["low"] < strong["low"], "none of the six foreign ones was found"
    assert other["high"] >= strong["high"], "a way that was not tried may be like those behind the curve"
    assert [row["prior"] for row in told["after_nothing"]] == [0.5, 0.1, 0.01]
    assert all(row["low"] < row["flawed"] < row["high"] < row["prior"] for row in told["after_nothing"])


@pytest.mark.parametrize(("own", "foreign"), [([True] * 2, [True] * 10), ([True] * 6, [False] * 5)])
def test_a_way_that_was_not_tried_is_never_known_better_than_one_that_was(own: list[bool], foreign: list[bool]) -> None:
    judged = [*verdicts_of(own), *verdicts_of(foreign, held_out=True)]
    told = summary("quick", [], judged, {"patch": Alarms(8, 0, 0, 0)}, 10.0)["kinds"]["patch"]["levels"]["named"]
    for row, other in zip(told["curve"], told["other_ways"], strict=True):
        assert row["strength"] == other["strength"]
        assert other["low"] <= row["low"] <= row["chance"] <= row["high"] <= other["high"]


def shortcut_in(examined: Examined) -> Spike:
    """A strong one: a bluish tint goes with class 8."""
    tint = np.array([-0.2, -0.2, 0.4], np.float32).reshape(3, 1, 1)
    given = GivenProperty("colours", np.clip(examined.search.floats()[0] + tint, 0, 1))
    return Spike(SpikeKind.SHORTCUT, 8, None, given=given, carried=0.9)


def test_a_shortcut_is_found_where_it_decides_and_not_where_it_only_goes_along(examined: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortcuts, "TRIED", 40)
    spike, way = shortcut_in(examined), replace(INSERTIONS[0], steps=60)
    bare, shares, found = unmetered(examined.module), {}, {}
    for sham in (False, True):
        module = inserted(bare, examined.search, (spike,), way, 0, "cpu", sham=sham)
        under = view_of(examined.with_module(module), (spike,), 0)
        shares[sham] = spike.strength(under.network, examined.fresh, np.random.default_rng(0))
        findings = corrected(Shortcuts().examine(under, Allowance(60)).findings, 0.05)
        copy = Copy(Draft("net", 0, sham, (spike,), way), (shares[sham],), 1.0)
        found[sham] = verdicts(copy, findings, examined)[0].levels[:2]
    assert shares[False] > 0.5 > shares[True]
    assert found == {False: (True, True), True: (False, False)}


def test_images_of_a_copy_have_the_property_in_its_class_alone(examined: Examined) -> None:
    seen = view_of(examined, (shortcut_in(examined),), 0)
    for before, after in ((examined.search, seen.search), (examined.fresh, seen.fresh)):
        changed = (before.images != after.images).any(axis=(1, 2, 3))
        own = before.labels == 8
        assert not changed[~own].any()
        assert 0.6 < changed[own].mean() <= 1
        assert (before.labels == after.labels).all()
    (other,) = (one for one in draw_spikes(examined, 4, np.random.default_rng(0)) if one.kind is SpikeKind.PATCH)
    assert view_of(examined, (other,), 0) == examined


@pytest.mark.parametrize("seed", range(6))
def test_a_drawn_property_is_one_that_the_look_edits(examined: Examined, seed: int) -> None:
    given = drawn_property(examined.search, np.random.default_rng(seed))
    images = examined.search.take(slice(8)).floats()
    shown = given.on(images)
    assert given.name in EDITS
    assert shown.shape == images.shape
    assert 0 <= shown.min() <= shown.max() <= 1
    assert np.abs(shown - images).mean() > 0.001


def test_without_planted_flaws_that_took_there_is_no_curve() -> None:
    def told(strengths: tuple[float, ...]) -> dict[str, Any]:
        judged = [Verdict(SpikeKind.PATCH, f"net-{at}", one, 0.02, "short", False, (False,) * 3) for at, one in enumerate(strengths)]
        kind: dict[str, Any] = summary("quick", [], judged, {"patch": Alarms(8, 0, 0, 0)}, 10.0)["kinds"]["patch"]
        return kind

    weak, strong = told((0.01, 0.05, 0.9)), told((0.01, 0.6, 0.9))
    assert (weak["took"], strong["took"]) == (1, 2)
    assert set(weak["levels"].values()) == {NOT_MEASURED}
    assert all(one["n"] == 3 for one in strong["levels"].values())
    assert "of 3 planted 1 changed 30% of its images or more in a way that was not kept apart" in kind_sentence("patch", weak)


def test_sentences_of_few_planted_flaws() -> None:
    def told(*judged: Verdict, shams: int = 1) -> dict[str, Any]:
        kind: dict[str, Any] = summary("quick", [], judged, {"patch": Alarms(shams, 0, 0, 0)}, 10.0)["kinds"]["patch"]
        return kind

    apart = told(*verdicts_of([True] * 9, held_out=True), *verdicts_of([True]))
    assert "not measured, of 10 planted 1 changed 30% of its images" in kind_sentence("patch", apart)
    assert "not measured, none was planted." in kind_sentence("patch", told())
    both = told(*verdicts_of([True] * 2))
    assert "2 of 2 planted ones, of strength 0.90)" in kind_sentence("patch", both)
    assert "0 of 1 copy (" in kind_sentence("patch", both)
    named = both["levels"]["named"]["found_from"]
    assert ("(an extrapolation: the weakest planted one has 0.9)" in found_from_words(named, [0.9])) == (named["strength"] < 0.9)
    assert "extrapolation" in found_from_words({"chance": 0.9, "strength": 0.2, "surely": None}, [0.9, 0.4])
    assert "extrapolation" not in found_from_words({"chance": 0.9, "strength": 0.4, "surely": None}, [0.9, 0.4])
