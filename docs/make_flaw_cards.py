"""Write `docs/reference/flaws.md` and its pictures: run it after adding or changing a kind of flaw.

    python docs/make_flaw_cards.py

Every card shows one flaw sampled by seed, never a chosen one; nothing is trained. A test compares the page with what it would
write, and looks whether every picture is there: their bytes may differ from one compression library to another.
"""

import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from onecurve.core.case import Triggered
from onecurve.core.errors import DataError, SpecError
from onecurve.core.image.images import Bytes, Floats, LabelledImages, as_bytes
from onecurve.core.seeds import generator
from onecurve.data.catalog import open_data
from onecurve.data.dataset import Part
from onecurve.flaws.catalog import FLAWS
from onecurve.flaws.schemes.plan import Plan
from onecurve.runner.commands.examples import Specimen, specimen
from onecurve.runner.commands.listing import entries

DOCS = Path(__file__).parent
PICTURES = DOCS / "images" / "flaws"
INTRODUCTION = """# Flaws

<!-- made by docs/make_flaw_cards.py; do not edit -->

These are the kinds of flaw that OneCurve can plant, as `onecurve list flaws` prints them. Each card shows one example,
drawn by seed. *Success* is the attack success rate (ASR): the share of held-out images with the trigger, of the classes
that the flaw concerns, that the network sends where the flaw says. The *twin* is the same network trained without the
flaw. Every ground truth holds the flaw in words, its strength, clean held-out images and the twin; a card lists what
else is in it. The pictures show the change that a trigger makes at full contrast, with grey for no change. A red frame
marks the right option.
"""
ACROSS = 8
"""Images in a row."""
DRAWN = 300
"""Held-out images that those of a card are taken from, and training images that its flaw is tried on."""
SIDE, GAP, FRAME = 64, 4, 2
"""Pixels: an image, the space between two, the frame of the right option."""


class Row(NamedTuple):
    """One row of a picture."""

    words: str
    tiles: tuple[Bytes, ...]
    """uint8 SIDE x SIDE x 3 each."""
    framed: int | None = None


def pages() -> dict[str, str]:
    """File name to text of every page."""
    cards = [_card(entry) for entry in entries("flaws")]
    return {"flaws.md": "\n".join([INTRODUCTION, *cards])}


def pictures() -> Iterator[tuple[str, bytes]]:
    """Name of a kind and the PNG of its card."""
    for name in FLAWS.names():
        yield name, _png(_rows(specimen(name)))


def _card(entry: dict[str, Any]) -> str:
    name = entry["name"]
    found = specimen(name)
    plan, rows = found.plan, ", ".join(f"({number}) {row.words}" for number, row in enumerate(_rows(found), 1))
    facts = {
        "source": entry["source"],
        "note": "; ".join(_notes(entry)),
        "strength": "; ".join(f"`{parameter}` {_listed(values)}, from weak to strong" for parameter, values in entry["dial"].items()),
        "forms": "; ".join(f"`{parameter}` {_listed(values)}" for parameter, values in entry["forms"].items()),
        "planted by": _insertion(plan),
        "admitted if": entry["admitted"],
        "its truth": "; ".join(_truth(found)),
        "columns": ", ".join(f"`{column}`" for column in plan.facts),
    }
    lines = [_filled(f"- {what}: {words}") for what, words in facts.items() if words]
    shown = _filled(f"On `{found.data}`: {plan.words}. Rows of the picture: {rows}.")
    return f"## {name}\n\n{entry['summary']}\n\n![{name}](../images/flaws/{name}.png)\n\n{shown}\n\n" + "\n".join(lines) + "\n"


def _filled(text: str) -> str:
    """A paragraph or an item of a list, in lines of at most 120 characters."""
    return textwrap.fill(text, 120, subsequent_indent="  " if text.startswith("- ") else "", break_long_words=False, break_on_hyphens=False)


def _notes(entry: dict[str, Any]) -> Iterator[str]:
    if entry["control"]:
        yield "a control, to report it is a false alarm"
    if entry["alone"]:
        yield "needs a network of its own"


def _insertion(plan: Plan) -> str:
    if plan.weight_edit is not None:
        return "writing it into the weights of a trained network"
    if not plan.tried:
        return "training on clean images"
    seen = ", once a clean network has been trained that the poison is made with" if plan.preparation else ""
    return f"training on changed images or labels, from the start (`joint`) or further on (`finetune`){seen}"


def _truth(found: Specimen) -> Iterator[str]:
    """What the truth of a planted one holds, beside what every truth holds."""
    plan, shown = found.plan, _triggered(found)
    yield from _effect(plan, found.context.class_names)
    if plan.trigger is not None:
        yield f"the trigger as a function (`{type(plan.trigger).__name__}`)"
    if shown is not None:
        yield "held-out images with it" + (", masks of its place" if shown.masks is not None else "")
    if _made(found, plan.scheme.near_misses):
        yield "near misses"
    if plan.options:
        yield f"a lineup of {len(plan.options)}"
    if plan.features:
        yield "which natural object each held-out image has"
    if plan.weight_edit is not None:
        yield "the units that carry it, where it was written into chosen ones"
    if plan.bias is not None or plan.preparation is not None or _poisons(found):
        yield "the training rows that were changed"


