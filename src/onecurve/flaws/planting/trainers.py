"""Who trains the networks of a planting: each alone, or those of several plantings together."""

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, final

from torch import nn

from onecurve.core.errors import DataError, ModelError
from onecurve.core.image.images import LabelledImages
from onecurve.models.stacked import train_together
from onecurve.models.steps import Progress, TrainingRecipe, no_progress
from onecurve.models.threads import threads, threads_of_one_job
from onecurve.models.training import train

Made = TypeVar("Made")


class Trainer(Protocol):
    """Trains a network in place."""

    def train(
        self, module: nn.Module, images: LabelledImages, recipe: TrainingRecipe, seed: int, device: str, progress: Progress
    ) -> None: ...


@final
class Alone:
    """Trains each network by itself, when it is asked to."""

    def train(self, module: nn.Module, images: LabelledImages, recipe: TrainingRecipe, seed: int, device: str, progress: Progress) -> None:
        with threads(threads_of_one_job()):
            train(module, images, recipe, seed, device=device, progress=progress)


ALONE = Alone()


@final
@dataclass(frozen=True, eq=False)
class _Wish:
    """A training that a planting waits for."""

    module: nn.Module
    images: LabelledImages
    recipe: TrainingRecipe
    seed: int
    device: str

    @property
    def kind(self) -> tuple[object, ...]:
        """The same for networks that can be trained together."""
        shapes = tuple((name, tuple(values.shape)) for name, values in self.module.state_dict().items())
        return (type(self.module), shapes, len(self.images), self.images.images.shape[1:], self.recipe, self.device)


@final
class _Turn(Generic[Made]):
    """One planting in a thread of its own, which runs only between ``go_on`` and its return; so no two of them run at a time."""

    def __init__(self, plant: Callable[[Trainer], Made]) -> None:
        self._plant = plant
        self._may_run, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.wish: _Wish | None = None
        self.fault: Exception | None = None
        """Why its training failed, to be raised where it was asked for."""
        self.result: Made | Exception | None = None

    def go_on(self) -> None:
        """Let it run until it wants a training, or ends."""
        self.wish = None
        self._may_run.release()
        self._stopped.acquire()

    def train(self, module: nn.Module, images: LabelledImages, recipe: TrainingRecipe, seed: int, device: str, progress: Progress) -> None:
        """Wait for whoever trains; called in the thread of the planting."""
        self.wish = _Wish(module, images, recipe, seed, device)
        self._stopped.release()
        self._may_run.acquire()
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        progress(1.0, "trained")

    def _run(self) -> None:
        self._may_run.acquire()
        try:
            self.result = self._plant(self)
        except Exception as error:  # noqa: BLE001 - it costs this planting and no other
            self.result = error
        self._stopped.release()


def planted_together(plants: Sequence[Callable[[Trainer], Made]]) -> list[Made | Exception]:
    """Do several plantings side by side: whatever trainings they wait for at a time, and that are alike, take place as one.

    Each is called with the trainer to use. Returns what each made, or the exception that it raised, which costs no other one.
    """
    turns = [_Turn(plant) for plant in plants]
    waiting = turns
    while waiting:
        for turn in waiting:
            turn.go_on()
        waiting = [turn for turn in waiting if turn.wish is not None]
        groups: dict[tuple[object, ...], list[_Turn[Made]]] = defaultdict(list)
        for turn in waiting:
            assert turn.wish is not None
            groups[turn.wish.kind].append(turn)
        for alike in groups.values():
            _train(alike)
    return [turn.result for turn in turns if turn.result is not None]


def _train(turns: Sequence[_Turn[Made]]) -> None:
    """Train what these wait for as one; where that fails, each alone, so that it costs only the one to blame."""
    wishes = [turn.wish for turn in turns if turn.wish is not None]
    if len(wishes) > 1:
        first = wishes[0]
        modules, images, seeds = [wish.module for wish in wishes], [wish.images for wish in wishes], [wish.seed for wish in wishes]
        try:
            train_together(modules, images, first.recipe, seeds, device=first.device)
        except (DataError, ModelError, RuntimeError):
            pass  # such as a layer that cannot be stacked, or no room on the device
        else:
            return
    for turn, wish in zip(turns, wishes, strict=True):
        try:
            ALONE.train(wish.module, wish.images, wish.recipe, wish.seed, wish.device, no_progress)
        except Exception as error:  # noqa: BLE001 - raised where it was asked for
            turn.fault = error
