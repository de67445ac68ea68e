"""Writes an audit in the formats that were asked for."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from onecurve.auditing.outputs import as_json, junit, markdown, page, sarif
from onecurve.auditing.outputs.outcome import Outcome
from onecurve.auditing.result import Audit
from onecurve.core.errors import UnknownNameError, UsageError

Write = Callable[[Outcome, Path], Path]
FORMATS: Final[Mapping[str, tuple[str, Write]]] = {
    "html": (page.FILE, page.write_page),
    "json": (as_json.FILE, as_json.write_json),
    "sarif": (sarif.FILE, sarif.write_sarif),
    "junit": (junit.FILE, junit.write_junit),
    "markdown": (markdown.FILE, markdown.write_markdown),
}
"""The file of each format, and what writes it."""
MARKS: Final[Mapping[str, bytes]] = {
    "html": b"<title>Audit of ",
    "json": b'"fail_on"',
    "sarif": b'"OneCurve audit"',
    "junit": b"onecurve audit",
    "markdown": b"### OneCurve audit",
}
"""What stands in each file that an audit wrote, and by which it is told from another one of that name."""


def check_formats(names: Sequence[str]) -> None:
    """Refuse a format that there is not, or that needs a missing extra, before anything is examined.

    Raises ``UnknownNameError`` and ``MissingExtraError``, and ``UsageError`` for no format at all.
    """
    if not names:
        raise UsageError("no format is named, so nothing would be written", f"there are: {', '.join(FORMATS)}")
    for name in names:
        if name not in FORMATS:
            raise UnknownNameError.among("format", name, FORMATS)
    if "junit" in names:
        junit.junitparser()


def require_own(out: Path, names: Sequence[str]) -> None:
    """Raises ``UsageError`` where a file that no audit wrote lies in the place of one of these formats."""
    for name in names:
        file = out / FORMATS[name][0]
        if file.exists() and not _is_own(file, name):
            raise UsageError(f"{file} was not written by an audit and would be overwritten", "choose another folder with --out")


def write_outputs(outcome: Outcome, out: Path, names: Sequence[str]) -> dict[str, Path]:
    """Write these formats into ``out``; returns the path of each. Those of an audit before that are not among them are removed.

    Files of these names that no audit wrote stay; raises ``UsageError`` where one is in the way.
    """
    check_formats(names)
    require_own(out, names)
    for name in FORMATS.keys() - set(names):
        if _is_own(out / FORMATS[name][0], name):
            (out / FORMATS[name][0]).unlink()
    return {name: FORMATS[name][1](outcome, out) for name in dict.fromkeys(names)}


def write_audit(audit: Audit, out: Path | str, formats: Sequence[str] = ("html", "json")) -> dict[str, Path]:
    """Write an audit into a folder: of `html`, `json`, `sarif`, `junit` and `markdown` those that are asked for.

    Returns the path of each. Raises ``UnknownNameError`` for another format, ``MissingExtraError`` for one that needs an extra, and
    ``UsageError`` for no format, or where a file that no audit wrote is in the way.
    """
    return write_outputs(Outcome(audit), Path(out), formats)


def _is_own(file: Path, name: str) -> bool:
    """Empty files are: an audit that was killed leaves such."""
    return file.is_file() and (file.stat().st_size == 0 or MARKS[name] in file.read_bytes())
