"""Writes an audit in the formats that were asked for."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from onecurve.audit.outputs.as_json import write_json
from onecurve.audit.outputs.junit import junitparser, write_junit
from onecurve.audit.outputs.markdown import write_markdown
from onecurve.audit.outputs.outcome import Outcome
from onecurve.audit.outputs.page import write_page
from onecurve.audit.outputs.sarif import write_sarif
from onecurve.core.errors import UnknownNameError

Write = Callable[[Outcome, Path], Path]
FORMATS: Final[Mapping[str, Write]] = {
    "html": write_page,
    "json": write_json,
    "sarif": write_sarif,
    "junit": write_junit,
    "markdown": write_markdown,
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
    """Write these formats into ``out``; returns the path of each."""
    check_formats(names)
    return {name: FORMATS[name](outcome, out) for name in dict.fromkeys(names)}
