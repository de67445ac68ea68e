"""The evidence of one tool as pictures, bars and words.

A piece without a picture is described in words. A piece that cannot be drawn is named, never left out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar, final

import numpy as np

from onecurve.core.display import CaseDisplay
from onecurve.core.errors import OneCurveError
from onecurve.core.evidence import ClassScores, Confusion, DataRows, Evidence, HeatMap, Hypothesis, Picture, Text, Units
from onecurve.core.image.images import Floats
from onecurve.core.image.trigger import Chain, Either, Filter, Paste, Trigger
from onecurve.core.seeds import generator
from onecurve.report.pages import pictures
from onecurve.report.pages.assets import Assets, PageImage
from onecurve.report.words import numbers

P = TypeVar("P")
T = TypeVar("T")
MOST_PICTURES = 6
MOST_MAPS = 4
MOST_SPRITES = 3
MOST_NAMED = 8
MOST_SCORED = 6


@final
@dataclass(frozen=True)
class Bar:
    """A label with a share of the full width."""

    label: str
    share: float
    """0 to 1."""
    value: str
    right: bool = False


@final
@dataclass(frozen=True)
class CheckMark:
    """One sanity check that the tool ran on its own evidence."""

    name: str
    figure: str
    words: str
    holds: bool


@final
@dataclass(frozen=True)
class EvidenceView:
    """One tool's evidence, ready for a page."""

    pictures: tuple[PageImage, ...] = ()
    bars: tuple[Bar, ...] = ()
    bars_title: str = ""
    words: tuple[str, ...] = ()
    maps: bool = False
    """Whether heat maps are among the pictures, so that the legend is needed."""
    checks: tuple[CheckMark, ...] = ()


def evidence_view(evidence: Evidence, display: CaseDisplay, class_names: Sequence[str], assets: Assets) -> EvidenceView:
    """Everything in the evidence up to a number of pieces of each kind; the words say how many are left out."""
    if not evidence.pieces:
        return EvidenceView(words=("It showed nothing: the evidence is empty.",))
    faults: list[str] = []
    shown: list[PageImage] = []
    for picture in evidence.pictures()[:MOST_PICTURES]:
        shown += _drawn(picture, faults, lambda piece: [_picture(piece, assets)])
    for heat_map in evidence.heat_maps()[:MOST_MAPS]:
        shown += _drawn(heat_map, faults, lambda piece: [_map(piece, display, assets)])
    for hypothesis in evidence.hypotheses()[:MOST_SPRITES]:
        shown += _drawn(hypothesis, faults, lambda piece: _hypothesis(piece, display, class_names, assets))
    bars = tuple(
        bar for scores in evidence.class_scores()[:1] for bar in _drawn(scores, faults, lambda piece: _scores(piece, display, class_names))
    )
    words = [sentence for each in evidence.pieces for sentence in _drawn(each, faults, lambda piece: _words(piece, class_names))]
    words += faults
    left = max(0, len(evidence.pictures()) - MOST_PICTURES) + max(0, len(evidence.heat_maps()) - MOST_MAPS)
    left += max(0, len(evidence.hypotheses()) - MOST_SPRITES)
    if left:
        words.append(f"and {numbers.count(left, 'more piece')} of the same kind.")
    checks = tuple(CheckMark(check.name, numbers.figure(float(check.value)), check.words, check.holds) for check in evidence.checks)
    return EvidenceView(tuple(shown), bars, _title(evidence), tuple(words), bool(evidence.heat_maps()), checks)


def _drawn(piece: P, faults: list[str], draw: Callable[[P], Sequence[T]]) -> Sequence[T]:
    """What is drawn of a piece; a tool may have filled it with what cannot be drawn, which ends no report."""
    try:
        with np.errstate(all="ignore"):
            return draw(piece)
    except Exception as error:  # noqa: BLE001 - the piece was made by other people's code
        faults.append(f"A {type(piece).__name__} cannot be drawn: {type(error).__name__}.")
        return ()


def trigger_pictures(trigger: Trigger | None, sample: Floats | None, assets: Assets, name: str) -> tuple[PageImage, ...]:
    """A trigger alone: sprites on a checkerboard, an added texture, or one example where the whole image changes."""
    if trigger is None:
        return ()
    if isinstance(trigger, Paste):
        pairs = list(zip(trigger.patterns, trigger.alphas, strict=True))[:MOST_SPRITES]
        return tuple(
            assets.keep(pictures.on_checkerboard(*_cropped(pattern, alpha)), f"{name}: the sprite that is pasted, on a checkerboard", name)
            for pattern, alpha in pairs
        )
    shown: list[PageImage] = []
    if isinstance(trigger, Chain | Either):
        shown += [one for part in trigger.parts for one in trigger_pictures(part, sample, assets, name)]
    elif isinstance(trigger, Filter) and float(np.abs(trigger.texture).max()) > 0:
        shown.append(assets.keep(pictures.signed_texture(trigger.texture), f"{name}: the texture that is added", f"{name}: texture"))
    stamped = _on_example(trigger, sample)
    if stamped is not None:
        shown.append(assets.keep(pictures.png_of(stamped), f"{name}: an example with the trigger", f"{name}: on an example"))
    return tuple(shown)


