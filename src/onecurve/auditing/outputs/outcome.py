"""An audit as a pipeline judges it: which verified findings are new, and the exit code that says so."""

from dataclasses import dataclass
from enum import IntEnum
from typing import final

from onecurve.auditing.finding import Finding, Level, Standing
from onecurve.auditing.outputs.baseline import NO_BASELINE, Accepted, Baseline
from onecurve.auditing.result import Audit


class ExitCode(IntEnum):
    """Exit codes of `onecurve audit`."""

    NOTHING_FOUND = 0
    """No new verified finding at the threshold or above it."""
    FOUND = 1
    """At least one new verified finding at the threshold or above it."""
    USAGE = 2
    """The person asked for something that cannot be; nothing was examined."""
    NOT_LOOKED = 3
    """Nothing could be looked at, or the audit broke off; it says nothing about flaws."""


@final
@dataclass(frozen=True)
class Outcome:
    """An audit, what was accepted before, and the lightest level that fails."""

    audit: Audit
    baseline: Baseline = NO_BASELINE
    fail_on: Level = Level.WARNING

    @property
    def failing(self) -> tuple[Finding, ...]:
        """New verified findings at the threshold or above it."""
        return self.audit.at_least(self.fail_on, self.baseline.ids)

    @property
    def accepted(self) -> tuple[Finding, ...]:
        """Verified findings that the baseline accepts."""
        return tuple(one for one in self.audit.verified if one.id in self.baseline.ids)

    @property
    def unverified(self) -> tuple[Finding, ...]:
        return self._of(Standing.UNVERIFIED)

    @property
    def refuted(self) -> tuple[Finding, ...]:
        return self._of(Standing.REFUTED)

    @property
    def gone(self) -> tuple[Accepted, ...]:
        """What the baseline accepts and this audit did not verify again: mended, or not looked at this time."""
        found = {one.id for one in self.audit.verified}
        return tuple(one for one in self.baseline.accepted if one.id not in found)

    @property
    def exit_code(self) -> ExitCode:
        """``USAGE`` never stands here: such an audit has no result."""
        if self.failing:
            return ExitCode.FOUND
        return ExitCode.NOTHING_FOUND if self.audit.looked_at_something else ExitCode.NOT_LOOKED

    def _of(self, standing: Standing) -> tuple[Finding, ...]:
        return tuple(one for one in self.audit.findings if one.standing is standing)
