"""Opens the network and the images of an audit: whatever a person has becomes logits, outputs with names, and two sets of images."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import torch
from torch import nn

from onecurve.auditing.class_order import require_order
from onecurve.auditing.examined import Examined, Seen, metered
from onecurve.auditing.images import FEWEST, AuditedImages, fresh_rows, images_of
from onecurve.auditing.names import legible
from onecurve.auditing.reading import listed, own_shape
from onecurve.core.errors import ModelError, OneCurveError, UsageError
from onecurve.core.image.images import LabelledImages
from onecurve.core.seeds import generator
from onecurve.data.near_copies import copy_groups
from onecurve.models.admission import admit, outputs_of
from onecurve.models.building import fit_weights, is_file_address, module_at
from onecurve.models.catalog import MODELS
from onecurve.models.network import TorchNetwork, settle_layout
from onecurve.models.weights import OTHER

Shape = tuple[int, int, int]
PHOTOGRAPHS: Final = 224
"""Side in pixels that is tried where a network does not take the images at their own size."""


@final
@dataclass(frozen=True)
class Opened:
    """What the door lets in."""

    examined: Examined
    notes: tuple[str, ...]
    card: dict[str, Any]
    module: nn.Module
    """The admitted network without a meter."""
    seconds: float
    """That the network took to answer for all images; they count towards the budget."""


@contextmanager
def ending_nothing(name: str) -> Iterator[None]:
    """A network that ends the program is refused: an audit that stopped with its exit code would be taken for a clean one."""
    try:
        yield
    except SystemExit as error:
        raise ModelError(f"`{name}` ends the program: {error.code}", "a network must return logits, whatever it is given") from error


@contextmanager
def _answering(name: str) -> Iterator[None]:
    """A network that cannot answer for the images is refused before anything is looked at."""
    try:
        yield
    except OneCurveError:
        raise
    except Exception as error:
        raise ModelError(
            f"`{name}` raised {type(error).__name__} on the images: {error}", "run it on the images in batches, as an audit does"
        ) from error


def open_files(network: str, data: str, *, model: str, labels: Path | None, classes: Path | None, seed: int, device: str) -> Opened:
    """The network at `FILE.py:CALLABLE`, optionally with `[weights=PATH]`, or weights for the architecture ``model``; and the images.

    Raises ``ModelError``, ``DataError`` or ``UsageError`` with one sentence and what to do.
    """
    found = listed(data, labels)
    own = len(found.classes)
    shape = own_shape(found)
    try:
        module, fitted = _module(network, model, shape, own)
    except ModelError as error:
        if error.hint != OTHER:
            raise
        raise ModelError(error.message, f"{OTHER} {_given(own)}") from error
    shape, outputs = _tried(module, shape, network)
    images = images_of(found, data, outputs, shape, classes, seed)
    opened = _opened(module, images, outputs, seed, device, network)
    return replace(opened, notes=(*fitted, *opened.notes))


def open_arrays(
    module: nn.Module, images: np.ndarray, labels: np.ndarray | None, class_names: tuple[str, ...] | None, seed: int, device: str
) -> Opened:
    """The same for a module and arrays: images uint8 or float in [0, 1], N x C x H x W; labels int N, outputs of the network."""
    if len(images) < FEWEST:
        raise UsageError(f"there are only {len(images)} images", "an audit needs some to search and others to test on")
    pixels = _bytes(np.asarray(images))
    _, outputs = _tried(module, _shape(pixels.shape), type(module).__name__)
    own = np.zeros(len(pixels), np.int64) if labels is None else _whole(np.asarray(labels))
    if own.shape != (len(pixels),):
        raise UsageError(f"there are {len(pixels)} images and labels of shape {own.shape}", "give one label per image")
    if len(own) and not 0 <= own.min() <= own.max() < outputs:
        raise UsageError(f"labels must be outputs of the network, 0 to {outputs - 1}, got: {own.min()} to {own.max()}")
    names = tuple(map(legible, class_names or map(str, range(outputs))))
    if len(names) != outputs:
        raise UsageError(f"the network has {outputs} outputs and {len(names)} names were given", "give one name per output")
    if len(set(names)) < len(names):
        raise UsageError(f"two outputs have the same name: {next(name for name in names if names.count(name) > 1)}", "give each its own")
    fresh = fresh_rows(own, np.full(len(pixels), ""), copy_groups(pixels), generator("audited images", "fresh", seed))
    whole = LabelledImages(pixels, own)
    rows = [*np.flatnonzero(~fresh), *np.flatnonzero(fresh)]
    files = tuple(f"row {row}" for row in rows)
    made = AuditedImages(whole.take(~fresh), whole.take(fresh), tuple(names), labels is not None, files, ("",) * len(files), {}, ())
    return _opened(module, made, outputs, seed, device, type(module).__name__)


def _opened(module: nn.Module, images: AuditedImages, outputs: int, seed: int, device: str, name: str) -> Opened:
    channels, height, width = images.search.images.shape[1:]
    admitted = admit(module, (channels, height, width), outputs, name=name)
    plain = admitted.module.to(device).eval().requires_grad_(requires_grad=False)
    settle_layout(plain, torch.zeros(1, channels, height, width, device=device))
    began, search, fresh = time.monotonic(), images.search, images.fresh
    with _answering(name):
        if not images.labelled:
            search, fresh = (_answered(plain, some, device) for some in (search, fresh))
    counted, meter = metered(plain, (channels, height, width))
    examined = Examined(counted, meter, images.class_names, search, fresh, images.labelled, seed, device, images.files, images.splits)
    with _answering(name):
        for seen in (examined.seen, examined.seen_fresh):
            _require_finite(seen, name)
    seconds = time.monotonic() - began
    if images.guessed:
        require_order(examined.seen, outputs)
    return Opened(examined, (*admitted.notes, *images.notes), dict(images.card), plain, seconds)


def _require_finite(seen: Seen, name: str) -> None:
    odd = int((~np.isfinite(seen.logits)).any(axis=1).sum())
    if odd:
        raise ModelError(f"`{name}` gives logits that are not finite for {odd} of {len(seen.logits)} images", "are these images damaged?")


def _answered(module: nn.Module, images: LabelledImages, device: str) -> LabelledImages:
    """The images with the network's own answers in the place of labels."""
    said = TorchNetwork(module, device).logits(images.floats()).argmax(axis=1)
    return LabelledImages(images.images, said.astype(np.int64))


