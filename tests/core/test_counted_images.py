"""A clean set that a meter counts: which reads count, and that no copy reads for nothing."""

import pickle
from collections.abc import Callable
from copy import copy, deepcopy
from dataclasses import asdict, replace

import numpy as np
import pytest

from onecurve.core.access import Access
from onecurve.core.case import Subject
from onecurve.core.errors import ContractError
from onecurve.core.image.images import LabelledImages
from onecurve.core.workbench import Budget, Meter, Workbench

IMAGES = 12
PLAIN = LabelledImages(np.arange(IMAGES * 12, dtype=np.uint8).reshape(IMAGES, 3, 2, 2), np.arange(IMAGES) % 3)


def counted() -> tuple[LabelledImages, Meter]:
    meter = Meter(Budget(0))
    clean = meter.counting(PLAIN)
    assert clean is not None
    return clean, meter


@pytest.mark.parametrize(
    ("read", "images"),
    [
        (len, 0),
        (lambda clean: isinstance(clean, LabelledImages), 0),
        (copy, 0),
        (deepcopy, 0),
        (lambda clean: clean.take(slice(0)), 0),
        (lambda clean: clean.take(slice(5)), 5),
        (lambda clean: clean.take(np.array([1, 1, -1])), 2),
        (lambda clean: clean.take(np.arange(IMAGES) % 2 == 0), 6),
        (lambda clean: [clean.take(slice(0, 4)), clean.take(slice(2, 6))], 6),
        (lambda clean: clean.take(slice(3)).images, 3),
        (lambda clean: clean.images, IMAGES),
        (lambda clean: clean.labels, IMAGES),
        (lambda clean: clean.features, IMAGES),
        (lambda clean: clean.floats(), IMAGES),
        (vars, IMAGES),
        (lambda clean: clean.__getstate__(), IMAGES),
        (asdict, IMAGES),
        (repr, IMAGES),
    ],
)
def test_what_is_read_is_counted_once_for_each_image(read: Callable[[LabelledImages], object], images: int) -> None:
    clean, meter = counted()
    for _ in range(2):
        read(clean)
        assert meter.clean_images == images


@pytest.mark.parametrize("copied", [copy, deepcopy])
def test_a_copy_counts_at_the_same_place(copied: Callable[[LabelledImages], LabelledImages]) -> None:
    clean, meter = counted()
    copied(copied(clean)).take(slice(4))
    clean.take(slice(2, 5))
    assert meter.clean_images == 5


def test_a_copied_subject_and_meter_count_at_the_same_place() -> None:
    clean, meter = counted()
    subject, copied = deepcopy((Subject("s", None, ("a", "b", "c"), (3, 2, 2), Access.CLEAN_IMAGES, clean), meter))
    subject.granted_clean().take(slice(7))
    assert meter.clean_images == copied.clean_images == 7


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_takes_all_images_along_and_counts_them(protocol: int) -> None:
    clean, meter = counted()
    stored = pickle.dumps(clean, protocol)
    assert meter.clean_images == IMAGES
    assert np.array_equal(pickle.loads(stored).images, PLAIN.images)


def test_a_set_made_of_it_was_read_for_that() -> None:
    clean, meter = counted()
    other = replace(clean, labels=np.zeros(IMAGES, np.int64))
    assert meter.clean_images == IMAGES
    assert np.array_equal(other.take(slice(2)).images, deepcopy(other).images[:2])
    assert other.labels.sum() == 0


def test_it_reads_as_the_set_itself() -> None:
    clean, _ = counted()
    rows = np.array([3, 0])
    assert np.array_equal(clean.take(rows).floats(), PLAIN.take(rows).floats())
    assert np.array_equal(deepcopy(clean).images, PLAIN.images)
    assert clean.images is PLAIN.images
    with pytest.raises(IndexError):
        clean.take(np.array([IMAGES]))


@pytest.mark.parametrize("rows", [slice(0), slice(2), np.array([1]), np.arange(IMAGES) == 3])
def test_what_is_taken_leads_to_no_other_image(rows: slice | np.ndarray) -> None:
    clean, meter = counted()
    some = clean.take(rows)
    assert some.images.base is None
    assert some.labels.base is None
    assert meter.clean_images == len(some)


class Growing:
    """An end of a slice that is further on each time it is asked for."""

    def __init__(self) -> None:
        self.end = 0

    def __index__(self) -> int:
        self.end += 1
        return self.end


def test_rows_that_answer_otherwise_each_time_are_asked_once() -> None:
    clean, meter = counted()
    some = clean.take(slice(0, Growing()))  # type: ignore[misc]
    assert meter.clean_images == len(some)


def test_nobody_counts_unless_told_and_a_subject_without_a_set_reads_none() -> None:
    meter = Meter(Budget(0))
    bench = Workbench(Subject("s", None, ("a",), (3, 2, 2), Access.NONE), Budget(0), meter, 0)
    assert bench.cost().clean_images is None
    assert meter.counting(None) is None
    assert bench.cost().clean_images == 0


@pytest.mark.parametrize("other", [None, PLAIN])
def test_no_other_set_takes_the_place_of_the_one_that_is_counted(other: LabelledImages | None) -> None:
    clean, meter = counted()
    clean.take(slice(5))
    with pytest.raises(ContractError, match="already"):
        meter.counting(other)
    assert meter.clean_images == 5