def _on_example(trigger: Trigger, sample: Floats | None) -> Floats | None:
    """None for a trigger that does not fit the sample."""
    if sample is None:
        return None
    try:
        triggered: Floats = trigger.apply(sample[None], generator("report")).images[0]
    except OneCurveError:
        return None
    return triggered


def top_bars(labels: Sequence[str], shares: Sequence[float], right: frozenset[int]) -> tuple[Bar, ...]:
    """The largest shares with their labels, and the right ones wherever they rank."""
    order = sorted(range(len(labels)), key=lambda at: (-shares[at], at))
    kept = [at for rank, at in enumerate(order) if rank < MOST_NAMED or at in right]
    return tuple(Bar(labels[at], float(shares[at]), numbers.percent(float(shares[at])), at in right) for at in kept)


def _title(evidence: Evidence) -> str:
    scores = evidence.class_scores()
    return f"{scores[0].caption or 'how suspicious each class is'}, highest first" if scores else ""


def _picture(piece: Picture, assets: Assets) -> PageImage:
    return assets.keep(pictures.png_of(piece.image), f"shown by the tool: {piece.caption or 'a picture without a caption'}", piece.caption)


def _map(piece: HeatMap, display: CaseDisplay, assets: Assets) -> PageImage:
    caption = piece.caption or f"suspect {piece.item + 1}"
    alt = f"heat map of suspect input {piece.item + 1}, laid over the input"
    suspects = display.suspects
    if 0 <= piece.item < len(suspects) and suspects[piece.item].shape[1:] == piece.values.shape:
        return assets.keep(pictures.with_heat(suspects[piece.item], piece.values), alt, caption)
    blank = np.full((1, *piece.values.shape), 0.5, np.float32)
    return assets.keep(pictures.with_heat(blank, piece.values), f"{alt} (the input was not kept)", caption)


def _hypothesis(piece: Hypothesis, display: CaseDisplay, class_names: Sequence[str], assets: Assets) -> list[PageImage]:
    goal = class_names[piece.target] if 0 <= piece.target < len(class_names) else f"class {piece.target}"
    caption = f"{piece.caption or 'proposed trigger'}; attack success rate {numbers.percent(piece.success)} towards {goal}"
    sample = display.clean[0] if len(display.clean) else None
    try:
        drawn = trigger_pictures(piece.trigger, sample, assets, "proposed trigger")
    except OneCurveError as error:
        return [
            assets.keep(pictures.png_of(np.full((1, 8, 8), 0.5, np.float32)), f"a trigger that cannot be drawn: {error.message}", caption)
        ]
    return [PageImage(one.file, one.width, one.height, one.alt, caption if place == 0 else one.caption) for place, one in enumerate(drawn)]


def _scores(piece: ClassScores, display: CaseDisplay, class_names: Sequence[str]) -> tuple[Bar, ...]:
    values = piece.values.astype(float)
    low, high = float(values.min()), float(values.max())
    # Halves, as the whole range may be more than a float can hold.
    width = high / 2 - low / 2 or 1.0
    order = np.argsort(-values, kind="stable")[:MOST_SCORED]
    name = [class_names[at] if at < len(class_names) else f"class {at}" for at in order]
    return tuple(
        Bar(
            label,
            float((values[at] / 2 - low / 2) / width),
            numbers.figure(float(values[at])),
            bool(display.target) and label == display.target,
        )
        for label, at in zip(name, order, strict=True)
    )


def _words(piece: object, class_names: Sequence[str]) -> list[str]:
    if isinstance(piece, Text):
        return [f"{piece.caption}: {piece.words}" if piece.caption else piece.words]
    if isinstance(piece, Confusion):
        return [f"{piece.words(class_names)}."]
    if isinstance(piece, Units):
        named = ", ".join(str(int(unit)) for unit in piece.indices[:MOST_NAMED])
        return [f"{piece.caption or 'units'}: {named}{' …' if len(piece.indices) > MOST_NAMED else ''} of layer {piece.layer}"]
    if isinstance(piece, DataRows):
        named = ", ".join(str(int(row)) for row in piece.rows[:MOST_NAMED])
        return [f"{piece.caption or 'clean images'}: rows {named}{' …' if len(piece.rows) > MOST_NAMED else ''} of the clean set"]
    return []


def _cropped(pattern: Floats, alpha: Floats) -> tuple[Floats, Floats]:
    """The sprite without its fully transparent border, plus a pixel; a 32 x 32 sprite with a 5 x 5 patch shows the patch."""
    rows, columns = np.flatnonzero(alpha.max(axis=1) > 0.05), np.flatnonzero(alpha.max(axis=0) > 0.05)
    if len(rows) == 0:
        return pattern, alpha
    window = slice(max(0, rows[0] - 1), rows[-1] + 2), slice(max(0, columns[0] - 1), columns[-1] + 2)
    return pattern[:, *window], alpha[window]
