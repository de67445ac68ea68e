"""A set of images that notes which of them are read, so that what a tool needed is counted from outside."""

from copy import deepcopy
from dataclasses import fields
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from onecurve.core.image.images import LabelledImages


@final
class ReadRows:
    """Which images of one set were read; an image that is read again counts once."""

    def __init__(self, images: int) -> None:
        self._read = np.zeros(images, bool)

    def __deepcopy__(self, memo: dict[int, object]) -> "ReadRows":
        """A copied set goes on counting here: copying must not make reading free."""
        return self

    def __len__(self) -> int:
        return int(self._read.sum())

    def note(self, rows: NDArray[np.integer] | NDArray[np.bool_] | slice) -> None:
        """Note that these rows of the set were read; raises ``IndexError`` for rows that it does not have."""
        self._read[rows] = True


_HOLDING: Final = frozenset(item.name for item in fields(LabelledImages)) | {"__dict__"}
"""Attributes that hand out every image, or something of every image."""


@final
class CountedImages(LabelledImages):
    """Labelled images that note in ``reads`` which of them are read.

    ``take`` counts the rows that are taken, and what it gives counts no further. Images, labels or floats of the whole set count all
    of it; its length counts nothing. A copy goes on counting at the same place. A pickle counts the whole set, since what happens to it
    elsewhere is not seen here.
    """

    _reads: ReadRows | None = None
    """None while it is made, and in what ``dataclasses.replace`` made of a set, all of which was then read."""

    @classmethod
    def of(cls, images: LabelledImages, reads: ReadRows) -> "CountedImages":
        """The same images, with the same arrays, which count in ``reads``."""
        made = cls(images.images, images.labels, images.features, images.feature_masks, images.attributes)
        object.__setattr__(made, "_reads", reads)
        return made

    def __getattribute__(self, name: str) -> Any:
        if name in _HOLDING:
            self._note(slice(None))
        return super().__getattribute__(name)

    def __len__(self) -> int:
        return len(object.__getattribute__(self, "images"))

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_] | slice) -> LabelledImages:
        # The rows are asked once, and arrays of them are copies: the ``base`` of a view would be the whole set.
        chosen = np.arange(len(self))[rows]
        self._note(chosen)
        return self._plain().take(chosen)

    def __copy__(self) -> "CountedImages":
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> LabelledImages:
        copied = deepcopy(self._plain(), memo)
        return copied if self._reads is None else CountedImages.of(copied, self._reads)

    def __reduce__(self) -> tuple[Any, ...]:
        self._note(slice(None))
        return LabelledImages, tuple(object.__getattribute__(self, item.name) for item in fields(LabelledImages))

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__  # counts the whole set; the inherited one reads past ``__getattribute__``

    def _plain(self) -> LabelledImages:
        return LabelledImages(*(object.__getattribute__(self, item.name) for item in fields(LabelledImages)))

    def _note(self, rows: NDArray[np.integer] | NDArray[np.bool_] | slice) -> None:
        if self._reads is not None:
            self._reads.note(rows)


def uncounted(images: LabelledImages | None) -> LabelledImages | None:
    """The same images without a count, for checks of evidence that no tool asked for."""
    return images._plain() if isinstance(images, CountedImages) else images
