"""The base of the data sets that hold a user's own images; a ``Collection`` does the work."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from onecurve.core.image.images import Floats, LabelledImages
from onecurve.core.image.trigger import Paste
from onecurve.core.spec import content_key
from onecurve.data.card import card_of
from onecurve.data.collection import Collection
from onecurve.data.dataset import Part
from onecurve.data.validation import require_size


@dataclass(frozen=True)
class OwnImages(ABC):
    """A data set at a path. Its images are read and checked on first use, by ``opened``."""

    name: ClassVar[str]
    version: ClassVar[int]

    path: str
    size: int | None = None
    """Side in pixels to which images are fitted; None: the default of the kind of set."""

    def __post_init__(self) -> None:
        require_size(self.size)

    @abstractmethod
    def opened(self) -> Collection:
        """The images; raises ``DataError`` if anything is wrong with them."""

    @property
    def class_names(self) -> tuple[str, ...]:
        return self._collection.class_names

    @property
    def shape(self) -> tuple[int, int, int]:
        return self._collection.shape

    @property
    def card(self) -> tuple[str, ...]:
        """What a person should know of the images, one line each."""
        return card_of(self._collection)

    @property
    def features(self) -> tuple[str, ...]:
        return self._collection.features

    @property
    def key(self) -> str:
        """Depends on the images and not on the path."""
        return content_key(self.name, self.version, self._collection.content)

    def held(self, part: Part) -> int | None:
        return len(self._collection.rows(part))

    def draw(self, part: Part, count: int, seed: int) -> LabelledImages:
        return self._collection.draw(part, count, seed)

    def cutouts(self, feature: int, count: int, seed: int) -> Paste:
        return self._collection.cutouts(feature, count, seed)

    def feature_pictures(self, feature: int, count: int, seed: int) -> Floats:
        return self._collection.feature_pictures(feature, count, seed)

    @cached_property
    def _collection(self) -> Collection:
        return self.opened()
