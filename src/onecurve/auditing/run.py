"""Audits a person's own network: looks at it as it is, tests what it finds on fresh images, and says how much it would have found."""

import hashlib
import math
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, final

import numpy as np
from torch import nn

from onecurve.auditing.catalog import looks
from onecurve.auditing.door import Opened, ending_nothing, open_arrays, open_files
from onecurve.auditing.examined import Allowance, Examined
from onecurve.auditing.finding import corrected, ordered
from onecurve.auditing.names import legible
from onecurve.auditing.place import alone_in, require_apart
from onecurve.auditing.power.blind import audit_blind
from onecurve.auditing.power.copies import MODES
from onecurve.auditing.power.copies import VERSION as COPIES_VERSION
from onecurve.auditing.reading import place_of
from onecurve.auditing.repair.repairing import repair
from onecurve.auditing.result import Audit, Looked, Stage
from onecurve.auditing.stages import Course, make_stages
from onecurve.core.errors import UsageError
from onecurve.core.spec import content_key
from onecurve.models.cache import state_digest
from onecurve.models.weights import write_state
from onecurve.runner.session import Display, Silent
from onecurve.version import __version__

POWERS: Final = ("none", *MODES)
STAGES, REPAIRED = "stages", "repaired.safetensors"
REPAIR_SHARE: Final = 0.4
"""Share of the budget that is kept for a repair where one is asked for."""
ALPHA: Final = 0.05


@final
@dataclass(frozen=True)
class AuditSettings:
    """How a network is audited."""

    budget_seconds: float = 600.0
    power: str = "none"
    """`none`, `quick`, `standard` or `full`: how many copies measure the power."""
    repair: bool = False
    seed: int = 0
    device: str = "cpu"
    alpha: float = ALPHA
    """The level of the tests after correction for their number."""


@final
@dataclass(frozen=True)
class AuditOrder:
    """An audit of a network and images in files."""

    network: str
    """`FILE.py:CALLABLE`, optionally with `[weights=PATH]`, or a file of weights for the architecture ``model``."""
    data: str
    """A folder or an npz file."""
    out: Path
    model: str = ""
    labels: Path | None = None
    """A file of labels for a folder without classes."""
    classes: Path | None = None
    """Which output each class is."""
    settings: AuditSettings = AuditSettings()


def audit_network(order: AuditOrder, display: Display | None = None) -> Audit:
    """Audit the network of the order; finished looks are kept in ``order.out``, and the same order goes on where it stopped.

    Raises ``UsageError`` for what cannot be audited, with nothing written.
    """
    _check(order)
    require_apart(order.out, place_of(order.data))
    with ending_nothing(order.network):
        opened = open_files(
            order.network,
            order.data,
            model=order.model,
            labels=order.labels,
            classes=order.classes,
            seed=order.settings.seed,
            device=order.settings.device,
        )
        return _audited(opened, order, display or Silent())


def audit(
    module: nn.Module,
    images: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    class_names: Sequence[str] | None = None,
    out: Path | str | None = None,
    settings: AuditSettings | None = None,
    display: Display | None = None,
) -> Audit:
    """Audit a module on images; nothing of the module is changed, and without a measurement of power or a repair nothing is trained.

    ``images`` are uint8, or floats in [0, 1], N x C x H x W, as the network takes them; ``labels`` are outputs of the network, or None:
    then looks that need labels are left out. With ``out`` finished looks and copies are kept there, which a measurement of power needs.
    Raises ``UsageError`` for what cannot be audited.
    """
    chosen, place = settings or AuditSettings(), Path(out) if out is not None else None
    order = AuditOrder(type(module).__name__, f"{len(images)} images", place or Path(), settings=chosen)
    _check(order)
    if chosen.power != "none" and place is None:
        raise UsageError("copies of the network need a place on disk", "give out=FOLDER, or power='none'")
    names = tuple(class_names) if class_names is not None else None
    with ending_nothing(order.network):
        opened = open_arrays(module, images, labels, names, chosen.seed, chosen.device)
        return _audited(opened, order, display or Silent(), kept=place is not None)