def _effect(plan: Plan, names: tuple[str, ...]) -> Iterator[str]:
    if plan.effect.targets:
        yield f"targets: {_listed(names[target] for target in plan.effect.targets)}"
    elif plan.effect.any:
        yield f"misread class: {_listed(names[label] for label in plan.effect.named)}"
    if plan.effect.any:
        yield f"rule: `{plan.facts.get('rule') or plan.effect.rule().splitlines()[-1].strip()}`"


def _rows(found: Specimen) -> list[Row]:
    """Clean images, the same with the trigger, and the lineup, as far as the kind has them."""
    plan, shown = found.plan, _triggered(found)
    heldout = _drawn(found.data, Part.HELDOUT)
    concerned = plan.effect.concerns(heldout.labels) if plan.effect.any else slice(None)
    clean = heldout.take(concerned).floats()[:ACROSS]
    rows = []
    if plan.trigger is not None and not plan.features:
        changed = plan.trigger.apply(clean, generator("card", plan.kind)).images
        rows += [Row("held-out images", _tiles(clean)), Row("the same with the trigger", _tiles(changed))]
        rows += [Row("what it changes", _tiles(_difference(clean, changed)))]
    elif shown is not None:
        rows += [Row("held-out images on which it fires", _tiles(shown.images[:ACROSS]))]
    else:
        rows += [Row("held-out images", _tiles(clean))]
    if plan.options:
        right = plan.right
        words = "the lineup of `discover`" + ("" if right is None else f" (option {right + 1} is right)")
        rows.append(Row(words, tuple(_tiles(option.pictures[:1])[0] for option in plan.options), right))
    return rows


def _difference(clean: Floats, changed: Floats) -> Floats:
    """Signed and scaled by the largest change of the row: a faint trigger cannot be seen otherwise."""
    change = changed - clean
    return 0.5 + change / (2 * max(float(np.abs(change).max()), 1e-6))


def _triggered(found: Specimen) -> Triggered | None:
    images = _made(found, found.plan.scheme.triggered) if found.plan.tried else None
    return images if images is not None and len(images) else None


def _made(found: Specimen, trial: Callable[[LabelledImages, int, np.random.Generator], Triggered | None]) -> Triggered | None:
    """What a scheme makes of held-out images as they look in the flaw's world; None where there is no such thing."""
    try:
        return trial(_seen(found, _drawn(found.data, Part.HELDOUT)), ACROSS, generator("card", found.plan.kind, "trial"))
    except (DataError, SpecError):
        # Some are made with the network that is planted, which is not there yet.
        return None


def _poisons(found: Specimen) -> bool:
    images = _seen(found, _drawn(found.data, Part.TRAIN))
    return len(found.plan.scheme.poison(images, generator("card", found.plan.kind, "poison")).rows) > 0


def _seen(found: Specimen, images: LabelledImages) -> LabelledImages:
    world = found.plan.world
    return images if world is None else world.seen(images, generator("card", found.plan.kind, "world"))


@cache
def _drawn(data: str, part: Part) -> LabelledImages:
    return open_data(data).draw(part, DRAWN, 0)


def _tiles(images: Floats) -> tuple[Bytes, ...]:
    """Images P x C x h x w in [0, 1] as squares of one size, pixels kept sharp."""
    return tuple(_tile(image) for image in images)


def _tile(image: Floats) -> Bytes:
    colours = np.moveaxis(as_bytes(np.repeat(image[:1], 3, axis=0) if len(image) != 3 else image), 0, -1)
    return np.asarray(Image.fromarray(colours).resize((SIDE, SIDE), Image.Resampling.NEAREST))


def _png(rows: list[Row]) -> bytes:
    step = SIDE + GAP
    sheet = np.full((len(rows) * step + GAP, ACROSS * step + GAP, 3), 255, np.uint8)
    for down, row in enumerate(rows):
        for right, tile in enumerate(row.tiles[:ACROSS]):
            top, left = GAP + down * step, GAP + right * step
            if right == row.framed:
                sheet[top - FRAME : top + SIDE + FRAME, left - FRAME : left + SIDE + FRAME] = (214, 39, 40)
            sheet[top : top + SIDE, left : left + SIDE] = tile
    out = BytesIO()
    # A palette keeps a page of pictures small; dithering would look like a trigger.
    palette = Image.fromarray(sheet).quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    palette.save(out, format="PNG", optimize=True)
    return out.getvalue()


def _listed(values: Any) -> str:
    return ", ".join(f"`{value}`" for value in values)


def main() -> None:
    """Write the page and the pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for stale in PICTURES.glob("*.png"):
        stale.unlink()
    for name, text in pages().items():
        (DOCS / "reference" / name).write_text(text, encoding="utf-8")
    for name, png in pictures():
        (PICTURES / f"{name}.png").write_bytes(png)


if __name__ == "__main__":
    main()
