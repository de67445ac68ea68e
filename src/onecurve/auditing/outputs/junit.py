"""An audit as JUnit XML: a test case per look and per verified finding, so that any build server shows which one failed."""

import re
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from onecurve.auditing.finding import Finding
from onecurve.auditing.outputs.outcome import ExitCode, Outcome
from onecurve.auditing.outputs.rules import RULES
from onecurve.auditing.outputs.words import (
    coverage_words,
    effect_words,
    gone_words,
    plain,
    power_words,
    sentence,
    stage_words,
    time_words,
    verdict,
)
from onecurve.auditing.result import Audit, Coverage, Stage
from onecurve.core.errors import MissingExtraError

FILE: Final = "junit.xml"

SUITE: Final = "onecurve audit"
_FORBIDDEN: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junitparser() -> ModuleType:
    """The library that writes JUnit; raises ``MissingExtraError`` without it."""
    try:
        import junitparser as library  # noqa: PLC0415 - an extra, wanted for this output alone
    except ImportError as error:
        raise MissingExtraError.needing("JUnit output", "audit") from error
    return library


def write_junit(outcome: Outcome, out: Path) -> Path:
    """Write `junit.xml` into ``out``.

    A look that saw nothing is a skipped case. A verified finding is a case that fails at the threshold or above it, is skipped where the
    baseline accepts it, and passes below the threshold. Other claims are in the suite's output.
    """
    library = junitparser()
    suite = library.TestSuite(SUITE)
    for name, value in _properties(outcome.audit).items():
        suite.add_property(name, _clean(value))
    suite.add_testcases([_look(library, one) for one in outcome.audit.stages])
    suite.add_testcases([_finding(library, one, outcome) for one in outcome.audit.verified])
    if outcome.exit_code is ExitCode.NOT_LOOKED:
        suite.add_testcase(_case(library, "audit", "anything was looked at", library.Error(_clean(verdict(outcome)))))
    suite.append(library.SystemOut(_clean(_beside(outcome))))
    suite.update_statistics()
    suite.time = round(outcome.audit.seconds, 3)
    whole = library.JUnitXml(SUITE)
    whole.add_testsuite(suite)
    out.mkdir(parents=True, exist_ok=True)
    whole.write(str(out / FILE), pretty=True)
    return out / FILE


def _properties(audit: Audit) -> dict[str, str]:
    return {
        "network": audit.looked.network,
        "data": audit.looked.data,
        "seed": str(audit.seed),
        "alpha": str(audit.alpha),
        "time": time_words(audit),
        "power": power_words(audit),
        "version": audit.version,
    }


def _case(library: Any, group: str, name: str, result: Any = None) -> Any:
    case = library.TestCase(_clean(name), f"{SUITE}.{group}", 0.0)
    if result is not None:
        case.result = [result]
    return case


def _look(library: Any, stage: Stage) -> Any:
    skipped = library.Skipped(_clean(stage_words(stage))) if stage.coverage is Coverage.NOTHING else None
    case = _case(library, "looks", stage.title, skipped)
    case.time = round(stage.seconds, 3)
    case.system_out = _clean(stage_words(stage))
    return case


def _finding(library: Any, finding: Finding, outcome: Outcome) -> Any:
    accepted, words = outcome.baseline.of(finding), _clean(effect_words(finding))
    result = None
    if accepted is not None:
        result = library.Skipped(_clean(f"accepted: {accepted.reason}"))
    elif finding.id in {one.id for one in outcome.failing}:
        result = library.Failure(_clean(finding.title), str(finding.level))
        result.text = words
    about = ", ".join((*finding.classes, finding.where))
    case = _case(library, str(finding.kind), f"{RULES[finding.kind].title}: {about} [{finding.id}]", result)
    case.system_out = _clean(f"{finding.level}: {sentence(finding.title)} {words}")
    return case


def _beside(outcome: Outcome) -> str:
    lines = [verdict(outcome), coverage_words(outcome.audit), power_words(outcome.audit), gone_words(outcome)]
    lines += [f"not verified: {sentence(one.title)} {effect_words(one)} [{one.id}]" for one in outcome.unverified]
    lines += [f"refuted: {sentence(one.title)} {effect_words(one)} [{one.id}]" for one in outcome.refuted]
    return "\n".join(filter(None, lines))


def _clean(text: str) -> str:
    """Text without characters that XML forbids."""
    return _FORBIDDEN.sub("\ufffd", plain(text))
