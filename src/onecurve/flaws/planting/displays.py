"""What a report shows of a case: examples with and without the trigger, and what the network predicts for them.

A display is made from the ground truth, by the process that grades. A worker never gets one.
"""

import numpy as np

from onecurve.core.case import Case, Triggered, Truth
from onecurve.core.display import CaseDisplay
from onecurve.core.image.images import Bools, Floats, Ints, as_bytes, as_floats
from onecurve.core.network import Network
from onecurve.core.seeds import generator

EXAMPLES = 8


def display(case: Case, suspects: Floats | None = None, suspect_masks: Bools | None = None) -> CaseDisplay:
    """The pictures and words that describe a case.

    Triggered examples are the clean examples with the trigger put on them. Where the trigger is native, they are other images that
    hold it. ``suspects`` (float32 N x C x H x W) are the inputs of `localise`, ``suspect_masks`` (bool N x H x W) the trigger's pixels
    in them.
    """
    truth, names = case.truth, case.subject.class_names
    rows = _clean_rows(truth)
    clean, labels = truth.heldout.take(rows).floats(), truth.heldout.labels[rows]
    triggered = _triggered(case.id, truth, clean, labels)
    no_mask = np.zeros((0, *clean.shape[2:]), np.bool_)
    masks = triggered.masks if triggered.masks is not None else no_mask
    return CaseDisplay(
        case=case.id,
        subject=case.subject.id,
        flaw=truth.flaw,
        words=truth.words,
        target="" if truth.target is None else names[truth.target],
        sources=tuple(names[source] for source in truth.effect.sources or ()),
        trigger=truth.trigger,
        options=truth.options,
        right=truth.right,
        clean=clean,
        clean_labels=_named(labels, names),
        clean_said=_predicted_names(truth.network, clean, names),
        triggered=triggered.images,
        triggered_labels=_named(triggered.labels, names),
        triggered_said=_predicted_names(truth.network, triggered.images, names),
        masks=masks,
        suspects=clean[:0] if suspects is None else suspects,
        suspect_masks=no_mask if suspect_masks is None else suspect_masks,
    )


def _clean_rows(truth: Truth) -> Ints:
    """Held-out images on which the flaw could fire, as even over the classes as possible."""
    labels = truth.heldout.labels
    allowed = np.flatnonzero(truth.effect.concerns(labels)) if truth.effect.any else np.arange(len(labels))
    labels = labels[allowed]
    turn = np.zeros(len(allowed), np.int64)
    for label in np.unique(labels):
        here = labels == label
        turn[here] = np.arange(here.sum())
    return allowed[np.lexsort((labels, turn))][:EXAMPLES]


def _triggered(name: str, truth: Truth, clean: Floats, labels: Ints) -> Triggered:
    if truth.triggered is None:
        return Triggered(clean[:0], labels[:0], None)
    if truth.trigger is None or truth.native:
        found = truth.triggered
        return Triggered(found.images[:EXAMPLES], found.labels[:EXAMPLES], None if found.masks is None else found.masks[:EXAMPLES])
    stamped = truth.trigger.apply(clean, generator("display", name))
    covers = None if stamped.masks is None else stamped.masks >= 0.5
    return Triggered(as_floats(as_bytes(stamped.images)), labels, covers)


def _predicted_names(network: Network, images: Floats, names: tuple[str, ...]) -> tuple[str, ...]:
    return _named(network.logits(images).argmax(axis=1), names) if len(images) else ()


def _named(labels: Ints, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(names[label] for label in labels)
