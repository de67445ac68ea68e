"""An audit as SARIF 2.1.0 (OASIS): what code scanning and dashboards read.

Results are the verified findings and nothing else, because many readers show every result as an alarm. Claims that could not be tested,
and those that were refuted, stand in the properties of the run; looks that saw nothing or only a part are notifications.
"""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from onecurve.auditing.finding import LEVELS, Finding, Kind
from onecurve.auditing.outputs.outcome import ExitCode, Outcome
from onecurve.auditing.outputs.rules import RULES, Rule
from onecurve.auditing.outputs.words import coverage_words, effect_words, plain, power_words, sentence, stage_words, verdict
from onecurve.auditing.result import Coverage, Stage
from onecurve.report.pages.files import written

FILE: Final = "audit.sarif"

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT: Final = "findingId/v1"
GITHUB_FINGERPRINT: Final = "primaryLocationLineHash"
"""The one that GitHub compares; without it two findings in one file could pass for one."""
SOURCE_ROOT: Final = "%SRCROOT%"
_KINDS: Final = tuple(Kind)
_ADDRESS: Final = re.compile(r"^(?P<file>.+\.py):(?P<name>[\w.]+)(\[.*\])?$")
_MEANING: Final = {
    ExitCode.NOTHING_FOUND: "no new verified finding at the threshold or above it",
    ExitCode.FOUND: "new verified findings at the threshold or above it",
    ExitCode.NOT_LOOKED: "nothing could be looked at",
}


def write_sarif(outcome: Outcome, out: Path) -> Path:
    """Write `audit.sarif` into ``out``."""
    return written(out / FILE, json.dumps(as_sarif(outcome), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def as_sarif(outcome: Outcome, root: Path | None = None) -> dict[str, Any]:
    """The log with one run. The network's file is told relative to ``root`` (the working folder) where it lies below it."""
    audit = outcome.audit
    locations = _locations(audit.looked.network, root or Path.cwd())
    driver = {
        "name": "OneCurve audit",
        "version": audit.version,
        "rules": [_rule(kind, RULES[kind]) for kind in _KINDS],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [_invocation(outcome)],
        "results": [_result(one, outcome, locations) for one in audit.verified],
        "properties": _properties(outcome),
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(kind: Kind, rule: Rule) -> dict[str, Any]:
    return {
        "id": str(kind),
        "name": "".join(part.capitalize() for part in kind.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": f"{rule.claims} {rule.tested}"},
        "help": {"text": rule.help, "markdown": f"{rule.claims}\n\n**Tested.** {rule.tested}\n\n**Do.** {rule.act}"},
        "defaultConfiguration": {"level": str(LEVELS[kind])},
    }


def _result(finding: Finding, outcome: Outcome, locations: list[dict[str, Any]]) -> dict[str, Any]:
    accepted = outcome.baseline.of(finding)
    suppressions = [{"kind": "external", "status": "accepted", "justification": accepted.reason}] if accepted else []
    return {
        "ruleId": str(finding.kind),
        "ruleIndex": _KINDS.index(finding.kind),
        "kind": "fail",
        "level": str(finding.level),
        "message": {"text": _message(finding)},
        "locations": locations,
        "partialFingerprints": {FINGERPRINT: finding.id, GITHUB_FINGERPRINT: f"{finding.id}:1"},
        "suppressions": suppressions,  # an empty list says that it is not suppressed; either all results have one or none
        "properties": {"classes": list(finding.classes), "where": finding.where, "look": finding.look, "facts": _facts(finding)},
    }


def _message(finding: Finding) -> str:
    """SARIF reads braces as placeholders."""
    text = f"{sentence(finding.title)} {effect_words(finding)} Finding {finding.id}."
    return plain(text).replace("{", "{{").replace("}", "}}")


def _facts(finding: Finding) -> dict[str, str]:
    return {name: str(value) for name, value in finding.facts.items()}


def _invocation(outcome: Outcome) -> dict[str, Any]:
    audit = outcome.audit
    code = outcome.exit_code
    times = {}
    if audit.started:
        began = datetime.fromisoformat(audit.started)
        times = {"startTimeUtc": _moment(began), "endTimeUtc": _moment(began + timedelta(seconds=audit.seconds))}
    return {
        "executionSuccessful": code is not ExitCode.NOT_LOOKED,
        "exitCode": int(code),
        "exitCodeDescription": _MEANING[code],
        **times,
        "toolExecutionNotifications": [_notification(one) for one in audit.stages if one.coverage is not Coverage.WHOLE],
    }


def _notification(stage: Stage) -> dict[str, Any]:
    level = "warning" if stage.coverage is Coverage.NOTHING else "note"
    return {"level": level, "message": {"text": plain(f"{stage.title}: {stage_words(stage)}")}}


def _properties(outcome: Outcome) -> dict[str, Any]:
    audit = outcome.audit
    return {
        "verdict": plain(verdict(outcome)),
        "coverage": plain(coverage_words(audit)),
        "power": plain(power_words(audit)),
        "powerMeasured": audit.power_measured,
        "data": audit.looked.data,
        "seed": audit.seed,
        "alpha": audit.alpha,
        "budgetSeconds": audit.budget_seconds,
        "seconds": audit.seconds,
        "looks": {one.look: str(one.coverage) for one in audit.stages},
        "unverified": [_claim(one) for one in outcome.unverified],
        "refuted": [_claim(one) for one in outcome.refuted],
    }


def _claim(finding: Finding) -> dict[str, str]:
    return {"id": finding.id, "ruleId": str(finding.kind), "text": plain(f"{sentence(finding.title)} {effect_words(finding)}")}


def _moment(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _locations(network: str, root: Path) -> list[dict[str, Any]]:
    """The network's file, and the callable in it; nothing for a network that is no file."""
    named = _ADDRESS.match(network)
    file = Path(named["file"] if named else network)
    if not file.suffix:
        return []
    place: dict[str, Any] = {"artifactLocation": _artifact(file, root)}
    if named is None:
        return [{"physicalLocation": place}]
    logical = [{"name": named["name"], "kind": "function"}]
    return [{"physicalLocation": {**place, "region": {"startLine": 1}}, "logicalLocations": logical}]


def _artifact(file: Path, root: Path) -> dict[str, str]:
    whole = (root / file).resolve()
    if whole.is_relative_to(root.resolve()):
        return {"uri": quote(whole.relative_to(root.resolve()).as_posix()), "uriBaseId": SOURCE_ROOT}
    return {"uri": whole.as_uri()}
