"""SARIF against its schema, and what readers of it rely on."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
from hand_made_audit import TROJAN, WEAK, audit, nothing_seen

from onecurve.auditing.outputs.baseline import Accepted, Baseline
from onecurve.auditing.outputs.outcome import Outcome
from onecurve.auditing.outputs.sarif import as_sarif, write_sarif
from onecurve.auditing.result import Audit

ACCEPTED = Baseline((Accepted(WEAK.id, why="known"),))


@pytest.fixture(scope="module")
def valid() -> Callable[[Any], Any]:
    schema = Path(__file__).with_name("schema") / "sarif-schema-2.1.0.json"
    return fastjsonschema.compile(json.loads(schema.read_text(encoding="utf-8")))


@pytest.mark.parametrize("outcome", [Outcome(audit()), Outcome(audit(), ACCEPTED), Outcome(audit(findings=())), Outcome(nothing_seen())])
def test_the_log_is_valid(outcome: Outcome, valid: Callable[[Any], Any], tmp_path: Path) -> None:
    valid(json.loads(write_sarif(outcome, tmp_path).read_text(encoding="utf-8")))


def test_the_schema_refuses_what_is_wrong(valid: Callable[[Any], Any]) -> None:
    log = as_sarif(Outcome(audit()))
    log["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(fastjsonschema.JsonSchemaException, match="level"):
        valid(log)


def test_results_have_rule_level_fingerprint_and_suppression() -> None:
    run = as_sarif(Outcome(audit(), ACCEPTED))["runs"][0]
    by_rule = {one["ruleId"]: one for one in run["results"]}
    assert {name: one["level"] for name, one in by_rule.items()} == {
        "trojan-trigger": "error",
        "weak-class": "warning",
        "class-without-images": "note",
    }
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(rules[one["ruleIndex"]] == one["ruleId"] for one in run["results"])
    assert by_rule["weak-class"]["suppressions"] == [{"kind": "external", "status": "accepted", "justification": "known"}]
    assert by_rule["trojan-trigger"]["suppressions"] == []


def test_a_fingerprint_survives_another_measurement() -> None:
    again = replace(TROJAN, title="a change of 1.3%", effect=replace(TROJAN.effect, value=0.91))
    prints = [as_sarif(Outcome(audit(one)))["runs"][0]["results"][0]["partialFingerprints"] for one in (TROJAN, again)]
    assert prints[0] == prints[1]
    assert len({*prints[0].values()} | {*as_sarif(Outcome(audit(WEAK)))["runs"][0]["results"][0]["partialFingerprints"].values()}) == 4


def named(network: str) -> Audit:
    made = audit(TROJAN)
    return replace(made, looked=replace(made.looked, network=network))


def test_the_location_is_the_networks_file(tmp_path: Path) -> None:
    def places(network: str) -> list[Any]:
        return as_sarif(Outcome(named(network)), tmp_path)["runs"][0]["results"][0]["locations"]

    (one,) = places("my nets/net.py:load[weights=a.pt]")
    assert one["physicalLocation"]["artifactLocation"] == {"uri": "my%20nets/net.py", "uriBaseId": "%SRCROOT%"}
    assert one["logicalLocations"] == [{"name": "load", "kind": "function"}]
    (weights,) = places(str(tmp_path / "w.safetensors"))
    assert weights == {"physicalLocation": {"artifactLocation": {"uri": "w.safetensors", "uriBaseId": "%SRCROOT%"}}}
    (outside,) = places(str(tmp_path.parent / "w.pt"))
    assert outside["physicalLocation"]["artifactLocation"]["uri"].startswith("file:///")
    assert places("a network from memory") == []


def test_braces_in_a_class_name_are_no_placeholders() -> None:
    (result,) = as_sarif(Outcome(audit(WEAK)))["runs"][0]["results"]
    assert "cat {{tabby}}" in result["message"]["text"]


def test_what_was_not_looked_at_is_notified() -> None:
    (seen,) = as_sarif(Outcome(audit()))["runs"][0]["invocations"]
    assert [one["level"] for one in seen["toolExecutionNotifications"]] == ["note", "warning"]
    assert seen["endTimeUtc"] == "2025-03-01T12:05:01Z"
    (blind,) = as_sarif(Outcome(nothing_seen()))["runs"][0]["invocations"]
    assert (blind["executionSuccessful"], blind["exitCode"], len(blind["toolExecutionNotifications"])) == (False, 3, 3)
