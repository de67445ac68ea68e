"""Pictures of images with what the network says of them."""

from onecurve.auditing.examined import Examined, Seen
from onecurve.auditing.finding import Exhibit
from onecurve.core.image.images import Floats, Ints, as_floats

SHOWN = 4
"""Images that a finding shows of one sort."""


def shown(examined: Examined, seen: Seen, rows: Ints, note: str = "") -> tuple[Exhibit, ...]:
    """The first ``SHOWN`` of those images, each with its label and what it is called."""
    names, found = examined.class_names, []
    for row in map(int, rows[:SHOWN]):
        said, label = int(seen.said[row]), int(seen.images.labels[row])
        words = f"a `{names[label]}` called `{names[said]}`" if examined.labelled else f"called `{names[said]}`"
        found.append(Exhibit(as_floats(seen.images.images[row]), f"{words}{', ' + note if note else ''}"))
    return tuple(found)


def shown_edited(examined: Examined, seen: Seen, rows: Ints, edited: Floats) -> tuple[Exhibit, ...]:
    """The same images after an edit, with what the network says before and after."""
    names = examined.class_names
    after = examined.network.logits(edited[:SHOWN]).argmax(axis=1)
    pairs = zip(edited, rows[:SHOWN], after, strict=False)
    return tuple(Exhibit(image, f"`{names[int(seen.said[row])]}` before, `{names[int(now)]}` after the edit") for image, row, now in pairs)