def _module(network: str, model: str, shape: Shape, classes: int) -> tuple[nn.Module, tuple[str, ...]]:
    """The network before it is admitted, and a line for each thing that was done to fit its weights."""
    if is_file_address(network):
        return module_at(network, shape, classes, 0)
    if not Path(network).is_file():
        raise ModelError(f"no such file: {network}", "give FILE.py:CALLABLE, FILE.onnx, or a file of weights with --model")
    if not model:
        raise UsageError("weights alone do not say how the network computes", "name the architecture: --model FILE.py:CALLABLE or a name")
    if is_file_address(model):
        made, notes = module_at(model, shape, classes, 0)
    else:
        made, notes = MODELS.make(model).build(shape, classes, 0), ()
    fitted, more = fit_weights(made, network, shape, 0)
    return fitted, (*notes, *more)


def _given(classes: int) -> str:
    return (
        f"A callable with a parameter `classes` is given {classes}, the classes of the images; where the network has another number of "
        "outputs, write that number into the callable"
    )


def _tried(module: nn.Module, shape: Shape, name: str) -> tuple[Shape, int]:
    """The shape that the network takes, that of the images or of photographs, and how many numbers it gives for an image."""
    first: OneCurveError | None = None
    for side in dict.fromkeys(((shape[1], shape[2]), (PHOTOGRAPHS, PHOTOGRAPHS))):
        for channels in dict.fromkeys((shape[0], 3, 1)):
            try:
                return (channels, *side), outputs_of(module, (channels, *side), name=name)
            except ModelError as error:
                first = first or error
    assert first is not None
    raise first


def _shape(shape: tuple[int, ...]) -> Shape:
    if len(shape) != 4:
        raise UsageError(f"images must be N x C x H x W, got the shape: {shape}")
    _, channels, height, width = shape
    return channels, height, width


def _whole(labels: np.ndarray) -> np.ndarray:
    """Labels as int64; floats must be whole numbers."""
    if labels.dtype.kind not in "iufb" or not (labels == np.floor(labels.astype(np.float64))).all():
        raise UsageError(f"labels must be whole numbers, one output of the network each, got: {labels.dtype}")
    whole: np.ndarray = labels.astype(np.int64)
    return whole


def _bytes(images: np.ndarray) -> np.ndarray:
    """uint8 images of bytes or of floats in [0, 1]."""
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f" or not np.isfinite(images).all() or images.min() < 0 or images.max() > 1:
        raise UsageError("images must be uint8, or floats in [0, 1]", "undo the normalisation: it belongs into the network")
    pixels: np.ndarray = np.rint(images * 255).astype(np.uint8)
    return pixels
