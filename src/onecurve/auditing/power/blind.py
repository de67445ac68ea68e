"""Audits the original and its copies blind, in one course of equal effort, and sums up what the audit would have found."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any, Final, final

import numpy as np

from onecurve.auditing.examined import Examined
from onecurve.auditing.finding import Finding, Standing, corrected
from onecurve.auditing.look import Look
from onecurve.auditing.power.copies import MODES, Copy, Draft, Numbers, drafts, kept_copy, opened, plant_copies, settled_number
from onecurve.auditing.power.insertion import INSERTIONS, inserted
from onecurve.auditing.power.row_ranks import Ranks, row_ranks, rows_tried
from onecurve.auditing.power.side_by_side import one_thread, processes_for, side_by_side
from onecurve.auditing.power.spikes import SpikeKind
from onecurve.auditing.power.summary import NOT_MEASURED, summary
from onecurve.auditing.power.verdicts import NO_ALARMS, Verdict, alarmed, named, verdicts
from onecurve.auditing.power.views import view_of
from onecurve.auditing.repair.candidates import Aim, reach
from onecurve.auditing.result import Stage
from onecurve.auditing.row_order import RowsTried
from onecurve.auditing.stages import Course, make_stages
from onecurve.core.errors import UsageError
from onecurve.models.metering import unmetered
from onecurve.runner.session import Display, Silent

LEAST_SECONDS: Final = 5.0
"""With less time per network there is nothing to measure the power of."""
LEAST_IMAGES: Final = 100
"""Copies are tuned on the images of the search; with fewer they would learn them by heart."""
TIMED: Final = 6
"""Steps of training by which the time of planting is judged."""
OVERDUE, SLOWEST = 3.0, 300.0
"""A process that looks for so many times its time, and so many seconds more, is ended; what it left undone is done again here."""
SURVIVES: Final = 0.5
"""A finding survives in a sham copy if its trigger keeps this share of its effect."""


@final
@dataclass(frozen=True)
class BlindAudit:
    """The stages of the original, and what its copies told."""

    stages: tuple[Stage, ...]
    power: dict[str, Any]
    rows_tried: RowsTried
    """What all copies say of the order of classes by the last layer."""


def audit_blind(mode: str, examined: Examined, looks: Sequence[Look], course: Course, alpha: float, display: Display) -> BlindAudit:
    """Plant the copies, then look at all networks, each with the same share of the time that is left; several at a time where that is safe.

    ``course.folder`` keeps copies and stages, so that what is done is not done again. Raises ``UsageError`` for too few images, images of
    one class, a network without weights, or too little time.
    """
    if len(examined.search) < LEAST_IMAGES:
        raise UsageError(
            f"copies are tuned on the images, of which there are {len(examined.search)} to search on; {LEAST_IMAGES} are needed",
            "give --power none, or more images",
        )
    if len(np.unique(examined.search.labels)) < 2:
        raise UsageError(
            "all images are of one class, and flaws are planted between classes", "give --power none, or images of more classes"
        )
    if not any(values.is_floating_point() for values in unmetered(examined.module).parameters()):
        raise UsageError("the network has no weights, so no copy of it can learn a flaw", "give --power none")
    assert course.folder is not None
    began, folder = time.monotonic() - course.spent, course.folder / "copies"
    numbers = MODES[mode]
    some, own_name = drafts(examined, numbers)
    _require_time(examined, [draft for draft in some if kept_copy(folder / draft.name, draft, course.key) is None], course.seconds, numbers)
    every = plant_copies(examined, some, numbers, folder, course.key, display)
    copies = {copy.name: copy for copy in every if copy.usable}
    if len(copies) < len(every):
        display.say(f"{len(every) - len(copies)} of {len(every)} copies lost too much accuracy in planting; they are left out")
    processes, names = processes_for(examined.device), sorted([*copies, own_name])
    rounds = math.ceil(len(names) / processes)
    each = _seconds_each(folder / f"{course.key}.seconds", (course.seconds - (time.monotonic() - began)) / rounds)
    ranks = row_ranks(examined, copies.values(), folder)
    display.phase("look at the network and its copies, blind", len(names))
    works = [partial(_blind_look, name, examined, looks, copies, ranks, course, each) for name in names]
    made = side_by_side(works, processes, OVERDUE * each + SLOWEST, lambda _: display.done(1, failed=False))
    every_stage = dict(zip(names, made, strict=True))
    found = {name: corrected([one for stage in stages for one in stage.findings], alpha) for name, stages in every_stage.items()}
    told = _judged(mode, copies, found, own_name, examined, each)
    survived = _persistence(examined, found[own_name], list(copies.values()), folder)
    tried = rows_tried(ranks, examined.classes, name=own_name)
    return BlindAudit(every_stage[own_name], {**told, "persistence": survived, "class_order": tried.told()}, tried)


def _blind_look(
    name: str, examined: Examined, looks: Sequence[Look], copies: Mapping[str, Copy], ranks: Ranks, course: Course, each: float
) -> tuple[Stage, ...]:
    """All looks at the network of that name: a copy, or else the original."""
    assert course.folder is not None
    place = course.folder / "copies" / name
    if name in copies:
        draft = copies[name].draft
        under = view_of(opened(examined, place), draft.spikes, draft.seed)
    else:
        under = examined.with_module(unmetered(examined.module))
    under = replace(under, rows_tried=rows_tried(ranks, examined.classes, name=name))
    return make_stages(looks, under, Course(place, f"{course.key}:{name}", each), Silent())


def _judged(
    mode: str, copies: Mapping[str, Copy], found: Mapping[str, Sequence[Finding]], own_name: str, examined: Examined, each: float
) -> dict[str, Any]:
    """What the blind audits say once the names are opened. Every copy keeps what the network has itself, so its findings are no news."""
    known = {one.id for one in found[own_name] if one.standing is Standing.VERIFIED}
    judged, alarms = list[Verdict](), {str(kind): NO_ALARMS for kind in SpikeKind}
    for name, copy in copies.items():
        new = [one for one in found[name] if one.id not in known]
        if not copy.draft.sham:
            judged += verdicts(copy, new, examined)
            continue
        rng = examined.rng("named by chance", name)
        for kind in SpikeKind:
            # A false alarm names the class of a flaw that is not there by chance alone.
            right = named(kind, new, [examined.class_names[int(rng.integers(examined.classes))]])
            alarms[str(kind)] = alarms[str(kind)].plus(alarmed(kind, new), right, alarmed(kind, found[name]))
    return summary(mode, list(copies.values()), judged, alarms, each)


def _require_time(examined: Examined, missing: Sequence[Draft], seconds: float, numbers: Numbers) -> None:
    """Refuse before anything is planted where the planting alone would take the time; judged by the speed of this machine now."""
    count, planting = min(len(missing), numbers.spiked + numbers.shams), 0.0
    processes = processes_for(examined.device)
    if missing:
        with one_thread(processes):
            planting = count * fmean(draft.way.steps for draft in missing) * _seconds_per_step(examined) / processes
    needed = planting + math.ceil((numbers.spiked + numbers.shams + 1) / processes) * LEAST_SECONDS
    if needed > seconds:
        words = f"planting {count} copies takes about {planting:.0f} s of {seconds:.0f} s for the looks and their copies"
        raise UsageError(words, f"give a budget of at least {2 * needed:.0f}s, or lower --power")


def _seconds_per_step(examined: Examined) -> float:
    """Of training, on this machine now."""
    seconds = []
    for _ in range(2):  # the first is slower
        began = time.perf_counter()
        inserted(unmetered(examined.module), examined.search, (), replace(INSERTIONS[0], steps=TIMED), 0, examined.device, sham=True)
        seconds.append((time.perf_counter() - began) / TIMED)
    return min(seconds)


def _seconds_each(file: Path, seconds: float) -> float:
    """The time of each network, settled once in that file, so that an audit that goes on gives every network the same."""

    def made() -> float:
        if seconds < LEAST_SECONDS:
            raise UsageError(
                f"the budget leaves {max(0, seconds):.0f} s for each network, {LEAST_SECONDS:.0f} are needed",
                "raise --budget, or lower --power",
            )
        return round(seconds, 1)

    return settled_number(file, made)


def _persistence(examined: Examined, findings: Sequence[Finding], copies: Sequence[Copy], folder: Path) -> dict[str, Any]:
    """In how many sham copies each verified trigger of the original still works: a flaw survives a little training on true labels."""
    shams = [copy for copy in copies if copy.draft.sham]
    told: dict[str, Any] = {}
    for one in findings:
        if one.standing is not Standing.VERIFIED or one.trigger is None or one.target is None or one.effect is None:
            continue
        aim = Aim(one.trigger, one.target)
        shares = [reach(opened(examined, folder / copy.name).network, aim, examined.fresh, examined) for copy in shams]
        survived = sum(share >= SURVIVES * one.effect.value for share in shares)
        told[one.id] = {"shams": len(shams), "survived": survived, "shares": shares} if shams else NOT_MEASURED
    return told