def _check(order: AuditOrder) -> None:
    settings = order.settings
    if settings.power not in POWERS:
        raise UsageError(f"no measurement of power is called: {settings.power}", f"there are: {', '.join(POWERS)}")
    if not 0 < settings.budget_seconds < math.inf:
        raise UsageError(f"a budget must be above 0 seconds and finite, got: {settings.budget_seconds}")
    if settings.seed < 0:
        raise UsageError(f"a seed must not be negative, got: {settings.seed}")
    if order.out.exists() and not order.out.is_dir():
        raise UsageError(f"the place for what is written is a file: {order.out}", "name a folder")
    if not 0 < settings.alpha < 1:
        raise UsageError(f"the level of the tests must lie between 0 and 1, got: {settings.alpha}")


def _audited(opened: Opened, order: AuditOrder, display: Display, *, kept: bool = True) -> Audit:
    with alone_in(order.out) if kept else nullcontext():
        return _made(opened, order, display, kept=kept)


def _made(opened: Opened, order: AuditOrder, display: Display, *, kept: bool) -> Audit:
    began, started = time.monotonic() - opened.seconds, datetime.now(UTC).isoformat(timespec="seconds")
    examined, found, settings = opened.examined, looks(), order.settings
    for note in (_counted(examined), *opened.notes):
        display.say(note)
    seconds = settings.budget_seconds * (1 - REPAIR_SHARE if settings.repair else 1)
    course = Course(order.out / STAGES if kept else None, _key(opened, order), seconds, opened.seconds)
    power: dict[str, Any] | None = None
    stages: tuple[Stage, ...]
    if settings.power == "none":
        stages = make_stages(found, examined, course, display)
    else:
        blind = audit_blind(settings.power, examined, found, course, settings.alpha, display)
        stages, power = blind.stages, blind.power
        examined = replace(examined, rows_tried=blind.rows_tried)
    findings = ordered(corrected([one for stage in stages for one in stage.findings], settings.alpha))
    told = None
    if settings.repair:
        done = repair(examined, findings, Allowance(settings.budget_seconds - (time.monotonic() - began)), display)
        told = done.told
        if done.module is not None and kept:
            write_state(order.out / REPAIRED, done.module.state_dict())
            told = {**told, "weights": REPAIRED}
    looked = _looked(opened, order)
    return Audit(
        looked,
        stages,
        findings,
        settings.seed,
        settings.budget_seconds,
        time.monotonic() - began,
        __version__,
        started,
        settings.alpha,
        power,
        told,
    )


def _counted(examined: Examined) -> str:
    """How many images there are, of which size and in which classes."""
    size = " x ".join(map(str, examined.shape))
    split = f"{len(examined.search)} to search on and {len(examined.fresh)} fresh ones to test on"
    words = f"{len(examined.search) + len(examined.fresh)} images of {size}, {split}"
    if not examined.labelled:
        return f"{words}; no labels"
    counts = np.unique(np.concatenate([examined.search.labels, examined.fresh.labels]), return_counts=True)[1]
    return f"{words}; classes: {len(counts)}, of {counts.min()} to {counts.max()} images"


def _looked(opened: Opened, order: AuditOrder) -> Looked:
    examined = opened.examined
    right = examined.seen_fresh.said == examined.fresh.labels
    return Looked(
        legible(order.network),
        legible(order.data),
        examined.class_names,
        examined.shape,
        sum(values.numel() for values in opened.module.parameters()),
        len(examined.search) + len(examined.fresh),
        examined.labelled,
        len(examined.search),
        len(examined.fresh),
        float(right.mean()) if examined.labelled else None,
        opened.notes,
        opened.card,
    )


def _key(opened: Opened, order: AuditOrder) -> str:
    """Changes with the weights, the answers, the images, their labels and names, and all that decides what the looks do.

    The answers tell networks apart that compute otherwise with the same weights.
    """
    examined, used = opened.examined, order.settings
    summary = hashlib.sha256(state_digest(opened.module.state_dict()).encode())
    for seen in (examined.seen, examined.seen_fresh):
        for each in (seen.images.images, seen.images.labels, seen.said):
            summary.update(np.ascontiguousarray(each).data)
        summary.update(f"{seen.logits.mean(dtype=np.float64):.3g} {seen.logits.std(dtype=np.float64):.3g}".encode())
    names = (examined.labelled, list(examined.class_names), list(examined.files), list(examined.splits))
    settings = (used.seed, used.device, used.budget_seconds, used.power, used.repair, *names)
    copies = () if used.power == "none" else (COPIES_VERSION,)
    return content_key("audit", summary.hexdigest(), *settings, *copies)
