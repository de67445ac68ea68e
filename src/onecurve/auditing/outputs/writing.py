"""Writes an audit in the formats that were asked for."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from onecurve.auditing.outputs import as_json, junit, markdown, page, sarif
from onecurve.auditing.outputs.outcome import Outcome
from onecurve.auditing.result import Audit
from onecurve.core.errors import UnknownNameError

Write = Callable[[Outcome, Path], Path]
FORMATS: Final[Mapping[str, tuple[str, Write]]] = {
    "html": (page.FILE, page.write_page),
    "json": (as_json.FILE, as_json.write_json),
    "sarif": (sarif.FILE, sarif.write_sarif),
    "junit": (junit.FILE, junit.write_junit),
    "markdown": (markdown.FILE, markdown.write_markdown),
}
"""The file of each format, and what writes it."""


def check_formats(names: Sequence[str]) -> None:
    """Refuse a format that there is not, or that needs a missing extra, before anything is examined.

    Raises ``UnknownNameError`` and ``MissingExtraError``.
    """
    for name in names:
        if name not in FORMATS:
            raise UnknownNameError.among("format", name, FORMATS)
    if "junit" in names:
        junit.junitparser()


def write_outputs(outcome: Outcome, out: Path, names: Sequence[str]) -> dict[str, Path]:
    """Write these formats into ``out``; returns the path of each. Those of an audit before that are not among them are removed."""
    check_formats(names)
    for name in FORMATS.keys() - set(names):
        (out / FORMATS[name][0]).unlink(missing_ok=True)
    return {name: FORMATS[name][1](outcome, out) for name in dict.fromkeys(names)}


def write_audit(audit: Audit, out: Path | str, formats: Sequence[str] = ("html", "json")) -> dict[str, Path]:
    """Write an audit into a folder: of `html`, `json`, `sarif`, `junit` and `markdown` those that are asked for.

    Returns the path of each. Raises ``UnknownNameError`` for another format, ``MissingExtraError`` for one that needs an extra.
    """
    return write_outputs(Outcome(audit), Path(out), formats)
