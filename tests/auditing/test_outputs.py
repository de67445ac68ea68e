"""What every output of an audit has to say, and what the gate makes of it."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hand_made_audit import EMPTY, GROUP, POWER, SHORTCUT, TROJAN, WEAK, audit, nothing_seen

from onecurve.auditing.finding import Effect, Finding, Kind, Level, Standing
from onecurve.auditing.outputs.baseline import Accepted, Baseline, read_baseline, write_baseline
from onecurve.auditing.outputs.outcome import Outcome
from onecurve.auditing.outputs.power_words import GRADES, power_sentences
from onecurve.auditing.outputs.rules import RULES
from onecurve.auditing.outputs.words import accuracy_words, effect_words, time_words, verdict
from onecurve.auditing.outputs.writing import FORMATS, check_formats, write_outputs
from onecurve.auditing.power.spikes import SpikeKind
from onecurve.auditing.power.summary import summary
from onecurve.auditing.power.verdicts import Alarms
from onecurve.core.errors import DataError, MissingExtraError, SchemaError, UnknownNameError
from onecurve.statistics.intervals import Interval


def text_of(outcome: Outcome, name: str, out: Path) -> str:
    """What the output says, without its escapes."""
    text = write_outputs(outcome, out, (name,))[name].read_text(encoding="utf-8")
    return text.replace("\\", "").replace("&lt;", "<").replace("&#39;", "'")


@pytest.mark.parametrize("name", FORMATS)
def test_every_output_says_that_the_power_was_not_measured(name: str, tmp_path: Path) -> None:
    for at, made in enumerate((audit(), audit(GROUP))):
        assert "power of this audit was not measured" in text_of(Outcome(made), name, tmp_path / str(at))


@pytest.mark.parametrize("name", FORMATS)
def test_every_output_tells_the_measured_power_by_kind_strength_interval_and_time(name: str, tmp_path: Path) -> None:
    text = text_of(Outcome(audit(power=POWER)), name, tmp_path).replace("`", "").replace("“", "").replace("”", "")
    assert "8 copies of this network with planted flaws and 8 without, each looked at blind for 35 s" in text
    assert "kind patch that changes 90% of its images is found and its class named with chance 0.81" in text
    assert "(95% interval 0.54 to 0.90, 8 of 11 planted ones, of strengths 0.20 to 0.80, so 90% is an extrapolation)" in text
    assert "1 of 8 copies (95% interval 0.00 to 0.53); 2 more only repeat what the network itself has" in text
    assert "kind group: not measured, none was planted" in text
    assert "Not measured: natural triggers." in text
    assert "was not measured" not in text


@pytest.mark.parametrize("name", FORMATS)
def test_a_power_that_no_copy_told_was_not_measured(name: str, tmp_path: Path) -> None:
    made = audit(findings=(), power=summary("quick", [], [], {}, 12.0))
    text = text_of(Outcome(made), name, tmp_path)
    assert "power of this audit was not measured: every copy" in text
    assert "see what it would have found" not in text
    assert "0 copies" not in text
    assert not made.power_measured


def test_the_words_of_power_read_what_the_measurement_writes() -> None:
    made = summary("quick", [], [], {"patch": Alarms(8, 1, 0, 3)}, 12.0)
    assert set(POWER) - {"persistence"} <= set(made)
    told = POWER["kinds"]["patch"]
    assert {str(kind) for kind in SpikeKind} == set(made["kinds"])
    assert all(set(told) == set(one) and set(one["levels"]) == set(told["levels"]) == set(GRADES) for one in made["kinds"].values())
    assert len(power_sentences({**made, "spiked": 1})) == len(SpikeKind) + 2


@pytest.mark.parametrize("name", FORMATS)
def test_every_output_gives_an_effect_with_interval_sample_comparison_and_test(name: str, tmp_path: Path) -> None:
    text = text_of(Outcome(audit()), name, tmp_path)
    if name == "json":
        effect = json.loads(text)["audit"]["findings"][0]["effect"]
        assert (effect["value"], effect["interval"]["low"], effect["images"], effect["against"]) == (0.95, 0.89, 100, 0.04)
        assert effect["p_adjusted"] == pytest.approx(3e-9)
    else:
        assert "0.95 (95% interval 0.89 to 0.98, n = 100 fresh images), against 0.04 for the same, scrambled; p < 0.001" in text.replace(
            "\u00a0", " "
        )
    assert TROJAN.id in text


def test_a_fact_has_a_count_of_all_images_and_no_interval() -> None:
    fact = replace(EMPTY, effect=Effect("share of the images", 0.25, Interval(0.25, 0.25), 0.0, "none", 900))
    assert effect_words(fact) == "Share of the images: 0.25, n = 900 images; a fact that needs no test."


@pytest.mark.parametrize("name", FORMATS)
def test_an_audit_that_saw_nothing_says_so_everywhere(name: str, tmp_path: Path) -> None:
    text = text_of(Outcome(nothing_seen()), name, tmp_path)
    assert "Nothing could be looked at" in text
    assert "failed: no gradient" in text


@pytest.mark.parametrize(
    ("made", "accepted", "fail_on", "code"),
    [
        (audit(), (), Level.WARNING, 1),
        (audit(WEAK), (), Level.ERROR, 0),
        (audit(EMPTY), (), Level.WARNING, 0),
        (audit(EMPTY), (), Level.NOTE, 1),
        (audit(GROUP, SHORTCUT), (), Level.NOTE, 0),
        (audit(), (TROJAN.id,), Level.WARNING, 1),
        (audit(), (TROJAN.id, WEAK.id), Level.WARNING, 0),
        (nothing_seen(), (), Level.WARNING, 3),
        (audit(findings=()), (), Level.NOTE, 0),
    ],
    ids=["new", "below", "note", "note counts", "unverified and refuted", "one accepted", "all accepted", "blind", "none"],
)
def test_the_exit_code_counts_new_verified_findings(made: object, accepted: tuple[str, ...], fail_on: Level, code: int) -> None:
    assert Outcome(made, Baseline(tuple(map(Accepted, accepted))), fail_on).exit_code == code


def test_the_verdict_of_an_audit_without_findings_is_no_all_clear() -> None:
    assert verdict(Outcome(audit(GROUP))).endswith("how many flaws the audit would have found was not measured.")


def test_accuracy_has_an_interval_or_the_reason_why_not() -> None:
    made = audit()
    assert "95% interval 0.826 to 0.945, n = 100" in accuracy_words(made)
    assert "no labels" in accuracy_words(replace(made, looked=replace(made.looked, accuracy=None)))
    assert "too few for an interval" in accuracy_words(replace(made, looked=replace(made.looked, fresh=1)))


def test_an_audit_that_went_on_counts_the_looks_that_it_found_done() -> None:
    assert time_words(audit(seconds=0.1)) == "5 min spent of a budget of 10 min"


def test_rules_have_stable_ids() -> None:
    """These stand in people's settings; add to them, and never rename one."""
    assert list(RULES) == list(Kind)
    assert {str(kind) for kind in RULES} >= {
        *("trojan-trigger", "natural-trigger", "shortcut", "mistaken-group", "weak-class", "confusion"),
        *("label-noise", "duplicates", "leak", "class-without-images"),
    }


