"""Makes the looks of an audit one after the other within its time; a finished one is kept, and one that fails costs itself alone."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final, final

from onecurve.auditing.examined import Allowance, Examined, Tell
from onecurve.auditing.look import Look, Report
from onecurve.auditing.looks.machinery.effort import pairs_per_second
from onecurve.auditing.planning import Allotment, Prospect, allotments
from onecurve.auditing.result import Coverage, Stage
from onecurve.auditing.storage import keep_stage, kept_stage
from onecurve.auditing.yields import Yield, shipped, yields_of
from onecurve.core.errors import OneCurveError
from onecurve.core.spec import content_key
from onecurve.runner.session import Display

VERSION: Final = 2
"""Raised when the order of the looks or their time changes: stages that were kept before are made anew."""
FREE: Final = 60.0
"""Seconds that a look may take at most that costs next to nothing."""
FAILED: Final = "failed: "
"""What the words of a look begin with that raised an error."""


@final
@dataclass(frozen=True)
class Course:
    """How the looks are made."""

    folder: Path | None
    """Finished stages are kept there; None for nowhere."""
    key: str
    """Content key of network, images and settings: a kept stage of another key is made anew."""
    seconds: float
    """For all looks together."""
    spent: float = 0.0
    """Seconds of them that are spent before the first."""


def make_stages(looks: Sequence[Look], examined: Examined, course: Course, display: Display) -> tuple[Stage, ...]:
    """One stage per look, in the order of ``looks``. Looks that cost next to nothing are made first.

    Of the others that one comes next of which a second finds most, see ``Queue``; what it leaves of its time goes to the rest.
    """
    display.phase(f"{len(looks)} looks of 100 steps each", 100 * len(looks))
    began, queue = time.monotonic() - course.spent, Queue(examined, yields_of(shipped(), tuple(look.name for look in looks)))
    made = {look.name: stage for look in looks if (stage := _kept(look, looks, course)) is not None}
    done = sum(stage.seconds for stage in made.values())
    for _ in made:
        display.done(100, failed=False)
    while len(made) < len(looks):
        left = course.seconds - done - (time.monotonic() - began)
        turn = queue.next_of([one for one in looks if one.name not in made], left)
        stage = _made(turn.look, examined, turn.seconds, _telling(display, turn.look))
        made[stage.look] = stage = replace(stage, facts={**stage.facts, **turn.why, "made_as": len(made) + 1})
        folder = _folder(turn.look, looks, course)
        if folder is not None and not has_failed(stage):
            keep_stage(folder, _key(turn.look, course), stage)
    return tuple(made[look.name] for look in looks)


def has_failed(stage: Stage) -> bool:
    """Whether the look raised an error: it is no finished one, and an audit that goes on makes it again."""
    return stage.coverage is Coverage.NOTHING and stage.words.startswith(FAILED)


def _kept(look: Look, looks: Sequence[Look], course: Course) -> Stage | None:
    folder = _folder(look, looks, course)
    return None if folder is None else kept_stage(folder, _key(look, course))


def _folder(look: Look, looks: Sequence[Look], course: Course) -> Path | None:
    number = [one.name for one in looks].index(look.name) + 1
    return None if course.folder is None else course.folder / f"{number:02}-{look.name}"


def _key(look: Look, course: Course) -> str:
    return content_key("stage", course.key, look.name, look.version, course.seconds, VERSION)


@final
@dataclass(frozen=True)
class Turn:
    """The look that comes next."""

    look: Look
    seconds: float
    why: Mapping[str, float | int | str]
    """Facts for its stage."""


@final
@dataclass(frozen=True)
class Queue:
    """The order of the looks: free ones first, then by expected yield of a second on this network."""

    examined: Examined
    yields: Mapping[str, Yield]
    """By name of a look."""

    @cached_property
    def _pace(self) -> float:
        """Images forward and backward per second; measured once, before the first look that costs something."""
        try:
            return pairs_per_second(self.examined)
        except Exception:  # noqa: BLE001 - a person's network may raise anything; the looks will tell
            return 1.0

    def next_of(self, rest: Sequence[Look], left: float) -> Turn:
        """Which of the rest comes next, and why; ``left`` are the seconds for all of them."""
        free = [look for look in rest if self._free(look)]
        if free:
            return Turn(free[0], FREE, {})
        chosen = allotments([self._prospect(look) for look in rest], max(0.0, left))[0]
        look = next(one for one in rest if one.name == chosen.name)
        return Turn(look, chosen.seconds, self._why(chosen))

    def _why(self, chosen: Allotment) -> dict[str, float | int | str]:
        return {
            "needed_seconds": round(chosen.needs, 1),
            "given_seconds": round(chosen.seconds, 1),
            "yield_per_minute": round(60 * chosen.per_second, 3),
            "yield": "counted on planted flaws" if self.yields[chosen.name].measured else "not counted: the mean of other looks",
        }

    def _free(self, look: Look) -> bool:
        return look.pairs(self.examined) == 0 or (look.needs_labels and not self.examined.labelled)

    def _prospect(self, look: Look) -> Prospect:
        return Prospect(look.name, look.pairs(self.examined) / self._pace, self.yields[look.name])


def _telling(display: Display, look: Look) -> Tell:
    """Moves the display by the share of the look that is done; each look is 100 steps."""
    shown = 0

    def tell(share: float, words: str) -> None:
        nonlocal shown
        steps = min(100, int(100 * share)) - shown
        if steps > 0:
            shown += steps
            display.done(steps, failed=False)
        if words:
            display.say(f"{look.title}: {words}")

    return tell


def _made(look: Look, examined: Examined, seconds: float, tell: Tell) -> Stage:
    began, before = time.monotonic(), (examined.meter.forward, examined.meter.backward)
    if look.needs_labels and not examined.labelled:
        report = Report(Coverage.NOTHING, "the images have no labels")
    else:
        report = _report(look, examined, Allowance(seconds, tell))
    tell(1.0, "")
    spent = (examined.meter.forward - before[0], examined.meter.backward - before[1])
    return Stage(look.name, look.title, report.coverage, report.words, time.monotonic() - began, *spent, report.findings, report.facts)


def _report(look: Look, examined: Examined, allowance: Allowance) -> Report:
    try:
        return look.examine(examined, allowance)
    except OneCurveError as error:
        return Report(Coverage.NOTHING, f"{FAILED}{error.message}")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a person's network may raise anything; it costs this look alone
        return Report(Coverage.NOTHING, f"{FAILED}{type(error).__name__}: {error}")
