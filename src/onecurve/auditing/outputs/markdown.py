"""An audit as a short comment for a pull request."""

import re
from pathlib import Path
from typing import Final

from onecurve.auditing.finding import Finding
from onecurve.auditing.outputs.outcome import Outcome
from onecurve.auditing.outputs.words import (
    accuracy_words,
    coverage_words,
    effect_words,
    gone_words,
    plain,
    power_words,
    repair_words,
    sentence,
    standing_words,
    verdict,
)
from onecurve.auditing.result import Coverage
from onecurve.report.pages.files import written
from onecurve.report.words import numbers

FILE: Final = "comment.md"

SHOWN: Final = 10
"""Findings at most; the page shows all."""
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>|#~@])")


def write_markdown(outcome: Outcome, out: Path) -> Path:
    """Write `comment.md` into ``out``."""
    return written(out / FILE, as_markdown(outcome))


def as_markdown(outcome: Outcome) -> str:
    """The comment: verdict, power, findings with their effects, and what was not looked at."""
    audit = outcome.audit
    parts = ["### OneCurve audit", f"**{_safe(verdict(outcome))}** {_safe(coverage_words(audit))}", _safe(power_words(audit))]
    parts += ["\n".join(_line(one, outcome) for one in audit.verified[:SHOWN])] if audit.verified else []
    more = len(audit.verified) - SHOWN
    parts += [f"… and {numbers.count(more, 'more verified finding')} on the page."] if more > 0 else []
    parts += [_safe(words) for words in (standing_words(outcome), gone_words(outcome), repair_words(audit)) if words]
    parts += [_unseen(outcome)]
    parts += [f"<sub>{_safe(_foot(outcome))}</sub>"]
    return "\n\n".join(filter(None, parts)) + "\n"


def _line(finding: Finding, outcome: Outcome) -> str:
    accepted = outcome.baseline.of(finding)
    mark = f" (accepted: {_safe(accepted.reason)})" if accepted else ""
    return (
        f"- **{finding.level}**, {finding.kind}{mark}: {_safe(sentence(finding.title))}  \n  {_safe(effect_words(finding))} `{finding.id}`"
    )


def _unseen(outcome: Outcome) -> str:
    lines = [f"- {_safe(one.title)}: {_safe(one.words)}" for one in outcome.audit.stages if one.coverage is Coverage.NOTHING]
    return "Not looked at, so nothing is known of it:\n\n" + "\n".join(lines) if lines else ""


def _foot(outcome: Outcome) -> str:
    looked = outcome.audit.looked
    return (
        f"{looked.data}: {numbers.count(looked.images, 'image')}, {accuracy_words(outcome.audit)}; seed {outcome.audit.seed}; "
        f"tests at {outcome.audit.alpha:g} after correction; OneCurve {outcome.audit.version}"
    )


def _safe(text: str) -> str:
    """Text in one line that Markdown shows as it is: no mark-up, no mention of anybody."""
    quoted = re.sub(r"`([^`]*)`", "\u201c\\1\u201d", plain(text))
    return _SPECIAL.sub(r"\\\1", re.sub(r"\s+", " ", quoted).strip()).replace("\\@", "@\u200b")
