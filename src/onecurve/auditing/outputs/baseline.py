"""Accepted findings in a file that people edit and keep beside their network: only findings that are not in it fail."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, final

from onecurve.auditing.finding import Finding
from onecurve.core.errors import DataError, SchemaError
from onecurve.report.pages.files import written

SCHEMA: Final = 1
HINT: Final = "`onecurve audit … --write-baseline FILE` writes one"


@final
@dataclass(frozen=True)
class Accepted:
    """One finding that somebody has accepted. ``id`` is that of the finding; the rest is for people."""

    id: str
    kind: str = ""
    title: str = ""
    why: str = ""
    who: str = ""

    @property
    def reason(self) -> str:
        """Why and by whom, as far as the file says."""
        words = self.why or "no reason given"
        return f"{words} ({self.who})" if self.who else words


@final
@dataclass(frozen=True)
class Baseline:
    """The accepted findings of one network."""

    accepted: tuple[Accepted, ...] = ()

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(one.id for one in self.accepted)

    def of(self, finding: Finding) -> Accepted | None:
        """What the file says of the finding; None where it is not accepted."""
        return next((one for one in self.accepted if one.id == finding.id), None)

    def renewed(self, findings: Sequence[Finding]) -> "Baseline":
        """One that accepts exactly these findings and keeps the reasons of those that were accepted before."""
        return Baseline(tuple(self._renewed(one) for one in findings))

    def _renewed(self, finding: Finding) -> Accepted:
        before = self.of(finding)
        why, who = (before.why, before.who) if before else ("", "")
        return Accepted(finding.id, str(finding.kind), finding.title, why, who)


NO_BASELINE: Final = Baseline()


def read_baseline(path: Path) -> Baseline:
    """The baseline in that file. Raises ``DataError`` where there is none and ``SchemaError`` for one of another version."""
    if not path.is_file():
        raise DataError(f"there is no baseline file: {path}", HINT)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"the baseline is not JSON: {path}: {error}", HINT) from error
    if not isinstance(found, dict) or not isinstance(found.get("accepted"), list):
        raise DataError(f"the baseline must be an object with a list `accepted`: {path}", HINT)
    if found.get("schema") != SCHEMA:
        raise SchemaError(f"the baseline has schema {found.get('schema')!r}, this version reads {SCHEMA}: {path}", HINT)
    return Baseline(tuple(_accepted(one, path) for one in found["accepted"]))


def write_baseline(baseline: Baseline, path: Path) -> Path:
    """Write the file; the order is that of the ids, so that a difference shows what changed."""
    accepted = [asdict(one) for one in sorted(baseline.accepted, key=lambda one: one.id)]
    return written(path, json.dumps({"schema": SCHEMA, "accepted": accepted}, indent=2, ensure_ascii=False) + "\n")


def _accepted(entry: Any, path: Path) -> Accepted:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("id"), str):
        raise DataError(f"every entry of `accepted` needs an `id`, the 12 digits of a finding: {path}, got: {entry!r}", HINT)
    return Accepted(entry["id"], *(str(entry.get(name) or "") for name in ("kind", "title", "why", "who")))
