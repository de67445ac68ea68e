"""Writes an audit in the formats that were asked for."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from onecurve.auditing.outputs.as_json import write_json
from onecurve.auditing.outputs.junit import junitparser, write_junit
from onecurve.auditing.outputs.markdown import write_markdown
from onecurve.auditing.outputs.outcome import Outcome
from onecurve.auditing.outputs.page import write_page
from onecurve.auditing.outputs.sarif import write_sarif
from onecurve.auditing.result import Audit
from onecurve.core.errors import UnknownNameError

Write = Callable[[Outcome, Path], Path]
FORMATS: Final[Mapping[str, Write]] = {
    "html": write_page,
    "json": write_json,
    "sarif": write_sarif,
    "junit": write_junit,
    "markdown": write_markdown,
}
FILES: Final[Mapping[str, str]] = {
    "html": "index.html",
    "json": "audit.json",
    "sarif": "audit.sarif",
    "junit": "junit.xml",
    "markdown": "comment.md",
}


def check_formats(names: Sequence[str]) -> None:
    """Refuse a format that there is not, or that needs a missing extra, before anything is examined.

    Raises ``UnknownNameError`` and ``MissingExtraError``.
    """
    for name in names:
        if name not in FORMATS:
            raise UnknownNameError.among("format", name, FORMATS)
    if "junit" in names:
        junitparser()


def write_outputs(outcome: Outcome, out: Path, names: Sequence[str]) -> dict[str, Path]:
    """Write these formats into ``out``; returns the path of each. Those of an audit before that are not among them are removed."""
    check_formats(names)
    for name in FORMATS.keys() - set(names):
        (out / FILES[name]).unlink(missing_ok=True)
    return {name: FORMATS[name](outcome, out) for name in dict.fromkeys(names)}


def write_audit(audit: Audit, out: Path | str, formats: Sequence[str] = ("html", "json")) -> dict[str, Path]:
    """Write an audit into a folder: of `html`, `json`, `sarif`, `junit` and `markdown` those that are asked for.

    Returns the path of each. Raises ``UnknownNameError`` for another format, ``MissingExtraError`` for one that needs an extra.
    """
    return write_outputs(Outcome(audit), Path(out), formats)