def test_a_baseline_keeps_reasons_and_ids_from_audit_to_audit(tmp_path: Path) -> None:
    write_baseline(Baseline((Accepted(WEAK.id, why="known since May", who="Ann"), Accepted("0" * 12))), tmp_path / "deep" / "accepted.json")
    before = read_baseline(tmp_path / "deep" / "accepted.json")
    weaker = replace(WEAK, title="recognised in 55%", effect=replace(WEAK.effect, value=0.55))
    outcome = Outcome(audit(weaker, TROJAN), before)
    assert [one.id for one in outcome.failing] == [TROJAN.id]
    assert [one.id for one in outcome.gone] == ["0" * 12]
    renewed = before.renewed(outcome.audit.verified)
    assert {one.id: one.reason for one in renewed.accepted} == {WEAK.id: "known since May (Ann)", TROJAN.id: "no reason given"}
    assert Outcome(outcome.audit, renewed).failing == ()


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (None, DataError, "there is no baseline file"),
        ("{", DataError, "not JSON"),
        ("[]", DataError, "a list `accepted`"),
        ('{"schema": 2, "accepted": []}', SchemaError, "this version reads 1"),
        ('{"schema": 1, "accepted": [{"title": "x"}]}', DataError, "needs an `id`"),
    ],
)
def test_a_baseline_that_cannot_be_read_is_refused_in_a_sentence(text: str | None, error: type, words: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "b.json").write_text(text)
    with pytest.raises(error, match=words):
        read_baseline(tmp_path / "b.json")


def test_formats_are_checked_before_anything_is_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match="sarif"):
        check_formats(["serif"])
    monkeypatch.setitem(sys.modules, "junitparser", None)
    with pytest.raises(MissingExtraError, match=r"onecurve\[audit\]"):
        check_formats(["html", "junit"])
    check_formats(["html", "json", "sarif", "markdown"])


@pytest.mark.parametrize("name", ["html", "sarif", "junit", "markdown"])
def test_claims_that_are_not_verified_never_stand_among_the_findings(name: str, tmp_path: Path) -> None:
    assert [one.standing for one in audit().findings].count(Standing.REFUTED) == 1
    path = write_outputs(Outcome(audit()), tmp_path, (name,))[name]
    assert not {GROUP.id, SHORTCUT.id} & set(_findings_in(path, name))
    assert {TROJAN.id, WEAK.id, EMPTY.id} <= set(_findings_in(path, name))


def _findings_in(path: Path, name: str) -> list[str]:
    """Ids of what the output calls a finding."""
    text = path.read_text(encoding="utf-8")
    known: list[Finding] = [TROJAN, WEAK, EMPTY, GROUP, SHORTCUT]
    if name == "sarif":
        text = json.dumps(json.loads(text)["runs"][0]["results"])
    elif name == "junit":
        text = "".join(line for line in text.splitlines() if "<testcase" in line)
    elif name == "html":
        text = text.partition('<section id="verified">')[2].partition("</section>")[0]
    return [one.id for one in known if one.id in text]
