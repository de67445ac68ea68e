"""Makes the looks of an audit one after the other within its time; a finished one is kept, and one that fails costs itself alone."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from onecurve.auditing.examined import Allowance, Examined, Tell
from onecurve.auditing.look import Look, Report
from onecurve.auditing.result import Coverage, Stage
from onecurve.auditing.storage import keep_stage, kept_stage
from onecurve.core.errors import OneCurveError
from onecurve.core.spec import content_key
from onecurve.runner.session import Display

FREE = 60.0
"""Seconds that a look of weight 0 may take at most."""


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


def make_stages(looks: Sequence[Look], examined: Examined, course: Course, display: Display) -> tuple[Stage, ...]:
    """One stage per look, in their order. The time of a look is its share by weight of what is left; what it leaves goes to the next."""
    display.phase("look", 100 * len(looks))
    began, done, made = time.monotonic(), 0.0, list[Stage]()
    for number, look in enumerate(looks):
        folder = None if course.folder is None else course.folder / f"{number + 1:02}-{look.name}"
        key = content_key("stage", course.key, look.name, look.version, course.seconds)
        stage = kept_stage(folder, key) if folder is not None else None
        if stage is None:
            left = course.seconds - done - (time.monotonic() - began)
            stage = _made(look, examined, _allowed(look, looks[number:], left), _telling(display, look))
            if folder is not None:
                keep_stage(folder, key, stage)
        else:
            done += stage.seconds
            display.done(100, failed=False)
        made.append(stage)
    return tuple(made)


def _allowed(look: Look, rest: Sequence[Look], left: float) -> float:
    if look.weight == 0:
        return FREE
    return max(0.0, left) * look.weight / sum(one.weight for one in rest)


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
        return Report(Coverage.NOTHING, f"failed: {error.message}")
    except Exception as error:  # noqa: BLE001 - a person's network may raise anything; it costs this look alone
        return Report(Coverage.NOTHING, f"failed: {type(error).__name__}: {error}")
